"""Topologies whose chaos is enabled: a relay stands between each node and its next hop."""

import ipaddress
from pathlib import Path

from msgspec.structs import replace

from headwater.config.address import LOOPBACK, Address, found_at, parse_address
from headwater.config.toml import Table
from headwater.config.topology import ServerOptions, Topology
from headwater.health.chaos.options import RELAY_PORTS, ChaosOptions, RelayOptions, Way

CONDUCT_FOLDER = "relays"


def is_loopback(listen: str) -> bool:
    """Whether only this machine reaches a listener."""
    host = parse_address(listen).host.strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def read_chaos(table: Table, server: ServerOptions) -> ChaosOptions:
    """What [chaos] says; ConfigError when that cannot be with this server."""
    table.known(ChaosOptions.__struct_fields__)
    chaos = table.build(ChaosOptions, table.values)
    if chaos.enabled and not is_loopback(server.listen):
        raise table.error(
            "enabled",
            f"whoever reaches the API could stop every process, and the server listens on {server.listen}: chaos "
            "needs a loopback address there, such as 127.0.0.1:5000",
        )
    return chaos


def with_relays(topology: Topology) -> Topology:
    """The topology with relays in front of every next hop that it names itself; ValueError when ports run out."""
    if not topology.chaos.enabled:
        return topology
    agents = {
        found_at(gateway): found_at(agent) for gateway, agent in zip(topology.gateways, topology.agents, strict=True)
    }
    relays: dict[str, RelayOptions] = {}
    for at, gateway in enumerate(topology.gateways):
        if gateway.next in agents:
            # By the place in the file, so that a node whose next hop changes leaves the ports of others alone.
            first = Address(LOOPBACK, topology.chaos.relay_port).shifted(RELAY_PORTS * at)
            relays[gateway.name] = RelayOptions(
                name=gateway.name,
                pipeline=Way(str(first), gateway.next),
                agent=Way(str(first.shifted(1)), agents[gateway.next]),
                conduct=_conduct(topology.folder, gateway.name),
            )
    beside = {relay.pipeline.listen: relay.agent.listen for relay in relays.values()}
    return replace(
        topology,
        relays=tuple(relays.values()),
        gateways=tuple(
            replace(gateway, next=relays[gateway.name].pipeline.listen) if gateway.name in relays else gateway
            for gateway in topology.gateways
        ),
        agents=tuple(replace(agent, agents={**agent.agents, **beside}) for agent in topology.agents),
    )


def without_relays(topology: Topology) -> Topology:
    """The same with every next hop named directly."""
    behind = {relay.pipeline.listen: relay.pipeline.target for relay in topology.relays}
    return replace(
        topology,
        relays=(),
        gateways=tuple(
            replace(gateway, next=behind.get(gateway.next or "", gateway.next)) for gateway in topology.gateways
        ),
        agents=tuple(
            replace(agent, agents={at: to for at, to in agent.agents.items() if at not in behind})
            for agent in topology.agents
        ),
    )


def _conduct(folder: Path, name: str) -> Path:
    return folder / CONDUCT_FOLDER / f"{name}.json"
