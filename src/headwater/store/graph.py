"""The graph of stored batches that a reader walks over; what it has read and cannot change it does not read again."""

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Generic, Protocol, TypeVar

from headwater.model.context import Context
from headwater.model.ids import ORDINAL_MAX, DataPointId
from headwater.model.reading import SeriesKey
from headwater.store import lineage
from headwater.store.answers import PointsById
from headwater.store.batches import Ids, Part, StoredBatch
from headwater.store.points import Sent, data_points
from headwater.store.port import INPUTS_MAX, DataPoint, Edge, Search

_ORDINAL_END = ORDINAL_MAX + 1

MEMO_BYTES_MAX = 32 << 20
"""How much a reader remembers, about, before it begins afresh."""
NAME_BYTES = 300
"""What a series or context takes of that."""


class Memo:
    """Batches that were read before, found again by id or by place."""

    def __init__(self) -> None:
        self.bytes = 0
        """About what they take in memory once decoded."""
        self._starts: dict[int, list[int]] = {}
        self._batches: dict[int, list[StoredBatch]] = {}
        self._placed: dict[tuple[int, int], StoredBatch] = {}

    def at(self, node: int, ordinal: int) -> StoredBatch | None:
        """The batch that holds an id, if it was read."""
        starts = self._starts.get(node)
        if not starts:
            return None
        index = bisect_right(starts, ordinal) - 1
        if index < 0:
            return None
        batch = self._batches[node][index]
        return batch if ordinal < batch.end else None

    def placed(self, place: tuple[int, int]) -> StoredBatch | None:
        return self._placed.get(place)

    def keep(self, batch: StoredBatch) -> StoredBatch:
        """Remember a batch; answers the one already known when it was read before."""
        known = self._placed.setdefault(batch.place, batch)
        if known is batch:
            starts = self._starts.setdefault(batch.node, [])
            index = bisect_right(starts, batch.start)
            starts.insert(index, batch.start)
            self._batches.setdefault(batch.node, []).insert(index, batch)
            self.bytes += batch.weight
        return known


class Catalogue(Protocol):
    """Where a store says what its batches refer to."""

    def contexts(self, names: Iterable[bytes]) -> dict[bytes, Context]:
        """Contexts by their 8-byte name; unknown ones are absent."""
        ...

    def series(self, entry: bytes, numbers: Iterable[int]) -> dict[int, SeriesKey]:
        """Series that an entry log defined, by number; damaged and unknown ones are absent."""
        ...


class StoredGraph(ABC):
    """Stored batches as a reader walks over them, as far as that is the same for every store."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.memo = Memo()
        self._named = catalogue
        self._contexts: dict[bytes, Context] = {}
        self._series: dict[bytes, dict[int, SeriesKey]] = {}

    def points(self, ids: list[DataPointId]) -> dict[DataPointId, DataPoint]:
        """Data points by id; those that are not there are absent."""
        parts = [part for at in lineage.id_ranges(ids) for part in lineage.stored_parts(self, at)]
        found = PointsById(data_points(self, parts)).spelled()
        return {at: found[at] for at in ids if at in found}

    def last_of(self, node: int, size: int, before: int | None) -> list[DataPoint]:
        """The newest data points of a node, newest first, all below an ordinal if there is one."""
        return data_points(self, self._last_parts(node, size, _ORDINAL_END if before is None else before)[::-1])[::-1]

    def backward(self, ids: list[DataPointId], most: int) -> PointsById:
        """What some ids were made from, and themselves; Rejected when it is more than so many data points."""
        return PointsById(data_points(self, lineage.backward(self, ids, most)))

    def forward(self, ids: list[DataPointId], most: int) -> dict[DataPointId, tuple[DataPoint, tuple[Edge, ...]]]:
        """What was made of some ids, and themselves, each with its direct outputs; Rejected when it is more than so
        many."""
        parts, outputs = lineage.forward(self, ids, most)
        return {point.id: (point, tuple(outputs.get(point.id, ()))) for point in data_points(self, parts)}

    def over(self, ids: Ids) -> list[StoredBatch]:
        """The batches that hold any of some ids, by their start."""
        self.rest()
        found: list[StoredBatch] = []
        node, at, end = ids
        while at < end:
            batch = self.memo.at(node, at)
            if batch is None and not found:
                batch = self._batch_at(node, at)  # Mostly it holds all of them.
            if batch is None:
                return found + self._between(Ids(node, at, end)) if end - at > 1 or found else []
            found.append(batch)
            at = batch.end
        return found

    def contexts(self, names: set[bytes]) -> dict[bytes, Context]:
        unknown = {name for name in names if name not in self._contexts}
        if unknown:
            self._contexts |= self._named.contexts(unknown)
            self.memo.bytes += NAME_BYTES * len(unknown)
        return self._contexts

    def series(self, entry: bytes, numbers: set[int]) -> dict[int, SeriesKey]:
        known = self._series.setdefault(entry, {})
        unknown = {number for number in numbers if number not in known}
        if unknown:
            known |= self._named.series(entry, unknown)
            self.memo.bytes += NAME_BYTES * len(unknown)
        return known

    @abstractmethod
    def rest(self) -> None:
        """Called between pieces of work, so that nothing is held for long."""

    @abstractmethod
    def children(self, ids: Ids) -> Iterator[StoredBatch]:
        """The batches with a run of inputs that overlaps some ids."""

    @abstractmethod
    def sent(self, ids: Ids) -> list[Sent]:
        """When any of some ids were sent on, as their children's stamps say."""

    @abstractmethod
    def _batch_at(self, node: int, ordinal: int) -> StoredBatch | None:
        """The batch that holds an id."""

    @abstractmethod
    def _between(self, ids: Ids) -> list[StoredBatch]:
        """The batches that start among some ids, by their start."""

    @abstractmethod
    def _last_parts(self, node: int, size: int, before: int) -> list[Part]:
        """The newest parts of a node with `size` data points below an ordinal, newest first."""


G = TypeVar("G", bound=StoredGraph)
T = TypeVar("T")


class GraphReader(ABC, Generic[G]):
    """What a reader of any store answers out of its graph."""

    def points(self, ids: list[DataPointId]) -> dict[DataPointId, DataPoint]:
        return self._answer(lambda graph: graph.points(ids))

    def last_of(self, node: int, size: int, before: int | None = None) -> list[DataPoint]:
        return self._answer(lambda graph: graph.last_of(node, size, before))

    def backward(self, ids: list[DataPointId], most: int = INPUTS_MAX) -> Mapping[DataPointId, DataPoint]:
        return self._answer(lambda graph: graph.backward(ids, most))

    def backward_parts(self, ids: list[DataPointId], most: int = INPUTS_MAX) -> list[Part]:
        """The stretches of stored batches that `backward` answers with, without their data points."""
        return self._answer(lambda graph: lineage.backward(graph, ids, most))

    def forward(
        self, ids: list[DataPointId], most: int = INPUTS_MAX
    ) -> dict[DataPointId, tuple[DataPoint, tuple[Edge, ...]]]:
        return self._answer(lambda graph: graph.forward(ids, most))

    def find(self, key: SeriesKey, first_ms: int, last_ms: int, size: int) -> Sequence[DataPoint]:
        return self.search(Search(first_ms, last_ms, *key), size)

    @abstractmethod
    def search(self, search: Search, size: int) -> Sequence[DataPoint]:
        """Data points by event time."""

    @abstractmethod
    def _answer(self, ask: Callable[[G], T]) -> T:
        """What is asked of the graph, as it stands now."""
