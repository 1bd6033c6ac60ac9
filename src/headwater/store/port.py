"""What any provenance store promises: idempotent ingest, and answers about data points."""

from typing import NamedTuple, Protocol

from headwater.model.context import Context
from headwater.model.ids import DataPointId
from headwater.model.reading import SeriesKey
from headwater.model.records import Config, Loss
from headwater.model.shipment import NodeReport, Shipment

INPUTS_MAX = 100_000
"""The most data points that one lineage answer holds unless asked otherwise."""


class Edge(NamedTuple):
    """One input of a data point."""

    point: DataPointId
    contribution: str


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
    inputs: tuple[Edge, ...]
    outside: bool
    """The inputs were named by a 2018 client."""
    kind: int
    """model.records.Kind: DATA or OUT."""
    step: str | None
    origin: tuple[int, str, int]
    """(origin kind, stream id in hex, number of this very reading or sequence of the batch's origin)."""


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


class StoredLoss(NamedTuple):
    """A loss that a node named."""

    node: int
    sequence: int
    loss: Loss


class Writer(Protocol):
    """The one that writes."""

    def hello(self, site: str, node: int, log: bytes, name: str, address: str, now_ms: int) -> int:
        """Make a node known; return the last log sequence stored of this log, 0 for none.

        Rejected("node-conflict") when another log id is live under this node id.
        """
        ...

    def add(self, log: bytes, groups: list[tuple[int, Shipment]]) -> None:
        """Store shipments durably, each with the log sequence it completes. Adding one twice changes nothing.

        Rejected("unknown-node") when a stamp's id run is of another node, Rejected("conflict") when ids are already
        stored with other bytes; a refused shipment is not stored, those before it are.
        """
        ...

    def report(self, report: NodeReport, now_ms: int) -> None:
        """Keep the latest report of a node."""
        ...

    def close(self) -> None: ...


class Reader(Protocol):
    """Answers; never waits for the writer. Absent ids are simply absent from answers."""

    def points(self, ids: list[DataPointId]) -> dict[DataPointId, DataPoint]:
        """The data points of many ids, in one read transaction."""
        ...

    def last_of(self, node: int, size: int) -> list[DataPoint]:
        """The newest data points of a node, newest first, 0 <= size."""
        ...

    def backward(self, ids: list[DataPointId], most: int = INPUTS_MAX) -> dict[DataPointId, DataPoint]:
        """All data points that the given ones were made from, themselves included. Cycles end; more than `most` is
        Rejected("too-large")."""
        ...

    def forward(self, ids: list[DataPointId], most: int = INPUTS_MAX) -> dict[DataPointId, tuple[DataPoint, tuple[Edge, ...]]]:
        """All data points that the given ones went into, themselves included, each with its direct outputs as edges."""
        ...

    def find(self, key: SeriesKey, first_ms: int, last_ms: int, size: int) -> list[DataPoint]:
        """First stamps (where a value of this series was first stamped or made) with first_ms <= event time < last_ms, in event-time order."""
        ...

    def nodes(self) -> list[Node]:
        """All nodes by id."""
        ...

    def losses(self, node: int | None = None, size: int = 1000) -> list[StoredLoss]:
        """What was named lost, newest first."""
        ...

    def totals(self) -> dict[str, int]:
        """`stamps` (data points), `batches`, `bytes` (on disk), `conflicts`."""
        ...

    def close(self) -> None: ...
