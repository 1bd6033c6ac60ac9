"""Whatever process is killed, wherever it is, and whichever machine loses its power: everything is exact afterwards.

`make crash` runs the same for as many seeds as one likes.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.campaigns.crash import run_seed
from tests.campaigns.faults import draw
from tests.campaigns.nursery import Nursery

DURATION_S = 1.5
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with Nursery() as held:
        yield held


@pytest.mark.parametrize("seed", range(1, 9))
def test_everything_is_exact_after_kills_and_power_losses(tmp_path: Path, nursery: Nursery, seed: int) -> None:
    outcome = run_seed(draw(seed, DURATION_S), tmp_path / "run", nursery)

    assert not outcome.problems, "\n".join([outcome.story, *outcome.problems])
