"""The JSON documents of data points and of what they were made from."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from headwater.api.documents.words import HealthWord, HexId, HexNode, Milliseconds, ValueState


class Location(msgspec.Struct):
    """Where a node is; 0.0 for both coordinates when they are not known."""

    label: str = msgspec.field(name="lable")
    latitude: float
    longitude: float


class PointContext(msgspec.Struct, rename="camel", kw_only=True, gc=False):
    """The context of a data point, as far as its node records it."""

    loc: Location | UnsetType = UNSET
    line_no: int | UnsetType = UNSET
    app_name: str | UnsetType = UNSET
    class_name: str | UnsetType = UNSET
    timestamp: Milliseconds | UnsetType = UNSET
    send_time: Milliseconds | UnsetType = UNSET
    receive_time: Milliseconds | UnsetType = UNSET
    meter_id: str | UnsetType = UNSET
    metric_id: str | UnsetType = UNSET
    host_id: HexNode


class Origin(msgspec.Struct):
    """Detail: where the reading entered or was made, the same at every hop."""

    kind: Literal["source", "entry", "step"]
    stream: str
    number: int


class Datapoint(msgspec.Struct, rename="camel", kw_only=True, gc=False):
    """A data point, or a stub of its id alone where it is only named or the store does not hold it."""

    id: HexId
    successor: HexNode | UnsetType = UNSET
    """Linear: host of the point that was made from this one; absent on the requested point."""
    predecessor: HexNode | UnsetType = UNSET
    """Linear and forward: host of the point that this one was made from; absent on the requested point."""
    input_datapoints: list["Contribution"] | UnsetType = UNSET
    """What it was made from: nested in a recursive answer, as ids in a file and in the detail of a linear answer."""
    output_datapoints: list["Contribution"] | UnsetType = UNSET
    """The same for what it went into, in forward answers."""
    context: PointContext | UnsetType = UNSET
    missing: str | UnsetType = UNSET
    """Detail: why the store does not hold it: damaged, dropped, expired, gap, cycle or unknown."""
    outside: bool | UnsetType = UNSET
    """Detail: a client of the 2018 protocol named it; it was never ours."""
    node: str | UnsetType = UNSET
    """Detail: the name of its node."""
    kind: Literal["data", "out"] | UnsetType = UNSET
    """Detail: received (data) or made by a step (out)."""
    step: str | UnsetType = UNSET
    """Detail: the step or function that made it."""
    input_count: int | UnsetType = UNSET
    """Detail: how many data points it was made from, 0 where it entered."""
    origin: Origin | UnsetType = UNSET
    """Detail."""
    metrics: tuple[str, ...] | UnsetType = UNSET
    """Detail: the context columns that its node records; absent when its context never arrived."""
    traceparent: str | UnsetType = UNSET
    """Detail: the W3C trace that the program which recorded it belonged to."""
    health: dict[str, HealthWord] | UnsetType = UNSET
    """Detail: how its node (`node`), the daemons there (`pipeline`, `provenance`) and the node's outgoing link (`link`)
    stood when the data point was made, as far as a judge had looked at them."""
    value: float | Literal["NaN", "Infinity", "-Infinity"] | UnsetType = UNSET
    """Detail: the value, asked from the node's log."""
    value_state: ValueState | UnsetType = UNSET
    """Detail: why there is no value."""


class Contribution(msgspec.Struct, gc=False):
    """A neighbour in a lineage, and what it contributed or received."""

    dp: Datapoint
    contribution: str
