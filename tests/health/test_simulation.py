"""One fault in a small grid in simulated time: it is the first alarm, the only one, and in time.

`complaints_of` takes any seeds: a campaign can ask it for thousands.
"""

import random
from collections.abc import Iterable, Iterator

import pytest

from headwater.health.rules import SERVER
from headwater.model.health import Health
from tests.health.world import FORK, KINDS, SEVEN_NODES, Fault, Shape, Weather, World, faults, simulate

KNOWN_WITHIN_MS = 3000
QUIET_MS = 20_000
BUSY = Weather(60, 50, 400)
"""Two cores that everyone wants."""


def complaints_of(shape: Shape, tried: Iterable[tuple[Fault, int]], weather: Weather = Weather()) -> Iterator[str]:  # noqa: B008 frozen
    """What is wrong with the alarms of faults and seeds."""
    for fault, seed in tried:
        for complaint in _complaints(simulate(shape, fault, seed, weather=weather), fault):
            yield f"seed {seed}, {fault.kind} {fault.node}: {complaint}"


def _complaints(world: World, fault: Fault) -> Iterator[str]:
    subject = fault.subject(world.shape)
    alarms = [alarm.verdict.subject for alarm in world.alarms]
    if alarms != [subject]:
        yield f"alarms on {alarms}"
    elif not 0 < world.alarms[0].after_ms <= KNOWN_WITHIN_MS:
        yield f"known after {world.alarms[0].after_ms} ms"
    for verdict in world.detector.verdicts:
        if verdict.health is Health.RED and subject not in (verdict.subject, verdict.cause):
            yield f"{verdict.subject} is red and names {verdict.cause}"


def test_a_fault_in_the_fork_is_one_alarm_of_its_kind_in_time() -> None:
    assert list(complaints_of(FORK, ((fault, seed) for seed, fault in enumerate(faults(FORK))))) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_among_seven_nodes_is_one_alarm_of_its_kind_in_time(kind: str) -> None:
    of_kind = [fault for fault in faults(SEVEN_NODES) if fault.kind == kind]
    tried = [(fault, seed) for seed, fault in enumerate(random.Random(kind).sample(of_kind, 2))]
    assert list(complaints_of(SEVEN_NODES, tried)) == []


@pytest.mark.parametrize("shape", [FORK, SEVEN_NODES], ids=["fork", "seven nodes"])
def test_nothing_is_an_alarm_when_nothing_fails_on_a_busy_machine(shape: Shape) -> None:
    world = simulate(shape, None, seed=1, for_ms=QUIET_MS, weather=BUSY)
    assert world.alarms == []
    assert {verdict.health for verdict in world.detector.verdicts} <= {Health.GREEN, Health.YELLOW}


@pytest.mark.parametrize("seed", range(3))
def test_a_server_that_is_cut_off_is_one_alarm_and_blames_no_node(seed: int) -> None:
    world = simulate(FORK, Fault("server", 1), seed)
    assert [alarm.verdict.subject for alarm in world.alarms] == [SERVER]
    assert {verdict.cause for verdict in world.detector.verdicts if verdict.health is Health.RED} == {None, SERVER}


def test_the_same_seed_gives_the_same_alarms() -> None:
    one, other = (simulate(FORK, Fault("node", 3), seed=7) for _ in range(2))
    assert one.alarms == other.alarms
