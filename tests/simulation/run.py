"""One run of the simulation, from a seed to a verdict."""

from typing import NamedTuple

from headwater.model.errors import HeadwaterError
from tests.simulation.check import Check
from tests.simulation.store import Violation
from tests.simulation.world import Plan, World


class Failure(NamedTuple):
    """What broke."""

    kind: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}"


class Result(NamedTuple):
    """How a run ended."""

    failure: Failure | None
    events: list[str]
    """The faults, in order."""
    summary: str


def simulate(seed: int, plan: Plan | None = None) -> Result:
    """Run a seed to its end and check it. Any error is a failure: nothing in a run is a reason for one."""
    world = World(seed, plan or Plan())
    failure = None
    try:
        world.run()
        Check(world).all()
    except (Violation, HeadwaterError, LookupError, TypeError, ValueError, AssertionError, OSError) as error:
        failure = Failure(type(error).__name__, str(error))
    return Result(failure, world.events, _summary(world))


def _summary(world: World) -> str:
    delivered = sum(len(held.values) for held in world.nodes["E"].ghost.records.values())
    lost = len(world.nodes["E"].ghost.losses)
    return f"{world.made} readings made, {delivered} values durable at the endpoint, {lost} loss records"
