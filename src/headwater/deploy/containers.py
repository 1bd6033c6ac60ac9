"""Which containers a topology takes, and what runs in each."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from msgspec.structs import replace

from headwater.config import Topology, format_topology
from headwater.config.address import parse_address
from headwater.config.relays import is_loopback
from headwater.config.toml import meant
from headwater.config.topology import ID_PROVIDER, SERVER
from headwater.deploy.contained import (
    CASSANDRA,
    CASSANDRA_PORT,
    MQTT,
    MQTT_PORT,
    REDIS,
    REDIS_PORT,
    Contained,
    HostOfAgent,
    contained,
    recordings_of,
)
from headwater.deploy.names import all_different, host_of
from headwater.deploy.plan import (
    AGENT_PORT,
    CONFIG,
    GATEWAY,
    ID_PORT,
    INGEST_PORT,
    PIPELINE_PORT,
    REST_PORT,
    SECRETS,
    SENSOR,
    Container,
    File,
    Plan,
    Probe,
    Published,
    Wishes,
)
from headwater.deploy.plan import SERVER as SERVER_IMAGE
from headwater.deploy.secrets import Kept
from headwater.model.errors import ConfigError

MQTT_CONFIG = Path("/mosquitto/config/mosquitto.conf")
MQTT_TEXT = """# Whoever reaches this port may publish: only containers of this network do, unless it is published.
listener 1883
allow_anonymous true
persistence true
autosave_interval 1
autosave_on_changes true
persistence_location /mosquitto/data/
"""
KINDS = {
    REDIS: Container(
        name=REDIS,
        of=REDIS,
        role=REDIS,
        image="redis:8.2.2-bookworm",
        command=("redis-server", "--port", str(REDIS_PORT), "--protected-mode", "no", "--save", ""),
        ports=(REDIS_PORT,),
        probe=Probe(command=("redis-cli", "-p", str(REDIS_PORT), "ping")),
        volume=REDIS,
        keeps=Path("/data"),
        user=999,
    ),
    MQTT: Container(
        name=MQTT,
        of=MQTT,
        role=MQTT,
        image="eclipse-mosquitto:2.0.22",
        command=("mosquitto", "-c", str(MQTT_CONFIG)),
        ports=(MQTT_PORT,),
        probe=Probe(command=("mosquitto_pub", "-t", "headwater/probe", "-n")),
        volume=MQTT,
        keeps=Path("/mosquitto/data"),
        files=(File("mosquitto.conf", MQTT_CONFIG, MQTT_TEXT),),
        user=1883,
    ),
    CASSANDRA: Container(
        name=CASSANDRA,
        of=CASSANDRA,
        role=CASSANDRA,
        image="cassandra:5.0.6",
        command=("docker-entrypoint.sh", "cassandra", "-f"),
        ports=(CASSANDRA_PORT,),
        probe=Probe(command=("cqlsh", "-e", "DESCRIBE CLUSTER")),
        volume=CASSANDRA,
        keeps=Path("/var/lib/cassandra"),
        environment={"MAX_HEAP_SIZE": "2G", "HEAP_NEWSIZE": "400M"},
        user=999,
        # Its entry point writes the configuration.
        is_read_only=False,
        grace_s=120,
    ),
}
"""Programs of others, each as its image has it."""


def plan_of(topology: Topology, wishes: Wishes, host_of_agent: HostOfAgent) -> Plan:
    """All containers of a topology; ConfigError when a name or a wish does not fit."""
    _known(topology, wishes)
    scaled = frozenset(name for name, replicas in wishes.replicas.items() if replicas > 1)
    inside = contained(topology, host_of_agent, scaled)
    file = File("topology.toml", CONFIG, format_topology(inside.topology))
    containers = (*_nodes(topology, inside, file), *_around(topology, inside, file, wishes), *_others(inside))
    all_different((container.name, container.of) for container in containers)
    return Plan(topology=inside.topology, containers=containers, notes=tuple(_notes(topology, inside, scaled)))


def _known(topology: Topology, wishes: Wishes) -> None:
    groups = {group.name for group in topology.sensors}
    everyone = groups | {gateway.name for gateway in topology.gateways} | {SERVER, ID_PROVIDER}
    for option, known, given in (("replicas", groups, wishes.replicas), ("place", everyone, wishes.places)):
        for name in given:
            if name not in known:
                hint = meant(name, known) if known else "there are none"
                raise ConfigError(
                    f'--{option}: no {"sensors are" if known is groups else "one is"} called "{name}"; {hint}'
                )


def _notes(topology: Topology, inside: Contained, scaled: frozenset[str]) -> Iterator[str]:
    if topology.chaos.enabled:
        yield "Chaos is left out: headwater up does it, which runs every process itself."
    if topology.idprovider is None and inside.topology.idprovider is not None:
        yield f"An id provider is added, so that the replicas of {', '.join(sorted(scaled))} have different meters."
    for agent in inside.topology.agents:
        if agent.redis is not None and urlsplit(agent.redis).password:
            yield f"The password in redis of {agent.name} stands as it is in topology.toml: keep that from others."
    for host, address in inside.others.items():
        yield f"{host} takes the place of what listens at {address} of the topology."
    if any(host.startswith(CASSANDRA) for host in inside.others):
        yield "One Cassandra is for a trial: it is on one machine, and lets everybody in. Name the hosts of a cluster."


def _nodes(topology: Topology, inside: Contained, file: File) -> Iterator[Container]:
    for before, gateway in zip(topology.gateways, inside.topology.gateways, strict=True):
        host = host_of(gateway.name)
        published = [] if is_loopback(before.listen) else [_published(before.listen, PIPELINE_PORT)]
        ports = [PIPELINE_PORT]
        if gateway.http_listen is not None and before.http_listen is not None:
            ports.append(parse_address(gateway.http_listen).port)
            published.append(_published(before.http_listen, ports[-1]))
        yield Container(
            name=host,
            of=gateway.name,
            role="gateway",
            image=GATEWAY,
            command=("gateway", "--config", str(CONFIG), "--name", gateway.name),
            ports=tuple(ports),
            published=tuple(published),
            probe=Probe(grpc=PIPELINE_PORT),
            volume=host,
            files=(file,),
            secrets=inside.secrets.get(gateway.name, ()),
        )
        yield Container(
            name=f"{host}-agent",
            of=gateway.name,
            role="agent",
            image=GATEWAY,
            command=("agent", "--config", str(CONFIG), "--name", gateway.name),
            ports=(AGENT_PORT,),
            probe=Probe(grpc=AGENT_PORT),
            volume=host,
            files=(file,),
        )


def _around(topology: Topology, inside: Contained, file: File, wishes: Wishes) -> Iterator[Container]:
    yield Container(
        name=SERVER,
        of=SERVER,
        role=SERVER,
        image=SERVER_IMAGE,
        command=("server", "--config", str(CONFIG)),
        ports=(REST_PORT, INGEST_PORT),
        published=(_published(topology.server.listen, REST_PORT),),
        probe=Probe(http=(REST_PORT, "/healthz")),
        volume=SERVER,
        files=(file,),
        secrets=inside.secrets.get(SERVER, ()),
    )
    if (provider := inside.topology.idprovider) is not None:
        yield Container(
            name=ID_PROVIDER,
            of=ID_PROVIDER,
            role=ID_PROVIDER,
            image=SENSOR,
            command=(
                *(ID_PROVIDER, "--listen", provider.listen, "--start_id", provider.start_id),
                *("--data", str(provider.data)),
            ),
            ports=(ID_PORT,),
            probe=Probe(http=(ID_PORT, "/v1/ids")),
            volume=ID_PROVIDER,
        )
    for before, group in zip(topology.sensors, inside.topology.sensors, strict=True):
        host, kept = host_of(group.name), Kept(SECRETS, variables=True)
        environment = kept.sensors(group)
        yield Container(
            name=host,
            of=group.name,
            role="sensors",
            image=SENSOR,
            command=("emulate", "--config", str(CONFIG), "--name", group.name),
            volume=host,
            recordings=recordings_of(before),
            files=(file,),
            secrets=tuple(kept.secrets),
            environment=environment,
            replicas=wishes.replicas.get(group.name, 1),
            is_scalable=group.shared_journal,
            ends=True,
        )


def _others(inside: Contained) -> Iterator[Container]:
    """The containers of programs of others, each of its kind."""
    for host in inside.others:
        kind = host.partition("-")[0]
        yield replace(KINDS[kind], name=host, of=host, volume=host)


def _published(listen: str, target: int) -> Published:
    """What a process was reached by before: on this machine only, when it listened on loopback."""
    return Published("127.0.0.1" if is_loopback(listen) else "0.0.0.0", parse_address(listen).port, target)
