"""Data points: parts of stored batches joined with their contexts, series, event times and sent times."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import NamedTuple, Protocol

from headwater.model.context import Context
from headwater.model.ids import ORDINAL_MAX
from headwater.model.reading import SeriesKey
from headwater.store.answers import Points, Stretch
from headwater.store.batches import Ids, Part, merged
from headwater.store.columns import SERIES_BITS, UNKNOWN, PartColumns, Resolver
from headwater.store.lineage import Graph

_NUMBER_MASK = (1 << SERIES_BITS) - 1


class Sent(NamedTuple):
    """The ids first <= ordinal < end of a node were sent on at a time."""

    first: int
    end: int
    sent_ms: int


class Names(Graph, Protocol):
    """A graph that can also name what its batches refer to."""

    def sent(self, ids: Ids) -> list[Sent]:
        """When any of some ids were sent on, as their children's stamps say."""
        ...

    def rest(self) -> None:
        """Called between pieces of work, so that nothing is held for long."""
        ...

    def contexts(self, names: set[bytes]) -> dict[bytes, Context]:
        """Contexts by their 8-byte name, these and maybe more; unknown ones are absent."""
        ...

    def series(self, entry: bytes, numbers: set[int]) -> dict[int, SeriesKey]:
        """Series that an entry log defined, by number, these and maybe more; damaged and unknown ones are absent."""
        ...


def data_points(names: Names, parts: list[Part]) -> Points:
    """The data points of parts, in their order."""
    resolver = Resolver(names.over)
    if len(parts) > 1:
        resolver.read([part.batch for part in parts])
    columns = [resolver.part(part) for part in parts]
    contexts = names.contexts({part.batch.stamp.context for part in parts})
    keys = _keys(names, resolver, columns)
    sent = sent_times(names, parts)
    stretches = []
    for part, known, times in zip(parts, columns, sent, strict=True):
        names.rest()
        batch, first, end = part
        codes, timestamps, numbers = known
        context = contexts.get(batch.stamp.context)
        stretches.append(Stretch(batch, range(first, end), codes, timestamps, numbers, context, keys, times))
    return Points(stretches)


def _ids(part: Part) -> Ids:
    batch = part.batch
    return Ids(batch.node, batch.start + part.first, batch.start + part.end)


def _near(parts: list[Part]) -> int:
    """How far apart ids may lie to be asked for together: about two batches."""
    return 2 * sum(part.batch.count for part in parts) // max(len(parts), 1)


def sent_times(names: Names, parts: list[Part]) -> list[list[int | None]]:
    """When the data points of parts were sent on: the earliest time for each."""
    wanted = [_ids(part) for part in parts]
    if len(wanted) == 1:
        return [_times_of(wanted[0], names.sent(wanted[0]))]
    ranges = merged(wanted)
    times: list[list[int | None]] = []
    for together in _neighbours(ranges, _near(parts)):
        names.rest()
        times += _times_of_all(together, names.sent(Ids(together[0].node, together[0].first, together[-1].end)))
    found = []
    for ids in wanted:
        at = bisect_right(ranges, (ids.node, ids.first, ORDINAL_MAX + 2)) - 1
        first = ranges[at].first
        found.append(times[at][ids.first - first : ids.end - first])
    return found


def _neighbours(ranges: list[Ids], near: int) -> Iterator[list[Ids]]:
    """Rising ranges in groups of one node whose gaps are small."""
    group: list[Ids] = []
    for ids in ranges:
        if group and (ids.node != group[-1].node or ids.first - group[-1].end > near):
            yield group
            group = []
        group.append(ids)
    if group:
        yield group


def _times_of_all(ranges: list[Ids], sent: list[Sent]) -> list[list[int | None]]:
    """The times of each id in rising ranges of one node."""
    sent.sort()
    longest = max((at.end - at.first for at in sent), default=0)
    firsts = [at.first for at in sent]
    found = []
    for ids in ranges:
        over = sent[bisect_right(firsts, ids.first - longest) : bisect_left(firsts, ids.end)]
        found.append(_times_of(ids, over))
    return found


def _times_of(ids: Ids, sent: list[Sent]) -> list[int | None]:
    size = ids.end - ids.first
    if len(sent) == 1 and sent[0].first <= ids.first and sent[0].end >= ids.end:
        return [sent[0].sent_ms] * size
    result: list[int | None] = [None] * size
    for at in sorted(sent, key=lambda at: -at.sent_ms):
        first, end = max(at.first - ids.first, 0), min(at.end - ids.first, size)
        if first < end:
            result[first:end] = [at.sent_ms] * (end - first)
    return result


def _keys(names: Names, resolver: Resolver, columns: list[PartColumns]) -> dict[int, SeriesKey]:
    """The series of all codes that occur."""
    codes = set[int]().union(*(known.series for known in columns))
    codes.discard(UNKNOWN)
    if len(resolver.entries) == 1:  # Its number is 0, so the series have the codes for numbers.
        return names.series(resolver.entries[0], codes)
    numbers: dict[int, set[int]] = {}
    for code in codes:
        numbers.setdefault(code >> SERIES_BITS, set()).add(code & _NUMBER_MASK)
    result: dict[int, SeriesKey] = {}
    for entry, wanted in numbers.items():
        found = names.series(resolver.entries[entry], wanted)
        result |= {entry << SERIES_BITS | number: found[number] for number in wanted if number in found}
    return result
