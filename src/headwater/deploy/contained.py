"""The topology that holds inside containers, derived from one that holds on machines.

Every process has a host of its own there: it binds all interfaces, and is found by the name of its container. What
lies outside the topology keeps its address; a broker or a Redis on this machine becomes a container.
"""

from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from headwater.agent.options import AgentOptions
from headwater.config import Topology
from headwater.config.address import Address, found_at, parse_address
from headwater.config.relays import without_relays
from headwater.config.topology import ID_PROVIDER, SERVER
from headwater.deploy.names import host_of
from headwater.deploy.plan import (
    AGENT_PORT,
    ID_PORT,
    PIPELINE_PORT,
    RECORDINGS,
    REST_PORT,
    STATE,
    Secret,
)
from headwater.emulator.options import IdProviderOptions, SensorOptions
from headwater.health.chaos.options import ChaosOptions
from headwater.pipeline.inlets import MqttOptions
from headwater.pipeline.options import GatewayOptions
from headwater.pipeline.step_options import MaskOptions, StepOptions

EVERYWHERE = "0.0.0.0"
REDIS, REDIS_PORT = "redis", 6379
MQTT, MQTT_PORT = "mqtt", 1883
MQTT_FILES = {
    "password_file": "the password of the gateway at its broker",
    "ca_file": "the certificates of the authorities to trust",
    "certificate_file": "the certificate of the gateway",
    "key_file": "the key of that certificate",
}

HostOfAgent = Callable[[str], str]
"""The name of a node -> the host that its agent runs on."""


class Contained(msgspec.Struct, frozen=True, kw_only=True):
    """A topology inside containers, and what they need besides."""

    topology: Topology
    secrets: dict[str, tuple[Secret, ...]]
    """By name of a node, or `server`."""
    redis: dict[str, str]
    """Host -> the address on this machine that it takes the place of."""
    mqtt: dict[str, str]
    """The same of brokers."""


def contained(topology: Topology, host_of_agent: HostOfAgent, scaled: frozenset[str] = frozenset()) -> Contained:
    """The topology as it holds inside containers. Sensors that are `scaled` take their meters from an id provider.

    ConfigError when a name cannot be that of a container.
    """
    topology = without_relays(topology)
    provider = topology.idprovider or (IdProviderOptions() if scaled else None)
    moved = {found_at(gateway): f"{host_of(gateway.name)}:{PIPELINE_PORT}" for gateway in topology.gateways}
    if topology.idprovider is not None:
        moved[found_at(topology.idprovider)] = f"{ID_PROVIDER}:{ID_PORT}"
    redis = _containers_of(REDIS, [agent.redis and _redis_address(agent.redis) for agent in topology.agents])
    mqtt = _containers_of(MQTT, [inlet.broker for gateway in topology.gateways for inlet in gateway.mqtt])
    agents = {gateway.name: f"{host_of_agent(gateway.name)}:{AGENT_PORT}" for gateway in topology.gateways}
    beside = {moved[found_at(gateway)]: agents[gateway.name] for gateway in topology.gateways}
    server = replace(
        topology.server,
        listen=f"{EVERYWHERE}:{REST_PORT}",
        address=f"{SERVER}:{REST_PORT}",
        data=STATE / SERVER,
        control=None,
    )
    secrets: dict[str, tuple[Secret, ...]] = {}
    if server.webhook is not None and server.webhook.authorization_file is not None:
        secret = Secret("webhook-authorization", "the value of the Authorization header of the webhook")
        server = replace(server, webhook=replace(server.webhook, authorization_file=secret.target))
        secrets[SERVER] = (secret,)
    gateways = []
    for gateway in topology.gateways:
        inside, secrets[gateway.name] = _gateway(gateway, moved, mqtt)
        gateways.append(inside)
    return Contained(
        topology=Topology(
            server=server,
            gateways=tuple(gateways),
            agents=tuple(
                replace(
                    _agent(agent, redis),
                    listen=f"{EVERYWHERE}:{AGENT_PORT}",
                    address=agents[agent.name],
                    server=server.ingest_address,
                    agents=beside,
                )
                for agent in topology.agents
            ),
            sensors=tuple(_sensors(group, moved, group.name in scaled) for group in topology.sensors),
            idprovider=None
            if provider is None
            else replace(
                provider, listen=f"{EVERYWHERE}:{ID_PORT}", address=f"{ID_PROVIDER}:{ID_PORT}", data=STATE / ID_PROVIDER
            ),
            chaos=ChaosOptions(),
        ),
        secrets=secrets,
        redis={host: at for at, host in redis.items()},
        mqtt={host: at for at, host in mqtt.items()},
    )


def is_here(address: str) -> bool:
    """Whether an address is this machine's own, which no other container reaches."""
    host = parse_address(address).host.strip("[]")
    try:
        return ip_address(host).is_loopback or ip_address(host).is_unspecified
    except ValueError:
        return host == "localhost"


def _containers_of(name: str, addresses: list[str | None]) -> dict[str, str]:
    """Address on this machine -> the host of the container that takes its place."""
    found = list(dict.fromkeys(address for address in addresses if address and is_here(address)))
    return {address: name if at == 1 else f"{name}-{at}" for at, address in enumerate(found, 1)}


def _gateway(
    gateway: GatewayOptions, moved: dict[str, str], mqtt: dict[str, str]
) -> tuple[GatewayOptions, tuple[Secret, ...]]:
    host = host_of(gateway.name)
    secrets: list[Secret] = []
    inlets = tuple(_inlet(inlet, f"{host}-mqtt-{at}", mqtt, secrets) for at, inlet in enumerate(gateway.mqtt, 1))
    steps = tuple(_step(step, f"{host}-step-{at}", secrets) for at, step in enumerate(gateway.steps, 1))
    http = gateway.http_listen
    inside = replace(
        gateway,
        listen=f"{EVERYWHERE}:{PIPELINE_PORT}",
        address=moved[found_at(gateway)],
        next=moved.get(gateway.next or "", gateway.next),
        data=STATE / gateway.name,
        http_listen=None if http is None else str(Address(EVERYWHERE, parse_address(http).port)),
        mqtt=inlets,
        steps=steps,
    )
    return inside, tuple(secrets)


def _inlet(inlet: MqttOptions, name: str, mqtt: dict[str, str], secrets: list[Secret]) -> MqttOptions:
    """A subscription whose files are secrets, a variable with a password too."""
    changes: dict[str, object] = {}
    for key, what in MQTT_FILES.items():
        if getattr(inlet, key) is not None:
            secrets.append(Secret(f"{name}-{key.removesuffix('_file')}", what))
            changes[key] = secrets[-1].target
    if inlet.password_variable is not None:
        secrets.append(Secret(f"{name}-password", MQTT_FILES["password_file"]))
        changes |= {"password_variable": None, "password_file": secrets[-1].target}
    if inlet.broker in mqtt:
        changes["broker"] = f"{mqtt[inlet.broker]}:{MQTT_PORT}"
    return replace(inlet, **changes)


def _step(step: StepOptions, name: str, secrets: list[Secret]) -> StepOptions:
    if not isinstance(step, MaskOptions) or (step.key_file is None and step.key_env is None):
        return step
    secrets.append(Secret(f"{name}-key", f"the key of the mask{f', {step.key_env}' if step.key_env else ''}"))
    return replace(step, key_env=None, key_file=str(secrets[-1].target))


def _agent(agent: AgentOptions, redis: dict[str, str]) -> AgentOptions:
    url = agent.redis
    if url is not None and (host := redis.get(_redis_address(url) or "")):
        url = urlsplit(url)._replace(netloc=f"{host}:{REDIS_PORT}").geturl()
    return replace(agent, data=STATE / agent.name, redis=url)


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
