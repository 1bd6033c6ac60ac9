"""What goes wrong in a run: deaths of processes, power losses, broken links, flipped bits, outages, stepping clocks."""

import contextlib
import errno
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from headwater.log.segments import SUFFIX
from tests.simulation.disk import Crash, DiskError, Operation, SimDisk

if TYPE_CHECKING:
    from tests.simulation.node import Node, Place
    from tests.simulation.world import World

WEIGHTS = {
    "kill": 1,
    "crash": 2,
    "power": 1,
    "agent": 1,
    "cut": 2,
    "away": 2,
    "flip": 2,
    "torn": 1,
    "clock": 1,
    "outage": 1,
    "source": 1,
    "refuse": 1,
}
"""The faults there are, and how often each comes."""
KINDS = tuple(kind for kind, weight in WEIGHTS.items() for _ in range(weight))


class Faults:
    """Draws faults and has them happen."""

    def __init__(self, world: "World", kinds: tuple[str, ...], rate: float) -> None:
        self._world = world
        self._kinds = kinds
        self._rate = rate
        self._countdown: dict[str, tuple[int, bool]] = {}
        """Node -> how many operations of its disk are left, and whether the power goes with the last."""
        self._errors: dict[str, int] = {}
        """Node -> how many operations of its disk may still fail."""

    @contextlib.contextmanager
    def on(self, node: "Node", agent: bool = False) -> Iterator[None]:
        """What happens in here is done by the node's pipeline, or by its agent, and may be where that dies."""
        disk = node.agent_disk if agent else node.disk
        watched = node.name in self._countdown or (not agent and node.name in self._errors)
        disk.on_operation = self._counter(node.name, disk, agent) if watched else None
        try:
            yield
        except Crash:
            _, power = self._countdown.pop(node.name)
            self._world.note(f"crash of {node.name}{' by power loss' if power else ', its agent' if agent else ''}")
            if power:
                node.lose_power(self._world.rng)
            elif agent:
                node.kill_agent()
            else:
                node.kill()
            self._world.follow_deaths()

    def before_sync(self, node: "Node", action: Callable[[], object]) -> None:
        """Have something happen between the next write to a segment and its sync: the agent reads meanwhile."""
        watching = node.disk.on_operation

        def act(operation: Operation) -> None:
            if operation.kind == "datasync" and not operation.done and operation.name.endswith(SUFFIX):
                node.disk.on_operation = watching
                action()
            if watching is not None:
                watching(operation)

        node.disk.on_operation = act

    def _counter(self, name: str, disk: SimDisk, agent: bool) -> Callable[[Operation], None]:
        def count(operation: Operation) -> None:
            left, power = self._countdown.get(name, (-1, False))
            if left == 0:
                disk.alive = False
                raise Crash("here", self._world.rng.choice((0, 7, 100, 1 << 20)))
            if left > 0:
                self._countdown[name] = (left - 1, power)
            if not agent and not operation.done and operation.kind != "word":
                self._perhaps_refuse(name)

        return count

    def _perhaps_refuse(self, name: str) -> None:
        """The disk refuses an operation, of a write perhaps only what is behind its beginning."""
        rng, left = self._world.rng, self._errors.get(name, 0)
        if left and rng.random() < 0.5:
            self._errors[name] = left - 1
            raise DiskError(errno.EIO, "the disk refuses", rng.choice((0, 0, 50, 1 << 20)))

    def perhaps(self) -> None:
        """Perhaps one fault."""
        rng = self._world.rng
        if not self._kinds or rng.random() >= self._rate:
            return
        kind = rng.choice(self._kinds)
        getattr(self, "_" + kind)()
        self._world.follow_deaths()

    def calm(self) -> None:
        """Nothing that was going to happen happens any more."""
        self._countdown.clear()
        self._errors.clear()
        for link in self._world.links:
            link.away_steps = 0

    # ---- deaths ----------------------------------------------------------------------------------------------------

    def _node(self) -> "Node":
        return self._world.rng.choice(list(self._world.nodes.values()))

    def _kill(self) -> None:
        node = self._node()
        self._world.note(f"kill {node.name}")
        node.kill()

    def _power(self) -> None:
        node = self._node()
        self._world.note(f"power {node.name}")
        node.lose_power(self._world.rng)

    def _crash(self) -> None:
        rng, node = self._world.rng, self._node()
        power = rng.random() < 0.5 and "power" in self._kinds
        self._countdown[node.name] = (rng.choice((0, 1, 2, 3, 5, 8, 13, 21)), power)

    def _agent(self) -> None:
        node = self._node()
        self._world.note(f"agent of {node.name}")
        node.kill_agent()

    def _source(self) -> None:
        source = self._world.rng.choice(self._world.sources)
        power = self._world.rng.random() < 0.5
        self._world.note(f"{'power' if power else 'kill'} {source.name}")
        if power:
            source.lose_power()
        else:
            source.kill()

    def _flip(self) -> None:
        """One bit of one log: of a record that was synced, or of anything else in the folder."""
        node = self._node()
        self._flip_at(node, node.place_to_flip(self._world.rng))

    def _torn(self) -> None:
        """One of the last records is flipped, and at once the power goes: it may look like the torn end of the log."""
        node = self._node()
        self._flip_at(node, node.end_to_flip(self._world.rng))
        self._world.note(f"power {node.name}")
        node.lose_power(self._world.rng)

    def _flip_at(self, node: "Node", place: "Place | None") -> None:
        if node.flipped or place is None:
            return
        node.flipped = True
        node.disk.flip(place.name, place.bit)
        held = node.ghost.records.get(place.sequence)
        if held is not None:
            held.flipped = True
        self._world.note(f"flip {held or place} of {node.name}")

    def _refuse(self) -> None:
        node = self._node()
        self._errors[node.name] = self._world.rng.choice((1, 2, 5))
        self._world.note(f"disk of {node.name} refuses {self._errors[node.name]} times")

    # ---- the rest --------------------------------------------------------------------------------------------------

    def _cut(self) -> None:
        link = self._world.rng.choice(self._world.links)
        self._world.note(f"cut {link.name}")
        link.cut()

    def _away(self) -> None:
        """The way to a next hop is gone for long."""
        link = self._world.rng.choice(self._world.links[2:])
        link.away_steps = self._world.rng.randint(20, 150)
        self._world.note(f"{link.name} away for {link.away_steps} steps")
        link.cut()

    def _clock(self) -> None:
        node = self._node()
        step_ms = self._world.rng.choice((-900_000, -2000, 5000, 600_000))
        self._world.note(f"clock of {node.name} by {step_ms}")
        node.clock_ms = max(0, node.clock_ms + step_ms)

    def _outage(self) -> None:
        store = self._world.store
        store.up = not store.up
        self._world.note(f"store {'up' if store.up else 'down'}")
