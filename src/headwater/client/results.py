"""What the API answers, as frozen values; what an answer leaves out is None.

Fields that a newer server adds are ignored. `docs/api.md` says what each one means.
"""

from typing import Any, Literal

import msgspec

HealthWord = Literal["Green", "Yellow", "Red"]
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


class Place(msgspec.Struct, frozen=True):
    """Where a node says it is; None for both coordinates, in degrees of WGS 84, when they are not known."""

    label: str
    latitude: float | None = None
    longitude: float | None = None


class Node(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A node of the topology."""

    id: str
    name: str
    successor: str | None = None
    log: str | None = None
    agent: str | None = None
    next: str | None = None
    protocol: str | None = None
    listen: str | None = None
    steps: tuple[str, ...] = ()
    when_full: str | None = None
    provenance: bool | None = None
    location: Place | None = None


class Subject(msgspec.Struct, frozen=True):
    """What can fail on its own; a link has a target, the server no node."""

    part: Literal["node", "link", "pipeline", "provenance", "server"]
    node: str | None = None
    target: str | None = None


class Judged(msgspec.Struct, frozen=True):
    """How a node, daemon or link stands, since when, and why."""

    health: HealthWord
    since: int
    evidence: str
    cause: Subject | None = None
    doubt: str = ""
    alarm: bool = False


class Clock(msgspec.Struct, frozen=True, rename="camel"):
    """A neighbour's clock minus a node's own."""

    node: str
    offset_ms: float
    round_trip_ms: float


class HealthNode(msgspec.Struct, frozen=True):
    """A node and its two daemons."""

    id: str
    name: str
    node: Judged
    pipeline: Judged
    provenance: Judged
    clocks: tuple[Clock, ...] = ()


class Account(msgspec.Struct, frozen=True, rename="camel"):
    """The books of a link, in readings: sent = delivered + buffered + dropped."""

    sent: int
    delivered: int
    buffered: int
    dropped: dict[str, int]
    rate: float
    oldest_ms: int


class HealthLink(msgspec.Struct, frozen=True):
    """A link and what it has passed on."""

    source: str
    link: Judged
    target: str | None = None
    address: str = ""
    account: Account | None = None


class HealthAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """What has failed itself, and what fails with it."""

    subject: Subject
    since: int
    evidence: str
    doubt: str = ""
    explains: tuple[Subject, ...] = ()


class ClusterHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How everything stands by the last look of the judge."""

    at: int
    late_looks: int = msgspec.field(name="lateLooks")
    alarms: tuple[HealthAlarm, ...]
    nodes: tuple[HealthNode, ...]
    links: tuple[HealthLink, ...]


class HealthEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict that took the place of another."""

    number: int
    at: int
    subject: Subject
    before: HealthWord | None = None
    health: HealthWord
    evidence: str
    cause: Subject | None = None
    doubt: str = ""
    alarm: bool = False


class NodeStat(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """How a node stands; rates in readings a second."""

    id: str
    node_health: HealthWord
    provenance_daemon_health: HealthWord
    pipeline_daemon_health: HealthWord
    outgoing_channel_health: HealthWord | None = None
    send_rate: float = 0.0
    receive_rate: float = 0.0
    name: str | None = None
    reported: int | None = None
    received: int | None = None
    sent: int | None = None
    durable: int | None = None
    acknowledged: int | None = None
    shipped: int | None = None
    backlog: int | None = None
    unshipped: int | None = None
    refused: dict[str, int] = {}
    dropped: dict[str, int] = {}
    redis: dict[str, int] = {}
    troubles: dict[str, str] = {}
    reported_send_rate: float | None = None
    reported_receive_rate: float | None = None


class LineageAnswer(msgspec.Struct, frozen=True, gc=False):
    """The lineage of one id: its linear points, or one recursive data point."""

    id: str
    found: bool
    points: tuple[Datapoint, ...]
    missing: str | None = None


class Span(msgspec.Struct, frozen=True, gc=False):
    """The least and the greatest of some numbers."""

    least: int
    most: int


class NodeCount(msgspec.Struct, frozen=True, gc=False):
    """How many data points are at a node."""

    node: str
    count: int
    name: str | None = None


class SeriesCount(msgspec.Struct, frozen=True, gc=False):
    """How many data points are of a meter and metric."""

    meter: str
    metric: str
    count: int


class Group(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Data points told together: the 50 nodes and the 50 series with the most of them, and what they have in common."""

    nodes: tuple[NodeCount, ...]
    series: tuple[SeriesCount, ...]
    series_count: int
    timestamps: Span | None = None
    received: Span | None = None
    kind: Literal["data", "out"] | None = None
    step: str | None = None
    missing: dict[str, int] = {}
    outside: bool = False


class Into(msgspec.Struct, frozen=True, gc=False):
    """Where a card of a folded lineage leads: to a card nearer to the data point that was asked for."""

    card: int
    contribution: str | None = None
    hop: Span | None = None
    """The time between both, ms."""


class FoldedCard(msgspec.Struct, frozen=True, kw_only=True):
    """One data point, or many that are alike."""

    count: int
    into: tuple[Into, ...]
    point: Datapoint | None = None
    neighbours: int | None = None
    group: Group | None = None
    further: bool = False
    """More depth leads on from here."""


class FoldedLineage(msgspec.Struct, frozen=True, kw_only=True):
    """A lineage whose cards are few; the data point that was asked for comes first."""

    id: str
    direction: Literal["backward", "forward"]
    cards: tuple[FoldedCard, ...]


class NeighbourPart(msgspec.Struct, frozen=True, kw_only=True):
    """The inputs (or outputs) of a data point at first <= place < last in their order."""

    first: int
    last: int
    point: Datapoint | None = None
    neighbours: int | None = None
    group: Group | None = None


class Neighbours(msgspec.Struct, frozen=True, kw_only=True):
    """The inputs (or outputs) of a data point by meter, metric, event time and id, taken apart."""

    id: str
    direction: Literal["backward", "forward"]
    count: int
    parts: tuple[NeighbourPart, ...]


class Found(msgspec.Struct, frozen=True):
    """A page of what a search finds."""

    points: tuple[Datapoint, ...]
    examined: int
    unchecked: dict[str, int]
    next: str | None = None


class IdRun(msgspec.Struct, frozen=True):
    """`count` consecutive ids from `first` on."""

    first: str
    count: int


class Loss(msgspec.Struct, frozen=True):
    """Records `first` to `last` of a log that are gone, named by a node."""

    node: str
    sequence: int
    why: str
    log: str
    first: int
    last: int
    readings: int
    runs: tuple[IdRun, ...]
    link: tuple[tuple[int, int], ...]
    stamps: tuple[tuple[int, int], ...]


class Period(msgspec.Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True):
    """The stamps that arrived at the store within a stretch of time; times in ms since the epoch, UTC."""

    number: int
    begun: int
    ended: int | None = None
    """None while it is open."""
    batches: int
    points: int
    bytes: int
    first_event: int | None = None
    last_event: int | None = None


class ExpiredPeriod(msgspec.Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True):
    """A period that the store has deleted."""

    number: int
    why: str
    """age (older than was to be kept), size (the store was too large) or asked (by hand)."""
    at: int
    begun: int
    ended: int
    batches: int
    points: int
    bytes: int
    first_event: int | None = None
    last_event: int | None = None
    runs: tuple[IdRun, ...]
    """For each node the range that its deleted ids lay in."""


class Alarm(msgspec.Struct, frozen=True):
    """Something that someone must look into."""

    at: int
    reason: str
    node: str
    log: str
    sequence: int
    detail: str


class Report(msgspec.Struct, frozen=True):
    """A file with what a benchmark or a run of chaos has found."""

    name: str
    bytes: int
    written: int


class Totals(msgspec.Struct, frozen=True):
    """What the store holds."""

    stamps: int
    batches: int
    bytes: int
    conflicts: int
    refused: dict[str, int]
    expired: int = 0


class PqlAnswer(msgspec.Struct, frozen=True):
    """What 2018 calls a QueryResult: data points, or what is wrong."""

    error: bool
    datapoints: list[Any] = []
    message: str | None = None


class Alive(msgspec.Struct, frozen=True):
    """The process answers."""

    status: str
    version: str


class LiveStamp(msgspec.Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True):
    """A batch that was stamped at a node."""

    id: str
    """The first of `count` consecutive data point ids."""
    count: int
    node: str
    name: str | None = None
    kind: Literal["data", "out"]
    step: str | None = None
    received: int
    inputs: tuple[IdRun, ...] = ()
    series: tuple[tuple[str, str], ...] = ()
    series_count: int = 0
    first_time: int | None = None
    last_time: int | None = None


class SqlColumn(msgspec.Struct, frozen=True):
    """A column of an answer, with its DuckDB type."""

    name: str
    type: str


class SqlAnswer(msgspec.Struct, frozen=True):
    """What SQL answers; each row has a value for each column, in their order."""

    query: str
    """The query's id."""
    columns: tuple[SqlColumn, ...]
    rows: tuple[tuple[Any, ...], ...]
    count: int
    truncated: bool
    """There is more than is here ..."""
    next: str = ""
    """... and what to do about that."""


class CqlTable(msgspec.Struct, frozen=True):
    """A table that CQL may ask; WHERE names its partition, and may compare its clustering columns."""

    name: str
    columns: tuple[SqlColumn, ...]
    partition: tuple[str, ...]
    clustering: tuple[str, ...] = ()


class CqlKeyspace(msgspec.Struct, frozen=True):
    """What CQL may ask."""

    keyspace: str
    tables: tuple[CqlTable, ...]


class SqlQuery(msgspec.Struct, frozen=True):
    """A query that waits or runs, since `begun` (ms since the epoch)."""

    id: str
    query: str
    begun: int
    running: bool


class Missed(msgspec.Struct, frozen=True, omit_defaults=True):
    """Events that were left out here."""

    events: int | None = None
    """How many; None when nobody can tell."""
    why: str = ""


class LiveNode(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A node, now; rates in readings a second."""

    id: str
    name: str
    health: HealthWord
    receive_rate: float
    send_rate: float


class LiveLink(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A link between two nodes, now."""

    source: str
    target: str
    health: HealthWord
    rate: float
    """Readings a second that the source sends."""
    backlog: int
    """Records that wait at the source."""


class LiveRates(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Every node and link at one time, ms since the epoch."""

    at: int
    nodes: tuple[LiveNode, ...]
    links: tuple[LiveLink, ...]
