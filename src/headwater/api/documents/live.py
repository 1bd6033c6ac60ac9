"""The JSON documents of live events."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from headwater.api.documents.store import IdRun
from headwater.api.documents.words import HealthWord, HexId, HexNode, Milliseconds


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
