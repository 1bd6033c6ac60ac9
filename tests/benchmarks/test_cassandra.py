"""The benchmark of Cassandra measures what it says: both layouts, on one real server."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services.fixtures import need


@pytest.mark.timeout(300)
def test_both_layouts_are_written_asked_and_weighed(tmp_path: Path) -> None:
    need("cassandra")
    report = tmp_path / "report.json"
    sizes = ["--rounds", "1", "--batches", "100", "--rows", "500"]
    command = [sys.executable, "-m", "benchmarks.cassandra", "--report", str(report), *sizes]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(report.read_text())
    assert found["readings_per_s"].keys() == {"2018_buffer_10", "2018_buffer_100", "ours_n_1000", "ours_n_100"}
    assert all(rate > 0 for rates in found["readings_per_s"].values() for rate in rates)
    assert all(ms > 0 for ms in found["asked"].values())
    assert found["lineage_11111_ms"] > 0
    weights = found["bytes_per_reading"]
    assert weights["ours_1000"] < weights["ours_100"] < weights["provenancekey_100"] / 5
