"""Stored batches as lineage walks see them, each read once and remembered."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from headwater.model.ids import ORDINAL_MAX
from headwater.store.batches import Ids, Part, StoredBatch
from headwater.store.cassandra import statements as cql
from headwater.store.cassandra.catalogue import Catalogue
from headwater.store.cassandra.connection import Row
from headwater.store.cassandra.places import ABOVE_ALL, bounds, bucket_of, buckets_over, cut
from headwater.store.graph import StoredGraph
from headwater.store.points import Sent
from headwater.wire.codec import READINGS_MAX


class Graph(StoredGraph):
    """What one reader asks of a site."""

    def __init__(self, catalogue: Catalogue, upto: int | None = None) -> None:
        """What later transactions than `upto` have stored is not seen; None sees everything."""
        super().__init__(catalogue)
        self._upto = ABOVE_ALL if upto is None else upto
        self._catalogue = catalogue
        self._connection = catalogue.connection
        self._site = catalogue.site
        self._bucket_s = catalogue.layout.bucket_s

    def rest(self) -> None:
        """Nothing is held between questions."""

    def children(self, ids: Ids) -> Iterator[StoredBatch]:
        """The batches with a run of inputs that overlaps some ids; one whose own row is not there yet is left out."""
        names = sorted({(node, start) for _, _, node, start, _ in self._edges(ids)})
        self.read(names)
        for name in names:
            batch = self.memo.placed(name)
            if batch is not None:
                yield batch

    def sent(self, ids: Ids) -> list[Sent]:
        return [Sent(first, first + length, at) for first, length, _, _, at in self._edges(ids) if at is not None]

    def read(self, names: Sequence[tuple[int, int]]) -> None:
        """Read the batches of some nodes and starts, as far as they are there, side by side."""
        wanted = [name for name in names if self.memo.placed(name) is None]
        asked = [(self._site, node, bucket_of(start, self._bucket_s), start, start + 1) for node, start in wanted]
        for rows in self._connection.each(cql.BATCHES_FROM, asked):
            self._kept(rows)

    def _last_parts(self, node: int, size: int, before: int) -> list[Part]:
        parts: list[Part] = []
        for (bucket,) in self._connection.rows(cql.BUCKETS, self._site, node) if size > 0 else ():
            if bounds(bucket, self._bucket_s)[0] >= before:
                continue
            for row in self._connection.rows(cql.BATCHES_BEFORE, self._site, node, bucket, before):
                for batch in self._kept([row]):
                    count = min(batch.end, before) - batch.start
                    parts.append(Part(batch, max(count - size, 0), count))
                    size -= count
                if size <= 0:
                    return parts
        return parts

    def portions(self, ids: Ids, batches: int) -> Iterator[list[StoredBatch]]:
        """The batches that hold any of some ids of a node, so many at once, by their start."""
        before = self._batch_at(ids.node, ids.first)
        if before is not None and before.start < ids.first:
            yield [before]
        first, last = bucket_of(ids.first, self._bucket_s), bucket_of(min(ids.end - 1, ORDINAL_MAX), self._bucket_s)
        buckets = self._connection.rows(cql.BUCKETS_BETWEEN, self._site, ids.node, first, last)
        for bucket in sorted(bucket for (bucket,) in buckets):
            rows = self._connection.rows(cql.BATCHES_FROM, self._site, ids.node, bucket, ids.first, ids.end)
            while some := list(islice(rows, batches)):
                yield self._kept(some)

    def counts(self, node: int, last: int) -> Iterator[tuple[int, int]]:
        """(end, count) of the batches of a node that start up to an ordinal, the last one first."""
        for (bucket,) in self._connection.rows(cql.BUCKETS, self._site, node):
            if bounds(bucket, self._bucket_s)[0] <= last:
                rows = self._connection.rows(cql.COUNTS_BEFORE, self._site, node, bucket, last + 1)
                yield from ((start + count, count) for start, count, taken in rows if taken <= self._upto)

    def within(self, ids: Ids) -> list[StoredBatch]:
        """The batches that start among some ids of one bucket."""
        bucket = bucket_of(ids.first, self._bucket_s)
        return self._kept(self._connection.rows(cql.BATCHES_FROM, self._site, ids.node, bucket, *ids[1:]))

    def _batch_at(self, node: int, ordinal: int) -> StoredBatch | None:
        bucket = bucket_of(ordinal, self._bucket_s)
        found = self._starting_before(node, bucket, ordinal)
        if found is None and ordinal - bounds(bucket, self._bucket_s)[0] < READINGS_MAX and bucket:
            found = self._starting_before(node, bucket - 1, ordinal)
        return found if found is not None and ordinal < found.end else None

    def _starting_before(self, node: int, bucket: int, ordinal: int) -> StoredBatch | None:
        row = self._connection.row(cql.BATCH_AT, self._site, node, bucket, ordinal)
        return next(iter(self._kept([] if row is None else [row])), None)

    def _between(self, ids: Ids) -> list[StoredBatch]:
        asked = [
            (self._site, ids.node, bucket, part.first, part.end)
            for bucket, part in self._held(cut(ids, self._bucket_s))
        ]
        return [batch for rows in self._connection.each(cql.BATCHES_FROM, asked) for batch in self._kept(rows)]

    def _held(self, parts: Iterable[tuple[int, Ids]]) -> list[tuple[int, Ids]]:
        """Of parts of ids those whose buckets hold anything, when they are many."""
        listed = list(parts)
        if len(listed) <= 2:
            return listed
        node = listed[0][1].node
        rows = self._connection.rows(cql.BUCKETS_BETWEEN, self._site, node, listed[0][0], listed[-1][0])
        there = {bucket for (bucket,) in rows}
        return [each for each in listed if each[0] in there]

    def _edges(self, ids: Ids) -> list[Row]:
        """(parent start, length, node, start, sent ms) of the edges that overlap some ids."""
        first = max(ids.first - READINGS_MAX, -1)  # None is longer, so none that overlaps starts earlier.
        asked = [
            (self._site, ids.node, bucket, first, ids.end)
            for bucket in buckets_over(max(first, 0), ids.end, self._bucket_s)
        ]
        found = self._connection.each(cql.EDGES, asked)
        return [row for rows in found for row in rows if row[0] + row[1] > ids.first]

    def _kept(self, rows: Iterable[Row]) -> list[StoredBatch]:
        return [
            self.memo.keep(StoredBatch((node, start), node, start, count, stamp, keys))
            for node, start, count, stamp, keys, taken in rows
            if taken <= self._upto
        ]
