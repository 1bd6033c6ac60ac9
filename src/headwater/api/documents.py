"""The JSON documents of the API, field by field; what is unset is left out.

The names of 2018 are kept as they are, `lable` included. Fields that 2018 did not know are marked `Detail`: they are
set only in answers to ?detail=true.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from headwater.model.health import Part

HexId = Annotated[str, Meta(pattern="^[0-9a-f]{20}$", description="a data point id")]
HexNode = Annotated[str, Meta(pattern="^[0-9a-f]{6}$", description="a node id")]
Milliseconds = Annotated[int, Meta(description="ms since the epoch, UTC")]
HealthWord = Literal["Green", "Yellow", "Red"]
ValueState = Literal["unknown", "expired", "damaged", "unreachable"]


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


class Node(msgspec.Struct, rename="camel", kw_only=True):
    """A node of the topology."""

    id: HexNode
    name: str
    successor: HexNode | UnsetType = UNSET
    log: str | UnsetType = UNSET
    """Detail: the log id, as this and all below."""
    agent: str | UnsetType = UNSET
    next: str | UnsetType = UNSET
    protocol: str | UnsetType = UNSET
    listen: str | UnsetType = UNSET
    steps: tuple[str, ...] | UnsetType = UNSET
    when_full: str | UnsetType = UNSET
    provenance: bool | UnsetType = UNSET


class NodeStat(msgspec.Struct, rename="camel", kw_only=True):
    """How a node stands; rates in readings a second, 0 unless the node is Green."""

    id: HexNode
    node_health: HealthWord
    provenance_daemon_health: HealthWord
    pipeline_daemon_health: HealthWord
    outgoing_channel_health: HealthWord | UnsetType = UNSET
    """Absent at an endpoint."""
    send_rate: float
    receive_rate: float
    name: str | UnsetType = UNSET
    """Detail, as all below."""
    reported: Milliseconds | UnsetType = UNSET
    """When the last report arrived, by the store's clock."""
    received: int | UnsetType = UNSET
    """Readings that came in since the node's log began; what steps of the node make is not among them."""
    sent: int | UnsetType = UNSET
    """Readings that the next hop has acknowledged, also those that steps made."""
    durable: int | UnsetType = UNSET
    """Last durable sequence of the log."""
    acknowledged: int | UnsetType = UNSET
    """Last sequence that the next hop has acknowledged."""
    shipped: int | UnsetType = UNSET
    """Last sequence whose stamps are in the store."""
    backlog: int | UnsetType = UNSET
    """Sequences not yet acknowledged by the next hop; absent at an endpoint."""
    unshipped: int | UnsetType = UNSET
    """Sequences whose stamps are not yet in the store."""
    refused: dict[str, int] | UnsetType = UNSET
    """Readings refused, by reason."""
    dropped: dict[str, int] | UnsetType = UNSET
    """Readings dropped, by reason."""
    redis: dict[str, int] | UnsetType = UNSET
    """What became of the readings for the node's Redis, since its agent started; absent without one."""
    troubles: dict[str, str] | UnsetType = UNSET
    """What the node cannot reach at present, such as an MQTT broker, and why; absent when there is nothing."""
    reported_send_rate: float | UnsetType = UNSET
    reported_receive_rate: float | UnsetType = UNSET


class Subject(msgspec.Struct, omit_defaults=True):
    """What can fail on its own: a node, its pipeline or provenance daemon, its link to a target; or the server."""

    part: Part
    node: HexNode | UnsetType = UNSET
    target: HexNode | UnsetType = UNSET


class Judged(msgspec.Struct, omit_defaults=True):
    """How a node, daemon or link stands."""

    health: HealthWord
    since: Milliseconds
    evidence: str
    """What is known, in a sentence."""
    cause: Subject | UnsetType = UNSET
    """What else has failed and explains it."""
    doubt: str = ""
    """What else it may be, when nothing tells the two apart."""
    alarm: bool = False
    """It has failed itself, as far as can be told."""


class Clock(msgspec.Struct, rename="camel"):
    """A neighbour's clock as a node sees it, estimated from beats."""

    node: HexNode
    offset_ms: float
    """Its clock minus the node's own."""
    round_trip_ms: float


class HealthNode(msgspec.Struct, omit_defaults=True):
    """A node and its two daemons."""

    id: HexNode
    name: str
    node: Judged
    pipeline: Judged
    provenance: Judged
    clocks: list[Clock] = []


class Account(msgspec.Struct, rename="camel"):
    """The books of a link since the log of its source began, in readings: sent = delivered + buffered + dropped."""

    sent: int
    """Logged at the source, to be passed on."""
    delivered: int
    buffered: int
    dropped: dict[str, int]
    """By reason."""
    rate: float
    """Delivered a second, lately."""
    oldest_ms: int
    """Age of the oldest reading that is logged and not delivered; 0 when there is none."""


class HealthLink(msgspec.Struct, omit_defaults=True):
    """A link and what it has passed on."""

    source: HexNode
    link: Judged
    target: HexNode | UnsetType = UNSET
    """Absent while it is not known who is at the other end."""
    address: str = ""
    account: Account | UnsetType = UNSET


class HealthAlarm(msgspec.Struct, kw_only=True):
    """What has failed itself, and what fails with it."""

    subject: Subject
    since: Milliseconds
    evidence: str
    doubt: str = ""
    explains: list[Subject] = []


class ClusterHealth(msgspec.Struct, kw_only=True):
    """How everything stands by the last look of the judge."""

    at: Milliseconds
    """When that was, by the server's clock."""
    late_looks: int = msgspec.field(name="lateLooks")
    """How many looks came late, and counted their pause as nothing, since the judge began."""
    alarms: list[HealthAlarm]
    nodes: list[HealthNode]
    links: list[HealthLink]


class HealthEvent(msgspec.Struct, omit_defaults=True, kw_only=True):
    """A verdict that took the place of another."""

    number: int
    at: Milliseconds
    subject: Subject
    before: HealthWord | UnsetType = UNSET
    """Absent at the first look."""
    health: HealthWord
    evidence: str
    cause: Subject | UnsetType = UNSET
    doubt: str = ""
    alarm: bool = False


class LineageQuestion(msgspec.Struct, forbid_unknown_fields=True):
    """Many lineages in one request."""

    ids: list[str]
    structure: Literal["linear", "recursive"] = "linear"
    direction: Literal["backward", "forward"] = "backward"
    detail: bool = False
    values: bool = False
    """Ask the nodes for the value of every data point."""


class LineageAnswer(msgspec.Struct, gc=False):
    """The lineage of one id: its linear points, or one recursive data point."""

    id: str
    found: bool
    points: list[Datapoint]
    missing: str | UnsetType = UNSET
    """Detail: why nothing was found: damaged, dropped, gap, expired or unknown."""


class Found(msgspec.Struct):
    """A page of what a search finds, each value once: where it entered or was made."""

    points: list[Datapoint]
    examined: int
    """How many data points were looked at for this page."""
    unchecked: dict[ValueState, int]
    """How many of them are left out because nobody could tell their value, by reason; only where a value is asked."""
    next: str | UnsetType = UNSET
    """The cursor of the next page; absent on the last one."""


class IdRun(msgspec.Struct):
    """`count` consecutive ids from `first` on."""

    first: HexId
    count: int


class Loss(msgspec.Struct):
    """Records `first` to `last` of a log that are gone, named by a node; or, with an empty log, stamps of a node that
    the store has deleted."""

    node: HexNode
    sequence: int
    why: str
    log: str
    first: int
    last: int
    readings: int
    runs: list[IdRun]
    """Ids that no longer lead to a reading."""
    link: list[tuple[int, int]]
    """Sequences that the next hop will not get."""
    stamps: list[tuple[int, int]]
    """Sequences whose stamps the store will not get."""


class Period(msgspec.Struct, rename="camel", kw_only=True):
    """The stamps that arrived within a stretch of time; deleted whole."""

    number: int
    begun: Milliseconds
    ended: Milliseconds | UnsetType = UNSET
    """Absent while it is open."""
    batches: int
    points: int
    bytes: int
    """On disk."""
    first_event: Milliseconds | UnsetType = UNSET
    """The earliest event time in it; absent of an open one, and without any."""
    last_event: Milliseconds | UnsetType = UNSET


class ExpiredPeriod(msgspec.Struct, rename="camel", kw_only=True):
    """A period that was deleted."""

    number: int
    why: str
    """age (older than was to be kept), size (the store was too large) or asked (by hand)."""
    at: Milliseconds
    """When it was deleted."""
    begun: Milliseconds
    ended: Milliseconds
    batches: int
    points: int
    bytes: int
    first_event: Milliseconds | UnsetType = UNSET
    last_event: Milliseconds | UnsetType = UNSET
    runs: list[IdRun]
    """For each node the range that its deleted ids lay in; which of these ids there were is not known any more."""


class Alarm(msgspec.Struct):
    """Something that someone must look into, such as two nodes with one id."""

    at: Milliseconds
    reason: str
    node: HexNode
    log: str
    sequence: int
    detail: str


class Totals(msgspec.Struct):
    """What the store holds."""

    stamps: int
    """Data points."""
    batches: int
    bytes: int
    """On disk."""
    conflicts: int
    """Ids that were shipped with two contents."""
    expired: int
    """Data points deleted since the store began."""
    refused: dict[str, int]
    """Shipments, reports and hellos that were refused, by reason."""


class LiveStamp(msgspec.Struct, rename="camel", kw_only=True):
    """A batch that was stamped at a node: one event."""

    id: HexId
    """The first of `count` consecutive data point ids."""
    count: int
    node: HexNode
    name: str | UnsetType = UNSET
    kind: Literal["data", "out"]
    """Received (data) or made by a step (out)."""
    step: str | UnsetType = UNSET
    received: Milliseconds
    inputs: list[IdRun]
    """What its data points were made from, the first runs of it."""
    series: list[tuple[str, str]]
    """The first of the meters and metrics in it."""
    series_count: int
    """How many series there are in it, as far as they are known."""
    first_time: Milliseconds | UnsetType = UNSET
    """The earliest event time."""
    last_time: Milliseconds | UnsetType = UNSET


class Missed(msgspec.Struct):
    """Events that were left out here."""

    events: int | UnsetType = UNSET
    """How many; absent when nobody can tell."""
    why: str = ""


class LiveNode(msgspec.Struct, rename="camel", kw_only=True):
    """A node, now; rates in readings a second."""

    id: HexNode
    name: str
    health: HealthWord
    receive_rate: float
    send_rate: float


class LiveLink(msgspec.Struct, rename="camel", kw_only=True):
    """A link between two nodes, now."""

    source: HexNode
    target: str
    """A node id, or host:port where the configuration knows no id."""
    health: HealthWord
    rate: float
    """Readings a second that the source sends."""
    backlog: int
    """Records that wait at the source."""


class LiveRates(msgspec.Struct, rename="camel", kw_only=True):
    """Every node and link, now: one event."""

    at: Milliseconds
    nodes: list[LiveNode]
    links: list[LiveLink]


class Alive(msgspec.Struct):
    """The process answers."""

    status: str
    version: str


class SqlQuestion(msgspec.Struct, forbid_unknown_fields=True):
    """One SELECT over the relation `provenance`."""

    query: str
    id: str | None = None
    """Names it, to cancel it by; made up when it is left out."""
    format: Literal["json", "csv", "arrow", "parquet"] | None = None
    """What the answer is written as, before ?format= and Accept."""
    rows: int | None = None
    """The most rows of the answer."""
    values: bool = False
    """Fill `value` and `value_state`, which asks the nodes for every data point that is read."""
    stream: bool = False
    """Send rows as they are found, all there are."""


class SqlColumn(msgspec.Struct):
    """A column of an answer, with its DuckDB type."""

    name: str
    type: str


class SqlAnswer(msgspec.Struct):
    """The rows of an answer, each a list in the order of the columns."""

    query: str
    """The query's id."""
    columns: list[SqlColumn]
    rows: list[list[Any]]
    count: int
    truncated: bool
    """There is more than is here."""
    next: str | UnsetType = UNSET
    """What to do about that."""


class SqlQuery(msgspec.Struct):
    """A query that waits or runs."""

    id: str
    query: str
    begun: Milliseconds
    running: bool


class PqlQuestion(msgspec.Struct):
    """A query of 2018."""

    query: str


class PqlAnswer(msgspec.Struct):
    """What 2018 calls a QueryResult: data points, or what is wrong."""

    error: bool
    datapoints: list[Any] | UnsetType = UNSET
    message: str | UnsetType = UNSET


class Problem(msgspec.Struct, omit_defaults=True):
    """An error as RFC 9457 writes it (application/problem+json)."""

    type: str
    title: str
    status: int
    detail: str = ""
    line: int | None = None
    """Where in a query it is, from 1 on."""
    column: int | None = None
