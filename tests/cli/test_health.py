"""`headwater health`: every process of a topology says that it serves, and that it does not."""

from pathlib import Path

import pytest

from headwater.cli import health
from headwater.cli.demo import topology_file
from headwater.cli.processes import not_ready, topology_processes
from headwater.cli.supervisor import Supervisor
from headwater.config import format_topology, load_topology, with_free_ports
from headwater.config.address import found_at
from headwater.model.errors import ConfigError, Unavailable


@pytest.mark.timeout(300)
def test_every_process_of_a_topology_says_that_it_serves_until_it_is_gone(tmp_path: Path) -> None:
    topology = with_free_ports(load_topology(topology_file("single")), tmp_path)
    file = tmp_path / "topology.toml"
    file.write_text(format_topology(topology))
    specs = [spec for spec in topology_processes(topology, file) if not spec.ends]
    grpc = [found_at(topology.gateways[0]), found_at(topology.agents[0]), topology.server.ingest_address]
    urls = [f"{topology.api_url}/healthz", f"{topology.api_url}/readyz"]
    supervisor = Supervisor(specs, say=lambda name, line: None)
    supervisor.start()
    try:
        assert not_ready([spec.listen for spec in specs if spec.listen], 60) == []
        assert health.main(["--timeout", "30", *grpc, *urls]) == 0
        with pytest.raises(Unavailable, match="it answers 404"):
            health.main([f"{topology.api_url}/nothing"])
    finally:
        supervisor.stop()
    for place in (*grpc, *urls):
        with pytest.raises(Unavailable, match=f"{place} does not serve: .*refused"):
            health.main([place])


@pytest.mark.parametrize("place", ["nowhere", "http://h:port/"])
def test_what_is_no_place_is_said(place: str) -> None:
    with pytest.raises(ConfigError, match=place):
        health.main([place])
