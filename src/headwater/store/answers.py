"""Data points as answers: known column by column, and made when they are looked into."""

import gc
from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping, Sequence, ValuesView
from functools import partial
from itertools import chain, repeat
from typing import NamedTuple, cast, overload

from headwater.model.context import Context
from headwater.model.ids import DataPointId, IdRun
from headwater.model.reading import SeriesKey
from headwater.model.stamp import Lists, OriginKind, Select, Stamp, format_traceparent
from headwater.store.batches import StoredBatch
from headwater.store.columns import UNKNOWN
from headwater.store.port import DataPoint, Edge, Edges

# What `DataPoint._make` does, without a Python call for each of very many: the fields are always all there.
_point_of = cast(Callable[[Iterable[object]], DataPoint], partial(tuple.__new__, DataPoint))
_id_of = cast(Callable[[Iterable[object]], DataPointId], partial(tuple.__new__, DataPointId))
NO_INPUTS: tuple[Edge, ...] = ()


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
