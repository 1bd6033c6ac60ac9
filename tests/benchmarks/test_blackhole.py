"""The black-hole benchmark, small: a neighbour that swallows everything holds up no one else's readings."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.grid.network import problem

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(300)
def test_readings_of_the_healthy_path_go_on(tmp_path: Path) -> None:
    if why := problem():
        pytest.skip(f"machine cannot: {why}")
    report = tmp_path / "report.json"

    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.blackhole", "--rounds", "1", "--seconds", "3", "--report", str(report)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    ((whole, swallowed),) = json.loads(report.read_text())["rounds"]
    assert whole["readings_per_s"] > 1000
    assert swallowed["readings_per_s"] > 1000
