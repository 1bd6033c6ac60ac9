"""A real Cassandra that is late, hangs, and is killed: the data path does not notice, and nothing is missing after."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from msgspec.structs import replace

from headwater.cli.demo import topology_file
from headwater.cli.demo_check import Findings
from headwater.cli.demo_run import DemoRun, with_load
from headwater.config import Topology, load_topology, with_free_ports
from headwater.model.health import Health
from headwater.services.service import Service
from headwater.store.cassandra.options import CassandraOptions
from tests.services.fixtures import CassandraNode
from tests.store.keyspaces import options_of

RATE = 400.0
AWAY_S = 6.0
REQUEST_S = 8.0
HANGS_S = 24.0
"""Longer than a request may take, and than what an agent says meanwhile could be kept waiting."""
PATIENCE_S = 90.0

pytestmark = pytest.mark.timeout(300)


def on(options: CassandraOptions, folder: Path) -> Topology:
    """The fork, its stamps in a keyspace; judged patiently, as it is the store that fails and not a busy machine."""
    loaded = with_load(with_free_ports(load_topology(topology_file("fork")), folder), None, RATE, folder)
    return replace(loaded, server=replace(loaded.server, store=options, health="2018-master"))


def wait_for(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline, f"{what} never happened"
        time.sleep(0.1)


def words(run: DemoRun) -> set[str]:
    """How nodes and their pipelines stand."""
    health = httpx.get(f"{run.topology.api_url}/v1/cluster/health", timeout=60).raise_for_status()
    return {node[part]["health"] for node in health.json()["nodes"] for part in ("node", "pipeline")}


def store_answers(run: DemoRun) -> bool:
    """Whether what is asked of the store is answered; else the answer says that it is away."""
    code = httpx.get(f"{run.topology.api_url}/v1/totals", timeout=60).status_code
    assert code in (200, 503)
    return code == 200


class Meanwhile(NamedTuple):
    """What was seen while the store was away."""

    words: set[str]
    delivered: int
    answered: bool


def watched(run: DemoRun, seconds: float) -> Meanwhile:
    before, began_s = run.progress().delivered, time.monotonic()
    seen, answered = set(), False
    while time.monotonic() - began_s < seconds:
        answered = store_answers(run) or answered
        seen |= words(run)
        time.sleep(0.2)
    return Meanwhile(seen, run.progress().delivered - before, answered)


@contextmanager
def frozen(server: Service) -> Iterator[None]:
    assert server.pid is not None
    os.killpg(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(server.pid, signal.SIGCONT)


def finished(run: DemoRun) -> Findings:
    """What a judge finds once the store answers again and all that was sent has arrived."""
    wait_for(lambda: store_answers(run), "an answer of Cassandra")
    run.end_sensors()
    run.drain(print)
    return run.check()


def check_all(found: Findings, stamps: int) -> None:
    assert found.readings_sent == found.readings_delivered == found.lineage_checked == found.lineage_exact > 0
    assert (found.readings_dropped, found.readings_duplicated) == (0, 0)
    assert found.aggregates_checked == found.aggregates_exact > 0
    assert stamps == 3 * found.readings_sent + 2 * found.aggregates_checked


def test_a_cassandra_that_hangs_and_is_killed_in_mid_stream_costs_nothing_and_stops_nothing(
    tmp_path: Path, own_service: Callable[[str], Service]
) -> None:
    server = own_service("cassandra")
    server.begin()
    options = replace(options_of(CassandraNode(server.address), tmp_path, "stream"), request_s=REQUEST_S)
    with DemoRun(on(options, tmp_path / "run"), tmp_path / "run") as run:
        wait_for(lambda: run.stamps() > 0, "the first stamp")
        wait_for(lambda: words(run) == {Health.GREEN}, "that all is well")
        with frozen(server):
            hung = watched(run, HANGS_S)
        wait_for(lambda: store_answers(run), "an answer of Cassandra")

        server.kill()
        killed = watched(run, AWAY_S)
        server.begin()
        found = finished(run)
        stamps = run.stamps()

    for seconds, meanwhile in ((HANGS_S, hung), (AWAY_S, killed)):
        assert not meanwhile.answered
        assert meanwhile.words == {Health.GREEN}, "nodes and pipelines live, whatever becomes of the store"
        assert meanwhile.delivered > seconds * RATE / 3
    check_all(found, stamps)


def test_a_cassandra_that_comes_late_gets_everything(tmp_path: Path, own_service: Callable[[str], Service]) -> None:
    server = own_service("cassandra")
    options = options_of(CassandraNode(server.address), tmp_path, "late")
    with DemoRun(on(options, tmp_path / "run"), tmp_path / "run") as run:
        wait_for(lambda: run.progress().delivered > RATE, "some delivery")
        assert not store_answers(run)

        server.begin()
        found = finished(run)
        stamps = run.stamps()
    check_all(found, stamps)
