"""The nodes, their links, and how they stand."""

from typing import Literal

import msgspec

HealthWord = Literal["Green", "Yellow", "Red"]


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
