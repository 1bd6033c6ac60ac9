"""Finding first stamps by series, node and event time: which blocks may hold them, and which of their readings do."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headwater.model.reading import SeriesName
from headwater.store.batches import StoredBatch
from headwater.store.columns import SERIES_BITS, Integers
from headwater.store.period import Keyed, Period, Stretch
from headwater.store.periods import Periods
from headwater.store.port import Place, Search
from headwater.wire.keysearch import NOTHING, Found, SeriesSought

POSTINGS_MAX = 64
"""With more series than this every block in the range of time is looked at: cheaper than so many postings."""


HITS_WAITING_MAX = 1024
"""More hits than this, and twice what is wanted, are put in order at once: what is not wanted takes memory."""
PORTION_BATCHES_MIN = 8
PORTION_READINGS_MAX = 1 << 17
"""How many batches are looked through at once: at least, when there are so many; and at most, by their readings."""


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


class Candidate(NamedTuple):
    """A place where hits may be."""

    t_min: int
    t_max: int
    """Nothing there lies before or behind, by event time."""
    sought: SeriesSought
    keyed: Callable[[], list[Keyed]]
    """Reads the batches there that may hold hits."""


class Gathering:
    """The first hits so far, in the order of the search."""

    def __init__(self, size: int, newest: bool) -> None:
        self.size = size
        self.newest = newest
        self.count = 0
        self._hits = Hits([], *NOTHING)
        self._more: list[tuple[list[StoredBatch], Found]] = []

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

    def look(self, search: Search, candidates: Iterable[Candidate]) -> None:
        """Take in what places hold that a search wants; those come first that may hold what the order puts first."""
        for candidate in candidates:
            if not self.may_take(candidate.t_min, candidate.t_max):
                return
            for some in _portions(sorted(candidate.keyed(), key=_last_first if self.newest else _first_first)):
                if not self.may_take(some[0].t_min, some[0].t_max):
                    break
                batches = [one.batch for one in some]
                found = candidate.sought.find([batch.keys or b"" for batch in batches])
                self._add(batches, _chosen(batches, found, search))

    def _add(self, batches: list[StoredBatch], found: Found) -> None:
        if len(found.which):
            self._more.append((batches, found))
            self.count += len(found.which)
            if self.count > 2 * self.size + HITS_WAITING_MAX:
                self._hits = self.found


def _with(hits: Hits, more: list[tuple[list[StoredBatch], Found]]) -> Hits:
    batches = list(hits.batches)
    columns: list[tuple[Integers, ...]] = [hits[1:]]
    for some, found in more:
        columns.append((found.which + len(batches), *found[1:]))
        batches += some
    return Hits(batches, *map(np.concatenate, zip(*columns, strict=True)))


def _ordered(hits: Hits, size: int, newest: bool) -> Hits:
    """The first `size` hits, and no batch without one."""
    batches, which, positions, series, timestamps = hits
    nodes, ordinals = _ids(batches, which, positions)
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
    search = narrowed(search)
    hits = Gathering(size, search.newest)
    sought = {entry.number: SeriesSought(entry.series) for entry in entries or [ANY]}
    hits.look(
        search,
        (
            Candidate(
                stretch.t_min, stretch.t_max, sought[entry.number], partial(_read, periods, stretch, entry, search)
            )
            for stretch, entry in _candidates(periods, search, entries)
        ),
    )
    return hits.found


def _read(periods: Periods, stretch: Stretch, entry: Entry, search: Search) -> list[Keyed]:
    period = periods.numbered(stretch.period)
    if period is None:
        return []
    return period.keyed(stretch, entry.number, search.node, search.first_ms, search.last_ms)


def _portions(keyed: list[Keyed]) -> Iterator[list[Keyed]]:
    """Batches in ever larger portions: the first often have all that is wanted, and many at once are quicker."""
    first, most = 0, PORTION_BATCHES_MIN
    while first < len(keyed):
        readings = accumulate(one.batch.count for one in keyed[first : first + most])
        size = sum(1 for count in readings if count <= PORTION_READINGS_MAX) or 1
        yield keyed[first : first + size]
        first, most = first + size, 2 * most


def narrowed(search: Search) -> Search:
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


def _chosen(batches: list[StoredBatch], found: Found, search: Search) -> Found:
    """The hits among readings of the wanted series."""
    timestamps = found.timestamps
    wanted = (timestamps >= search.first_ms) & (timestamps < search.last_ms)
    if search.after is not None:
        wanted &= _behind(batches, found, search.after, search.newest)
    return found if wanted.all() else found.some(wanted.nonzero()[0])


def _behind(batches: list[StoredBatch], found: Found, place: Place, newest: bool) -> NDArray[np.bool_]:
    """Which stand behind the place of the search; none stands before it by its time."""
    nodes, ordinals = _ids(batches, found.which, found.positions)
    # At the very time of the place the id decides.
    same = nodes == place.node
    behind: NDArray[np.bool_] = found.timestamps != place.timestamp
    if newest:
        behind |= (nodes < place.node) | (same & (ordinals < place.ordinal))
    else:
        behind |= (nodes > place.node) | (same & (ordinals > place.ordinal))
    return behind


def _ids(batches: list[StoredBatch], which: Integers, positions: Integers) -> tuple[Integers, Integers]:
    """The nodes and ordinals of readings."""
    nodes = np.array([batch.node for batch in batches], np.int64)
    starts = np.array([batch.start for batch in batches], np.int64)
    return nodes.take(which), starts.take(which) + positions
