"""The latency benchmark: spans from stamps and from outside, and a small run of the real thing."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.grid.settings import Setting
from benchmarks.latency import turned
from benchmarks.latency.asked import of_ways
from benchmarks.latency.measure import Run
from benchmarks.latency.report import COLUMNS, csv_rows, make, table
from benchmarks.latency.spans import Figures, Stamped, figures, from_outside, from_stamps
from benchmarks.latency.turns import made, measure
from headwater.client.results import Datapoint, PointContext

ROOT = Path(__file__).parents[2]
WAY = ("gatewayA", "gatewayB", "endpoint")
ONE, OTHER = (b"source", 1), (b"source", 11)


def test_stamps_tell_the_time_in_nodes_on_hops_and_over_all() -> None:
    stamps = {
        "gatewayA": {ONE: Stamped(100, 90, 10), OTHER: Stamped(200, 190, 10)},
        "gatewayB": {ONE: Stamped(106, 102, 10)},
        "endpoint": {ONE: Stamped(120, 111, 10)},
    }

    found = from_stamps([WAY], stamps)

    assert {name: held.mean for name, held in found.items()} == {
        "node gatewayA": 2.0,
        "hop gatewayA to gatewayB": 4.0,
        "node gatewayB": 5.0,
        "hop gatewayB to endpoint": 9.0,
        "pipeline": 20.0,
    }
    assert found["pipeline"].readings == 10


def point(host: str, received_ms: int | None, sent_ms: int | None) -> Datapoint:
    return Datapoint(id="", context=PointContext(host_id=host, receive_time=received_ms, send_time=sent_ms))


def test_the_api_tells_the_same_of_a_running_topology() -> None:
    lineage = [point("03", 120, None), point("02", 106, 111), point("01", 100, 102)]

    found = of_ways([(lineage, 10)], {"01": "gatewayA", "02": "gatewayB", "03": "endpoint"})

    assert {name: held.mean for name, held in found.items()} == {
        "node gatewayA": 2.0, "hop gatewayA to gatewayB": 4.0, "node gatewayB": 5.0,
        "hop gatewayB to endpoint": 9.0, "pipeline": 20.0,
    }  # fmt: skip
    assert found["pipeline"].readings == 10


def test_of_the_api_what_steps_made_and_times_that_are_not_recorded_are_passed_over() -> None:
    averaged = [point("02", 120, None), point("01", 110, 115), point("01", 100, None), point("01", 101, None)]

    assert of_ways([(averaged, 1), ([point("02", None, None), point("01", 100, None)], 1)], {}) == {}


def test_without_stamps_nothing_is_told_of_nodes() -> None:
    assert from_stamps([WAY], {name: {} for name in WAY}) == {}


def test_from_outside_only_what_arrived_counts() -> None:
    seen: dict[str, dict[tuple[bytes, int], float]] = {
        "gatewayA": {ONE: 105.0, OTHER: 205.0}, "gatewayB": {}, "endpoint": {ONE: 111.0},
    }  # fmt: skip

    found = from_outside([WAY], seen, {ONE: (100.0, 4), OTHER: (200.0, 4)})

    assert found["sensor to durable"] == Figures(11.0, 11.0, 11.0, 4)
    assert found["durable to durable"] == Figures(6.0, 6.0, 6.0, 4)


def test_every_reading_counts_once() -> None:
    held = figures([(1.0, 98), (100.0, 2)])

    assert held.mean == pytest.approx(2.98)
    assert (held.p50, held.readings) == (1.0, 100)


def run(context: str, p50: float) -> Run:
    stamped = {"hop gatewayA to endpoint": Figures(2.5, 2.0, 4.0, 10)} if context != "none" else {}
    return Run(Setting("two-node", context, 10, 20.0), stamped, {"sensor to durable": Figures(p50, p50, p50, 10)}, 10)


def test_ratios_are_taken_within_a_repeat_and_hops_stand_beside_2018() -> None:
    put = make([[run("none", 10.0), run("full", 11.0)], [run("full", 26.0), run("none", 20.0)]], "")

    assert put.to_none["two-node, full, buffer 10, 20 s"].median == pytest.approx(1.2)
    shown = table(put)
    assert "| two-node, none, buffer 10, 20 s | no stamps | 6.2 |" in shown
    assert "| two-node, full, buffer 10, 20 s | 2.5 | 16.9 |" in shown


def test_a_row_of_the_csv_is_one_latency() -> None:
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in csv_rows(2, run("full", 10.0))]

    assert [(row["LATENCY"], row["REPEAT"], row["MEAN_MS"]) for row in rows] == [
        ("sensor to durable", 2, 10.0),
        ("hop gatewayA to endpoint", 2, 2.5),
    ]


def test_the_ratio_of_turns_is_the_median_of_pairs() -> None:
    none, held = [2.0, 4.0, 8.0, 4.0, 4.0], [2.2, 4.4, 8.8, 40.0, 4.4]

    found = made("single", "full", 1000.0, none, held, {"pipeline": (100.0, 102.0), "agent": (9.0, 10.0)})

    assert found.ratio == pytest.approx(1.1)
    assert found.interval[0] == pytest.approx(1.1)
    assert found.interval[1] <= 10.0
    assert "| single, full | 1,000 | 5 |" in turned.table(turned.Turned(seconds=1.0, turns=[found]))


@pytest.mark.timeout(300)
def test_slices_in_turns_time_every_message_of_both(tmp_path: Path) -> None:
    found = measure("single", "full", 1000.0, 2, 0.2, tmp_path)

    assert found.pairs == 2
    assert found.none_ms.min > 0 < found.ms.min
    assert all(min(used) > 0 for used in found.cpu_us.values())


@pytest.mark.timeout(300)
def test_a_small_run_tells_every_latency_with_stamps_and_without(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.latency", "--quick", "--loopback", "--shapes", "two-node"]

    done = subprocess.run(
        [*command, "--report", str(tmp_path / "report.json")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "report.json").read_text())
    assert told["where"] == "on loopback"
    ((none, full),) = told["rounds"]
    assert (none["stamped"], set(full["stamped"])) == ({}, {"node gatewayA", "hop gatewayA to endpoint", "pipeline"})
    for measured in (none, full):
        assert set(measured["outside"]) == {"sensor to durable", "durable to durable"}
        assert measured["outside"]["sensor to durable"]["readings"] == measured["readings"] > 0
    assert full["stamped"]["pipeline"]["readings"] == full["readings"]
    with (tmp_path / "report.csv").open(newline="") as opened:
        assert len(list(csv.DictReader(opened))) == 2 + 5
    assert (tmp_path / "report.png").stat().st_size
