"""The dashboard benchmark, small: the grid that it tells is one, and a browser over a real server is measured."""

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from benchmarks.dashboard.looking import Times
from benchmarks.dashboard.nodes import FAN_IN, STUCK_EVERY, rate, report, sources, successor, told_first
from headwater.health.rules import assess, view_of
from headwater.health.signals import Told
from headwater.health.suspicion import Arrivals, Bounds
from headwater.model.health import Health
from headwater.model.report import NodeReport
from headwater.services.install import BROWSER

ROOT = Path(__file__).parents[2]
NODES = 200


def test_all_nodes_send_to_the_first_one_in_the_end() -> None:
    for node in range(2, NODES + 1):
        following = successor(node)
        assert following is not None
        assert following < node
        assert node in sources(following, NODES)
    assert successor(1) is None
    assert max(len(sources(node, NODES)) for node in range(1, NODES + 1)) == FAN_IN


def judged(tick: int) -> list[Health]:
    """How everything stands by the reports of a tick."""
    reports = {node: report(node, tick, NODES, 1000) for node in range(1, NODES + 1)}
    told = {node: Told(one, 100, Arrivals(500)) for node, one in reports.items()}
    return [finding.health for finding in assess(view_of(told, Bounds())).values()]


def test_what_nodes_report_is_judged_to_be_well_but_for_one_link_now_and_then() -> None:
    everything = 1 + 3 * NODES + NODES - 1

    assert judged(7) == [Health.GREEN] * everything
    assert sorted(judged(STUCK_EVERY - 1)) == [Health.GREEN] * (everything - 1) + [Health.YELLOW]


def test_a_report_can_be_sent_and_its_books_balance() -> None:
    for node in (1, 2, NODES):
        sent = msgspec.msgpack.decode(msgspec.msgpack.encode(report(node, 9, NODES, 1000)), type=NodeReport)
        assert all(0 <= end.sent - end.delivered < 40 for end in sent.links if end.outgoing)
        ((_, config),) = told_first(node).configs
        assert config.successor == successor(node)


def test_rates_change_with_every_tick_and_add_up_to_the_end() -> None:
    assert rate(NODES, 1, NODES) != rate(NODES, 2, NODES)
    assert rate(1, 5, NODES) > sum(rate(node, 5, NODES) for node in sources(1, NODES))


def test_percentiles_are_of_what_was_measured() -> None:
    assert Times.of([1.0] * 18 + [5.0, 9.0]) == Times(1.0, 5.0, 9.0)
    assert Times.of([2.0, 4.0]) == Times(3.0, 4.0, 4.0)


def test_a_short_run_measures_a_browser_over_a_real_server(tmp_path: Path) -> None:
    if BROWSER.missing():
        pytest.skip("machine cannot: there is no chromium; make services installs it")
    report = tmp_path / "report.json"

    command = [sys.executable, "-m", "benchmarks.dashboard", "--quick", "--report", str(report)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=110)

    assert done.returncode == 0, done.stderr
    found = json.loads(report.read_text())
    assert found["nodes"] == 30
    assert found["changes"] > 0
    assert 0 < found["frame_bytes"] < found["whole_bytes"]
    for view in found["first_view"].values():
        assert min(view["ms"], view["browser_cpu_ms"], view["ui_cpu_ms"]) > 0
    assert set(found["cpu_20_pages"]) == {"store", "api", "ui"}
