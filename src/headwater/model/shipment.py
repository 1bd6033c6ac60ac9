"""What an agent ships to the store, and what it reports of its node."""

import msgspec

from headwater.model.context import Context
from headwater.model.records import Config, Definition, Loss
from headwater.model.stamp import Origin, Stamp


class ShippedStamp(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The stamp of one batch, with what the store needs of its record.

    `keys` is the payload's key section (wire.codec.decode_keys: series numbers, timestamps in ms), shipped where the
    readings were first stamped or made; later hops leave it out and it is found through the inputs.
    """

    sequence: int
    kind: int
    stamp: Stamp
    origin: Origin
    entry: bytes
    keys: bytes | None = None


class Shipment(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A stretch of a node's log as the store sees it, in log order within each kind."""

    stamps: tuple[ShippedStamp, ...] = ()
    definitions: tuple[Definition, ...] = ()
    contexts: tuple[Context, ...] = ()
    configs: tuple[tuple[int, Config], ...] = ()
    """(sequence, config)"""
    losses: tuple[tuple[int, Loss], ...] = ()
    """(sequence, loss)"""


class NodeReport(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How a node stands, from its log and the positions of its readers; counts are cumulative."""

    node: int
    time_ms: int
    received: int
    """Readings durable in this log, whatever their origin."""
    sent: int
    """Readings acknowledged by the next hop; 0 at an endpoint."""
    receive_rate: float
    """Readings a second over the last second or so."""
    send_rate: float
    durable: int
    """Last durable sequence."""
    acknowledged: int
    """Last sequence the next hop has acknowledged."""
    shipped: int
    """Last sequence whose stamps are in the store."""
    progress_ms: int
    """When the pipeline daemon last showed that it works."""
    refused: dict[str, int] = {}
    dropped: dict[str, int] = {}
    redis: dict[str, int] = {}
    """What became of the readings for the node's Redis, since its agent started; empty without one."""
    troubles: dict[str, str] = {}
    """What the pipeline daemon is connected to and cannot reach at present, with the reason in a sentence."""
