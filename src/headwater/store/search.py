"""Finding first stamps by series and event time: which blocks may hold them, and which of their readings do."""

from bisect import insort
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from headwater.model.reading import SeriesName
from headwater.store.batches import StoredBatch
from headwater.store.columns import SERIES_BITS
from headwater.store.period import Stretch
from headwater.store.periods import Periods


class Hit(NamedTuple):
    """A reading found, in the order of answers: event time, then id."""

    timestamp: int
    node: int
    ordinal: int
    batch: StoredBatch

    @property
    def position(self) -> int:
        return self.ordinal - self.batch.start


class Entry(NamedTuple):
    """The numbers that one entry log has given to a series; `number` is the catalogue's number of the log."""

    number: int
    series: list[int]


class _Hits:
    """The first hits so far."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.found: list[Hit] = []

    def may_take(self, timestamp: int) -> bool:
        return len(self.found) < self.size or timestamp <= self.found[-1].timestamp

    def add(self, hits: Iterable[Hit]) -> None:
        for hit in hits:
            if not self.may_take(hit.timestamp):
                continue
            insort(self.found, hit, key=lambda hit: hit[:3])
            del self.found[self.size :]


def entries_of(names: list[SeriesName], number_of: dict[bytes, int]) -> list[Entry]:
    """Names by entry log."""
    numbers: dict[bytes, list[int]] = {}
    for log, number in names:
        numbers.setdefault(log, []).append(number)
    return [Entry(number_of[log], series) for log, series in numbers.items()]


def find(periods: Periods, entries: list[Entry], first_ms: int, last_ms: int, size: int) -> list[Hit]:
    """The first `size` readings of a series with first_ms <= event time < last_ms."""
    hits = _Hits(size)
    for stretch, entry in _candidates(periods, entries, first_ms, last_ms):
        if not hits.may_take(stretch.t_min):
            break
        period = periods.numbered(stretch.period)
        if period is not None:
            for batch in period.keyed(stretch, entry.number, first_ms, last_ms):
                hits.add(_hits_in(batch, entry.series, first_ms, last_ms))
    return hits.found


def _candidates(periods: Periods, entries: list[Entry], first_ms: int, last_ms: int) -> list[tuple[Stretch, Entry]]:
    """Where to look, each place once an entry, by the earliest event time there."""
    found: dict[tuple[int, int, int], tuple[Stretch, Entry]] = {}
    for period in periods.at(first_ms, last_ms):
        for entry in entries:
            for number in entry.series:
                for stretch in period.stretches(entry.number << SERIES_BITS | number, first_ms, last_ms):
                    key = (period.number, stretch.first, entry.number)
                    if key not in found or stretch.t_min < found[key][0].t_min:
                        found[key] = (stretch, entry)
    return sorted(found.values(), key=lambda found: found[0].t_min)


def _hits_in(batch: StoredBatch, series: list[int], first_ms: int, last_ms: int) -> list[Hit]:
    columns = batch.key_columns
    if columns is None:
        return []
    wanted = columns[0] == series[0] if len(series) == 1 else np.isin(columns[0], series)
    positions = np.flatnonzero(wanted & (columns[1] >= first_ms) & (columns[1] < last_ms))
    times = columns[1][positions].tolist()
    return [
        Hit(at, batch.node, batch.start + position, batch)
        for at, position in zip(times, positions.tolist(), strict=True)
    ]
