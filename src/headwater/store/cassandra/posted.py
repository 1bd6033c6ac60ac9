"""Which postings are written already: each is needed once for a series, a day and a block, not for each reading."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from headwater.store.cassandra import statements as cql
from headwater.store.cassandra.connection import Write
from headwater.store.cassandra.places import DAY_MS, bucket_of, day_of
from headwater.store.ingest import PreparedBatch
from headwater.wire.codec import decode_keys
from headwater.wire.columns import Integers
from headwater.wire.keyparts import Shape

BLOCKS_MAX = 5_000
"""Blocks, and days of logs, that are remembered; for one that was forgotten the same is written again."""
SHAPES_MAX = 64
"""Shapes of batches that a block remembers, so that those which come again are known at once."""
MINUTE_MS = 60_000
DAY_S = 86_400
K = TypeVar("K")
_MS_MIN, _MS_MAX = -(1 << 63), (1 << 63) - 1


class Place(NamedTuple):
    """A block on a day."""

    day: int
    node: int
    block: int


class Span(NamedTuple):
    """t_min <= event time <= t_max, in whole minutes."""

    t_min: int
    t_max: int

    def holds(self, other: "Span") -> bool:
        return self.t_min <= other.t_min and other.t_max <= self.t_max

    def both(self, other: "Span") -> "Span":
        return Span(min(self.t_min, other.t_min), max(self.t_max, other.t_max))


class _Block:
    """What is written of a place."""

    def __init__(self, span: Span | None) -> None:
        self.span = span
        self.series: dict[bytes, Integers] = {}
        """Those that have postings, rising, by their entry log."""
        self.shapes: dict[tuple[bytes, int], Shape] = {}
        """All of whose series have, by entry and identity; kept, so that an identity is not given again."""


class Posted:
    """The postings of what one writer has stored lately."""

    def __init__(self, site: str, block_s: int, known: Callable[[Sequence[Place]], list[Span | None]]) -> None:
        """`known` answers which event times places are stored with."""
        self._site = site
        self._block_s = block_s
        self._known = known
        self._blocks: OrderedDict[Place, _Block] = OrderedDict()
        self._days: OrderedDict[tuple[bytes, int, int], Integers] = OrderedDict()
        """The series that are known to have a day, by log, day, and the day of the ids: what is kept for a time only
        must not go before what was stored last."""

    def writes(self, batches: Sequence[PreparedBatch]) -> Iterator[Write]:
        """What must be written so that batches with keys are found."""
        keyed = [batch for batch in batches if batch.spans is not None]
        self._remember({place for batch in keyed for place in self._places(batch)})
        for batch in keyed:
            yield from self._of_batch(batch)
        while len(self._blocks) > BLOCKS_MAX:
            self._blocks.popitem(last=False)
        while len(self._days) > BLOCKS_MAX:
            self._days.popitem(last=False)

    def _places(self, batch: PreparedBatch) -> list[Place]:
        block = bucket_of(batch.start, self._block_s)
        return [Place(day, batch.node, block) for day in self._days_of(batch)]

    def _days_of(self, batch: PreparedBatch) -> list[int]:
        first, last = self._first_and_last(batch)
        if last - first <= 1:
            return [first, last] if last > first else [first]
        days: list[int] = np.unique(_series_days(batch)[1]).tolist()
        return days

    def _first_and_last(self, batch: PreparedBatch) -> tuple[int, int]:
        assert batch.spans is not None
        return day_of(batch.spans.first_ms), day_of(batch.spans.last_ms)

    def _remember(self, places: set[Place]) -> None:
        """Ask for places that are not known: their event times only widen."""
        fresh = sorted(places - self._blocks.keys())
        for place, span in zip(fresh, self._known(fresh), strict=True):
            self._blocks[place] = _Block(span)

    def _of_batch(self, batch: PreparedBatch) -> Iterator[Write]:
        assert batch.spans is not None
        places = self._places(batch)
        for place in places:
            yield from self._widened(place, batch)
        shape = batch.spans.shape
        if len(places) == 1:
            shapes = self._blocks[places[0]].shapes
            if (batch.entry, id(shape)) not in shapes:
                yield from self._of_series(places[0], batch.entry, np.unique(shape.series))
                if len(shapes) >= SHAPES_MAX:
                    shapes.clear()
                shapes[batch.entry, id(shape)] = shape
        else:
            series, days = _series_days(batch)
            for place in places:
                yield from self._of_series(place, batch.entry, np.unique(series[days == place.day]))

    def _widened(self, place: Place, batch: PreparedBatch) -> Iterator[Write]:
        assert batch.spans is not None
        known = self._blocks[place]
        self._blocks.move_to_end(place)
        span = _span(place.day, batch.spans.first_ms, batch.spans.last_ms)
        if known.span is not None and known.span.holds(span):
            return
        if known.span is None:
            yield (cql.ADD_DAY, (self._site, place.day, place.node))
        known.span = span if known.span is None else known.span.both(span)
        yield (cql.ADD_BLOCK, (self._site, *place, *known.span))

    def _of_series(self, place: Place, entry: bytes, series: Integers) -> Iterator[Write]:
        """The postings of some rising series in a place, and that they have this day, each once."""
        known = self._blocks[place].series
        for one in _new(known, entry, series):
            yield (cql.ADD_POSTING, (self._site, entry, one, place.day, place.node, place.block))
        day = (entry, place.day, place.block * self._block_s // DAY_S)
        for one in _new(self._days, day, series):
            yield (cql.ADD_SERIES_DAY, (self._site, entry, one, place.day))
        self._days.move_to_end(day)


def _new(known: MutableMapping[K, Integers], key: K, series: Integers) -> list[int]:
    """Which of some rising series a key does not have yet; it has them from here on."""
    there = known.get(key)
    fresh: Integers = series if there is None else np.setdiff1d(series, there, assume_unique=True)
    if there is None or len(fresh):
        known[key] = fresh if there is None else np.union1d(there, fresh)
    numbers: list[int] = fresh.tolist()
    return numbers


def _span(day: int, first_ms: int, last_ms: int) -> Span:
    """Event times on a day, widened to whole minutes, so that they are not written for each batch."""
    low, high = max(first_ms, day * DAY_MS), min(last_ms, (day + 1) * DAY_MS - 1)
    return Span(max(low // MINUTE_MS * MINUTE_MS, _MS_MIN), min((high // MINUTE_MS + 1) * MINUTE_MS - 1, _MS_MAX))


def _series_days(batch: PreparedBatch) -> tuple[Integers, Integers]:
    """The series and the day of each reading of a batch."""
    assert batch.keys is not None
    series, timestamps = decode_keys(batch.keys)
    return series, timestamps // DAY_MS
