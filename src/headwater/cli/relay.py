"""`headwater relay`: runs the link behind one node, so that it can be cut; `up` starts it where chaos is enabled."""

from pathlib import Path

from headwater.cli import logs
from headwater.cli.arguments import Parser, name_of, topology_of
from headwater.model.errors import ConfigError


def main(arguments: list[str]) -> int:
    """Run a relay until it is told to stop."""
    given = parser().given(arguments)
    logs.configure()
    if "config" not in given:
        raise ConfigError("a relay needs --config T.toml, the file of a topology whose chaos is enabled")
    topology = topology_of(given)
    if not topology.relays:
        raise ConfigError(f"{given['config']}: chaos is not enabled, or no node has a next hop: there are no relays")
    options = topology.relay(name_of(given, topology.relays))
    from headwater import node

    return node.run_relay(options)


def parser() -> Parser:
    """What `headwater relay` understands."""
    made = Parser(
        "relay",
        "Runs the relay between a node and its next hop, which can be cut, refused and slowed. headwater up starts it "
        "where chaos is enabled; it passes bytes on and does not understand them.",
        "headwater relay --config T.toml --name NODE",
        """example:
  headwater relay --config chaos.toml --name gatewayA""",
    )
    made.option("--config", type=Path, metavar="T.toml", help="the topology file")
    made.option("--name", metavar="NODE", help="the node behind which the link is")
    return made
