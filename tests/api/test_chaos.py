"""`/v1/chaos/runs`: there only where chaos is enabled, and what it refuses; tests/cli/test_chaos.py has real runs."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from headwater.api.options import ApiOptions
from headwater.cli.main import main
from headwater.health.chaos.control import ControlServer
from headwater.health.chaos.scenario import Fault, Place
from tests.api import grid
from tests.api.served import served
from tests.api.test_every_endpoint import is_problem

RUNS = "/v1/chaos/runs"
FAILURES = {"scenario": {"fault": [{"kind": "kill-node", "target": "gatewayA"}]}}


class Nobody:
    """Has a node and breaks nothing."""

    def places(self) -> list[Place]:
        return [Place("gatewayA", 1, False)]

    def inject(self, fault: Fault) -> int:
        raise AssertionError("nothing is broken here")

    def heal(self) -> int:
        return 0


@contextlib.contextmanager
def enabled(control: Path) -> Iterator[httpx.Client]:
    with served(
        lambda: grid.open_reader(control.parent), lambda: grid.NOW_MS, ApiOptions(control=str(control))
    ) as client:
        yield client


def test_where_it_is_not_enabled_nothing_answers_and_nothing_is_described(api: httpx.Client) -> None:
    for answer in (api.post(RUNS, json=FAILURES), api.get(RUNS), api.get(f"{RUNS}/x"), api.delete(f"{RUNS}/x")):
        assert is_problem(answer, 404)
    assert not [path for path in api.get("/v1/openapi.json").json()["paths"] if "chaos" in path]


def test_the_command_says_how_it_is_enabled(api: httpx.Client, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chaos", "run", "failures", "--server", str(api.base_url)]) == 2
    assert "put chaos = {enabled = true} into its file" in capsys.readouterr().err


def test_without_a_supervisor_it_is_unavailable(tmp_path: Path) -> None:
    with enabled(tmp_path / "c") as api:
        answer = api.post(RUNS, json=FAILURES)
        assert is_problem(answer, 503)
        assert "start all of it with headwater up" in answer.json()["detail"]


def test_what_is_no_scenario_is_refused_and_a_run_that_is_not_known_not_found(tmp_path: Path) -> None:
    with ControlServer(tmp_path / "c", Nobody()).serving(), enabled(tmp_path / "c") as api:
        for body, told in (
            ({"scenario": {}}, "it has no faults"),
            ({"scenario": {"fault": [{"kind": "kill-node", "target": "x"}]}}, 'no node is called "x"'),
            ({"scenario": {"fault": [{"kind": "cut-link", "target": "gatewayA"}]}}, "has no next hop"),
            ({"scenario": {"random": {"count": 10**9}}}, "[random], count"),
            ({"scenario": FAILURES["scenario"], "seed": -1}, "seed"),
            ({"scene": 1}, "scene"),
        ):
            answer = api.post(RUNS, json=body)
            assert is_problem(answer, 400)
            assert told in answer.json()["detail"]
        assert is_problem(api.post(RUNS, content=b"\xff", headers={"Content-Type": "application/json"}), 400)
        of_a_page = api.post(RUNS, content=json.dumps(FAILURES), headers={"Content-Type": "text/plain"})
        assert is_problem(of_a_page, 400)
        assert "a body of the type application/json is needed" in of_a_page.json()["detail"]
        assert is_problem(api.get(f"{RUNS}/x"), 404)
        assert is_problem(api.delete(f"{RUNS}/x"), 404)
        assert api.get(RUNS).json() == []
        assert is_problem(api.put(RUNS), 405)
        assert {"/v1/chaos/runs", "/v1/chaos/runs/{id}"} <= set(api.get("/v1/openapi.json").json()["paths"])
