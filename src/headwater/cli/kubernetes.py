"""`headwater kubernetes`: writes manifests for Kubernetes, put together by Kustomize, from a topology file."""

from headwater.cli.arguments import Parser
from headwater.cli.deploying import parser_of, write_deployment
from headwater.deploy.kubernetes import kubernetes_files


def main(arguments: list[str]) -> int:
    """Write the folder."""
    return write_deployment(parser().given(arguments), "kubernetes", kubernetes_files)


def parser() -> Parser:
    """What `headwater kubernetes` understands."""
    return parser_of(
        "kubernetes",
        "Writes manifests for Kubernetes from a topology file, put together by Kustomize: a StatefulSet for each node, "
        "with a gateway and an agent on one volume, for each group of sensors, the server and what else the topology "
        "names.",
        """examples:
  headwater kubernetes examples/topologies/fork.toml
  headwater kubernetes grid.toml -o grid --replicas sensorsA=3 --place gatewayA=zone=eu-1a
  kubectl apply --kustomize grid""",
    )
