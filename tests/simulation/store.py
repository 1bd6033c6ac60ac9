"""The provenance store of the simulation: what agents ship, and an alarm when two things have one id."""

import msgspec

from headwater.agent.shipper import Group
from headwater.model.context import Context
from headwater.model.records import Config, Definition, Loss
from headwater.model.shipment import ShippedStamp


class Violation(Exception):
    """An invariant does not hold."""


class Store:
    """Keeps what is shipped, and where each log's agent goes on."""

    def __init__(self) -> None:
        self.up = True
        self.stamps: dict[tuple[int, int], tuple[bytes, ShippedStamp]] = {}
        """(node, first ordinal) -> (log, stamp)"""
        self.contexts: dict[bytes, Context] = {}
        self.definitions: dict[tuple[bytes, int], Definition] = {}
        self.losses: list[Loss] = []
        self.configs: list[Config] = []
        self.stored: dict[bytes, int] = {}

    def put(self, log: bytes, group: Group) -> None:
        """Take a group in; what comes again has to be the same."""
        for shipped in group.shipment.stamps:
            key = (shipped.stamp.run.node, shipped.stamp.run.start)
            held = self.stamps.setdefault(key, (log, shipped))
            if msgspec.msgpack.encode(held) != msgspec.msgpack.encode((log, shipped)):
                raise Violation(f"two stamps of the id {key}: {held} and {shipped}")
        for definition in group.shipment.definitions:
            self.definitions[definition.log, definition.number] = definition
        for context in group.shipment.contexts:
            self.contexts[context.id] = context
        self.losses += [loss for _, loss in group.shipment.losses]
        self.configs += [config for _, config in group.shipment.configs]
        self.stored[log] = max(self.stored.get(log, 0), group.last)
