"""What traced functions take and give: points, which are numbers that know their id, and results that say more."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol, Self, SupportsFloat, cast

from headwater.model.ids import DataPointId


class Point(float):
    """A recorded value: the float itself, that also knows the id, meter, metric and timestamp it was recorded with.

    Arithmetic gives plain floats: what is to be explained is made by a traced function, or with `derive`.
    """

    __slots__ = ("id", "meter", "metric", "timestamp")

    id: DataPointId
    meter: str
    metric: str
    timestamp: int
    """ms since the epoch, UTC."""

    def __new__(cls, value: SupportsFloat, id: DataPointId, meter: str, metric: str, timestamp: int) -> Self:
        point = super().__new__(cls, value)
        point.id = id
        point.meter = meter
        point.metric = metric
        point.timestamp = timestamp
        return point

    @property
    def value(self) -> float:
        """The plain float."""
        return float(self)

    def __getnewargs__(self) -> tuple[float, DataPointId, str, str, int]:  # type: ignore[override]
        return float(self), self.id, self.meter, self.metric, self.timestamp


class ReadingLike(Protocol):
    """Anything that says what its value was measured of; its `timestamp`, when it has one, is kept too."""

    @property
    def meter(self) -> str: ...

    @property
    def metric(self) -> str: ...

    @property
    def value(self) -> SupportsFloat: ...


class Made(NamedTuple):
    """A result that says more than its value; what is None is found as for any other result."""

    value: SupportsFloat
    inputs: Iterable[Point | DataPointId | str] | None = None
    """What it was made from, instead of the points among the arguments; empty for what was measured."""
    meter: str | None = None
    metric: str | None = None
    timestamp: int | None = None
    """When it was measured, ms since the epoch, UTC."""
    contribution: str | None = None


Result = SupportsFloat | ReadingLike | Made

Input = Point | DataPointId
_INPUTS = (Point, DataPointId)
_HOLDERS = (list, tuple, set, frozenset)


def points_among(arguments: Iterable[object]) -> list[Input]:
    """The points and ids among arguments and, one level deep, in lists, tuples, sets and the values of mappings."""
    found: list[Input] = []
    for argument in arguments:
        if isinstance(argument, _INPUTS):
            found.append(argument)
        elif isinstance(argument, _HOLDERS):
            found += [item for item in argument if isinstance(item, _INPUTS)]
        elif isinstance(argument, Mapping):
            found += [item for item in argument.values() if isinstance(item, _INPUTS)]
    return found


def said_of(result: object) -> Made:
    """What a result says: its value and what else there is; a number says only itself."""
    if isinstance(result, Made):
        return result
    if isinstance(result, float | int):
        return Made(result)
    value = getattr(result, "value", result)
    if value is result or not hasattr(result, "metric"):
        return Made(cast(SupportsFloat, result))
    return Made(
        cast(SupportsFloat, value),
        None,
        getattr(result, "meter", None),
        result.metric,
        getattr(result, "timestamp", None),
    )
