"""Finding first stamps by series, node and event time: which blocks may hold them, and which of their readings do."""

from collections.abc import Iterator
from operator import itemgetter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headwater.model.reading import SeriesName
from headwater.store.batches import Part, StoredBatch
from headwater.store.columns import SERIES_BITS
from headwater.store.period import Period, Stretch
from headwater.store.periods import Periods
from headwater.store.port import Place, Search

POSTINGS_MAX = 64
"""With more series than this every block in the range of time is looked at: cheaper than so many postings."""


HITS_WAITING_MAX = 1024
"""More hits than this, and twice what is wanted, are put in order at once: what is not wanted takes memory."""
_PLACE = itemgetter(0, 1, 2)


class Hit(NamedTuple):
    """A reading found, in the order of answers: event time, then id."""

    timestamp: int
    node: int
    ordinal: int
    batch: StoredBatch


class Entry(NamedTuple):
    """The numbers that one entry log has given to series; `number` is the catalogue's number of the log."""

    number: int | None
    """None for the series of any log."""
    series: NDArray[np.int64] | None
    """None for all of them."""


ANY = Entry(None, None)


class _Hits:
    """The first hits so far, in the order of the search."""

    def __init__(self, size: int, newest: bool) -> None:
        self.size = size
        self.newest = newest
        self._hits: list[Hit] = []
        self._ordered = True

    @property
    def found(self) -> list[Hit]:
        if not self._ordered:
            self._hits.sort(key=_PLACE, reverse=self.newest)
            del self._hits[self.size :]
            self._ordered = True
        return self._hits

    def may_take(self, stretch: Stretch) -> bool:
        """Whether anything in a stretch could stand before the last hit."""
        if len(self._hits) < self.size:
            return True
        last = self.found[-1].timestamp
        return stretch.t_max >= last if self.newest else stretch.t_min <= last

    def add(self, hits: list[Hit]) -> None:
        if hits:
            self._hits += hits
            self._ordered = False
            if len(self._hits) > 2 * self.size + HITS_WAITING_MAX:
                self._hits = self.found


def entries_of(names: list[SeriesName], number_of: dict[bytes, int]) -> list[Entry]:
    """Names by entry log."""
    numbers: dict[bytes, list[int]] = {}
    for log, number in names:
        numbers.setdefault(log, []).append(number)
    return [Entry(number_of[log], np.array(series, np.int64)) for log, series in numbers.items()]


def found_by(periods: Periods, search: Search, entries: list[Entry] | None, size: int) -> list[Hit]:
    """The first `size` hits of a search among the series of some entries, None for all series."""
    search = _narrowed(search)
    hits = _Hits(size, search.newest)
    for stretch, entry in _candidates(periods, search, entries):
        if not hits.may_take(stretch):
            break
        period = periods.numbered(stretch.period)
        if period is not None:
            for batch in period.keyed(stretch, entry.number, search.node, search.first_ms, search.last_ms):
                hits.add(_hits_in(batch, entry, search, size))
    return hits.found


def parts_of(hits: list[Hit]) -> list[Part]:
    """Hits as parts, in their order; those that follow each other in a batch are one."""
    parts: list[Part] = []
    batch, first, end = None, 0, 0
    for hit in hits:
        at = hit.ordinal - hit.batch.start
        if hit.batch is batch and at == end:
            end += 1
            continue
        if batch is not None:
            parts.append(Part(batch, first, end))
        batch, first, end = hit.batch, at, at + 1
    return parts if batch is None else [*parts, Part(batch, first, end)]


def _narrowed(search: Search) -> Search:
    """The search without the times that lie before its place."""
    if search.after is None:
        return search
    at = search.after.timestamp
    if search.newest:
        return search._replace(last_ms=min(search.last_ms, at + 1))
    return search._replace(first_ms=max(search.first_ms, at))


def _candidates(periods: Periods, search: Search, entries: list[Entry] | None) -> list[tuple[Stretch, Entry]]:
    """Where to look, each place once an entry, those first that may hold what the order puts first."""
    found: dict[tuple[int, int, int | None], tuple[Stretch, Entry]] = {}
    for period in periods.at(search.first_ms, search.last_ms):
        for stretch, entry in _stretches(period, search, entries):
            key = (period.number, stretch.first, entry.number)
            known = found[key][0] if key in found else stretch
            both = stretch._replace(t_min=min(stretch.t_min, known.t_min), t_max=max(stretch.t_max, known.t_max))
            found[key] = (both, entry)
    if search.newest:
        return sorted(found.values(), key=lambda candidate: -candidate[0].t_max)
    return sorted(found.values(), key=lambda candidate: candidate[0].t_min)


def _stretches(period: Period, search: Search, entries: list[Entry] | None) -> Iterator[tuple[Stretch, Entry]]:
    for entry in [ANY] if entries is None else entries:
        if entry.number is None or entry.series is None or len(entry.series) > POSTINGS_MAX:
            found = period.stretches_of_all(search.first_ms, search.last_ms)
            yield from ((stretch, entry) for stretch in found)
            continue
        for number in entry.series.tolist():
            code = entry.number << SERIES_BITS | number
            found = period.stretches(code, search.first_ms, search.last_ms)
            yield from ((stretch, entry) for stretch in found)


def _hits_in(batch: StoredBatch, entry: Entry, search: Search, size: int) -> list[Hit]:
    columns = batch.key_columns
    if columns is None:
        return []
    series, times = columns
    wanted = (times >= search.first_ms) & (times < search.last_ms)
    if entry.series is not None:
        wanted &= series == entry.series[0] if len(entry.series) == 1 else np.isin(series, entry.series)
    positions = _behind(batch, np.flatnonzero(wanted), times, search)
    if len(positions) > size:
        order = np.argsort(times[positions], kind="stable")
        positions = positions[order[-size:] if search.newest else order[:size]]
    return [
        Hit(at, batch.node, batch.start + position, batch)
        for at, position in zip(times[positions].tolist(), positions.tolist(), strict=True)
    ]


def _behind(
    batch: StoredBatch, positions: NDArray[np.int64], times: NDArray[np.int64], search: Search
) -> NDArray[np.int64]:
    """The positions that stand behind the place of the search."""
    if search.after is None:
        return positions
    at, node, ordinal = search.after
    # At the very time of the place the id decides.
    first, end = _ids_behind(batch, Place(at, node, ordinal), search.newest)
    kept: NDArray[np.int64] = positions[(times[positions] != at) | ((positions >= first) & (positions < end))]
    return kept


def _ids_behind(batch: StoredBatch, place: Place, newest: bool) -> tuple[int, int]:
    """The positions first <= position < end of a batch whose ids stand behind a place's."""
    if batch.node != place.node:
        return (0, batch.count) if (batch.node < place.node) == newest else (0, 0)
    at = place.ordinal - batch.start
    return (0, at) if newest else (at + 1, batch.count)
