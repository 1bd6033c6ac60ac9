"""Stores to test: each implementation behind one face, with a clock that tests move."""

from collections.abc import Iterable
from pathlib import Path

from headwater.model.shipment import Shipment
from headwater.store.options import SqliteOptions
from headwater.store.port import Group
from headwater.store.reader import SqliteReader
from headwater.store.sqlite import SqliteWriter
from tests.store.grids import AVERAGED, CONTEXT, NODES, SITE, Grid, log_of

DAY_MS = 86_400_000


class SqliteStore:
    """The embedded store in a folder, with a writer and a reader that can be opened again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now_ms = 1_700_000_000_000
        self.sequence = 0
        self.writer = self.open_writer()
        self.reader = self.open_reader()
        for node in NODES:
            self.hello(node)

    def open_writer(self) -> SqliteWriter:
        return SqliteOptions().open_writer(self.folder, SITE, lambda: self.now_ms)

    def open_reader(self) -> SqliteReader:
        return SqliteOptions().open_reader(self.folder, SITE)

    def hello(self, node: int, log: bytes | None = None) -> int:
        return self.writer.hello(SITE, node, log or log_of(node), f"node{node}", f"host:{node}", self.now_ms)

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
        """Let what is shipped from here on fall into another period."""
        self.now_ms += DAY_MS

    def reopen(self) -> None:
        self.close()
        self.writer, self.reader = self.open_writer(), self.open_reader()

    def close(self) -> None:
        self.reader.close()
        self.writer.close()
