"""A grid that is told and not run: what each of its nodes reports and ships, tick by tick. Pure."""

import math

import numpy as np

from headwater.model.context import Context, Location
from headwater.model.ids import IdRun
from headwater.model.records import Config, Definition, Kind
from headwater.model.report import LinkEnd, Neighbour, NodeReport
from headwater.model.shipment import Shipment, ShippedStamp
from headwater.model.stamp import Origin, OriginKind, Stamp
from headwater.wire import codec

TICK_S = 0.5
"""Nodes report twice a second."""
FAN_IN = 6
READINGS = 20
"""Of each stamp, from as many meters."""
SHIPS_EVERY = 20
"""A node ships a stamp with every so manieth report."""
HEARD_MS, BEAT_MS = 60, 80
STUCK_EVERY, STUCK_FOR, STUCK_MS = 20, 6, 2500
"""In ticks: the link of the last node is impaired now and then, for another look of the grid is drawn anew."""
CONTEXT = Context(application="bench")


def name(node: int) -> str:
    return f"gateway-{node:03}"


def successor(node: int) -> int | None:
    """Where a node sends, all to the first one in the end: a tree in which each has as many as six sources."""
    return None if node == 1 else (node + FAN_IN - 2) // FAN_IN


def sources(node: int, nodes: int) -> range:
    """Which nodes send to one."""
    first = FAN_IN * (node - 1) + 2
    return range(min(first, nodes + 1), min(first + FAN_IN, nodes + 1))


def log_of(node: int) -> bytes:
    return node.to_bytes(8, "big")


def rate(node: int, tick: int, nodes: int) -> float:
    """Readings a second that a node takes in, other ones at every tick: those of its sensors, and of all behind it."""
    own = 100 + node % 17 + 20 * math.sin(tick / 3 + node)
    return own + sum(rate(source, tick, nodes) for source in sources(node, nodes))


def told_first(node: int) -> Shipment:
    """What a node ships when it has come up: where it sends and is, and what its meters are called."""
    following = successor(node)
    config = Config(
        node,
        name(node),
        next=None if following is None else f"{name(following)}:50051",
        successor=following,
        location=Location(name(node), 52.3 + 0.4 * math.sin(node), 13.4 + 0.6 * math.cos(1.7 * node)),
    )
    series = tuple(Definition(log_of(node), 1 + at, f"meter-{node:03}-{at:02}", "power") for at in range(READINGS))
    return Shipment(definitions=series, contexts=(CONTEXT,), configs=((1, config),))


def shipped(node: int, tick: int, began_ms: int) -> Shipment:
    """A stamp on readings that came in from sensors, one of each meter."""
    now_ms = began_ms + round(1000 * TICK_S * tick)
    series = np.arange(1, READINGS + 1)
    keys = codec.keys(codec.encode(series, np.full(READINGS, now_ms), np.zeros(READINGS)))
    run = IdRun(node, (began_ms // 1000 << 24) + READINGS * tick, READINGS)
    stamp = Stamp(run, None, CONTEXT.id, now_ms, None)
    origin = Origin(OriginKind.SOURCE, b"sensor" + node.to_bytes(2, "big"), READINGS * tick)
    return Shipment(stamps=(ShippedStamp(sequence(tick), Kind.DATA, stamp, origin, log_of(node), keys),))


def sequence(tick: int) -> int:
    """How far the log of a node is at a tick."""
    return READINGS + 1 + tick


def report(node: int, tick: int, nodes: int, now_ms: int) -> NodeReport:
    """A node that is well and has some readings under way; nothing passes from the last one now and then."""
    taken, following = rate(node, tick, nodes), successor(node)
    came = round(TICK_S * tick * taken)
    passed = came if following is not None else 0
    waiting = min(passed, (node * 7 + tick * 3) % 40)
    stuck = STUCK_MS if node == nodes and tick % STUCK_EVERY >= STUCK_EVERY - STUCK_FOR else 0
    incoming = [LinkEnd(False, source, heard_ms=HEARD_MS) for source in sources(node, nodes)]
    outgoing = [] if following is None else [
        LinkEnd(True, following, f"{name(following)}:50051", HEARD_MS, stuck, sent=passed, delivered=passed - waiting)
    ]  # fmt: skip
    around = [*sources(node, nodes), *([] if following is None else [following])]
    return NodeReport(
        node=node,
        time_ms=now_ms,
        received=came,
        sent=passed - waiting,
        receive_rate=taken,
        send_rate=0.0 if following is None else 0.97 * taken,
        durable=sequence(tick),
        acknowledged=sequence(tick),
        shipped=sequence(tick),
        progress_ms=now_ms,
        links=(*outgoing, *incoming),
        neighbours=tuple(Neighbour(other, BEAT_MS, interval_ms=500.0) for other in around),
    )
