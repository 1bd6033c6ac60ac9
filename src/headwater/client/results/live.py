"""The live streams."""

from typing import Literal

import msgspec

from headwater.client.results.cluster import HealthWord
from headwater.client.results.kept import IdRun


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
