"""The failure benchmark: what it counts as right, wrong and false, and a small run of the real thing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.failure.asked import report_of, scenario_of
from benchmarks.failure.faults import KINDS, ON_NETWORK, Subject, plan
from benchmarks.failure.judging import Alarm, Done, Sighting, judge, quantile
from benchmarks.failure.observer import seen
from benchmarks.failure.report import table
from benchmarks.grid.shapes import shape
from headwater.health.chaos.documents import ChaosFault, ChaosKind, ChaosObserver, ChaosReport
from headwater.health.chaos.scenario import Fault as Kill
from headwater.health.chaos.scenario import Place, faults_of, read_scenario
from tests.benchmarks.namespaces import need_network

ROOT = Path(__file__).parents[2]
S = 1_000_000_000
A, B = Subject("pipeline", "000001"), Subject("node", "000002")


def fault(subject: Subject = A, at_s: int = 10) -> Done:
    """A fault that stays 4 s, and is gone 6 s later."""
    return Done(subject.part, "kill", subject, at_s * S, (at_s + 4) * S, (at_s + 10) * S)


def saw(at_s: float, *subjects: Subject) -> Sighting:
    return Sighting(int(at_s * S), tuple(Alarm(*subject, "silent") for subject in subjects), not subjects)


def test_detection_is_from_the_injection_to_the_first_right_alarm() -> None:
    found = judge([fault(), fault(at_s=30)], [saw(0), saw(12.5, A), saw(20), saw(31.5, A), saw(32), saw(33, A)])

    kind = found.kinds["pipeline"]
    assert (kind.injected, kind.detected, kind.wrong_kind, found.false_alarms) == (2, 2, 0, 0)
    assert (kind.min_s, kind.p50_s, kind.max_s) == (1.5, 1.5, 2.5)


def test_a_first_alarm_of_something_else_is_a_wrong_kind_once() -> None:
    found = judge([fault()], [saw(0), saw(11, B), saw(12, A, B), saw(19)])

    assert (found.kinds["pipeline"].wrong_kind, found.kinds["pipeline"].detected) == (1, 1)
    assert found.false_alarms == 0


def test_a_fault_without_an_alarm_is_not_detected() -> None:
    found = judge([fault()], [saw(0)])

    assert (found.kinds["pipeline"].injected, found.kinds["pipeline"].detected) == (1, 0)
    assert found.kinds["pipeline"].p99_s is None


def test_an_alarm_while_nothing_is_wrong_is_false() -> None:
    found = judge([fault()], [saw(0), saw(5, A), saw(6), saw(12, A), saw(18), saw(25, B)])

    assert found.false == ["in the quiet: pipeline 000001: silent", "in the quiet: node 000002: silent"]


def test_a_later_alarm_of_what_the_fault_did_not_touch_is_false() -> None:
    found = judge([fault()], [saw(0), saw(12, A), saw(13, A, B), saw(18)])

    assert found.false == ["3.0 s after pipeline 000001 (kill) was injected: node 000002: silent"]


def test_a_part_of_the_failed_node_on_its_way_back_is_counted_apart() -> None:
    agent = Subject("provenance", A.node)

    found = judge([fault()], [saw(0), saw(12, A), saw(15, agent), saw(18)])

    assert (found.false_alarms, found.healing_alarms) == (0, 1)


def test_the_99th_percentile_of_few_is_the_worst_of_them() -> None:
    assert quantile([1.0, 2.0, 3.0], 0.99) == 3.0
    assert quantile([float(at) for at in range(1, 201)], 0.99) == 198.0
    assert quantile([], 0.5) is None


def test_a_seed_plans_the_same_faults_again_of_each_kind_as_many() -> None:
    planned = plan(shape("fork"), 6, 7, has_network=True)

    assert planned == plan(shape("fork"), 6, 7, has_network=True) != plan(shape("fork"), 6, 8, has_network=True)
    assert sorted(one.kind for one in planned) == sorted(6 * KINDS)


def test_without_a_network_no_link_is_planned_to_fail() -> None:
    planned = plan(shape("fork"), 6, 7, has_network=False)

    assert {one.kind for one in planned} == {"node", "pipeline", "provenance"}
    assert not {one.way for one in planned} & set(ON_NETWORK)


def test_a_running_topology_gets_as_many_faults_of_each_kind() -> None:
    places = [Place("gatewayA", 1, has_next=True), Place("endpoint", 2, has_next=False)]

    drawn = faults_of(read_scenario(scenario_of(KINDS, 3)), places)

    assert sorted(str(fault.expected) for fault in drawn) == sorted(3 * KINDS)


def test_what_a_running_topology_tells_has_the_form_of_a_campaign() -> None:
    killed = ChaosFault(number=1, fault=Kill(kind="kill-node", target="gatewayA"), injected_s=1.0, detected_s=2.5)
    kind = ChaosKind(
        injected=1, detected=1, wrong_kind=0, min_s=2.5, p50_s=2.5, p95_s=2.5, p99_s=2.5, max_s=2.5,
        recovery_p50_s=None, recovery_max_s=None,
    )  # fmt: skip
    told = ChaosReport(
        seed=1, begun_ms=0, lasted_s=10.0, kinds={"node": kind}, ways={"kill-node": kind}, false_alarms=1,
        false=["link gatewayA to endpoint at 9.0 s"],
        readings_lost=1, losses={"dropped": 1}, undelivered=2, delivered=9,
        observer=ChaosObserver(looks=250, failed=0, gap_p99_ms=50, gap_max_ms=60), faults=[killed],
    )  # fmt: skip

    made = report_of(told, "here", planned=2)

    assert (made.kinds["node"].p99_s, made.false_alarms, made.readings_lost, made.asked_per_s) == (2.5, 1, 3, 25.0)
    assert made.unhealed == "kill-node gatewayA; 1 faults were not reached"
    assert "- false: link gatewayA to endpoint at 9.0 s" in table(made)


def test_all_is_well_only_when_everything_that_should_be_is_there() -> None:
    word = {"health": "Green", "evidence": "reported 0.1 s ago"}
    answer = {"alarms": [], "nodes": [{"node": word, "pipeline": word, "provenance": word}], "links": []}

    assert seen(answer, 1, 0)["is_well"]
    assert not seen(answer, 2, 0)["is_well"]
    assert not seen(answer, 1, 1)["is_well"]


@pytest.mark.parametrize(
    ("health", "evidence", "is_well"),
    [("Yellow", "recovering: reported", True), ("Yellow", "silent", False), ("Red", "silent", False)],
)
def test_what_only_has_to_stay_green_for_a_while_is_well(health: str, evidence: str, is_well: bool) -> None:
    word = {"health": health, "evidence": evidence}
    answer = {"alarms": [], "nodes": [{"node": word, "pipeline": word, "provenance": word}], "links": []}

    assert seen(answer, 1, 0)["is_well"] is is_well


@pytest.mark.timeout(300)
def test_a_small_run_detects_a_cut_link_and_a_dead_daemon_and_loses_nothing(tmp_path: Path) -> None:
    need_network()
    command = [sys.executable, "-m", "benchmarks.failure", "--quick", "--shape", "two-node", "--kinds", "link,pipeline"]

    done = subprocess.run(
        [*command, "--report", str(tmp_path / "report.json")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    held = json.loads((tmp_path / "report.json").read_text())
    for kind in ("link", "pipeline"):
        assert (held["kinds"][kind]["injected"], held["kinds"][kind]["detected"]) == (1, 1), done.stdout
    assert held["readings_lost"] == 0 < held["readings_sent"]
    assert "| link | 1 | 1 |" in (tmp_path / "report.md").read_text()
    assert (tmp_path / "report.png").stat().st_size
