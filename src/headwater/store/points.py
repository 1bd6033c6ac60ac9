"""Data points as answers: parts of stored batches joined with their contexts, series, event times and sent times."""

import gc
from bisect import bisect_left, bisect_right
from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping, Sequence, ValuesView
from functools import partial
from itertools import chain, repeat
from typing import NamedTuple, Protocol, cast, overload

from headwater.model.context import Context
from headwater.model.ids import ORDINAL_MAX, DataPointId, IdRun
from headwater.model.reading import SeriesKey
from headwater.model.stamp import Lists, OriginKind, Select, Stamp, format_traceparent
from headwater.store.batches import Ids, Part, StoredBatch, merged
from headwater.store.columns import SERIES_BITS, UNKNOWN, PartColumns, Resolver
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


class Stretch(NamedTuple):
    """Data points of one batch, with what is known of them."""

    batch: StoredBatch
    positions: Sequence[int]
    codes: list[int]
    """What `keys` calls their series, or UNKNOWN."""
    timestamps: list[int]
    """Event times, where the series is known."""
    numbers: list[int] | None
    """What each is called at its origin; None when the origin of the batch says it."""
    context: Context | None
    keys: dict[int, SeriesKey]
    sent: Iterable[int | None]


class Points(Sequence[DataPoint]):
    """Data points, spelled out when first looked into; equal to a list of the same."""

    __slots__ = ("_order", "_points", "_stretches")

    def __init__(self, stretches: list[Stretch], order: list[int] | None = None) -> None:
        """`order` gives for each its place among the data points of all stretches; None for the order they have."""
        self._stretches = stretches
        self._order = order
        self._points: list[DataPoint] | None = None

    def __len__(self) -> int:
        return sum(len(stretch.positions) for stretch in self._stretches)

    def __iter__(self) -> Iterator[DataPoint]:
        return iter(self.spelled())

    @overload
    def __getitem__(self, index: int) -> DataPoint: ...
    @overload
    def __getitem__(self, index: slice) -> list[DataPoint]: ...
    def __getitem__(self, index: int | slice) -> DataPoint | list[DataPoint]:
        return self.spelled()[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self.spelled() == list(other)

    def __hash__(self) -> int:
        return hash(tuple(self.spelled()))

    def __repr__(self) -> str:
        return repr(self.spelled())

    def spelled(self) -> list[DataPoint]:
        """All of them."""
        if self._points is None:
            collecting = gc.isenabled()
            gc.disable()  # It would look through all that is made here, none of it garbage, several times.
            try:
                points = list(chain.from_iterable(map(_spelled, self._stretches)))
            finally:
                if collecting:
                    gc.enable()
            self._points = points if self._order is None else [points[at] for at in self._order]
        return self._points


class PointsById(Mapping[DataPointId, DataPoint]):
    """Data points by their ids, spelled out when first looked into."""

    __slots__ = ("_found", "_points")

    def __init__(self, points: Points) -> None:
        """No id may occur twice."""
        self._points = points
        self._found: dict[DataPointId, DataPoint] | None = None

    def spelled(self) -> dict[DataPointId, DataPoint]:
        """All of them."""
        if self._found is None:
            self._found = {point[0]: point for point in self._points.spelled()}
        return self._found

    def __len__(self) -> int:
        return len(self._points)

    def __iter__(self) -> Iterator[DataPointId]:
        return iter(self.spelled())

    def __contains__(self, id: object) -> bool:
        return id in self.spelled()

    def __getitem__(self, id: DataPointId) -> DataPoint:
        return self.spelled()[id]

    def items(self) -> ItemsView[DataPointId, DataPoint]:
        return self.spelled().items()

    def values(self) -> ValuesView[DataPoint]:
        return self.spelled().values()

    def __repr__(self) -> str:
        return repr(self.spelled())


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


def _spelled(stretch: Stretch) -> Iterator[DataPoint]:
    batch, positions, codes, timestamps, numbers, context, keys, sent = stretch
    shipped = batch.shipped
    stamp, origin = shipped.stamp, shipped.origin
    return map(
        _point_of,
        zip(
            map(_id_of, zip(repeat(batch.node), map(batch.start.__add__, positions), strict=False)),
            repeat(context),
            map(keys.get, codes),
            _times(codes, timestamps),
            repeat(stamp.received_ms),
            sent,
            _inputs(batch, positions),
            repeat(stamp.outside),
            repeat(shipped.kind),
            repeat(None if context is None else context.step),
            zip(repeat(origin.kind), repeat(origin.stream.hex()), numbers or _numbers(batch, positions), strict=False),
            _traces(stamp, positions),
            strict=False,
        ),
    )


def _numbers(batch: StoredBatch, positions: Sequence[int]) -> Iterable[int]:
    origin = batch.shipped.origin
    if origin.kind != OriginKind.SOURCE:
        return repeat(origin.number)
    if isinstance(batch.stamp.inputs, Select):
        positions = batch.kept[list(positions)].tolist()
    return map(origin.number.__add__, positions)


def _traces(stamp: Stamp, positions: Sequence[int]) -> Iterable[str | None]:
    if not stamp.traces:
        return repeat(None)
    texts = {run.trace: format_traceparent(run.trace) if run.trace else None for run in stamp.traces}
    every = [texts[run.trace] for run in stamp.traces for _ in range(run.count)]
    return [every[position] for position in positions]


def _times(codes: list[int], timestamps: list[int]) -> Iterable[int | None]:
    if UNKNOWN not in codes:
        return timestamps
    return [None if code == UNKNOWN else at for code, at in zip(codes, timestamps, strict=True)]


def _inputs(batch: StoredBatch, positions: Sequence[int]) -> Iterable[Edges | tuple[Edge, ...]]:
    made = batch.stamp.inputs
    if made is None:
        return repeat(NO_INPUTS)
    if isinstance(made, Lists):
        return [Edges(made.inputs[position], made.contribution) for position in positions]
    node, start = made.run.node, made.run.start
    if isinstance(made, Select):
        positions = batch.kept[list(positions)].tolist()
    return [Edges((IdRun(node, start + position, 1),)) for position in positions]
