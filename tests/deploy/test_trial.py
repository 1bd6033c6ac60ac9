"""Deployments run as processes: each service's own command and environment, in containers without Docker."""

import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from headwater.cli.main import main
from scripts.generate_deployments import EXAMPLES
from tests.deploy.engine import contained_command, problem
from tests.deploy.trial import Tried

SECONDS = 3


def trial(kind: str, folder: Path, state: Path) -> Tried:
    """Try a folder; skips where there can be no containers."""
    if why := problem():
        pytest.skip(f"machine cannot: {why}")
    state.mkdir()
    command = contained_command("tests.deploy.trial", kind, str(folder), str(state), str(SECONDS))
    try:
        done = subprocess.run(command, capture_output=True, check=False, text=True, timeout=250)
        assert done.returncode == 0, done.stderr[-3000:]
        return msgspec.json.decode(done.stdout, type=Tried)
    finally:
        shutil.rmtree(state, ignore_errors=True)


@pytest.mark.timeout(300)
def test_a_compose_file_with_replicas_delivers_everything_once_and_explains_it(tmp_path: Path) -> None:
    folder = tmp_path / "fork"
    assert main(["compose", str(EXAMPLES / "fork.toml"), "-o", str(folder), "--replicas", "sensorsA=2"]) == 0
    found = trial("compose", folder, tmp_path / "state")
    assert (found.unhealthy, found.restarted) == ([], [])
    assert found.containers == 13
    findings = found.findings
    assert 0 < findings.readings_sent == findings.readings_delivered == findings.lineage_exact
    assert findings.readings_duplicated == 0
    assert 0 < findings.aggregates_checked == findings.aggregates_exact
