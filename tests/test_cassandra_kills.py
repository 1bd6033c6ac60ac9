"""A real Cassandra that is killed in mid-stream: the data path does not notice, and nothing is missing afterwards."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace

from headwater.cli.demo import topology_file
from headwater.cli.demo_run import DemoRun, with_load
from headwater.config import Topology, load_topology, with_free_ports
from headwater.model.health import Health
from headwater.services.service import Service
from headwater.store.cassandra.options import CassandraOptions
from tests.services.fixtures import CassandraNode
from tests.store.keyspaces import options_of

RATE = 2_000.0
BEFORE_S, AWAY_S = 4.0, 6.0
HANGS_S = 24.0
"""Longer than a request may take, and than what an agent says meanwhile could be kept waiting."""
PATIENCE_S = 90.0

pytestmark = pytest.mark.timeout(300)


def on(options: CassandraOptions, folder: Path) -> Topology:
    """The fork, its stamps in a keyspace."""
    loaded = with_load(with_free_ports(load_topology(topology_file("fork")), folder), None, RATE, folder)
    return replace(loaded, server=replace(loaded.server, store=options))


def wait_for(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline, f"{what} never happened"
        time.sleep(0.1)


def words(url: str) -> dict[tuple[str, str], str]:
    """(node, part) -> how it stands."""
    nodes = httpx.get(f"{url}/v1/cluster/health", timeout=60).raise_for_status().json()["nodes"]
    return {(node["id"], part): node[part]["health"] for node in nodes for part in ("node", "pipeline")}


def test_cassandra_killed_in_mid_stream_costs_nothing_and_stops_nothing(
    tmp_path: Path, own_service: Callable[[str], Service]
) -> None:
    server = own_service("cassandra")
    options = options_of(CassandraNode(server.address), tmp_path, "killed")
    with DemoRun(on(options, tmp_path / "run"), tmp_path / "run") as run:
        url = run.topology.api_url
        wait_for(lambda: run.progress().delivered > BEFORE_S * RATE, "some delivery")
        wait_for(lambda: run.stamps() > 0, "the first stamp")
        wait_for(lambda: set(words(url).values()) == {Health.GREEN}, "that all is well")
        server.kill()
        before, began_s = run.progress().delivered, time.monotonic()

        seen = set()
        while time.monotonic() - began_s < AWAY_S:
            seen |= set(words(url).values())
            time.sleep(0.2)
        delivered = run.progress().delivered - before
        assert httpx.get(f"{url}/v1/totals", timeout=60).status_code == 503

        server.begin()
        wait_for(lambda: httpx.get(f"{url}/v1/totals", timeout=60).status_code == 200, "that Cassandra answers")
        run.end_sensors()
        run.drain(print)
        found = run.check()
        stamps = run.stamps()

    assert seen == {Health.GREEN}, "nodes and pipelines live, whatever becomes of the store"
    assert delivered > AWAY_S * RATE / 3
    assert found.readings_sent == found.readings_delivered == found.lineage_checked == found.lineage_exact
    assert (found.readings_dropped, found.readings_duplicated) == (0, 0)
    assert found.aggregates_checked == found.aggregates_exact > 0
    assert stamps == 3 * found.readings_sent + 2 * found.aggregates_checked


def test_a_cassandra_that_comes_late_gets_everything(tmp_path: Path, own_service: Callable[[str], Service]) -> None:
    server = own_service("cassandra")
    options = options_of(CassandraNode(server.address), tmp_path, "late")
    server.kill()
    with DemoRun(on(options, tmp_path / "run"), tmp_path / "run") as run:
        wait_for(lambda: run.progress().delivered > RATE, "some delivery")
        assert httpx.get(f"{run.topology.api_url}/v1/totals", timeout=60).status_code == 503

        server.begin()
        wait_for(lambda: httpx.get(f"{run.topology.api_url}/v1/totals", timeout=60).status_code == 200, "its answer")
        run.end_sensors()
        run.drain(print)
        found = run.check()

    assert found.readings_sent == found.readings_delivered == found.lineage_checked == found.lineage_exact > 0


def test_a_cassandra_that_hangs_stops_nothing_and_nobody_is_called_dead(
    tmp_path: Path, own_service: Callable[[str], Service]
) -> None:
    server = own_service("cassandra")
    options = replace(options_of(CassandraNode(server.address), tmp_path, "hangs"), request_s=8)
    with DemoRun(on(options, tmp_path / "run"), tmp_path / "run") as run:
        url = run.topology.api_url
        wait_for(lambda: run.stamps() > 0, "the first stamp")
        wait_for(lambda: set(words(url).values()) == {Health.GREEN}, "that all is well")
        before, began_s = run.progress().delivered, time.monotonic()
        assert server.pid is not None
        os.killpg(server.pid, signal.SIGSTOP)
        try:
            seen = set()
            while time.monotonic() - began_s < HANGS_S:
                assert httpx.get(f"{url}/v1/totals", timeout=60).status_code == 503
                seen |= set(words(url).values())
                time.sleep(0.2)
            delivered = run.progress().delivered - before
        finally:
            os.killpg(server.pid, signal.SIGCONT)

        wait_for(lambda: httpx.get(f"{url}/v1/totals", timeout=60).status_code == 200, "that Cassandra answers")
        run.end_sensors()
        run.drain(print)
        found = run.check()

    assert seen == {Health.GREEN}, "nodes and pipelines live, whatever becomes of the store"
    assert delivered > HANGS_S * RATE / 3
    assert found.readings_sent == found.readings_delivered == found.lineage_checked == found.lineage_exact
