"""Deployments run as processes: each service's own command and environment, in containers without Docker.

`make deployments` runs all of them; here are small ones of each kind.
"""

import shutil
from pathlib import Path

import pytest

from headwater.cli.main import main
from headwater.config import load_topology
from scripts.generate_deployments import EXAMPLES
from tests.deploy.checks import is_judged
from tests.deploy.engine import problem
from tests.deploy.running import faults, run_trial

SECONDS = 3


@pytest.fixture(autouse=True)
def _containers() -> None:
    """Skips where there can be no containers."""
    if why := problem():
        pytest.skip(f"machine cannot: {why}")


def written(kind: str, name: str, folder: Path, *arguments: str) -> Path:
    assert main([kind, str(EXAMPLES / f"{name}.toml"), "-o", str(folder / name), *arguments]) == 0
    return folder / name


@pytest.mark.timeout(600)
def test_what_replicas_of_sensors_send_is_delivered_once_and_explained(tmp_path: Path) -> None:
    found = run_trial("compose", written("compose", "fork", tmp_path, "--replicas", "sensorsA=2"), SECONDS)
    assert faults(found, is_judged=True) == []
    assert found.pods == 13
    assert found.findings.aggregates_checked > 0


@pytest.mark.timeout(600)
def test_a_broker_of_this_machine_becomes_a_container_that_readings_come_from(tmp_path: Path) -> None:
    if lacking := [name for name in ("mosquitto", "mosquitto_pub") if shutil.which(name) is None]:
        pytest.skip(f"machine cannot: there is no {lacking[0]}; `make services` installs it")
    found = run_trial("kubernetes", written("kubernetes", "ingest", tmp_path), SECONDS)
    assert faults(found, is_judged=False) == []


def test_every_example_with_sensors_but_that_of_the_steps_is_judged() -> None:
    names = [path.stem for path in EXAMPLES.glob("*.toml") if not is_judged(load_topology(path))]
    assert sorted(names) == ["ingest", "steps"]
