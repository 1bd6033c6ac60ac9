"""What chaos can be told: whether it is enabled, the relays of links, and where they are steered from."""

from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

CONTROL = "chaos.sock"
"""The socket in the folder of a run at which faults are asked for."""
RELAY_PORTS = 2
"""Of each relay: one for the pipeline daemon of the next hop, one for its agent."""


class ChaosOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether faults may be asked for."""

    enabled: bool = False
    """Let `headwater chaos run` put faults into this topology; the server must listen on a loopback address."""
    relay_port: Annotated[int, Meta(ge=1, le=65_535)] = 54_000
    """The first port of the relays on 127.0.0.1, which stand between each node and its next hop: two ports a node."""


class Way(NamedTuple):
    """One address that a relay stands in front of."""

    listen: str
    """host:port of the relay."""
    target: str
    """host:port behind it."""


class RelayOptions(msgspec.Struct, frozen=True, kw_only=True):
    """One relay: the link from a node to its next hop."""

    name: str
    """Of the node."""
    pipeline: Way
    agent: Way
    conduct: Path
    """The file that says how to treat bytes: read at the start and at each SIGHUP."""

    @property
    def ways(self) -> tuple[Way, Way]:
        return (self.pipeline, self.agent)
