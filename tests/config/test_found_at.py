"""Topologies whose processes are found elsewhere than they listen: in containers, behind NAT."""

from pathlib import Path

import pytest

from headwater.config import Topology, format_topology, load_topology, with_free_ports
from headwater.model.errors import ConfigError

ELSEWHERE = """
server = {listen = "0.0.0.0:5000", address = "archive:6000", data = "server"}

[[node]]
id = "000001"
name = "gatewayA"
listen = "0.0.0.0:50051"
address = "a.example:7000"
next = "endpoint"

[[node]]
id = "000002"
name = "endpoint"
listen = "0.0.0.0:50051"
address = "end:50051"
agent_address = "end-agent:50061"

[[sensors]]
target = "gatewayA"
sensor_id_provider = "idprovider"

[idprovider]
listen = "0.0.0.0:8080"
address = "ids:8080"
"""


def load(folder: Path, text: str = ELSEWHERE) -> Topology:
    path = folder / "t.toml"
    path.write_text(text)
    return load_topology(path)


def test_a_server_that_is_called_by_names_is_also_called_what_agents_call_it(tmp_path: Path) -> None:
    assert load(tmp_path).server.api.hosts == ()
    named = load(tmp_path, ELSEWHERE.replace("data =", 'hosts = ["Grid.example.org"], data ='))
    assert named.server.api.hosts == ("grid.example.org", "archive")
    assert load(tmp_path, format_topology(named)) == named


def test_everyone_is_sought_where_the_file_says(tmp_path: Path) -> None:
    topology = load(tmp_path)
    gateway, endpoint = topology.gateways
    assert (gateway.listen, gateway.next, gateway.successor) == ("0.0.0.0:50051", "end:50051", 2)
    assert [topology.hops(each.name) for each in (gateway, endpoint)] == [1, 0]
    assert {agent.server for agent in topology.agents} == {"archive:6001"}
    assert (topology.server.listen, topology.server.ingest) == ("0.0.0.0:5000", "0.0.0.0:5001")
    (group,) = topology.sensors
    assert (group.target, group.sensor_id_provider) == ("a.example:7000", "ids:8080")


def test_an_agent_is_on_the_host_of_its_node_unless_told(tmp_path: Path) -> None:
    topology = load(tmp_path)
    assert [agent.address for agent in topology.agents] == ["a.example:50061", "end-agent:50061"]
    told = {"a.example:7000": "a.example:50061", "end:50051": "end-agent:50061"}
    assert [agent.agents for agent in topology.agents] == [told, told]


def test_addresses_survive_writing_and_are_left_behind_on_loopback(tmp_path: Path) -> None:
    topology = load(tmp_path)
    (tmp_path / "t.toml").write_text(format_topology(topology))
    assert load_topology(tmp_path / "t.toml") == topology
    here = with_free_ports(topology, tmp_path)
    assert {at.rpartition(":")[0] for agent in here.agents for at in (agent.server, *agent.agents.values())} == {
        "127.0.0.1"
    }
    assert [each.address for each in (here.server, *here.gateways, *here.agents, here.idprovider) if each] == [None] * 6


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("end:50051", "a.example:7000"), "has the same address as"),
        (("archive:6000", "archive:65535"), "the ingest needs the next port"),
        (("end-agent:50061", "end-agent"), 'address = "end-agent" in [[node]] 2 ("endpoint")'),
        (("ids:8080", "ids"), 'address = "ids" in [idprovider]'),
    ],
)
def test_an_address_that_cannot_be_is_named(wrong: tuple[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, ELSEWHERE.replace(*wrong))
    assert said in str(caught.value)
