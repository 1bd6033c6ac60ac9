"""The keys of some readings of a payload, found without building those of the others.

What `headwater.wire.runs` lays out in front of the timestamps, the *shape* (which series stand where, and which runs
have timestamps of their own), is mostly the same in one batch of a source and the next, so some shapes are remembered.
Timestamps are summed up from steps only where they are wanted; that none is past 2**63 is left to the full decoder.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np

from headwater.model.errors import Rejected
from headwater.wire import codec, runs
from headwater.wire.columns import INT64_MAX, INT64_MIN, Integers, Mask, Narrow, extremes

SHAPES_MAX = 64
"""How many shapes are remembered; one takes at most some 300 KB."""


@dataclass(frozen=True, eq=False)
class Shape:
    """Where the readings of a key body stand; shapes are compared by identity."""

    count: int
    series: Integers
    """Of each run."""
    lengths: Integers
    repeated: Mask

    @cached_property
    def ends(self) -> Integers:
        """Where each run ends."""
        return self.lengths.cumsum()

    @cached_property
    def patterns(self) -> Integers:
        """The pattern whose timestamps each run has."""
        patterns: Integers = (~self.repeated).cumsum() - 1
        return patterns

    @cached_property
    def pattern_count(self) -> int:
        """How many patterns there are."""
        return int(self.patterns[-1]) + 1

    @cached_property
    def stream_ends(self) -> Integers:
        """Where the pattern of each run ends in the stream of timestamps."""
        ends: Integers = np.where(self.repeated, 0, self.lengths).cumsum()
        return ends

    @cached_property
    def shifts(self) -> Integers:
        """How far the positions of each run are from the places of its pattern."""
        return self.stream_ends - self.ends

    @cached_property
    def starts(self) -> Integers:
        """Where each pattern begins in the stream of timestamps."""
        lengths = self.lengths.compress(~self.repeated)
        starts: Integers = lengths.cumsum() - lengths
        return starts

    @cached_property
    def within(self) -> Integers:
        """The other places of the stream."""
        others = np.ones(int(self.stream_ends[-1]), np.bool_)
        others[self.starts] = False
        return others.nonzero()[0]

    @cached_property
    def highest(self) -> int:
        """The highest series."""
        return extremes(self.series)[1]

    def runs_at(self, positions: Integers) -> Integers:
        """The run that each position lies in."""
        return self.ends.searchsorted(positions, "right")

    def positions_of(self, series: Integers) -> Integers:
        """Where readings of some series (at least one) stand, rising."""
        mine = self.series == series[0] if len(series) == 1 else np.isin(self.series, series)
        wanted = mine.nonzero()[0]
        lengths = self.lengths.take(wanted)
        firsts = self.ends.take(wanted) - lengths.cumsum()
        positions: Integers = firsts.repeat(lengths)
        positions += np.arange(len(positions))
        return positions

    def places(self, positions: Integers) -> "Places":
        """What is known of some positions."""
        run = self.runs_at(positions)
        return Places(positions, self.series.take(run), self.patterns.take(run), positions + self.shifts.take(run))


class Places(NamedTuple):
    """Readings of a shape, as columns."""

    positions: Integers
    series: Integers
    patterns: Integers
    """Whose timestamps they have."""
    places: Integers
    """Where these are in the stream."""


@dataclass(frozen=True, slots=True)
class Times:
    """The timestamps of a key body, still as steps."""

    first: int
    later: Narrow
    within: Narrow

    def at(self, pattern: int, place: int) -> int:
        """The timestamp at a place of the stream, that lies in a pattern."""
        time = self.first + self.later.sum(pattern) + self.within.sum(place - pattern)
        return time if INT64_MIN <= time <= INT64_MAX else (time - INT64_MIN) % (1 << 64) + INT64_MIN

    def at_all(self, patterns: Integers, places: Integers) -> Integers:
        """The timestamps at places of the stream, each of which lies in a pattern."""
        times = self.later.sums(patterns)
        times += self.within.sums(places - patterns)
        times += self.first
        return times


class Keys:
    """The keys of a payload, as `codec.keys` cuts them out; opening them raises `Rejected` ("payload") when their shape
    is malformed."""

    __slots__ = ("columns", "shape", "times")

    def __init__(self, keys: bytes) -> None:
        body, count, is_runs = codec.key_body(keys)
        self.columns = None if is_runs else codec.decode_keys(keys)
        """Of few readings, which have no shape."""
        if is_runs:
            end = runs.shape_end(body)
            self.shape = _shape(body[:end], count)
            self.times = _times(body, end, self.shape)

    def at(self, position: int) -> tuple[int, int]:
        """The series and the timestamp, in ms, at a position below the count."""
        if self.columns is not None:
            return int(self.columns[0][position]), int(self.columns[1][position])
        shape = self.shape
        run = shape.ends.searchsorted(position, "right")
        place = position + shape.shifts.item(run)
        return shape.series.item(run), self.times.at(shape.patterns.item(run), place)

    def between(self, first: int, end: int) -> tuple[Integers, Integers]:
        """The series and timestamps at the positions first <= position < end."""
        if self.columns is not None:
            return self.columns[0][first:end], self.columns[1][first:end]
        _, series, patterns, places = self.shape.places(np.arange(first, end))
        return series, self.times.at_all(patterns, places)


@lru_cache(SHAPES_MAX)
def _shape(shape: bytes, count: int) -> Shape:
    return Shape(count, *runs.read_shape(shape, count))


def _times(body: bytes, start: int, shape: Shape) -> Times:
    patterns = shape.pattern_count
    try:
        at = start + 1 + body[start]
        first = int.from_bytes(body[start + 1 : at], "little", signed=True)
        later = Narrow(body, at, patterns - 1)
        within = Narrow(body, later.end, shape.stream_ends.item(-1) - patterns)
    except IndexError:
        raise Rejected("payload", f"keys: timestamps that go on behind all {len(body)} bytes") from None
    if within.end != len(body):
        raise Rejected("payload", f"keys: timestamps that end at byte {within.end} of {len(body)}")
    return Times(first, later, within)
