"""The topology that holds inside containers, derived from one that holds on machines.

Every process has a host of its own there: it binds all interfaces, and is found by the name of its container. What
lies outside the topology keeps its address; a broker or a Redis on this machine becomes a container.
"""

from collections.abc import Callable, Iterable
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from headwater.agent.options import AgentOptions
from headwater.config import ServerOptions, Topology
from headwater.config.address import Address, found_at, parse_address
from headwater.config.relays import is_loopback, without_relays
from headwater.config.topology import ID_PROVIDER, SERVER
from headwater.deploy.names import host_of
from headwater.deploy.plan import (
    AGENT_PORT,
    ID_PORT,
    PIPELINE_PORT,
    RECORDINGS,
    REST_PORT,
    SECRETS,
    STATE,
    Secret,
)
from headwater.deploy.secrets import Kept
from headwater.emulator.options import IdProviderOptions, SensorOptions
from headwater.health.chaos.options import ChaosOptions
from headwater.pipeline.options import GatewayOptions
from headwater.store.options import SqliteOptions

EVERYWHERE = "0.0.0.0"
REDIS, REDIS_PORT = "redis", 6379
CASSANDRA, CASSANDRA_PORT = "cassandra", 9042
MQTT, MQTT_PORT = "mqtt", 1883
HostOfAgent = Callable[[str], str]
"""The name of a node -> the host that its agent runs on."""


class Contained(msgspec.Struct, frozen=True, kw_only=True):
    """A topology inside containers, and what they need besides."""

    topology: Topology
    secrets: dict[str, tuple[Secret, ...]]
    """By name of a node, or `server`."""
    others: dict[str, str]
    """Container of a program of others -> the address on this machine that it takes the place of."""


def contained(topology: Topology, host_of_agent: HostOfAgent, scaled: frozenset[str] = frozenset()) -> Contained:
    """The topology as it holds inside containers. Sensors that are `scaled` take their meters from an id provider.

    ConfigError when a name cannot be that of a container.
    """
    topology = without_relays(topology)
    moved = _moved(topology)
    others = _others(topology)
    agents = {gateway.name: f"{host_of_agent(gateway.name)}:{AGENT_PORT}" for gateway in topology.gateways}
    beside = {moved[found_at(gateway)]: agents[gateway.name] for gateway in topology.gateways}
    provider = topology.idprovider or (IdProviderOptions() if scaled else None)
    kept = {name: Kept(SECRETS, variables=True) for name in (SERVER, *agents)}
    server = _server(kept[SERVER].server(topology.server), others)
    inside = Topology(
        server=server,
        gateways=tuple(_gateway(kept[each.name].gateway(each), moved, others) for each in topology.gateways),
        agents=tuple(
            replace(_agent(agent, others), address=agents[agent.name], server=server.ingest_address, agents=beside)
            for agent in topology.agents
        ),
        sensors=tuple(_sensors(group, moved, group.name in scaled) for group in topology.sensors),
        idprovider=None if provider is None else _provider(provider),
        chaos=ChaosOptions(),
    )
    return Contained(
        topology=inside,
        secrets={name: tuple(each.secrets) for name, each in kept.items()},
        others={host: address for address, host in others.items()},
    )


def _moved(topology: Topology) -> dict[str, str]:
    """Where a process was found -> where it is found inside."""
    moved = {found_at(gateway): f"{host_of(gateway.name)}:{PIPELINE_PORT}" for gateway in topology.gateways}
    if topology.idprovider is not None:
        moved[found_at(topology.idprovider)] = f"{ID_PROVIDER}:{ID_PORT}"
    return moved


def _others(topology: Topology) -> dict[str, str]:
    """Address on this machine of a program of others -> the container that takes its place."""
    store = topology.server.store
    return {
        **_containers_of(REDIS, [agent.redis and _redis_address(agent.redis) for agent in topology.agents]),
        **_containers_of(MQTT, [inlet.broker for gateway in topology.gateways for inlet in gateway.mqtt]),
        **_containers_of(CASSANDRA, () if isinstance(store, SqliteOptions) else store.hosts),
    }


def is_here(address: str) -> bool:
    """Whether an address is this machine's own, which no other container reaches."""
    host = parse_address(address).host.strip("[]")
    try:
        return ip_address(host).is_loopback or ip_address(host).is_unspecified
    except ValueError:
        return host == "localhost"


def _containers_of(name: str, addresses: Iterable[str | None]) -> dict[str, str]:
    found = list(dict.fromkeys(address for address in addresses if address and is_here(address)))
    return {address: name if at == 1 else f"{name}-{at}" for at, address in enumerate(found, 1)}


def _server(server: ServerOptions, others: dict[str, str]) -> ServerOptions:
    store = server.store
    if not isinstance(store, SqliteOptions):
        hosts = (f"{others[host]}:{CASSANDRA_PORT}" if host in others else host for host in store.hosts)
        server = replace(server, store=replace(store, hosts=tuple(hosts)))
    return replace(
        server,
        listen=f"{EVERYWHERE}:{REST_PORT}",
        address=f"{SERVER}:{REST_PORT}",
        # Published on a loopback it is asked by the same browsers, and listening everywhere it would take any name.
        hosts=server.hosts or ((SERVER,) if is_loopback(server.listen) else ()),
        data=STATE / SERVER,
        control=None,
    )


def _provider(provider: IdProviderOptions) -> IdProviderOptions:
    listen, address = f"{EVERYWHERE}:{ID_PORT}", f"{ID_PROVIDER}:{ID_PORT}"
    return replace(provider, listen=listen, address=address, data=STATE / ID_PROVIDER)


def _gateway(gateway: GatewayOptions, moved: dict[str, str], others: dict[str, str]) -> GatewayOptions:
    http = gateway.http_listen
    return replace(
        gateway,
        listen=f"{EVERYWHERE}:{PIPELINE_PORT}",
        address=moved[found_at(gateway)],
        next=moved.get(gateway.next or "", gateway.next),
        data=STATE / gateway.name,
        http_listen=None if http is None else str(Address(EVERYWHERE, parse_address(http).port)),
        mqtt=tuple(
            replace(inlet, broker=f"{others[inlet.broker]}:{MQTT_PORT}") if inlet.broker in others else inlet
            for inlet in gateway.mqtt
        ),
    )


def _agent(agent: AgentOptions, others: dict[str, str]) -> AgentOptions:
    url = agent.redis
    if url is not None and (host := others.get(_redis_address(url) or "")):
        url = urlsplit(url)._replace(netloc=f"{host}:{REDIS_PORT}").geturl()
    return replace(agent, listen=f"{EVERYWHERE}:{AGENT_PORT}", data=STATE / agent.name, redis=url)


def _redis_address(url: str) -> str | None:
    """host:port of a Redis; None when it is no TCP connection."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or REDIS_PORT}" if parts.scheme == "redis" and parts.hostname else None


def _sensors(group: SensorOptions, moved: dict[str, str], is_scaled: bool) -> SensorOptions:
    provider = group.sensor_id_provider
    provider = f"{ID_PROVIDER}:{ID_PORT}" if is_scaled and provider is None else moved.get(provider or "", provider)
    return replace(
        group,
        target=moved.get(group.target, group.target),
        sensor_id_provider=provider,
        journal=STATE / group.name,
        # With the same meters twice, a second process of the group would be a mistake.
        shared_journal=provider is not None,
        data=None if group.data is None else RECORDINGS,
    )


def recordings_of(group: SensorOptions) -> Path | None:
    """The folder of a machine that the recordings of a group are in."""
    return None if group.data is None else group.data.absolute()
