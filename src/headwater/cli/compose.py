"""`headwater compose`: writes a Compose file, for Docker and for Docker Swarm, from a topology file."""

from headwater.cli.arguments import Parser
from headwater.cli.deploying import parser_of, write_deployment
from headwater.deploy.compose import compose_files


def main(arguments: list[str]) -> int:
    """Write the folder."""
    return write_deployment(parser().given(arguments), "compose", compose_files)


def parser() -> Parser:
    """What `headwater compose` understands."""
    return parser_of(
        "compose",
        "Writes a Compose file from a topology file, and the topology as it holds inside the containers: one container "
        "for each gateway, agent and group of sensors, the server and what else the topology names. Docker Swarm takes "
        "the same file.",
        """examples:
  headwater compose examples/topologies/fork.toml
  headwater compose grid.toml -o grid-in-swarm --replicas sensorsA=3 --place gatewayA=zone=eu-1a
  headwater compose grid.toml --images registry.example.org/headwater""",
    )
