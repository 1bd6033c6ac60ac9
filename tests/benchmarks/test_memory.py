"""The memory benchmark: a short run of the real path, and the growth that is read from its samples."""

from pathlib import Path

import pytest

from benchmarks.memory import held, run


def test_growth_is_the_last_quarter_less_the_first() -> None:
    found = held([10.0, 20.0, 90.0, 40.0, 40.0, 40.0, 50.0, 54.0])

    assert (found.first, found.last, found.growth, found.most) == (15.0, 52.0, 37.0, 90.0)


@pytest.mark.timeout(300)
def test_a_short_run_loads_the_real_path_and_samples_every_process(tmp_path: Path) -> None:
    outcome = run(tmp_path, seconds=2.0, size=1000, every_s=0.2)

    assert outcome.readings >= 180_000
    assert set(outcome.samples) == {"store", "gatewayA", "agent of gatewayA", "endpoint", "agent of endpoint"}
    for samples in outcome.samples.values():
        assert len(samples) >= 4
        assert min(samples) > 1
