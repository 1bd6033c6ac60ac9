"""A small grid in simulated time: daemons that jitter and pause, delayed messages, one fault, and a detector.

What agents see and say is made by the real `Watch`, `Beats` and `Standing`; pipeline daemons are signs of life only.
"""

import heapq
import random
from collections.abc import Callable
from typing import NamedTuple

from headwater.agent.beats import Beats, Peer
from headwater.agent.standing import Standing
from headwater.agent.watch import Watch
from headwater.health.detector import Detector
from headwater.health.rules import SERVER
from headwater.health.suspicion import Bounds
from headwater.log.recovery import MARK
from headwater.log.standing import PROGRESS, show_board
from headwater.model.health import Part, Subject, Verdict
from headwater.model.patience import PatientClock, Stillness
from headwater.model.report import Board, LinkEnd
from tests.simulation.disk import SimDisk

Shape = dict[int, int | None]
"""The next hop of each node."""
FORK: Shape = {1: 3, 2: 3, 3: 4, 4: None}
SEVEN_NODES: Shape = {1: 5, 2: 5, 3: 6, 4: 6, 5: 7, 6: 7, 7: None}

ROUND_MS = 250
SIGN_MS = 400
ACKNOWLEDGE_MS = 500
LOOK_MS = 100
BEAT_MS = 500
REPORT_MS = 500
QUIET_MS = 5_000
"""Before the fault."""
AFTER_MS = 9_000


class Fault(NamedTuple):
    """What goes wrong at a node, or on its link to the next hop."""

    kind: str
    node: int

    def subject(self, shape: Shape) -> Subject:
        """What the alarm has to be about."""
        part = {"hung-disk": Part.PIPELINE, "hung-shipping": Part.PROVENANCE}.get(self.kind) or Part(self.kind)
        return (
            SERVER if part is Part.SERVER else Subject(part, self.node, shape[self.node] if part is Part.LINK else None)
        )


class Weather(NamedTuple):
    """How irregular everything is."""

    jitter_ms: int = 30
    """Mean lateness of what is done at intervals."""
    delay_ms: int = 20
    """The longest way of a message."""
    pause_ms: int = 200
    """The longest time for which a process gets no processor now and then."""


class Alarm(NamedTuple):
    """The beginning of an alarm, or of its cause."""

    after_ms: int
    """Since the fault."""
    verdict: Verdict


class _Process:
    def __init__(self) -> None:
        self.is_alive = True
        self.paused_until = 0


class _Gateway:
    """A pipeline daemon: its rounds, and how many messages came from each neighbour."""

    def __init__(self, node: int, disk: SimDisk) -> None:
        self.node = node
        self.disk = disk
        self.process = _Process()
        self.heard: dict[int, int] = {}
        self.clock = PatientClock(1000)
        self.silences: dict[int, Stillness[int]] = {}
        self.waits = Stillness(0, 0)
        self.is_stuck = False
        self.mark = 0

    def round(self, next_hop: int | None, now_ms: int) -> None:
        patient_ms = self.clock.look(now_ms)
        if not self.is_stuck:
            self.mark += 1
        waiting_ms = self.waits.look(self.mark, patient_ms)
        ends = []
        for other, count in self.heard.items():
            silence = self.silences.setdefault(other, Stillness(0, patient_ms))
            address = f"node{other}:50051" if other == next_hop else ""
            ends.append(LinkEnd(other == next_hop, other, address, silence.look(count, patient_ms)))
        self.disk.store_word(MARK, self.mark)
        self.disk.store_word(PROGRESS, now_ms)
        show_board(self.disk, Board(waiting_ms=waiting_ms if self.is_stuck else 0, links=tuple(ends)))


class _Agent:
    """A provenance daemon: what it watches, whom it hears, and what it reports."""

    def __init__(self, node: int, disk: SimDisk, now_ms: Callable[[], int]) -> None:
        self.disk = disk
        self.process = _Process()
        self.beats = Beats("default", node, node.to_bytes(8, "big"), node)
        self.watch = Watch(disk, self.beats)
        self.standing = Standing(node, disk, now_ms, self.watch, self.beats)
        self.peers: dict[int, Peer] = {}
        self.is_stuck = False

    def look(self, now_ms: int) -> None:
        if not self.is_stuck:
            self.standing.shipped = self.disk.load_word(MARK)
        self.watch.look(now_ms, self.standing.shipped)


class World:
    """Runs one fault and keeps the alarms."""

    def __init__(self, shape: Shape, seed: int, weather: Weather, bounds: Bounds) -> None:
        self.shape = shape
        self.now_ms = 0
        self.fault_ms = QUIET_MS
        self.alarms: list[Alarm] = []
        self.detector = Detector(bounds)
        self._rng = random.Random(seed)
        self._weather = weather
        self._due: list[tuple[int, int, _Process, Callable[[], None]]] = []
        self._count = 0
        self._cut: set[frozenset[int]] = set()
        self._server_is_cut = False
        self._judge = _Process()
        disks = {node: SimDisk() for node in shape}
        self.gateways = {node: _Gateway(node, disk) for node, disk in disks.items()}
        self.agents = {node: _Agent(node, disk, lambda: self.now_ms) for node, disk in disks.items()}
        self._start()

    # ---- time ----------------------------------------------------------------------------------------------------

    def run(self, fault: Fault | None, for_ms: int) -> list[Alarm]:
        """Run with a fault at some time after QUIET_MS; the alarms."""
        self.fault_ms = QUIET_MS + self._rng.randrange(1000)
        if fault is not None:
            self._at(_Process(), self.fault_ms, lambda: self._break(fault))
        end_ms = self.fault_ms + for_ms
        while self._due[0][0] < end_ms:
            self.now_ms, _, process, act = heapq.heappop(self._due)
            if not process.is_alive:
                continue
            if process.paused_until > self.now_ms:
                self._at(process, process.paused_until, act)
            else:
                act()
        return self.alarms

    def _at(self, process: _Process, time_ms: int, act: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._due, (time_ms, self._count, process, act))

    def _every(self, process: _Process, interval_ms: int, act: Callable[[], None]) -> None:
        def again() -> None:
            act()
            late_ms = min(self._rng.expovariate(1 / self._weather.jitter_ms), 8 * self._weather.jitter_ms)
            self._at(process, self.now_ms + interval_ms + int(late_ms), again)

        self._at(process, self._rng.randrange(interval_ms), again)

    def _send(self, process: _Process, act: Callable[[], None]) -> None:
        self._at(process, self.now_ms + self._rng.randrange(self._weather.delay_ms + 1), act)

    # ---- what goes on ----------------------------------------------------------------------------------------------

    def _start(self) -> None:
        every = self._every
        for node, next_hop in self.shape.items():
            gateway, agent = self.gateways[node], self.agents[node]
            every(gateway.process, ROUND_MS, lambda g=gateway, n=next_hop: g.round(n, self.now_ms))  # type: ignore[misc]
            every(agent.process, LOOK_MS, lambda a=agent: a.look(self.now_ms))  # type: ignore[misc]
            every(agent.process, REPORT_MS, lambda n=node: self._report(n))  # type: ignore[misc]
            if next_hop is not None:
                for one, other, sign_ms in ((node, next_hop, SIGN_MS), (next_hop, node, ACKNOWLEDGE_MS)):
                    self.gateways[one].heard[other] = 0
                    every(self.gateways[one].process, sign_ms, lambda a=one, b=other: self._sign(a, b))  # type: ignore[misc]
                    every(self.agents[one].process, BEAT_MS, lambda a=one, b=other: self._beat(a, b))  # type: ignore[misc]
            for process in (gateway.process, agent.process):
                every(process, 3000, lambda p=process: self._pause(p))  # type: ignore[misc]
        every(self._judge, LOOK_MS, self._look)
        every(self._judge, 3000, lambda: self._pause(self._judge))

    def _pause(self, process: _Process) -> None:
        process.paused_until = self.now_ms + self._rng.randrange(self._weather.pause_ms + 1)

    def _sign(self, one: int, other: int) -> None:
        def hear() -> None:
            self.gateways[other].heard[one] += 1

        if frozenset((one, other)) not in self._cut:
            self._send(self.gateways[other].process, hear)

    def _beat(self, one: int, other: int) -> None:
        agent, hearer = self.agents[one], self.agents[other]
        beat = agent.beats.own(agent.peers.get(other), self.now_ms * 1000)

        def hear() -> None:
            patient_ms = hearer.watch.now_ms
            peer = hearer.peers[one] = hearer.beats.meet(beat, patient_ms)
            hearer.beats.take(peer, beat, patient_ms, self.now_ms * 1000)

        if frozenset((one, other)) not in self._cut:
            self._send(hearer.process, hear)

    def _report(self, node: int) -> None:
        report = self.agents[node].standing.report()
        if not self._server_is_cut:
            self._send(self._judge, lambda: self.detector.hear(report))

    def _look(self) -> None:
        for change in self.detector.look(self.now_ms, self.now_ms):
            if change.verdict.is_alarm:
                self.alarms.append(Alarm(self.now_ms - self.fault_ms, change.verdict))

    # ---- what goes wrong -------------------------------------------------------------------------------------------

    def _break(self, fault: Fault) -> None:
        gateway, agent = self.gateways[fault.node], self.agents[fault.node]
        match fault.kind:
            case "node":
                gateway.process.is_alive = agent.process.is_alive = False
            case "pipeline":
                gateway.process.is_alive = False
            case "provenance":
                agent.process.is_alive = False
            case "link":
                self._cut.add(frozenset((fault.node, self.shape[fault.node] or 0)))
            case "hung-disk":
                gateway.is_stuck = True
            case "hung-shipping":
                agent.is_stuck = True
            case "server":
                self._server_is_cut = True
            case other:
                raise ValueError(other)


KINDS = ("node", "link", "pipeline", "provenance", "hung-disk", "hung-shipping")


def faults(shape: Shape) -> list[Fault]:
    """Each kind at each node."""
    return [Fault(kind, node) for kind in KINDS for node in shape if kind != "link" or shape[node] is not None]


def simulate(
    shape: Shape,
    fault: Fault | None,
    seed: int,
    *,
    for_ms: int = AFTER_MS,
    weather: Weather = Weather(),  # noqa: B008 frozen
    bounds: Bounds = Bounds(),  # noqa: B008 frozen
) -> World:
    """What comes of a seed; its alarms are in the world."""
    world = World(shape, seed, weather, bounds)
    world.run(fault, for_ms)
    return world
