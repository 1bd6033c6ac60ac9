"""`headwater agent`: runs a provenance daemon, beside the pipeline daemon whose log it reads."""

from pathlib import Path

from headwater.agent.options import AgentOptions, parse_redis
from headwater.cli import logs
from headwater.cli.arguments import Parser, address, command_line, name_of, topology_of
from headwater.model.errors import ConfigError, Rejected
from headwater.model.ids import format_node, parse_node


def main(arguments: list[str]) -> int:
    """Run an agent until it is told to stop."""
    given = parser().given(arguments)
    logs.configure(bool(given.get("verbose")))
    options = agent_options(given)
    from headwater import node

    return node.run_agent(options)


def parser() -> Parser:
    """What `headwater agent` understands."""
    made = Parser(
        "agent",
        "Runs a provenance daemon: it reads the log of one node, ships its stamps to the server and serves readings "
        "by id.",
        "headwater agent --node ID --data DIR [options]\n       headwater agent --config T.toml --name NODE",
        """examples:
  headwater agent --config examples/topologies/two-node.toml --name gatewayA
  headwater agent --node 000001 --data var/000001 --server 127.0.0.1:5001""",
    )
    made.option("--node", metavar="ID", help="the node's id, 6 hexadecimal digits")
    made.option("--data", type=Path, metavar="DIR", help="the node's folder (var/<id>)")
    made.option("--server", type=address, metavar="HOST:PORT", help="the server's ingest (127.0.0.1:5001)")
    made.option("--listen", type=address, metavar="HOST:PORT", help="serve readings here (127.0.0.1:50061)")
    made.option("--site", metavar="SITE", help="the site that the node belongs to (default)")
    made.option("--buffer_capacity", type=int, metavar="N", help="ship the stamps of at least so many data points (0)")
    made.option("--redis", metavar="URL", help="keep recent readings in a Redis too: redis://HOST:PORT/DB")
    made.option("--storagetime", type=int, metavar="SECONDS", help="keep them there this long (3600)")
    made.option("--name", metavar="NODE", help="the node's name; with --config, which node it is")
    made.option("--config", type=Path, metavar="T.toml", help="take everything from a topology file")
    made.option("-v", "--verbose", action="store_true", help="say more")
    return made


def agent_options(given: dict[str, object]) -> AgentOptions:
    """The options of an agent from a command line; ConfigError names what cannot be used."""
    if "config" in given:
        topology = topology_of(given, ("verbose",))
        return topology.agent(name_of(given, topology.agents))
    if "node" not in given:
        raise ConfigError("an agent needs --node ID and --data DIR, or --config T.toml and --name NODE")
    try:
        node = parse_node(str(given["node"]))
    except Rejected as error:
        raise ConfigError(f"--node: {error.detail}") from None
    id = format_node(node)
    values: dict[str, object] = {"node": node, "name": id, "data": Path("var") / id}
    values |= {
        key: given[key] for key in ("name", "data", "server", "listen", "site", "buffer_capacity") if key in given
    }
    if "storagetime" in given:
        values["storagetime_s"] = given["storagetime"]
    if "redis" in given:
        values["redis"] = _redis(str(given["redis"]))
    return command_line(given).build(AgentOptions, values)


def _redis(text: str) -> str:
    try:
        return parse_redis(text)
    except ValueError as error:
        raise ConfigError(f"--redis: {error}") from None
