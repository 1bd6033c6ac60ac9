"""What an agent ships to the store."""

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
