"""Broker and gateway are killed while readings come by MQTT: every acknowledged one is delivered, and once.

`make mqtt` runs the same with a million readings.
"""

from pathlib import Path

import pytest

from tests.campaigns.mqtt import Plan, run


@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_what_was_acknowledged_is_at_the_endpoint_exactly_once(tmp_path: Path, version: str) -> None:
    plan = Plan(messages=200, readings=100, kills=2, seed=3, group=8, version=version)
    outcome = run(plan, tmp_path)
    assert not outcome.problems, outcome
    assert outcome.acknowledged == 20_000
