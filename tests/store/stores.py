"""Stores to test: each implementation behind one face, with a clock that tests move."""

import tempfile
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from headwater.model.shipment import Shipment
from headwater.model.stamp import Same
from headwater.store.cassandra.options import CassandraOptions
from headwater.store.cassandra.reader import CassandraReader
from headwater.store.cassandra.writer import CassandraWriter
from headwater.store.options import SqliteOptions, StoreOptions
from headwater.store.port import Group
from headwater.store.reader import SqliteReader
from headwater.store.sqlite import SqliteWriter
from tests.store.grids import (
    AVERAGED,
    CONTEXT,
    NODES,
    SITE,
    Grid,
    keys_of,
    log_of,
    point,
    run,
    series_of,
    stamped,
)

DAY_MS = 86_400_000


class Store(ABC):
    """A store with a writer and a reader that can be opened again."""

    options: StoreOptions
    site = SITE

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now_ms = 1_700_000_000_000
        self.sequence = 0
        self.writer = self.open_writer()
        self.reader = self.open_reader()
        for node in NODES:
            self.hello(node)

    @abstractmethod
    def open_writer(self) -> SqliteWriter | CassandraWriter: ...

    @abstractmethod
    def open_reader(self) -> SqliteReader | CassandraReader: ...

    def hello(self, node: int, log: bytes | None = None) -> int:
        return self.writer.hello(self.site, node, log or log_of(node), f"node{node}", f"host:{node}", self.now_ms)

    def ship(self, node: int, shipment: Shipment) -> None:
        self.sequence += 1
        self.writer.add(log_of(node), [(self.sequence, shipment)])

    def ship_all(self, shipments: Iterable[tuple[int, Shipment]]) -> None:
        groups = []
        for node, shipment in shipments:
            self.sequence += 1
            groups.append(Group(log_of(node), self.sequence, shipment))
        outcomes = self.writer.add_all(groups)
        assert outcomes == [None] * len(groups), outcomes

    def ship_names(self, grid: Grid) -> None:
        """Contexts, and the definitions of a grid's series."""
        self.ship(NODES[0], Shipment((), tuple(grid.definitions), (CONTEXT, AVERAGED)))

    def next_day(self) -> None:
        """Let what is shipped from here on fall into another period, where there are periods."""
        self.now_ms += DAY_MS

    def reopen(self) -> None:
        self.close()
        self.writer, self.reader = self.open_writer(), self.open_reader()

    def close(self) -> None:
        self.reader.close()
        self.writer.close()


class SqliteStore(Store):
    """The embedded store in a folder."""

    options = SqliteOptions()
    writer: SqliteWriter
    reader: SqliteReader

    def open_writer(self) -> SqliteWriter:
        return self.options.open_writer(self.folder, self.site, lambda: self.now_ms)

    def open_reader(self) -> SqliteReader:
        return self.options.open_reader(self.folder, self.site)


class CassandraStore(Store):
    """A site of its own in the keyspace that tests share."""

    keyspace: CassandraOptions
    """Where the server is; a fixture says it."""

    def __init__(self, folder: Path) -> None:
        self.options = self.keyspace
        self.site = f"site-{uuid.uuid4().hex}"
        super().__init__(folder)

    def open_writer(self) -> CassandraWriter:
        return CassandraWriter(self.keyspace, self.folder, self.site, lambda: self.now_ms)

    def open_reader(self) -> CassandraReader:
        return CassandraReader(self.keyspace, self.folder, self.site)


IMPLEMENTATIONS: dict[str, type[Store]] = {"sqlite": SqliteStore, "cassandra": CassandraStore}


@contextmanager
def new_store(kind: str) -> Iterator[Store]:
    with tempfile.TemporaryDirectory(prefix="headwater-test-") as folder:
        store = IMPLEMENTATIONS[kind](Path(folder))
        try:
            yield store
        finally:
            store.close()


FIRST = stamped(run(1, 0, 3), keys=keys_of([1, 1, 2], [10, 20, 10]))
NAMES = Shipment((), (series_of(1, 1), series_of(1, 2)), (CONTEXT,))
A_TO_C = [point(1, position) for position in range(3)]


def chain(store: Store, nodes: int = 3) -> None:
    """Three readings stamped at node 1 and forwarded by the next ones."""
    store.ship(1, NAMES)
    store.ship(1, Shipment((FIRST,)))
    for node in range(2, nodes + 1):
        stamp = stamped(
            run(node, 0, 3),
            Same(run(node - 1, 0, 3)),
            sequence=node,
            entry=log_of(1),
            received_ms=5_000 + node,
            sent_ms=4_000 + node,
        )
        store.ship(node, Shipment((stamp,)))
