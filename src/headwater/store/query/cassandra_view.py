"""One query's view of a store on Cassandra: which batches may hold what is wanted, read in portions."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from headwater.model.ids import DataPointId
from headwater.model.reading import SeriesName
from headwater.store.batches import Ids, StoredBatch
from headwater.store.cassandra.catalogue import Catalogue
from headwater.store.cassandra.connection import connected
from headwater.store.cassandra.graph import Graph
from headwater.store.cassandra.keyspace import found
from headwater.store.cassandra.options import CassandraOptions
from headwater.store.cassandra.search import Blocks, Names, by_log
from headwater.store.columns import Integers
from headwater.store.files import files_of
from headwater.store.graph import MEMO_BYTES_MAX
from headwater.store.health import HealthReader
from headwater.store.lineage import id_ranges
from headwater.store.port import Search
from headwater.store.query.derived import derived, lowest_of_newest, may_hold
from headwater.store.query.view import PORTION_BATCHES
from headwater.store.query.wanted import MS_MAX, Wanted

SERIES_SOUGHT_MAX = 1_000
"""Series that are sought one by one; for more of them days are chosen by time alone."""


class CassandraView:
    """What was stored when a query began, and nothing that comes later."""

    def __init__(self, options: CassandraOptions, folder: Path, site: str) -> None:
        """Unavailable while Cassandra is away or there is no store."""
        self._connection = connected(options, metadata=False)
        try:
            self._catalogue = Catalogue(self._connection, site, found(self._connection))
        except BaseException:
            self._connection.close()
            raise
        self.health = HealthReader(files_of(folder, site))
        self._upto = self._catalogue.head().taken
        self.request = Graph(self._catalogue, self._upto)

    def close(self) -> None:
        self.health.close()
        self._connection.close()

    def rest(self) -> None:
        """To be called when a portion is read: lets go of memory."""
        if self.request.memo.bytes > MEMO_BYTES_MAX:
            self.request = Graph(self._catalogue, self._upto)

    def node_names(self) -> dict[int, str]:
        return {node.id: node.name for node in self._catalogue.nodes()}

    def batches(self, wanted: Wanted) -> Iterator[list[StoredBatch]]:
        """All batches that may hold what is wanted, each once."""
        if wanted.nothing:
            return
        if wanted.ids is not None:
            portions = self._holding(wanted.ids)
        elif wanted.keyed:
            portions = self._derived(wanted)
        else:
            portions = self._of_nodes(wanted)
        for portion in portions:
            yield [batch for batch in portion if may_hold(batch, wanted)]

    def newest_from(self, wanted: Wanted, rows: int) -> int:
        """The lowest ordinal such that from there on there are at least so many data points of the wanted nodes; 0
        when there are not."""
        last = wanted.ordinals.last
        return lowest_of_newest([self.request.counts(node, last) for node in self._nodes(wanted)], rows)

    def _nodes(self, wanted: Wanted) -> list[int]:
        if wanted.nodes is not None:
            return sorted(wanted.nodes)
        return [node.id for node in self._catalogue.nodes()]

    def _holding(self, ids: Iterable[DataPointId]) -> Iterator[list[StoredBatch]]:
        seen: set[tuple[int, int]] = set()
        for at in id_ranges(list(ids)):
            portion = [batch for batch in self.request.over(at) if batch.place not in seen]
            seen.update(batch.place for batch in portion)
            yield portion

    def _of_nodes(self, wanted: Wanted) -> Iterator[list[StoredBatch]]:
        first, last = wanted.ordinals
        for node in self._nodes(wanted):
            yield from self.request.portions(Ids(node, first, last + 1), PORTION_BATCHES)

    def _derived(self, wanted: Wanted) -> Iterator[list[StoredBatch]]:
        """The batches that hold wanted keys, and all that inherit them."""
        names = self._names(wanted)
        seen: set[tuple[int, int]] = set()

        def numbers_of(entry: bytes) -> Integers | None:
            return None if names is None else np.array(names.get(entry, []), np.int64)

        def first_time(batch: StoredBatch) -> bool:
            if batch.place in seen:
                return False
            seen.add(batch.place)
            return True

        def children(ids: Ids) -> Iterator[StoredBatch]:
            return self.request.children(ids)

        return derived(self._sought(wanted, names), wanted.timestamps, numbers_of, children, first_time)

    def _sought(self, wanted: Wanted, names: Names | None) -> Iterator[list[StoredBatch]]:
        """The batches of the blocks that may hold wanted keys, day by day, each block once."""
        first_ms, last_ms = wanted.timestamps.first, min(wanted.timestamps.last + 1, MS_MAX)
        read: set[Ids] = set()
        blocks = Blocks(self._catalogue, self.request)
        for day in blocks.days(Search(first_ms, last_ms), names):
            for ids in blocks.starts(day, names, first_ms, last_ms):
                if ids not in read:
                    read.add(ids)
                    yield from _cut(Blocks(self._catalogue, self.request).of(ids))  # The memo may be another by now.

    def _names(self, wanted: Wanted) -> Names | None:
        """The series that are wanted, by their log; None for all, and when they are too many to be sought."""
        if wanted.meters is None and wanted.metrics is None:
            return None
        found: list[SeriesName] = []
        for meter in wanted.meters or [None]:
            for metric in wanted.metrics or [None]:
                found += islice(self._catalogue.named(meter, metric), SERIES_SOUGHT_MAX + 1)
                if len(found) > SERIES_SOUGHT_MAX:
                    return None
        return by_log(found)


def _cut(batches: list[StoredBatch]) -> Iterator[list[StoredBatch]]:
    for at in range(0, len(batches), PORTION_BATCHES):
        yield batches[at : at + PORTION_BATCHES]
