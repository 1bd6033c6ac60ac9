"""Less than a minute of random faults: nothing acknowledged is lost, lineage is exact, and all is Green in the end."""

from pathlib import Path

import pytest

from tests.campaigns.crash import run_seed
from tests.campaigns.faults import draw_long
from tests.campaigns.nursery import Nursery

SEED, SECONDS = 11, 30.0


@pytest.mark.timeout(300)
def test_a_long_run_under_faults_is_exact_and_heals(tmp_path: Path) -> None:
    plan = draw_long(SEED, SECONDS)

    with Nursery() as nursery:
        outcome = run_seed(plan, tmp_path / "run", nursery, heals=True)

    assert not outcome.problems, "\n".join([outcome.story, *outcome.problems])
    assert outcome.readings == plan.readings
    assert outcome.deaths > 5
