"""Finding first stamps by series, node and event time: which blocks may hold them, and which of their readings do."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from headwater.model.reading import SeriesName
from headwater.store.batches import StoredBatch
from headwater.store.columns import SERIES_BITS, Integers
from headwater.store.period import Keyed, Period, Stretch
from headwater.store.periods import Periods
from headwater.store.port import Place, Search
from headwater.wire.keyparts import Found, SeriesSought

POSTINGS_MAX = 64
"""With more series than this every block in the range of time is looked at: cheaper than so many postings."""


HITS_WAITING_MAX = 1024
"""More hits than this, and twice what is wanted, are put in order at once: what is not wanted takes memory."""
_NONE = np.empty(0, np.int64)


class Hits(NamedTuple):
    """Readings found, in the order of the search."""

    batches: list[StoredBatch]
    which: Integers
    """Among the batches."""
    positions: Integers
    series: Integers
    """Their numbers, as the entry of their batch has given them."""
    timestamps: Integers


class Entry(NamedTuple):
    """The numbers that one entry log has given to series; `number` is the catalogue's number of the log."""

    number: int | None
    """None for the series of any log."""
    series: Integers | None
    """None for all of them."""


ANY = Entry(None, None)


class _Hits:
    """The first hits so far, in the order of the search."""

    def __init__(self, size: int, newest: bool) -> None:
        self.size = size
        self.newest = newest
        self.count = 0
        self._hits = Hits([], _NONE, _NONE, _NONE, _NONE)
        self._more: list[tuple[StoredBatch, Found]] = []

    @property
    def found(self) -> Hits:
        if self._more:
            self._hits = _ordered(_with(self._hits, self._more), self.size, self.newest)
            self._more = []
            self.count = len(self._hits.which)
        return self._hits

    def may_take(self, t_min: int, t_max: int) -> bool:
        """Whether anything between these event times could stand before the last hit."""
        if self.count < self.size:
            return True
        last = self.found.timestamps[-1]
        return bool(t_max >= last if self.newest else t_min <= last)

    def add(self, batch: StoredBatch, found: Found) -> None:
        count = len(found.positions)
        if count:
            self._more.append((batch, found))
            self.count += count
            if self.count > 2 * self.size + HITS_WAITING_MAX:
                self._hits = self.found


def _with(hits: Hits, more: list[tuple[StoredBatch, Found]]) -> Hits:
    lengths = [len(found.positions) for _, found in more]
    which = np.arange(len(hits.batches), len(hits.batches) + len(more)).repeat(lengths)
    return Hits(
        hits.batches + [batch for batch, _ in more],
        np.concatenate([hits.which, which]),
        np.concatenate([hits.positions, *(found.positions for _, found in more)]),
        np.concatenate([hits.series, *(found.series for _, found in more)]),
        np.concatenate([hits.timestamps, *(found.timestamps for _, found in more)]),
    )


def _ordered(hits: Hits, size: int, newest: bool) -> Hits:
    """The first `size` hits, and no batch without one."""
    batches, which, positions, series, timestamps = hits
    ordinals = np.array([batch.start for batch in batches]).take(which) + positions
    nodes = np.array([batch.node for batch in batches]).take(which)
    order = np.lexsort((ordinals, nodes, timestamps))
    order = order[::-1][:size] if newest else order[:size]
    used, which = np.unique(which.take(order), return_inverse=True)
    return Hits(
        [batches[at] for at in used.tolist()], which, positions.take(order), series.take(order), timestamps.take(order)
    )


def entries_of(names: list[SeriesName], number_of: dict[bytes, int]) -> list[Entry]:
    """Names by entry log."""
    numbers: dict[bytes, list[int]] = {}
    for log, number in names:
        numbers.setdefault(log, []).append(number)
    return [Entry(number_of[log], np.array(series, np.int64)) for log, series in numbers.items()]


def found_by(periods: Periods, search: Search, entries: list[Entry] | None, size: int) -> Hits:
    """The first `size` hits of a search among the series of some entries, None for all series."""
    search = _narrowed(search)
    hits = _Hits(size, search.newest)
    sought = {entry.number: SeriesSought(entry.series) for entry in entries or () if entry.series is not None}
    for stretch, entry in _candidates(periods, search, entries):
        if not hits.may_take(stretch.t_min, stretch.t_max):
            break
        period = periods.numbered(stretch.period)
        if period is None:
            continue
        keyed = period.keyed(stretch, entry.number, search.node, search.first_ms, search.last_ms)
        for t_min, t_max, batch in sorted(keyed, key=_last_first if search.newest else _first_first):
            if not hits.may_take(t_min, t_max):
                break
            within = search.first_ms <= t_min and t_max < search.last_ms
            hits.add(batch, _found_in(batch, sought.get(entry.number), search, within, size))
    return hits.found


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


def _first_first(keyed: Keyed) -> int:
    return keyed.t_min


def _last_first(keyed: Keyed) -> int:
    return -keyed.t_max


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


def _found_in(batch: StoredBatch, sought: SeriesSought | None, search: Search, within: bool, size: int) -> Found:
    """The first hits in a batch, by their position; `within` when all of its event times are in the range."""
    found = batch.found(sought)
    timestamps = found.timestamps
    if not within:
        found = _some(found, ((timestamps >= search.first_ms) & (timestamps < search.last_ms)).nonzero()[0])
    if search.after is not None:
        found = _some(found, _behind(batch, found, search.after, search.newest))
    if len(found.positions) > size:
        order = found.timestamps.argsort(kind="stable")
        found = _some(found, order[-size:] if search.newest else order[:size])
    return found


def _some(found: Found, which: Integers) -> Found:
    return Found(found.positions.take(which), found.series.take(which), found.timestamps.take(which))


def _behind(batch: StoredBatch, found: Found, place: Place, newest: bool) -> Integers:
    """Which stand behind the place of the search."""
    first, end = _ids_behind(batch, place, newest)
    # At the very time of the place the id decides.
    behind = (found.timestamps != place.timestamp) | ((found.positions >= first) & (found.positions < end))
    which: Integers = behind.nonzero()[0]
    return which


def _ids_behind(batch: StoredBatch, place: Place, newest: bool) -> tuple[int, int]:
    """The positions first <= position < end of a batch whose ids stand behind a place's."""
    if batch.node != place.node:
        return (0, batch.count) if (batch.node < place.node) == newest else (0, 0)
    at = place.ordinal - batch.start
    return (0, at) if newest else (at + 1, batch.count)
