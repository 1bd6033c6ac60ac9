"""Reading the store on Cassandra: answers about data points, while another process writes."""

import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from headwater.model.errors import Unavailable
from headwater.model.health import Change
from headwater.model.ids import DataPointId
from headwater.store.batches import Ids
from headwater.store.cassandra.arrivals import arrivals, newest_landing
from headwater.store.cassandra.catalogue import Catalogue
from headwater.store.cassandra.connection import release, share
from headwater.store.cassandra.graph import Graph
from headwater.store.cassandra.keyspace import found
from headwater.store.cassandra.options import CassandraOptions
from headwater.store.cassandra.search import Blocks, by_log
from headwater.store.cassandra.usage import disk_bytes
from headwater.store.expired import LOSSES_MAX, why_missing
from headwater.store.files import files_of, storage_errors
from headwater.store.found import found_points
from headwater.store.graph import MEMO_BYTES_MAX, GraphReader
from headwater.store.health import HealthReader, History
from headwater.store.port import (
    Alarm,
    Arrivals,
    DataPoint,
    Expired,
    Held,
    Landing,
    Node,
    Search,
    Standing,
    StoredLoss,
)

T = TypeVar("T")


class CassandraReader(GraphReader[Graph]):
    """A site in a keyspace for reading; one request at a time, from any thread."""

    def __init__(self, options: CassandraOptions, folder: Path, site: str) -> None:
        """Unavailable while Cassandra is away or no writer has made the keyspace; ConfigError when this program cannot
        read it."""
        self._files = files_of(folder, site)
        self._connection = share(options)
        try:
            self._catalogue = Catalogue(self._connection, site, found(self._connection))
        except BaseException:
            release(self._connection)
            raise
        self._health = HealthReader(self._files)
        self._graph = Graph(self._catalogue)
        self._lock = threading.Lock()
        self._nodes: list[Node] | None = None

    def search(self, search: Search, size: int) -> Sequence[DataPoint]:
        if size <= 0 or search.first_ms >= search.last_ms:
            return []

        def ask(graph: Graph) -> Sequence[DataPoint]:
            names = None
            if search.meter is not None or search.metric is not None:
                names = by_log(self._catalogue.named(search.meter, search.metric))
            return found_points(graph, Blocks(self._catalogue, graph).found_by(search, names, size))

        return self._answer(ask)

    def landing(self) -> Landing:
        return self._answer(lambda _: newest_landing(self._catalogue))

    def arrivals(self, place: Landing, most: int) -> Arrivals:
        return self._answer(lambda graph: arrivals(self._catalogue, graph, place, most))

    def missing(self, ids: list[DataPointId]) -> dict[DataPointId, str]:
        return self._answer(lambda _: why_missing(ids, self._catalogue.losses(None, LOSSES_MAX, None), self._expired))

    def held(self, size: int = 1000, before: int | None = None) -> list[Held]:
        """None: what is old goes by its time to live, not in periods."""
        return []

    def expired(self, size: int = 1000, before: int | None = None) -> list[Expired]:
        """None, as there are no periods."""
        return []

    def version(self) -> tuple[int, ...]:
        return self._answer(lambda _: self._version())

    def nodes(self) -> list[Node]:
        """While Cassandra is away those that were known last: how they stand is told all the same."""
        try:
            self._nodes = self._answer(lambda _: self._catalogue.nodes())
        except Unavailable:
            if self._nodes is None:
                raise
        return list(self._nodes)

    def losses(self, node: int | None = None, size: int = 1000, before: int | None = None) -> list[StoredLoss]:
        return self._answer(lambda _: self._catalogue.losses(node, max(size, 0), before))

    def alarms(self, size: int = 1000, before: int | None = None) -> list[Alarm]:
        return self._answer(lambda _: self._catalogue.alarms(max(size, 0), before))

    def refused(self) -> dict[str, int]:
        return self._answer(lambda _: dict(sorted(self._catalogue.head().refused.items())))

    def standing(self) -> Standing | None:
        return self._beside(self._health.standing)

    def changes(self, size: int = 1000, before: int | None = None, node: int | None = None) -> list[Change]:
        return self._beside(lambda: self._health.changes(max(size, 0), before, node))

    def following(self, number: int, size: int = 1000) -> list[Change]:
        return self._beside(lambda: self._health.following(number, max(size, 0)))

    def histories(self, nodes: Iterable[int]) -> dict[int, History]:
        return self._beside(lambda: self._health.histories(nodes))

    def totals(self) -> dict[str, int]:
        return self._answer(lambda _: self._totals())

    def close(self) -> None:
        with self._lock:
            self._health.close()
            release(self._connection)

    def _expired(self, ids: Ids) -> list[Ids]:
        return self._catalogue.expired_over(ids)

    def _version(self) -> tuple[int, ...]:
        head = self._catalogue.head()
        return (head.taken, head.changes)

    def _totals(self) -> dict[str, int]:
        head = self._catalogue.head()
        return {
            "stamps": head.points,
            "batches": head.batches,
            "bytes": disk_bytes(self._connection),
            "conflicts": head.refused.get("conflict", 0),
            "expired": 0,
        }

    def _answer(self, ask: Callable[[Graph], T]) -> T:
        with self._lock:
            if self._graph.memo.bytes > MEMO_BYTES_MAX:
                self._graph = Graph(self._catalogue)
            return ask(self._graph)

    def _beside(self, ask: Callable[[], T]) -> T:
        """What is asked of the folder, whether Cassandra is there or not."""
        with self._lock, storage_errors(self._files.folder):
            return ask()
