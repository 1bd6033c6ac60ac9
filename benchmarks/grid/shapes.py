"""The shapes that are measured: topologies of `examples/topologies`, on a network of their own or on loopback."""

from pathlib import Path

from msgspec.structs import replace

from benchmarks.grid.network import Link, Network
from headwater.cli.demo import topology_file
from headwater.config import Topology, load_topology
from headwater.config.address import parse_address, reached
from headwater.config.topology import SERVER
from headwater.config.write import with_free_ports

SHAPES = ("single", "two-node", "triangle", "line", "fork", "seven-node")
API_PORT, PORT, AGENT_PORT = 5000, 50051, 50061


def shape(name: str) -> Topology:
    """The topology of a shape."""
    return load_topology(topology_file(name))


def network_of(topology: Topology) -> Network:
    """A host per node, group of sensors and server; a link per hop, and of each node to the server."""
    ends = [(group.name, _at(topology, group.target)) for group in topology.sensors]
    ends += hops(topology)
    ends += [(gateway.name, SERVER) for gateway in topology.gateways]
    return Network([Link(number, left, right) for number, (left, right) in enumerate(ends, 1)])


def hops(topology: Topology) -> list[tuple[str, str]]:
    """The names of both ends of every link between nodes."""
    return [(gateway.name, _at(topology, gateway.next)) for gateway in topology.gateways if gateway.next is not None]


def placed(topology: Topology, folder: Path, network: Network | None) -> Topology:
    """The topology at the addresses of its hosts, or on free ports of loopback, its folders under `folder`."""
    if network is None:
        return with_free_ports(topology, folder)
    moved = {reached(gateway.listen): f"{network.own_address(gateway.name)}:{PORT}" for gateway in topology.gateways}
    server = replace(topology.server, listen=f"{network.own_address(SERVER)}:{API_PORT}", data=folder / SERVER)
    gateways = tuple(
        replace(
            gateway,
            listen=moved[reached(gateway.listen)],
            next=moved[gateway.next] if gateway.next is not None else None,
            data=folder / gateway.name,
        )
        for gateway in topology.gateways
    )
    agents = tuple(
        replace(
            agent,
            listen=f"{network.own_address(agent.name)}:{AGENT_PORT}",
            server=server.ingest,
            data=folder / agent.name,
            agents={},
        )
        for agent in topology.agents
    )
    sensors = tuple(
        replace(group, target=moved[group.target], journal=folder / group.name) for group in topology.sensors
    )
    return Topology(server=server, gateways=gateways, agents=agents, sensors=sensors)


def _at(topology: Topology, address: str | None) -> str:
    """The name of the node that listens at an address."""
    assert address is not None
    wanted = parse_address(address)
    return next(
        gateway.name for gateway in topology.gateways if parse_address(gateway.listen).reachable == wanted.reachable
    )
