"""`headwater gateway`: runs a pipeline daemon, with the options of 2018 or from a topology file."""

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from headwater.capture.configuration import (
    FILE_KEY,
    FROM_ENVIRONMENT,
    LOCATION_KEY,
    NodeSettings,
    from_environment,
)
from headwater.capture.environment import Read, settings_in
from headwater.cli import logs
from headwater.cli.arguments import Parser, address, command_line, name_of, port, topology_of, without_file
from headwater.cli.environment2018 import pipeline_arguments, tell_unused
from headwater.model.context import Location
from headwater.model.errors import ConfigError, Rejected
from headwater.model.ids import format_node, parse_node
from headwater.pipeline.options import GatewayOptions

PROPERTIES_FILE = "resources/provenance.properties"


def main(arguments: list[str]) -> int:
    """Run a gateway until it is told to stop."""
    if os.environ.get(LOCATION_KEY) == FROM_ENVIRONMENT:
        arguments = pipeline_arguments(arguments, os.environ)
    given = parser().given(arguments)
    logs.configure(bool(given.get("verbose")))
    tell_unused(os.environ)
    options = gateway_options(given, os.environ)
    from headwater import node

    return node.run_gateway(options, lambda: gateway_options(given, os.environ))


def parser() -> Parser:
    """What `headwater gateway` understands."""
    made = Parser(
        "gateway",
        "Runs a pipeline daemon: it takes readings in, keeps them in the node log and sends them on. With a next hop "
        "it is a gateway, without one an endpoint.",
        "headwater gateway [options]\n       headwater gateway --config T.toml --name NODE",
        """examples:
  headwater gateway --config examples/topologies/two-node.toml --name gatewayA
  headwater gateway --port 50051 --host_next 10.0.0.2 --port_next 50051 --location roof

The node's id, name and metrics come from the environment when CONF_LOC=EVAR, otherwise from the
properties file (NODE_ID, NODE_NAME, SUCCESSOR, NEIGHBOURS, SINK, METRICS, ...). Long options may be
written with dashes.""",
    )
    made.option("-p", "--port", type=port, metavar="PORT", help="listen here (50051)")
    made.option("--host", metavar="HOST", help="listen on this interface only (127.0.0.1)")
    made.option("-hn", "--host_next", metavar="HOST", help="host of the next hop")
    made.option("-pn", "--port_next", type=port, metavar="PORT", help="port of the next hop")
    made.option("--http", type=address, metavar="HOST:PORT", help="take readings by HTTP here too: POST /v1/readings")
    made.option("-loc", "--location", metavar="LABEL", help="where this node is (default)")
    made.option(
        "-st",
        "--storagetime",
        type=int,
        metavar="SECONDS",
        help="keep readings this long once they are sent (3600); unsent ones never expire",
    )
    made.option(
        "-prop",
        "--propertiesfile",
        type=Path,
        metavar="FILE",
        help=f"the node's configuration ({PROPERTIES_FILE}, if there)",
    )
    made.option("-no", "--no_prov", action="store_true", help="make no stamps; nothing else changes")
    made.option("--node", metavar="ID", help="the node's id, 6 hexadecimal digits, instead of NODE_ID")
    made.option("--data", type=Path, metavar="DIR", help="the node's folder (var/<id>)")
    made.option("--config", type=Path, metavar="T.toml", help="take everything from a topology file")
    made.option("--name", metavar="NODE", help="which node of the topology file this is")
    made.option("--new-log", action="store_true", help="begin a new log where the manifest is lost")
    made.option("-v", "--verbose", action="store_true", help="say more")
    return made


def gateway_options(
    given: dict[str, object], environment: Mapping[str, str], read: Read = Path.read_bytes
) -> GatewayOptions:
    """The options of a gateway from a command line; ConfigError names what cannot be used."""
    new_log = bool(given.get("new_log"))
    if "config" in given:
        return _from_topology(given, new_log)
    without_file(given)
    settings = _settings(given, environment, read)
    node = _node(given, settings)
    table = command_line(given)
    values: dict[str, object] = {
        "node": node,
        "name": settings.name,
        "successor": settings.successor or None,
        "metrics": settings.metrics,
        "listen": f"{given.get('host', '127.0.0.1')}:{given.get('port', 50051)}",
        "next": _next(given),
        "location": Location(str(given.get("location", "default"))),
        "data": given.get("data", Path("var") / format_node(node)),
        "provenance": not given.get("no_prov", False),
        "new_log": new_log,
        "http_listen": given.get("http"),
    }
    if "storagetime" in given:
        values["storagetime_s"] = given["storagetime"]
    return table.build(GatewayOptions, values)


def _from_topology(given: dict[str, object], new_log: bool) -> GatewayOptions:
    topology = topology_of(given, ("new_log", "verbose"))
    return replace(topology.gateway(name_of(given, topology.gateways)), new_log=new_log)


def _settings(given: dict[str, object], environment: Mapping[str, str], read: Read) -> NodeSettings:
    """The 2018 configuration, sought where 2018 sought it."""
    if environment.get(LOCATION_KEY) == FROM_ENVIRONMENT:
        return from_environment(environment)
    named = given.get("propertiesfile") or environment.get(FILE_KEY)
    path = Path(str(named or PROPERTIES_FILE))
    if named is None and not path.exists():
        return NodeSettings()
    return settings_in(path, read)


def _node(given: dict[str, object], settings: NodeSettings) -> int:
    try:
        return parse_node(str(given["node"])) if "node" in given else settings.node
    except Rejected as error:
        raise ConfigError(f"--node: {error.detail}") from None


def _next(given: dict[str, object]) -> str | None:
    if ("host_next" in given) != ("port_next" in given):
        raise ConfigError("a next hop needs --host_next and --port_next; an endpoint takes neither")
    return f"{given['host_next']}:{given['port_next']}" if "host_next" in given else None
