"""The JSON documents of the nodes and how they stand, as 2018 showed them."""

import msgspec
from msgspec import UNSET, UnsetType

from headwater.api.documents.words import HealthWord, HexNode, Milliseconds


class Place(msgspec.Struct):
    """Where a node says it is."""

    label: str
    latitude: float | UnsetType = UNSET
    """Degrees north, WGS 84; absent, as the longitude, when it is not known."""
    longitude: float | UnsetType = UNSET
    """Degrees east."""


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
    location: Place | UnsetType = UNSET
    """As its configuration has it, whether or not its data points record it."""


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
