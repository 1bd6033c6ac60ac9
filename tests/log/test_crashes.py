"""A log in a simulated world of crashes, power losses, full disks and a flipped bit, seed by seed."""

import pytest

from tests.log.world import World

SEEDS = 64
GROUP = 8


@pytest.mark.parametrize("first", range(0, SEEDS, GROUP))
def test_what_was_visible_stays_true_whatever_crashes(first: int) -> None:
    for seed in range(first, first + GROUP):
        world = World(seed)
        try:
            world.run(200)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}; {world.events[-5:]}") from error
