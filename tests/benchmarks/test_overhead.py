"""The overhead benchmark: what its report says of runs, and a small run of the real thing."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.grid.load import CONTEXTS, loaded
from benchmarks.grid.settings import Setting, settings
from benchmarks.grid.shapes import shape
from benchmarks.overhead.__main__ import BUFFERS, seconds_of
from benchmarks.overhead.measure import Component, Run
from benchmarks.overhead.published import published, published_nodes, published_store
from benchmarks.overhead.report import COLUMNS, csv_rows, make, table
from headwater.model.context import ALL_METRICS
from tests.benchmarks.namespaces import need_network

ROOT = Path(__file__).parents[2]


def run(context: str, path_bytes: int) -> Run:
    endpoint, server = Component("endpoint", 200, 50, 10), Component("server", 100, 20, 10)
    return Run(Setting("single", context, 10, 20.0), [endpoint, server], path_bytes, 10, 5.0, 30.0)


def test_ratios_are_taken_within_a_repeat() -> None:
    made = make([[run("none", 1000), run("full", 1100)], [run("full", 2600), run("none", 2000)]], "", 10.0)

    held = made.path_to_none["single, full, buffer 10, 20 s"]
    assert (held.median, held.min, held.max) == pytest.approx((1.2, 1.1, 1.3))
    assert made.path_a_reading["single, none, buffer 10, 20 s"].median == 150.0


def test_figures_stand_beside_those_of_2018() -> None:
    shown = table(make([[run("none", 1000), run("full", 1100)]], "", 10.0))

    assert "| none | 20.0 / 5.0 (79 / 11) | 10.0 / 2.0 | 100.0 [100.0 to 100.0] | 1.000 [1.000 to 1.000] |" in shown
    assert "| 85.0 [85.0 to 85.0] |" in shown
    assert "| full | 20.0 / 5.0 (107 / 386) | 10.0 / 2.0 (374 in) |" in shown


def test_a_row_of_the_csv_has_the_columns_of_2018() -> None:
    (row, _) = csv_rows(run("four", 1000))

    assert dict(zip(COLUMNS, row, strict=True)) == {
        "TOPOLOGY": "single", "PROV_METRICS": "metricid ctime stime rtime", "BUFFER_CAPACITY": 10,
        "COMPONENT": "endpoint", "NET_IN": 200, "NET_IN_TYPE": "B", "NET_OUT": 50, "NET_OUT_TYPE": "B",
        "MSG_NUMBER": 10, "NORMALIZED_MSG_SIZE_IN": 20.0, "NORMALIZED_MSG_SIZE_OUT": 5.0,
        "NORMALIZED_MSG_SIZE_TYPE": "B", "BENCHMARK_RUNTIME": 20.0,
    }  # fmt: skip


def test_none_and_full_at_the_largest_buffer_run_longest() -> None:
    of_shape = settings(["fork"], list(CONTEXTS), BUFFERS, seconds_of)

    assert {(one.context, one.buffer) for one in of_shape if one.seconds == 120.0} == {("none", 10), ("full", 10)}
    assert {(one.context, one.buffer) for one in of_shape} == {
        (context, buffer) for context in CONTEXTS for buffer in (1, 5, 10)
    }


def test_each_setting_has_one_without_provenance_that_lasts_as_long() -> None:
    of_shape = settings(["fork"], list(CONTEXTS), BUFFERS, seconds_of)

    assert {one.none for one in of_shape} < set(of_shape)
    assert len(of_shape) == len(set(of_shape)) == 3 * 13 + 1


def test_contexts_are_those_of_2018() -> None:
    assert CONTEXTS["four"] == ("metricid", "ctime", "stime", "rtime")
    assert CONTEXTS["six"] == ("metricid", "ctime", "stime", "rtime", "meterid", "app")
    assert {CONTEXTS[metric] for metric in ALL_METRICS if metric != "ctime"} == {
        (metric, "ctime") for metric in ALL_METRICS if metric != "ctime"
    }


def test_a_setting_reaches_every_node_and_agent() -> None:
    made = loaded(shape("fork"), "four", 5, None)

    assert {gateway.metrics for gateway in made.gateways} == {CONTEXTS["four"]}
    assert {agent.buffer_capacity for agent in made.agents} == {5}
    assert not any(gateway.steps for gateway in made.gateways)
    assert not any(gateway.provenance for gateway in loaded(shape("fork"), "none", 5, None).gateways)


def test_what_was_not_published_is_left_out() -> None:
    assert published("line", "full", "gatewayA") is None
    assert published("fork", "full", "gatewayC") == (355.9, 744.0)
    assert published_store("single", "none") is None
    assert published_nodes("triangle", "full") is None


def test_the_nodes_of_2018_add_up_for_each_message_of_a_source() -> None:
    assert published_nodes("two-node", "full") == pytest.approx(177.3 + 638.6 + 284.7 + 490.6)
    gateways = (152.2 + 197.9 + 154.7 + 201.3) / 2
    assert published_nodes("fork", "none") == pytest.approx(gateways + 254.9 + 279.9 + 206.3 + 65.2)


@pytest.mark.timeout(300)
def test_a_small_run_counts_what_every_component_sent(tmp_path: Path) -> None:
    need_network()
    command = [sys.executable, "-m", "benchmarks.overhead", "--quick", "--shapes", "two-node"]

    done = subprocess.run(
        [*command, "--report", str(tmp_path / "report.json")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    with (tmp_path / "report.csv").open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [(row["PROV_METRICS"].split()[0], row["COMPONENT"]) for row in rows] == [
        (context, name) for context in ("none", "meterid") for name in ("gatewayA", "endpoint", "server")
    ]
    assert all(int(row["NET_IN"]) > 0 < int(row["NET_OUT"]) for row in rows)
    (repeat,) = json.loads((tmp_path / "report.json").read_text())["rounds"]
    for measured in repeat:
        gateway, endpoint, server = measured["components"]
        assert gateway["messages"] == endpoint["messages"] == server["messages"] == measured["messages"] > 0
        # Every byte of the path is on a link of the gateway, or between endpoint and server.
        assert measured["path_bytes"] <= sum(one["received"] + one["sent"] for one in (gateway, endpoint, server))
    assert (tmp_path / "report.png").stat().st_size
