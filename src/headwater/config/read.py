"""Reading a topology file: every key checked, every name resolved, every mistake told with its place."""

from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from headwater.agent.options import AGENT_PORTS, AgentOptions, parse_redis
from headwater.config.address import Address, found_at, parse_address, reached
from headwater.config.inlets import read_http, read_mqtt
from headwater.config.relays import read_chaos, with_relays
from headwater.config.server import plain_name, read_address, read_idprovider, read_server
from headwater.config.toml import Table, meant
from headwater.config.topology import (
    ID_PROVIDER,
    SAME_IN_NODE,
    SENSOR_KEYS,
    SERVER,
    ServerOptions,
    Topology,
)
from headwater.emulator.options import IdProviderOptions, SensorOptions
from headwater.health.chaos.options import CONTROL
from headwater.model.context import Location
from headwater.model.errors import ConfigError, Rejected
from headwater.model.ids import format_node, parse_node
from headwater.pipeline.inlets import MQTT_WINDOW
from headwater.pipeline.options import GatewayOptions
from headwater.pipeline.step_options import KINDS, StepOptions, check_masks

LISTEN = "127.0.0.1:50051"

TOPOLOGY_KEYS = ("site", "server", "store", "node", "sensors", "idprovider", "chaos")
NODE_KEYS = (
    *(
        "id",
        "name",
        "listen",
        "address",
        "agent_listen",
        "agent_address",
        "next",
        "location",
        "data",
        "redis",
        "buffer_capacity",
        "step",
        "mqtt",
    ),
    *("http_listen", "http"),
    *SAME_IN_NODE,
)


def read_topology(file: Table, folder: Path) -> Topology:
    """What the whole of a topology file says, its paths taken from `folder`; ConfigError like `load_topology`."""
    file.known(TOPOLOGY_KEYS)
    server = read_server(file, folder)
    chaos = read_chaos(file.table("chaos"), server)
    if chaos.enabled:
        server = replace(server, control=str((server.data.parent / CONTROL).absolute()))
    nodes, groups = file.tables("node"), file.tables("sensors")
    if server.only_reads and (nodes or groups):
        raise file.table("store").error("kind", "the tables of 2018 are only read: nodes need another store")
    if not nodes and not server.only_reads:
        raise file.missing("node")
    for node in nodes:
        node.known(NODE_KEYS)
    idprovider = read_idprovider(file.table(ID_PROVIDER), folder, server) if ID_PROVIDER in file.values else None
    _names_differ(nodes, groups, idprovider)
    found = {node.read("name", plain_name): _found(node) for node in nodes}
    around = _Around(folder, server, found, idprovider)
    gateways = [_gateway(node, around) for node in nodes]
    agents = [_agent(node, gateway, server) for node, gateway in zip(nodes, gateways, strict=True)]
    sensors = [_sensors(group, at, around) for at, group in enumerate(groups, 1)]
    ids = {found_at(gateway): gateway.node for gateway in gateways}
    beside = {found_at(gateway): found_at(agent) for gateway, agent in zip(gateways, agents, strict=True)}
    topology = Topology(
        server=server,
        gateways=tuple(replace(gateway, successor=ids.get(gateway.next or "")) for gateway in gateways),
        agents=tuple(replace(agent, agents=beside) for agent in agents),
        sensors=tuple(sensors),
        idprovider=idprovider,
        chaos=chaos,
    )
    _no_circle(file, topology)
    try:
        topology = with_relays(topology)
    except ValueError as error:
        raise file.table("chaos").error("relay_port", f"every node takes two ports from here on: {error}") from None
    _all_different(file, topology)
    return topology


class _Around(NamedTuple):
    """What every table of a file is read with."""

    folder: Path
    server: ServerOptions
    found: dict[str, str]
    """Name of a node -> where others find it."""
    idprovider: IdProviderOptions | None

    def path(self, table: Table, key: str, name: str) -> Path:
        """The path at a key; when it is absent, a folder of this name beside the server's."""
        return self.folder / table.string(key, str(self.server.data.parent / name))


def _gateway(node: Table, around: _Around) -> GatewayOptions:
    name = node.string("name")
    mqtt = tuple(read_mqtt(table, around.folder) for table in node.tables("mqtt"))
    options = node.build(
        GatewayOptions,
        {
            **({"deduplicate_window": MQTT_WINDOW} if mqtt else {}),
            **{key: node.values[key] for key in SAME_IN_NODE if key in node.values},
            "node": node.read("id", _node_id),
            "name": name,
            "site": around.server.site,
            "listen": str(_listen(node)),
            "address": read_address(node, "address"),
            "data": around.path(node, "data", name),
        },
    )
    return replace(
        options,
        next=_next(node, "next", around.found) if "next" in node.values else None,
        location=_location(node.table("location")),
        steps=_steps(node, around.folder),
        http_listen=str(node.read("http_listen", parse_address)) if "http_listen" in node.values else None,
        http=read_http(node.table("http")),
        mqtt=mqtt,
    )


def _agent(node: Table, gateway: GatewayOptions, server: ServerOptions) -> AgentOptions:
    listen = node.read("agent_listen", parse_address) if "agent_listen" in node.values else _beside(node)
    redis = node.read("redis", parse_redis) if "redis" in node.values else None
    if redis is not None and not gateway.provenance:
        raise node.error("redis", "readings are kept by their id there, and provenance = false gives them none")
    values: dict[str, object] = {
        "node": gateway.node,
        "name": gateway.name,
        "site": gateway.site,
        "listen": str(listen),
        "data": gateway.data,
        "address": _agent_address(node, listen),
        "server": server.ingest_address,
        "redis": redis,
        "storagetime_s": gateway.storagetime_s,
    }
    values |= {key: node.values[key] for key in ("buffer_capacity",) if key in node.values}
    return node.build(AgentOptions, values)


def _agent_address(node: Table, listen: Address) -> str | None:
    """Where others find the agent; unless it is said, on the host where they find its node."""
    if "agent_address" not in node.values and (beside := read_address(node, "address")):
        return str(Address(parse_address(beside).host, listen.port))
    return read_address(node, "agent_address")


def _listen(node: Table) -> Address:
    return node.read("listen", parse_address, LISTEN)


def _found(node: Table) -> str:
    return read_address(node, "address") or str(_listen(node).reachable)


def _beside(node: Table) -> Address:
    try:
        return _listen(node).shifted(AGENT_PORTS)
    except ValueError:
        raise node.error(
            "listen", f"the agent's port would be {AGENT_PORTS} more, which is none: set agent_listen"
        ) from None


def _sensors(group: Table, number: int, around: _Around) -> SensorOptions:
    group.known(SENSOR_KEYS)
    if "rate" in group.values and "frequency_ms" in group.values:
        raise group.error("rate", "takes the place of frequency_ms: give one of the two")
    name = _sensors_name(group, number)
    resolved: dict[str, object] = {
        "name": name,
        "site": around.server.site,
        "target": _next(group, "target", around.found),
        "journal": around.path(group, "journal", name),
    }
    if "data" in group.values:
        resolved["data"] = around.path(group, "data", name)
    if "sensor_id_provider" in group.values:
        resolved["sensor_id_provider"] = _provider(group, around.idprovider)
    return group.build(SensorOptions, {**group.values, **resolved})


def _provider(group: Table, idprovider: IdProviderOptions | None) -> str:
    """The address of an id provider: that of this file, or any host:port."""
    if group.string("sensor_id_provider") != ID_PROVIDER:
        return str(group.read("sensor_id_provider", parse_address))
    if idprovider is None:
        raise group.error("sensor_id_provider", f"there is no [{ID_PROVIDER}] in this file")
    return found_at(idprovider)


def _next(table: Table, key: str, found: dict[str, str]) -> str:
    """The address of the node that a key names; a host:port, for a hop outside this file, is one already."""
    name = table.string(key)
    if ":" in name:
        return str(table.read(key, parse_address))
    if name not in found:
        raise table.error(key, f"no [[node]] has this name; {meant(name, found)}")
    return found[name]


def _location(table: Table) -> Location:
    table.known(Location.__struct_fields__)
    location = table.build(Location, table.values)
    for key, value, most in (("latitude", location.latitude, 90), ("longitude", location.longitude, 180)):
        if value is not None and not -most <= value <= most:
            raise table.error(key, f"must lie between -{most} and {most} degrees")
    if (location.latitude is None) != (location.longitude is None):
        raise table.missing("latitude" if location.latitude is None else "longitude")
    return location


def _steps(node: Table, folder: Path) -> tuple[StepOptions, ...]:
    steps = tuple(_step(table, folder) for table in node.tables("step"))
    try:
        check_masks(steps)
    except ValueError as error:
        raise node.error("step", str(error)) from None
    return steps


def _step(table: Table, folder: Path) -> StepOptions:
    kind = KINDS.get(table.string("kind"))
    if kind is None:
        raise table.error("kind", f"must be one of {', '.join(KINDS)}")
    table.known(("kind", *kind.__struct_fields__))
    values = dict(table.values)
    if "key_file" in values:
        values["key_file"] = str((folder / table.string("key_file")).absolute())
    return table.build(kind, values)


def _names_differ(nodes: list[Table], groups: list[Table], idprovider: IdProviderOptions | None) -> None:
    """ConfigError when a name is the server's or the id provider's, or given twice."""
    used = {SERVER: "the server"} | ({ID_PROVIDER: "the id provider"} if idprovider is not None else {})
    named = [(node, node.read("name", plain_name)) for node in nodes]
    named += [(group, _sensors_name(group, at)) for at, group in enumerate(groups, 1)]
    for table, name in named:
        if name in used:
            raise table.error("name", f'{used[name]} is called "{name}" already')
        used[name] = table.called


def _sensors_name(group: Table, number: int) -> str:
    return group.read("name", plain_name, f"sensors-{number}")


def _all_different(file: Table, topology: Topology) -> None:
    """ConfigError when two processes would share an id, an address or a folder."""
    used: dict[tuple[str, object], str] = {}

    def use(kind: str, value: object, by: str) -> None:
        if other := used.get((kind, value)):
            raise ConfigError(f"{file.file}: {by} has the same {kind} as {other}: {value}")
        used[kind, value] = by

    use("address", found_at(topology.server), "server")
    use("address", topology.server.ingest_address, "the ingest of server")
    use("folder", topology.server.data, "server")
    if topology.idprovider is not None:
        use("address", found_at(topology.idprovider), ID_PROVIDER)
        use("folder", topology.idprovider.data, ID_PROVIDER)
    for at, (gateway, agent) in enumerate(zip(topology.gateways, topology.agents, strict=True), 1):
        node = f'[[node]] {at} ("{gateway.name}")'
        use("id", format_node(gateway.node), node)
        use("address", found_at(gateway), node)
        use("address", found_at(agent), f"the agent of {node}")
        if gateway.http_listen is not None and gateway.address is None:
            use("address", reached(gateway.http_listen), f"http_listen of {node}")
        use("folder", gateway.data, node)
    for relay in topology.relays:
        for way in relay.ways:
            use("address", way.listen, f"the relay behind {relay.name} (chaos.relay_port)")
    for at, group in enumerate(topology.sensors, 1):
        use("folder", group.journal, f"[[sensors]] {at}")


def _no_circle(file: Table, topology: Topology) -> None:
    listening = {found_at(gateway): gateway for gateway in topology.gateways}
    for gateway in topology.gateways:
        way = [gateway]
        while (after := listening.get(way[-1].next or "")) is not None:
            way.append(after)
            if after in way[:-1]:
                names = " -> ".join(node.name for node in way)
                raise ConfigError(f"{file.file}: next goes in a circle: {names}")


def _node_id(text: str) -> int:
    try:
        return parse_node(text)
    except Rejected as error:
        raise ValueError(error.detail) from None
