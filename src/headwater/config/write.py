"""Writing topologies: the same one elsewhere, and as the text of a file."""

import random
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from headwater.agent.options import AgentOptions
from headwater.config.address import LOOPBACK, Address, found_at
from headwater.config.inlets import http_values, mqtt_values
from headwater.config.ports import free_ports
from headwater.config.relays import with_relays, without_relays
from headwater.config.server import store_values, webhook_values
from headwater.config.toml import toml_text
from headwater.config.topology import ID_PROVIDER, SAME_IN_NODE, SENSOR_KEYS, SERVER, Topology
from headwater.emulator.options import SensorOptions
from headwater.health.chaos.options import CONTROL, RELAY_PORTS
from headwater.model.ids import format_node
from headwater.pipeline.options import GatewayOptions


def with_free_ports(topology: Topology, data: Path, choose: Callable[[int, int], int] = random.randrange) -> Topology:
    """The same topology on free loopback ports, its folders under `data`, without Redis; Unavailable when ports are
    short."""
    topology = without_relays(topology)
    for_relays = RELAY_PORTS * len(topology.gateways) if topology.chaos.enabled else 0
    ports = free_ports(3 + 3 * len(topology.gateways) + for_relays, choose)
    chaos = replace(topology.chaos, relay_port=ports[-for_relays]) if for_relays else topology.chaos
    ports = ports[: len(ports) - for_relays]
    *fresh, for_ids = [str(Address(LOOPBACK, port)) for port in ports]
    moved = {found_at(gateway): fresh[2 + 2 * at] for at, gateway in enumerate(topology.gateways)}
    server = replace(topology.server, listen=fresh[0], address=None, data=data / SERVER)
    gateways = tuple(
        replace(
            gateway,
            listen=moved[found_at(gateway)],
            address=None,
            next=moved.get(gateway.next or "", gateway.next),
            data=data / gateway.name,
            http_listen=fresh[-1 - at] if gateway.http_listen is not None else None,
        )
        for at, gateway in enumerate(topology.gateways)
    )
    beside = {fresh[2 + 2 * at]: fresh[3 + 2 * at] for at in range(len(gateways))}
    agents = tuple(
        replace(
            agent,
            listen=fresh[3 + 2 * at],
            address=None,
            server=server.ingest,
            data=data / agent.name,
            redis=None,
            agents=beside,
        )
        for at, agent in enumerate(topology.agents)
    )
    idprovider = topology.idprovider
    if idprovider is not None:
        moved[found_at(idprovider)] = for_ids
        idprovider = replace(idprovider, listen=for_ids, address=None, data=data / ID_PROVIDER)
    sensors = tuple(
        replace(
            group,
            target=moved.get(group.target, group.target),
            sensor_id_provider=moved.get(group.sensor_id_provider or "", group.sensor_id_provider),
            journal=data / group.name,
        )
        for group in topology.sensors
    )
    if chaos.enabled:
        server = replace(server, control=str((data / CONTROL).absolute()))
    return with_relays(
        Topology(server=server, gateways=gateways, agents=agents, sensors=sensors, idprovider=idprovider, chaos=chaos)
    )


def format_topology(topology: Topology) -> str:
    """A topology file that says the same, every path absolute and every default spelt out."""
    topology = without_relays(topology)
    server = topology.server
    names = {found_at(gateway): gateway.name for gateway in topology.gateways}
    lines = _lines(
        site=server.site,
        server={
            "listen": server.listen,
            **({} if server.address is None else {"address": server.address}),
            "data": server.data.absolute(),
            **({"hosts": list(server.hosts)} if server.hosts else {}),
            "dashboard": server.dashboard,
            "health": server.health,
            "sql": msgspec.to_builtins(server.sql),
            **({} if server.webhook is None else {"webhook": webhook_values(server.webhook)}),
        },
        store=store_values(server.store),
        chaos=msgspec.to_builtins(topology.chaos) if topology.chaos.enabled else None,
    )
    for gateway, agent in zip(topology.gateways, topology.agents, strict=True):
        lines += ["", "[[node]]", *_node_lines(gateway, agent, names)]
        for step in gateway.steps:
            lines += ["", "[[node.step]]", *_lines(**msgspec.to_builtins(step))]
        for inlet in gateway.mqtt:
            lines += ["", "[[node.mqtt]]", *_lines(**mqtt_values(inlet))]
    for group in topology.sensors:
        lines += ["", "[[sensors]]", *_sensor_lines(group, names)]
    if (provider := topology.idprovider) is not None:
        values = {
            "listen": provider.listen,
            "address": provider.address,
            "start_id": provider.start_id,
            "data": provider.data.absolute(),
        }
        lines += ["", f"[{ID_PROVIDER}]", *_lines(**values)]
    return "\n".join(lines) + "\n"


def _node_lines(gateway: GatewayOptions, agent: AgentOptions, names: dict[str, str]) -> list[str]:
    return _lines(
        id=format_node(gateway.node),
        name=gateway.name,
        listen=gateway.listen,
        address=gateway.address,
        agent_listen=agent.listen,
        agent_address=agent.address,
        next=names.get(gateway.next or "", gateway.next),
        location=_present(msgspec.to_builtins(gateway.location)),
        data=gateway.data.absolute(),
        http_listen=gateway.http_listen,
        http=http_values(gateway.http),
        redis=agent.redis,
        buffer_capacity=agent.buffer_capacity,
        **{key: getattr(gateway, key) for key in SAME_IN_NODE},
    )


def _sensor_lines(group: SensorOptions, names: dict[str, str]) -> list[str]:
    values: dict[str, object] = {key: getattr(group, key) for key in SENSOR_KEYS}
    values |= {"target": names.get(group.target, group.target), "journal": group.journal.absolute()}
    values |= {"data": group.data.absolute()} if group.data else {}
    values |= {"frequency_ms": None} if group.rate is not None else {}
    return _lines(**values)


def _lines(**values: object) -> list[str]:
    return [f"{key} = {toml_text(value)}" for key, value in _present(values).items()]


def _present(values: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in values.items() if value is not None}
