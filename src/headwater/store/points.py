"""Data points as answers: parts of stored batches joined with their contexts, series, event times and sent times."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice, repeat
from typing import NamedTuple, Protocol, cast

from headwater.model.context import Context
from headwater.model.ids import ORDINAL_MAX, DataPointId, IdRun
from headwater.model.reading import SeriesKey
from headwater.model.stamp import Lists, Same, Stamp, format_traceparent
from headwater.store.batches import Ids, Part, StoredBatch, merged
from headwater.store.columns import SERIES_BITS, UNKNOWN, Resolver
from headwater.store.lineage import Graph
from headwater.store.port import DataPoint, Edge, Edges

_NUMBER_MASK = (1 << SERIES_BITS) - 1
# What `DataPoint._make` does, without a Python call for each of very many: the fields are always all there.
_point_of = cast(Callable[[Iterable[object]], DataPoint], partial(tuple.__new__, DataPoint))
_id_of = cast(Callable[[Iterable[object]], DataPointId], partial(tuple.__new__, DataPointId))
NO_INPUTS: tuple[Edge, ...] = ()


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


class _Columns(NamedTuple):
    """The series codes, timestamps and origin numbers of a part's data points."""

    codes: list[int]
    timestamps: list[int]
    numbers: Iterable[int]


def data_points(names: Names, parts: list[Part]) -> Iterator[DataPoint]:
    """The data points of parts, in their order."""
    resolver = Resolver(names.over)
    resolver.read([part.batch for part in parts])
    columns = [_columns(resolver, part) for part in parts]
    contexts = names.contexts({part.batch.stamp.context for part in parts})
    keys = _keys(names, resolver, columns)
    sent = _SentTimes(names, merged(map(_ids, parts)), _near(parts))
    for part, known in zip(parts, columns, strict=True):
        names.rest()
        context = contexts.get(part.batch.stamp.context)
        yield from _part_points(part, known, context, keys, sent.of(_ids(part)))


def _ids(part: Part) -> Ids:
    batch = part.batch
    return Ids(batch.node, batch.start + part.first, batch.start + part.end)


def _near(parts: list[Part]) -> int:
    """How far apart ids may lie to be asked for together: about two batches."""
    return 2 * sum(part.batch.count for part in parts) // max(len(parts), 1)


class _SentTimes:
    """When ids were sent on: the earliest time for each, asked once for ranges that lie near each other."""

    def __init__(self, names: Names, ranges: list[Ids], near: int) -> None:
        """`ranges` rise, and do not touch."""
        self._ranges = ranges
        self._times: list[list[int | None]] = []
        for together in _neighbours(ranges, near):
            names.rest()
            sent = names.sent(Ids(together[0].node, together[0].first, together[-1].end))
            self._times += _sent_times(together, sent)

    def of(self, ids: Ids) -> Iterable[int | None]:
        """The times of ids that lie in one of the ranges."""
        at = bisect_right(self._ranges, (ids.node, ids.first, ORDINAL_MAX + 2)) - 1
        first = self._ranges[at].first
        return self._times[at][ids.first - first : ids.end - first]


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


def _sent_times(ranges: list[Ids], sent: list[Sent]) -> list[list[int | None]]:
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


def _columns(resolver: Resolver, part: Part) -> _Columns:
    batch, first, end = part
    series, timestamps, numbers = resolver.columns(batch)
    return _Columns(
        series[first:end].tolist(),
        timestamps[first:end].tolist(),
        repeat(batch.shipped.origin.number) if numbers is None else numbers[first:end].tolist(),
    )


def _keys(names: Names, resolver: Resolver, columns: list[_Columns]) -> dict[int, SeriesKey]:
    """The series of all codes that occur."""
    codes: set[int] = set()
    for known in columns:
        codes.update(known.codes)
    codes.discard(UNKNOWN)
    numbers: dict[int, set[int]] = {}
    for code in codes:
        numbers.setdefault(code >> SERIES_BITS, set()).add(code & _NUMBER_MASK)
    result: dict[int, SeriesKey] = {}
    for entry, wanted in numbers.items():
        found = names.series(resolver.entries[entry], wanted)
        result |= {entry << SERIES_BITS | number: found[number] for number in wanted if number in found}
    return result


def _part_points(
    part: Part,
    columns: _Columns,
    context: Context | None,
    keys: dict[int, SeriesKey],
    sent: Iterable[int | None],
) -> Iterator[DataPoint]:
    batch, first, end = part
    shipped = batch.shipped
    origin = shipped.origin
    codes = columns.codes
    return map(
        _point_of,
        zip(
            map(_id_of, zip(repeat(batch.node), range(batch.start + first, batch.start + end), strict=False)),
            repeat(context),
            map(keys.get, codes),
            _times(codes, columns.timestamps),
            repeat(shipped.stamp.received_ms),
            sent,
            _inputs(batch, first, end),
            repeat(shipped.stamp.outside),
            repeat(shipped.kind),
            repeat(None if context is None else context.step),
            zip(repeat(origin.kind), repeat(origin.stream.hex()), columns.numbers, strict=False),
            _traces(shipped.stamp, first, end),
            strict=False,
        ),
    )


def _traces(stamp: Stamp, first: int, end: int) -> Iterable[str | None]:
    if not stamp.traces:
        return repeat(None)
    texts = {run.trace: format_traceparent(run.trace) if run.trace else None for run in stamp.traces}
    every = (texts[run.trace] for run in stamp.traces for _ in range(run.count))
    return islice(every, first, end)


def _times(codes: list[int], timestamps: list[int]) -> Iterable[int | None]:
    if UNKNOWN not in codes:
        return timestamps
    return [None if code == UNKNOWN else at for code, at in zip(codes, timestamps, strict=True)]


def _inputs(batch: StoredBatch, first: int, end: int) -> Iterable[Edges | tuple[Edge, ...]]:
    made = batch.stamp.inputs
    if made is None:
        return repeat(NO_INPUTS)
    if isinstance(made, Lists):
        return [Edges(runs, made.contribution) for runs in made.inputs[first:end]]
    node, start = made.run.node, made.run.start
    positions = range(first, end) if isinstance(made, Same) else batch.kept[first:end].tolist()
    return [Edges((IdRun(node, start + position, 1),)) for position in positions]
