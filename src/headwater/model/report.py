"""What an agent reports of its node: counts, how long its parts have stood still, and whom it hears.

Every age is a difference within one clock of the node, in ms, at the time of the report. Ages in the wall clock's time
would compare two clocks at the reader's end, or jump when it is set.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from headwater.model.ids import NODE_MAX

ENDS_MAX = 1100
"""The most links, and neighbours, that a report tells of."""
Ms = Annotated[int, Meta(ge=0)]
NodeId = Annotated[int, Meta(ge=0, le=NODE_MAX)]


class Progress(msgspec.Struct, frozen=True, array_like=True):
    """How long the parts of a node have stood still with something to do; 0 while they move."""

    pipeline_ms: Ms = 0
    """Since the pipeline daemon last made its rounds."""
    waiting_ms: Ms = 0
    """For how long the same input has waited to become durable."""
    unshipped_ms: Ms = 0
    """For how long stamps have waited and the store has taken none."""


class LinkEnd(msgspec.Struct, frozen=True, array_like=True):
    """One end of a link, as the pipeline daemon there sees it."""

    outgoing: bool
    node: NodeId | None
    """The node at the other end; None while it has not said who it is."""
    address: str = ""
    """Where an outgoing link goes to."""
    heard_ms: Ms | None = None
    """Since the pipeline daemon at the other end last gave a sign of life; None where that cannot be told."""
    stuck_ms: Ms = 0
    """For how long something has been under way and nothing was acknowledged."""
    sequence: int = 0
    """Of the sender's log: everything up to here is durable at the receiver."""
    sent: int = 0
    """Readings in the sender's log that go on to the receiver, since it began; what follows is among them."""
    delivered: int = 0
    oldest_ms: Ms = 0
    """Age of the oldest reading that is logged here and not there; 0 when there is none."""
    problem: str = ""
    """Why there is no connection at present."""


class Neighbour(msgspec.Struct, frozen=True, array_like=True):
    """The agent of a neighbouring node, as this one hears it."""

    node: NodeId
    heard_ms: Ms
    """Since its last beat."""
    progress: Progress = Progress()
    """What that beat said of its node."""
    interval_ms: float = 0.0
    """Mean time between its beats."""
    jitter_ms: float = 0.0
    """Standard deviation of that time."""
    offset_ms: float | None = None
    """Its clock minus ours, known once beats have gone both ways."""
    round_trip_ms: float | None = None


class Board(msgspec.Struct, frozen=True, array_like=True):
    """What a pipeline daemon shows of itself to the agent beside it, made anew in each of its rounds."""

    waiting_ms: Ms = 0
    """For how long the same input has waited to become durable."""
    withheld_ms: Ms = 0
    """For how long no readings have been taken in, because the log is full or steps have to catch up."""
    links: Annotated[tuple[LinkEnd, ...], Meta(max_length=ENDS_MAX)] = ()


class NodeReport(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How a node stands, from its log and the positions of its readers; counts are cumulative."""

    node: NodeId
    time_ms: int
    received: int
    """Readings durable in this log, whatever their origin."""
    sent: int
    """Readings acknowledged by the next hop; 0 at an endpoint."""
    receive_rate: float
    """Readings a second over the last two seconds or so."""
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
    progress: Progress = Progress()
    withheld_ms: Ms = 0
    """For how long the pipeline daemon has taken nothing in, because its log is full or steps have to catch up."""
    links: Annotated[tuple[LinkEnd, ...], Meta(max_length=ENDS_MAX)] = ()
    neighbours: Annotated[tuple[Neighbour, ...], Meta(max_length=ENDS_MAX)] = ()
