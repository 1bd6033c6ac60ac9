"""The world of a run: S1, S2 -> A, B -> C (aggregate step) -> E, each node with an agent, all driven by one seed."""

import contextlib
import random
from collections.abc import Callable
from typing import NamedTuple

from headwater.model.errors import Unavailable
from tests.simulation.accounting import Accounting
from tests.simulation.faults import KINDS, Faults
from tests.simulation.link import Link, SourceEnd
from tests.simulation.node import Node
from tests.simulation.source import Source
from tests.simulation.store import Store, Violation
from tests.simulation.stream import Stream

ROUNDS_MAX = 400
Action = Callable[[], bool]


class Plan(NamedTuple):
    """What may happen in a run."""

    faults: tuple[str, ...] = KINDS
    rate: float | None = None
    """How often a fault comes; from the seed when it is not given."""
    steps: int | None = None


class World:
    """Everything of one run; `run` is the run."""

    def __init__(self, seed: int, plan: Plan) -> None:
        self.rng = rng = random.Random(seed)
        self.calm = False
        self.events: list[str] = []
        self.store = Store()
        self._value = 0
        drops = [rng.random() < 0.6 for _ in range(4)]
        self.nodes = {
            "A": Node(rng, "A", 0xA, drops[0], "C", False),
            "B": Node(rng, "B", 0xB, drops[1], "C", False),
            "C": Node(rng, "C", 0xC, drops[2], "E", True),
            "E": Node(rng, "E", 0xE, drops[3], None, False),
        }
        self.sources = [Source(rng, "S1", ["m1", "m2"], self.fresh), Source(rng, "S2", ["m3", "m1b"], self.fresh)]
        self.stream = Stream(rng, "U", ["m3", "m5"], self.fresh)
        a, b, c, e = self.nodes.values()
        self.links = [Link(rng, SourceEnd(self.sources[0]), a), Link(rng, SourceEnd(self.sources[1]), b)]
        self.links += [Link(rng, a, c), Link(rng, b, c), Link(rng, c, e)]
        self.load = rng.choice((0.3, 0.7, 1.5))
        self.steps = plan.steps if plan.steps is not None else rng.randint(30, 110)
        rate = plan.rate if plan.rate is not None else rng.choice((0, 0.05, 0.1, 0.2))
        self.faults = Faults(self, plan.faults, rate)

    def fresh(self) -> float:
        """A value that no other reading has."""
        self._value += 1
        return float(self._value)

    @property
    def made(self) -> int:
        """How many readings the sources made."""
        return self._value

    def note(self, event: str) -> None:
        self.events.append(event)

    # ---- what may happen -------------------------------------------------------------------------------------------

    def _on(self, node: Node, action: Action) -> Action:
        """An action of a node's pipeline: it needs one that lives, and may be where it dies."""

        def act() -> bool:
            if not node.alive:
                return False
            moved = True
            with self.faults.on(node):
                with contextlib.suppress(OSError, Unavailable):
                    moved = action()
                node.ghost.catch_up(node.disk, node.log)
            return moved

        return act

    def _agent(self, node: Node, action: Action) -> Action:
        """An action of a node's agent."""

        def act() -> bool:
            if node.shipper is not None:
                with self.faults.on(node, agent=True):
                    return action()
                return True
            return False

        return act

    def _at(self, end: object, action: Action) -> Action:
        """An action at one end of a link."""
        return self._on(end, action) if isinstance(end, Node) else action

    def _some(self, action: Action, most: int) -> Action:
        """Repeat an action while it finds work, up to `most` times."""

        def act() -> bool:
            for done in range(most if self.calm else 1 + int(self.rng.random() * most)):
                if not action():
                    return done > 0
            return True

        return act

    def table(self) -> list[Action]:
        """The ordinary actions; each says whether it changed anything."""
        out: list[Action] = []
        for link in self.links:
            send = self._some(self._at(link.source, link.send), 3)
            deliver = self._some(self._at(link.target, link.deliver), 3)
            out += [self._at(link.source, link.connect), send, send, deliver, deliver]
            out += [self._at(link.target, link.acknowledge), self._at(link.source, link.back)]
        for node in self.nodes.values():
            out += self._node_actions(node)
        return out + self._stream_actions(self.nodes["B"])

    def _stream_actions(self, node: Node) -> list[Action]:
        """Clients without numbers at one gateway."""

        def flush() -> bool:
            waiting = node.running.collector.waiting
            node.running.collector.flush()
            return waiting > 0

        def send() -> bool:
            return not self.calm and node.has_room() and self.stream.send(node.running.collector)

        hear = self._on(node, lambda: self.stream.hear(node.running.collector, node.log))
        return [self._on(node, send), self._on(node, flush), hear]

    def _node_actions(self, node: Node) -> list[Action]:
        def commit() -> bool:
            if not (self.calm or self.rng.random() < 0.4):
                return False
            if node.shipper is not None and self.rng.random() < 0.2:
                self.faults.before_sync(node, lambda: node.ship(self.store, False))
            return node.commit()

        def ship() -> bool:
            return node.ship(self.store, not self.calm and self.rng.random() < 0.1)

        return [
            self._on(node, commit),
            self._agent(node, self._some(ship, 4)),
            self._on(node, node.save_positions),
            self._agent(node, lambda: node.save_agent(self.store)),
            self._on(node, node.keep_house),
            self._on(node, self._some(node.advance, 3)),
        ]

    # ---- the run ---------------------------------------------------------------------------------------------------

    def revive(self) -> None:
        """Start whatever is dead."""
        for node in self.nodes.values():
            if not node.alive:
                self._start(node)
            if node.alive and node.shipper is None:
                node.start_agent(self.store)
        for source in self.sources:
            source.alive = True

    def _start(self, node: Node) -> None:
        with self.faults.on(node):
            try:
                node.start()
            except (OSError, Unavailable):
                node.kill()
            else:
                node.ghost.catch_up(node.disk, node.log)

    def run(self) -> None:
        rng, table = self.rng, self.table()
        self.revive()
        for _ in range(self.steps):
            for _ in range(int(self.load + rng.random())):
                self._produce()
            for _ in range(14):
                table[int(rng.random() * len(table))]()
            for link in self.links:
                link.away_steps -= link.away_steps > 0
                if link.old and rng.random() < 0.3:
                    self._at(link.target, link.deliver_old)()
            self._pass_time()
            self.faults.perhaps()
            if rng.random() < 0.2:
                self.revive()
            if rng.random() < 0.05:
                self.account()
        self.drain()
        self.restart_all()
        self.drain()
        self.nodes["C"].decide()
        self.drain()
        self.account()

    def _produce(self) -> None:
        source = self.rng.choice(self.sources)
        if source.alive:
            source.produce()
            if self.rng.random() < 0.3:
                source.sync()

    def _pass_time(self) -> None:
        node = self.rng.choice(list(self.nodes.values()))
        node.clock_ms += self.rng.choice((0, 0, 0, 0, 1500))
        if node.options.steps and node.alive and self.rng.random() < 0.1 and node.has_room():
            node.decide()

    def account(self) -> None:
        """Check the books of the links whose both ends live."""
        for link in self.links:
            if (
                isinstance(link.source, Node)
                and isinstance(link.target, Node)
                and link.source.alive
                and link.target.alive
            ):
                Accounting(link.source, link.target).check()

    def restart_all(self) -> None:
        """A last restart reads every log through and names what is damaged."""
        for node in self.nodes.values():
            node.kill()
        self.follow_deaths()

    def follow_deaths(self) -> None:
        if not self.nodes["B"].alive:
            self.stream.lose()
        for link in self.links:
            link.follow_deaths()

    def drain(self) -> None:
        """Without faults everything comes to rest, and nobody holds what the next hop lacks."""
        self.calm, self.store.up = True, True
        self.faults.calm()
        table = self.table()
        for _ in range(ROUNDS_MAX):
            self.revive()
            if not sum(action() for action in table):
                break
        else:
            raise Violation(f"no end: still moving after {ROUNDS_MAX} rounds")
        waiting = [source.name for source in self.sources if source.waiting]
        waiting += [node.name for node in self.nodes.values() if node.behind]
        if waiting:
            raise Violation(f"no progress: {waiting} still hold what the next hop lacks")
