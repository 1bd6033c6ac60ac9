"""The benchmarks of a topology that runs already: what they ask of its API, and what they leave empty."""

import csv
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from benchmarks.failure import asked as failure
from benchmarks.grid.outside import Books, NodeBooks
from benchmarks.grid.running import PATIENCE_S
from benchmarks.grid.shapes import shape
from benchmarks.latency import asked as latency
from benchmarks.overhead import flow
from benchmarks.overhead.report import COLUMNS
from headwater.client import Client
from headwater.client.results import Account
from headwater.config import format_topology, with_free_ports
from headwater.health.chaos.options import ChaosOptions
from headwater.model.errors import NotFound, Unavailable

ROOT = Path(__file__).parents[2]
NOBODY = "http://127.0.0.1:1"


def test_readings_between_two_looks_are_counted_and_bytes_left_empty() -> None:
    before = Books({"01": NodeBooks("gatewayA", 1000, 50, 0, "ctime")}, {("01", "02"): Account(50, 40, 10, {}, 0, 0)})
    after = Books(
        {"01": NodeBooks("gatewayA", 3000, 250, 7, "ctime")},
        {("01", "02"): Account(250, 230, 15, {"dropped": 5}, 0, 9)},
    )

    found = flow.between(before, after)

    (link,), (row,) = found.links, flow.csv_rows(found)
    assert (link.source, link.target, link.sent, link.delivered, link.dropped) == ("gatewayA", "02", 200, 190, 5)
    assert (link.rate, link.buffered, link.oldest_ms) == (95.0, 15, 9)
    told = dict(zip(COLUMNS, row, strict=True))
    assert (told["COMPONENT"], told["MSG_NUMBER"], told["NET_IN"], told["BENCHMARK_RUNTIME"]) == (
        "gatewayA",
        200,
        "",
        2,
    )


def test_a_server_that_is_away_is_named() -> None:
    for ask in (
        lambda: flow.watch(NOBODY, 1, 1.0),
        lambda: latency.watch(NOBODY, 1, 1.0),
        lambda: failure.run(NOBODY, ("node",), 1, 1, print),
    ):
        with pytest.raises(Unavailable, match=r"no server answers at http://127\.0\.0\.1:1.*--server URL"):
            ask()


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """Two nodes that may be broken, and sensors; gives the address of its API once a reading has arrived."""
    given = replace(shape("two-node"), chaos=ChaosOptions(enabled=True))
    sensors = tuple(replace(group, rate=2000.0, timestamps="now") for group in given.sensors)
    topology = with_free_ports(replace(given, sensors=sensors), folder)
    file = folder / "topology.toml"
    file.write_text(format_topology(topology))
    command = [sys.executable, "-m", "headwater.cli.main", "up", str(file)]
    with (folder / "up.log").open("wb") as said, subprocess.Popen(command, stdout=said, stderr=said) as up:
        try:
            with Client(topology.api_url) as client:
                endpoint = next(gateway for gateway in topology.gateways if gateway.next is None)
                deadline_s = time.monotonic() + PATIENCE_S
                while not _has_arrived(client, f"{endpoint.node:06x}"):
                    assert time.monotonic() < deadline_s, (folder / "up.log").read_text()
                    time.sleep(0.2)
            yield topology.api_url
        finally:
            up.send_signal(signal.SIGINT)


def _has_arrived(client: Client, node: str) -> bool:
    try:
        return bool(client.newest(node, 1))
    except (NotFound, Unavailable):
        return False


def bench(name: str, url: str, report: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"benchmarks.{name}", "--server", url, "--report", str(report), *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.timeout(300)
def test_a_running_topology_is_measured_and_broken_from_outside(tmp_path: Path) -> None:
    with running(tmp_path) as url:
        counted = bench("overhead", url, tmp_path / "overhead.json", "--seconds", "1", "--repeats", "1")
        timed = bench("latency", url, tmp_path / "latency.json", "--seconds", "2", "--repeats", "1")
        broken = bench("failure", url, tmp_path / "failure.json", "--faults", "1", "--kinds", "link")

    assert (counted.returncode, timed.returncode, broken.returncode) == (0, 0, 0), (
        counted.stderr + timed.stderr + broken.stderr
    )
    assert "Bytes are not known here" in (tmp_path / "overhead.md").read_text()
    (seen,) = json.loads((tmp_path / "overhead.json").read_text())["rounds"]
    assert [(link["source"], link["target"]) for link in seen["links"]] == [("gatewayA", "endpoint")]
    assert seen["links"][0]["delivered"] > 0
    with (tmp_path / "overhead.csv").open(newline="") as opened:
        assert {(row["COMPONENT"], row["NET_IN"]) for row in csv.DictReader(opened)} == {
            ("gatewayA", ""), ("endpoint", ""),
        }  # fmt: skip
    (latencies,) = json.loads((tmp_path / "latency.json").read_text())["rounds"]
    assert set(latencies) == {"node gatewayA", "hop gatewayA to endpoint", "pipeline"}
    held = json.loads((tmp_path / "failure.json").read_text())
    assert (held["kinds"]["link"]["injected"], held["kinds"]["link"]["detected"]) == (1, 1), broken.stdout
    assert all((tmp_path / f"{name}.png").stat().st_size for name in ("overhead", "latency", "failure"))
