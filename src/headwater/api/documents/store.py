"""The JSON documents of what the store holds, has lost, and was alarmed by."""

import msgspec
from msgspec import UNSET, UnsetType

from headwater.api.documents.words import HexId, HexNode, Milliseconds


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


class Report(msgspec.Struct):
    """A file with what a benchmark or a run of chaos has found."""

    name: str
    bytes: int
    written: Milliseconds


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
