"""Faults: which, of what, when, and how they are done and undone in a running topology."""

import random
import signal
from typing import NamedTuple

from benchmarks.grid.network import Network
from benchmarks.grid.running import Grid
from benchmarks.grid.shapes import hops
from headwater.config import Topology
from headwater.model.ids import format_node

KINDS = ("node", "link", "pipeline", "provenance")
WAYS = {
    "node": ("kill", "pause", "unplug"),
    "link": ("cut", "swallow"),
    "pipeline": ("kill", "pause"),
    "provenance": ("kill", "pause"),
}
"""kill is SIGKILL, pause SIGSTOP; unplug drops every packet on all links of a node; cut takes a link down, swallow
drops its packets silently."""
ON_NETWORK = ("unplug", "cut", "swallow")
PHASE_S_MAX = 2.0


class Subject(NamedTuple):
    """What an alarm is about, in the words of the API."""

    part: str
    node: str
    target: str = ""


class Fault(NamedTuple):
    """One fault to come."""

    kind: str
    way: str
    name: str
    """The node, or the source of the link."""
    target: str
    """The name of the link's target; empty for the other kinds."""
    subject: Subject
    phase_s: float
    """How long after everything was well it is injected."""


def plan(topology: Topology, count: int, seed: int, has_network: bool, kinds: tuple[str, ...] = KINDS) -> list[Fault]:
    """So many faults of each kind in a random order, all of it from one seed; no faults of links without a network."""
    randomly = random.Random(seed)
    ids = {gateway.name: format_node(gateway.node) for gateway in topology.gateways}
    places = {
        kind: [(name, "", Subject(kind, id)) for name, id in ids.items()] for kind in ("node", "pipeline", "provenance")
    }
    places["link"] = [(left, right, Subject("link", ids[left], ids[right])) for left, right in hops(topology)]
    planned = []
    for kind in kinds:
        ways = [way for way in WAYS[kind] if has_network or way not in ON_NETWORK]
        for number in range(count if ways and places[kind] else 0):
            name, target, subject = randomly.choice(places[kind])
            way = ways[number % len(ways)]
            planned.append(Fault(kind, way, name, target, subject, randomly.uniform(0, PHASE_S_MAX)))
    randomly.shuffle(planned)
    return planned


def inject(grid: Grid, fault: Fault) -> None:
    """Do it."""
    match fault.way:
        case "kill":
            for process in _processes(fault):
                grid.kill(process)
        case "pause":
            for process in _processes(fault):
                grid.processes[process].signal(signal.SIGSTOP)
        case "cut":
            network = _network(grid)
            network.cut(network.between(fault.name, fault.target))
        case "swallow":
            network = _network(grid)
            network.swallow(network.between(fault.name, fault.target))
        case "unplug":
            network = _network(grid)
            for link in network.of(fault.name):
                network.swallow(link)


def heal(grid: Grid, fault: Fault) -> None:
    """Undo it."""
    match fault.way:
        case "kill":
            for process in _processes(fault):
                grid.start(process)
        case "pause":
            for process in _processes(fault):
                grid.processes[process].signal(signal.SIGCONT)
        case "cut":
            network = _network(grid)
            network.join(network.between(fault.name, fault.target))
        case "swallow":
            network = _network(grid)
            network.pass_on(network.between(fault.name, fault.target))
        case "unplug":
            network = _network(grid)
            for link in network.of(fault.name):
                network.pass_on(link)


def _processes(fault: Fault) -> list[str]:
    daemons = {"pipeline": fault.name, "provenance": f"{fault.name}/agent"}
    return [daemons[fault.kind]] if fault.kind in daemons else list(daemons.values())


def _network(grid: Grid) -> Network:
    assert grid.network is not None
    return grid.network
