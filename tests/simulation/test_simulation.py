"""Two hundred seeds of the simulation, and single seeds that once found something."""

import pytest

from tests.simulation.run import simulate
from tests.simulation.world import Plan

SEEDS = 200
GROUP = 10


@pytest.mark.parametrize("first", range(1, SEEDS + 1, GROUP))
def test_every_invariant_holds_whatever_goes_wrong(first: int) -> None:
    failures = {seed: result for seed in range(first, first + GROUP) if (result := simulate(seed)).failure is not None}
    assert not failures, f"replay with `make simulate SEED={next(iter(failures))}`: {failures}"


def test_a_seed_replays_to_the_same_events_and_readings() -> None:
    assert simulate(17) == simulate(17)


def test_without_faults_every_reading_arrives_and_nothing_is_named_lost() -> None:
    result = simulate(3, Plan(faults=(), rate=0))
    assert result.failure is None
    assert result.events == []
