"""`headwater chaos`: what it refuses, and faults in real processes from the injection to the report."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from headwater.cli.main import main
from headwater.config import Topology, format_topology, load_topology, with_free_ports
from headwater.health.chaos.options import ChaosOptions

TWO_NODES = Path(__file__).resolve().parents[2] / "examples/topologies/two-node.toml"
HEADWATER = (sys.executable, "-m", "headwater.cli.main")
PATIENCE_S = 90
pytestmark = pytest.mark.timeout(300)
SCENARIO = """
[[fault]]
kind = "kill-node"
target = "gatewayA"
for_s = 30
until_told = true

[[fault]]
kind = "pause-pipeline"
target = "endpoint"
for_s = 30
until_told = true

[[fault]]
kind = "kill-provenance"
target = "gatewayA"
for_s = 30
until_told = true

[[fault]]
kind = "cut-link"
target = "gatewayA"
for_s = 30
until_told = true

[[fault]]
kind = "corrupt-log"
target = "endpoint"
"""


class Grid:
    """A topology of two nodes that runs in processes of its own."""

    def __init__(self, topology: Topology, process: subprocess.Popen[bytes]) -> None:
        self.topology = topology
        self.process = process

    @property
    def url(self) -> str:
        return self.topology.api_url

    def pids(self) -> dict[str, int | None]:
        report = json.loads((self.topology.folder / "processes.json").read_text())
        return {process["name"]: process["pid"] for process in report["processes"]}

    def state(self, name: str) -> str:
        """One letter, T for what is paused; nothing when there is no process."""
        try:
            return Path(f"/proc/{self.pids()[name]}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return ""

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}/v1{path}", timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def is_well(self) -> bool:
        try:
            health = self.get("/cluster/health")
        except OSError:
            return False
        judged = [node[part] for node in health["nodes"] for part in ("node", "pipeline", "provenance")]
        judged += [link["link"] for link in health["links"]]
        return len(judged) == 7 and all(one["health"] == "Green" for one in judged)


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@contextmanager
def up(folder: Path, chaos: bool = True) -> Iterator[Grid]:
    given = replace(load_topology(TWO_NODES), chaos=ChaosOptions(enabled=chaos))
    file = folder / "grid.toml"
    file.write_text(format_topology(with_free_ports(given, folder / "var")))
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen([*HEADWATER, "up", str(file)], stdout=log, stderr=subprocess.STDOUT)
        grid = Grid(load_topology(file), process)
        try:
            eventually(grid.is_well)
            yield grid
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE_S)


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grid]:
    with up(tmp_path_factory.mktemp("grid")) as running:
        yield running


@contextmanager
def looked_at(grid: Grid) -> Iterator[list[dict[str, Any]]]:
    """What the API says of the newest run, again and again; one answer that is none is a failure."""
    seen: list[dict[str, Any]] = []
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.05):
            seen.extend(grid.get("/chaos/runs")[:1])

    with ThreadPoolExecutor(1) as threads:
        looking = threads.submit(look)
        try:
            yield seen
        finally:
            over.set()
        looking.result()


def test_each_of_the_four_failures_is_told_and_healed_and_nothing_is_lost(
    grid: Grid, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario, report = tmp_path / "four.toml", tmp_path / "report.json"
    scenario.write_text(SCENARIO)

    with looked_at(grid) as seen:
        assert main(["chaos", "run", str(scenario), "--server", grid.url, "--report", str(report), "--seed", "5"]) == 0

    made: dict[str, Any] = json.loads(report.read_text())
    for part in ("node", "link", "pipeline", "provenance"):
        kind = made["kinds"][part]
        assert (kind["injected"], kind["detected"]) == (1, 1), made["faults"]
        assert 0 < kind["min_s"] == kind["p50_s"] == kind["p99_s"]
        assert kind["recovery_max_s"] is not None
    assert [fault["number"] for fault in made["faults"]] == [1, 2, 3, 4, 5]
    assert "no sealed segment" in made["faults"][4]["problem"]
    assert (made["readings_lost"], made["undelivered"], made["seed"]) == (0, 0, 5)
    assert made["delivered"] > 0
    assert made["observer"]["looks"] > 0
    said = capsys.readouterr().out
    assert "kill-node" in said
    assert "not put in: " in said
    assert "0 lost, 0 not delivered" in said
    eventually(grid.is_well)
    assert {run["now"]["stage"] for run in seen if run["now"]} == {"before", "in", "healed"}
    assert any(run["now"]["detected_s"] for run in seen if run["now"] and run["now"]["stage"] == "in")
    last = grid.get("/chaos/runs")[0]
    assert (last["state"], last["now"], last["recent"], last["report"]) == ("done", None, made["faults"], None)
    assert made in [grid.get(f"/reports/{kept['name']}") for kept in grid.get("/reports")]


def test_an_interrupt_heals_what_is_broken_and_still_reports(grid: Grid, tmp_path: Path) -> None:
    scenario, report = tmp_path / "long.toml", tmp_path / "report.json"
    scenario.write_text('[[fault]]\nkind = "pause-pipeline"\ntarget = "gatewayA"\nfor_s = 3000\n')
    arguments = ["chaos", "run", str(scenario), "--server", grid.url, "--report", str(report)]
    with subprocess.Popen([*HEADWATER, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        eventually(lambda: grid.state("gatewayA") == "T")
        assert main(["chaos", "run", "failures", "--server", grid.url]) == 2
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert b"healing everything" in said
    assert grid.state("gatewayA") not in ("T", "")
    assert json.loads(report.read_text())["kinds"]["pipeline"]["injected"] == 1
    eventually(grid.is_well)


def test_whoever_runs_a_scenario_may_be_killed_and_nothing_stays_broken(grid: Grid, tmp_path: Path) -> None:
    question = {"scenario": {"fault": [{"kind": "pause-node", "target": "endpoint", "for_s": 3000}]}}
    asked = urllib.request.Request(
        f"{grid.url}/v1/chaos/runs", json.dumps(question).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(asked, timeout=PATIENCE_S) as answer:
        assert answer.status == 201
    eventually(lambda: grid.state("endpoint") == "T" and grid.state("endpoint/agent") == "T")
    pid = grid.pids()["server/api"]
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: grid.state("endpoint") not in ("T", "") and grid.state("endpoint/agent") not in ("T", ""))
    eventually(grid.is_well)


def test_a_node_that_is_not_there_is_refused_before_anything_is_broken(
    grid: Grid, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = tmp_path / "wrong.toml"
    scenario.write_text('[[fault]]\nkind = "kill-node"\ntarget = "gatewayB"\n')
    assert main(["chaos", "run", str(scenario), "--server", grid.url]) == 2
    assert 'no node is called "gatewayB"; did you mean "gatewayA"?' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('[[fault]]\nkind = "explode"\ntarget = "a"', 'no kind of fault is called "explode"'),
        ('[[fault]]\nkind = "kill-node"\ntarget = "a"\nfor_s = -3', "[[fault]] 1, for_s: "),
        ("[[fault", "not TOML"),
        ("", "it has no faults"),
    ],
)
def test_a_scenario_that_cannot_be_is_told_without_asking_anybody(
    tmp_path: Path, content: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario = tmp_path / "s.toml"
    scenario.write_text(content)
    assert main(["chaos", "run", str(scenario), "--server", "http://127.0.0.1:1"]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["run", "failure"], 2, 'no scenario and no file is called "failure"; did you mean "failures"?'),
        (["run", "none.toml"], 2, "none.toml: cannot be read"),
        (["run"], 2, "a scenario is needed"),
        (["burn"], 2, "--help"),
        (["run", "failures", "--seed", "-1"], 2, "--seed"),
        (["run", "failures", "--server", "http://127.0.0.1:1"], 4, "no server answers at http://127.0.0.1:1"),
    ],
)
def test_a_command_line_that_cannot_be_is_told(
    arguments: list[str], code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["chaos", *arguments]) == code
    assert told in capsys.readouterr().err


def test_the_list_names_what_can_be_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chaos", "list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["failures", "random", "all"]
