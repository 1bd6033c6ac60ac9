"""The JSON documents of health: how everything stands, why, and what has changed."""

import msgspec
from msgspec import UNSET, UnsetType

from headwater.api.documents.words import HealthWord, HexNode, Milliseconds
from headwater.model.health import Part


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
