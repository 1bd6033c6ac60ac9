"""Data points, and what they were made from."""

from typing import Literal

import msgspec

from headwater.client.results.cluster import HealthWord

NoNumber = Literal["NaN", "Infinity", "-Infinity"]


class Location(msgspec.Struct, frozen=True):
    """Where a node is; 0.0 for both coordinates when they are not known."""

    label: str = msgspec.field(name="lable")
    latitude: float
    longitude: float


class PointContext(msgspec.Struct, frozen=True, rename="camel", kw_only=True, gc=False):
    """The context of a data point, as far as its node records it; times in ms since the epoch, UTC."""

    host_id: str | None = None
    """None for what is only named."""
    loc: Location | None = None
    line_no: int | None = None
    app_name: str | None = None
    class_name: str | None = None
    timestamp: int | None = None
    send_time: int | None = None
    receive_time: int | None = None
    meter_id: str | None = None
    metric_id: str | None = None


class Origin(msgspec.Struct, frozen=True):
    """Where a reading entered or was made, the same at every hop."""

    kind: Literal["source", "entry", "step"]
    stream: str
    number: int


class Datapoint(msgspec.Struct, frozen=True, rename="camel", kw_only=True, gc=False):
    """A data point; of one that is only named, or that the store does not hold, little more than the id."""

    id: str
    successor: str | None = None
    predecessor: str | None = None
    input_datapoints: tuple["Contribution", ...] = ()
    output_datapoints: tuple["Contribution", ...] = ()
    context: PointContext = PointContext()
    missing: str | None = None
    outside: bool = False
    node: str | None = None
    kind: Literal["data", "out"] | None = None
    step: str | None = None
    input_count: int | None = None
    """Only with detail."""
    origin: Origin | None = None
    metrics: tuple[str, ...] | None = None
    traceparent: str | None = None
    """The W3C trace that the program which recorded it belonged to."""
    health: dict[str, HealthWord] = {}
    value: float | NoNumber | None = None
    """As JSON says it; `number` is a float always."""
    value_state: str | None = None

    @property
    def number(self) -> float | None:
        """The value as a float, None where there is none."""
        return float(self.value) if isinstance(self.value, str) else self.value


class Contribution(msgspec.Struct, frozen=True, gc=False):
    """A neighbour in a lineage, and what it contributed or received."""

    dp: Datapoint
    contribution: str


class Found(msgspec.Struct, frozen=True):
    """A page of what a search finds."""

    points: tuple[Datapoint, ...]
    examined: int
    unchecked: dict[str, int]
    next: str | None = None
