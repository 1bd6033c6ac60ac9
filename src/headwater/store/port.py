"""What any provenance store promises: idempotent ingest, and answers about data points."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol, overload

from headwater.model.context import Context
from headwater.model.errors import Rejected
from headwater.model.health import Change, Health, Part, Verdict
from headwater.model.ids import DataPointId, IdRun
from headwater.model.reading import SeriesKey
from headwater.model.records import Config, Loss
from headwater.model.report import NodeReport
from headwater.model.shipment import Shipment
from headwater.model.stamp import SIMPLE, input_ids

INPUTS_MAX = 100_000
"""The most data points that one lineage answer holds unless asked otherwise."""


class Edge(NamedTuple):
    """One input or output of a data point."""

    point: DataPointId
    contribution: str


class Edges(Sequence[Edge]):
    """The inputs of a data point, kept as id runs and spelled out only when asked; equal to a tuple of the same."""

    __slots__ = ("contribution", "runs")

    def __init__(self, runs: tuple[IdRun, ...], contribution: str = SIMPLE) -> None:
        self.runs = runs
        self.contribution = contribution

    def __len__(self) -> int:
        return sum(run.count for run in self.runs)

    def __iter__(self) -> Iterator[Edge]:
        for point in input_ids(self.runs):
            yield Edge(point, self.contribution)

    @overload
    def __getitem__(self, index: int) -> Edge: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Edge, ...]: ...
    def __getitem__(self, index: int | slice) -> Edge | tuple[Edge, ...]:
        return tuple(self)[index]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"Edges({self.runs!r}, {self.contribution!r})"


class DataPoint(NamedTuple):
    """Everything the store knows of one data point. What its node does not record, or nobody knows, is None."""

    id: DataPointId
    context: Context | None
    """None when the context record never arrived."""
    key: SeriesKey | None
    """None when the series' definition is damaged or unknown."""
    timestamp: int | None
    """Event time, ms; the window's start for an aggregate."""
    received_ms: int
    sent_ms: int | None
    """When its node sent it on: known once the next hop has stamped it (rule 17)."""
    inputs: Sequence[Edge]
    outside: bool
    """The inputs were named by a 2018 client."""
    kind: int
    """model.records.Kind: DATA or OUT."""
    step: str | None
    origin: tuple[int, str, int]
    """(origin kind, stream id in hex, number of this very reading or sequence of the batch's origin)."""
    traceparent: str | None = None
    """The W3C trace that the program which recorded it belonged to."""


class Node(NamedTuple):
    """A node as it has made itself known."""

    id: int
    name: str
    log: bytes
    address: str
    """Where its agent answers."""
    config: Config | None
    report: NodeReport | None
    """The last report, None before the first."""
    reported_ms: int
    """When the report arrived, by the store's clock; 0 before the first."""


class Standing(NamedTuple):
    """How everything stands by the judge of the site."""

    at_ms: int
    """When it looked last, by its wall clock."""
    late: int
    """How many of its looks came late, so that it counted their pauses as nothing."""
    verdicts: list[Verdict]
    forgotten: frozenset[int] = frozenset()
    """Nodes that are gone on purpose, and not judged until they report again."""


class History(Protocol):
    """The words that were in force for one node."""

    def at(self, time_ms: int) -> dict[Part, Health]:
        """For the node, its daemons and its outgoing link; without those that no judge had looked at by then."""
        ...


class Place(NamedTuple):
    """Where a data point stands among those that a search finds."""

    timestamp: int
    node: int
    ordinal: int


class Search(NamedTuple):
    """Which first stamps to find (where a value was first stamped or made); what is None may be anything."""

    first_ms: int
    """first_ms <= event time < last_ms"""
    last_ms: int
    meter: str | None = None
    metric: str | None = None
    node: int | None = None
    newest: bool = False
    """The newest event time first instead of the oldest."""
    after: Place | None = None
    """Only what stands behind this place, in the order asked for."""


class Landing(NamedTuple):
    """Where a batch stands among all that the store took, in the order in which it took them."""

    period: int
    bid: int


class Arrival(NamedTuple):
    """A batch that the store took."""

    place: Landing
    run: IdRun
    kind: int
    """model.records.Kind: DATA or OUT."""
    step: str | None
    received_ms: int
    inputs: tuple[IdRun, ...]
    """What any of its data points were made from; of a selection the whole run that was selected from."""
    series: tuple[SeriesKey, ...]
    """The series in it, each once, as far as they are known yet."""
    times: tuple[int, int] | None
    """The earliest and the latest event time, ms; None while nothing is known of them."""


class Arrivals(NamedTuple):
    """Batches in the order in which the store took them."""

    batches: list[Arrival]
    whole: bool
    """False when some behind the place asked for are gone with the period they were in."""


class StoredLoss(NamedTuple):
    """A loss that a node named."""

    node: int
    sequence: int
    loss: Loss
    number: int = 0
    """Rises with every loss that is stored."""


class Held(NamedTuple):
    """A period of the store: the stamps that arrived within a stretch of time. Each is deleted whole."""

    number: int
    begun_ms: int
    ended_ms: int | None
    """None while it is open."""
    batches: int
    points: int
    bytes: int
    """On disk."""
    t_min: int | None
    """The earliest and the latest event time in it, ms; None for an open one, or without any."""
    t_max: int | None


class Expired(NamedTuple):
    """A period that was deleted."""

    number: int
    why: str
    """age (older than was to be kept), size (the store was too large) or asked (by hand)."""
    at_ms: int
    begun_ms: int
    ended_ms: int
    batches: int
    points: int
    bytes: int
    t_min: int | None
    t_max: int | None
    runs: tuple[IdRun, ...]
    """For each node the range that its deleted ids lay in; whether one of these ids ever was is not known any more."""


class Alarm(NamedTuple):
    """Something that someone must look into, such as two nodes with one id."""

    at_ms: int
    reason: str
    node: int
    log: bytes
    sequence: int
    detail: str
    number: int = 0
    """Rises with every alarm."""


class Group(NamedTuple):
    """A shipment with the log sequence that it completes, or why it could not be read."""

    log: bytes
    last: int
    shipment: Shipment | Rejected


class Writer(Protocol):
    """The one that writes."""

    def hello(self, site: str, node: int, log: bytes, name: str, address: str, now_ms: int) -> int:
        """Make a node known; return the last log sequence stored of this log, 0 for none.

        Rejected("site") when the store is of another site, Rejected("node-conflict") when another log id is live
        under this node id (said hello, shipped or reported less than 30 s ago, and did not say bye) or this log id
        belongs to another node.
        """
        ...

    def bye(self, log: bytes) -> None:
        """The agent of a log has gone; another log may take its node id at once."""
        ...

    def add(self, log: bytes, groups: list[tuple[int, Shipment]]) -> None:
        """Store shipments of one log durably, as `add_all` does; raise the first refusal after the others are
        stored."""
        ...

    def add_all(self, groups: list[Group]) -> list[Rejected | None]:
        """Store shipments of any logs in one durable transaction; adding one twice changes nothing.

        Answers for each group None, or why it was refused: "unknown-node" when the log never said hello or a
        stamp's id run is of another node, "conflict" when ids, a series number or a loss are already stored with
        other content, "stamp", "payload", "series" or "sequence" when it is wrong in itself. Of a refused shipment
        nothing is stored; it is counted, and passed: its last sequence counts as stored. Unavailable when nothing
        was stored.
        """
        ...

    def report(self, report: NodeReport, now_ms: int) -> None:
        """Keep the latest report of a node. Rejected("unknown-node") before its hello."""
        ...

    def report_all(self, reports: list[NodeReport], now_ms: int) -> list[Rejected | None]:
        """The same of many nodes at once: None for each, or why it was refused."""
        ...

    def expire(self, now_ms: int) -> list[Expired]:
        """Delete some of what need not be kept any longer, and remember that; answers what went. There may be more as
        long as it answers something. Unavailable when the store does not work."""
        ...

    def close(self) -> None: ...


class Reader(Protocol):
    """Answers; never waits for the writer. Absent ids are simply absent from answers."""

    def points(self, ids: list[DataPointId]) -> dict[DataPointId, DataPoint]:
        """The data points of many ids, in the order of the ids."""
        ...

    def last_of(self, node: int, size: int, before: int | None = None) -> list[DataPoint]:
        """The newest data points of a node, newest first by ordinal, 0 <= size; only those with a lower ordinal than
        `before`."""
        ...

    def backward(self, ids: list[DataPointId], most: int = INPUTS_MAX) -> Mapping[DataPointId, DataPoint]:
        """All data points that the given ones were made from, themselves included, breadth first. Cycles end; more
        than `most` is Rejected("too-large")."""
        ...

    def forward(
        self, ids: list[DataPointId], most: int = INPUTS_MAX
    ) -> dict[DataPointId, tuple[DataPoint, tuple[Edge, ...]]]:
        """All data points that the given ones went into, themselves included, each with its direct outputs as
        edges, breadth first. Cycles end; more than `most` is Rejected("too-large")."""
        ...

    def find(self, key: SeriesKey, first_ms: int, last_ms: int, size: int) -> Sequence[DataPoint]:
        """First stamps (where a value of this series was first stamped or made) with first_ms <= event time <
        last_ms, the first `size` in event-time order, ids breaking ties."""
        ...

    def search(self, search: Search, size: int) -> Sequence[DataPoint]:
        """The first `size` data points of a search, by event time, then node, then ordinal."""
        ...

    def landing(self) -> Landing:
        """The place of the last batch that the store took."""
        ...

    def arrivals(self, place: Landing, most: int) -> Arrivals:
        """The first `most` batches that the store took behind a place."""
        ...

    def missing(self, ids: list[DataPointId]) -> dict[DataPointId, str]:
        """Why ids that are not stored are not: damaged, dropped, gap or expired (model.records.Why), or unknown."""
        ...

    def held(self, size: int = 1000, before: int | None = None) -> list[Held]:
        """The periods there are, newest first; only those with a lower number than `before`."""
        ...

    def expired(self, size: int = 1000, before: int | None = None) -> list[Expired]:
        """The periods that were deleted, newest first; only those with a lower number than `before`."""
        ...

    def version(self) -> tuple[int, ...]:
        """Differs from what this very reader answered before whenever anything in the store has changed since."""
        ...

    def nodes(self) -> list[Node]:
        """All nodes by id."""
        ...

    def losses(self, node: int | None = None, size: int = 1000, before: int | None = None) -> list[StoredLoss]:
        """What was named lost, newest first; only what has a lower number than `before`."""
        ...

    def alarms(self, size: int = 1000, before: int | None = None) -> list[Alarm]:
        """What the store was alarmed by, newest first; only what has a lower number than `before`."""
        ...

    def standing(self) -> Standing | None:
        """How the nodes, their daemons and links stand by the judge's last look; None before its first."""
        ...

    def changes(self, size: int = 1000, before: int | None = None, node: int | None = None) -> list[Change]:
        """What has changed in health, newest first, with a lower number than `before`; all of it or what is about one
        node and the links to it."""
        ...

    def following(self, number: int, size: int = 1000) -> list[Change]:
        """The first changes in health behind a number, in their order."""
        ...

    def histories(self, nodes: Iterable[int]) -> Mapping[int, History]:
        """What the judge has said of nodes, their daemons and their outgoing links, to be asked for any time."""
        ...

    def refused(self) -> dict[str, int]:
        """How many shipments, reports and hellos were refused, by reason."""
        ...

    def totals(self) -> dict[str, int]:
        """`stamps` (data points), `batches`, `bytes` (on disk), `conflicts`, `expired` (data points deleted)."""
        ...

    def close(self) -> None: ...
