"""Manifests for Kubernetes: what they say, and that they are of its API as strictly as it has it."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from headwater.cli.main import main
from headwater.config import Topology, load_topology
from headwater.deploy.kubernetes import KUSTOMIZATION, kubernetes_files
from headwater.deploy.plan import Place, Wishes
from scripts.generate_deployments import EXAMPLES, ROOT, files
from tests.deploy.test_compose import NAMES, SECRETS, example, load

FOLDER = ROOT / "deploy/kubernetes"
OLDEST, NEWEST = "1.30", "1.36"
"""Of Kubernetes: gRPC probes are of all of these."""


def documents(topology: Topology, **more: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """Kind and name -> document, Kustomize's own left out."""
    written = kubernetes_files(topology, Wishes(name="t", version="1", **more))
    found = [
        document
        for name, text in written.items()
        if name.endswith(".yaml") and name != KUSTOMIZATION
        for document in yaml.safe_load_all(text)
    ]
    return {(document["kind"], document["metadata"]["name"]): document for document in found}


def pod_of(document: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = document["spec"]["template"]["spec"]
    return spec


def test_the_deployments_of_the_examples_are_as_they_are_written() -> None:
    there = {path.relative_to(ROOT / "deploy"): path.read_text() for path in FOLDER.rglob("*") if path.is_file()}
    assert there == {path: text for path, text in files().items() if path.parts[0] == "kubernetes"}, (
        "run make reference"
    )


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_manifest_is_of_the_api(version: str, tmp_path: Path) -> None:
    secrets = documents(load(tmp_path, SECRETS), places={"other": (Place("zone", "z"),)})
    for made in (documents(example("fork"), replicas={"sensorsA": 2}), documents(example("ingest")), secrets):
        for document in made.values():
            kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize("name", NAMES)
def test_kustomize_puts_an_example_together(name: str, tmp_path: Path) -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("machine cannot: there is no kubectl")
    folder = tmp_path / name
    shutil.copytree(FOLDER / name, folder)
    for entry in yaml.safe_load((folder / KUSTOMIZATION).read_text()).get("secretGenerator", ()):
        for file in entry["files"]:
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_text("secret")
    done = subprocess.run(
        ["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    made = list(yaml.safe_load_all(done.stdout))
    assert {document["metadata"].get("namespace", name) for document in made} == {name}
    configs = {document["metadata"]["name"] for document in made if document["kind"] == "ConfigMap"}
    mounted = {
        volume["configMap"]["name"]
        for document in made
        if document["kind"] == "StatefulSet"
        for volume in pod_of(document)["volumes"]
        if "configMap" in volume
    }
    assert mounted == configs


def test_no_pod_may_do_more_than_it_needs(tmp_path: Path) -> None:
    for (kind, _), document in documents(load(tmp_path, SECRETS)).items():
        if kind != "StatefulSet":
            continue
        spec = pod_of(document)
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
    labels = documents(example("line"))["Namespace", "t"]["metadata"]["labels"]
    assert labels == {"pod-security.kubernetes.io/enforce": "restricted"}


def test_both_processes_of_a_node_are_one_pod_on_one_volume() -> None:
    made = documents(example("line"))
    for name in ("gatewaya", "gatewayb", "endpoint"):
        node = made["StatefulSet", name]
        assert [container["name"] for container in pod_of(node)["containers"]] == ["gateway", "agent"]
        assert len(node["spec"]["volumeClaimTemplates"]) == 1
        assert node["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"] == {"storage": "2Gi"}
        service = made["Service", name]["spec"]
        assert [port["port"] for port in service["ports"]] == [50051, 50061]
        assert service["publishNotReadyAddresses"] is True


def test_a_place_selects_machines(tmp_path: Path) -> None:
    places = {"gatewayA": (Place("zone", "eu-1a"), Place("disk", "ssd"))}
    made = documents(example("line"), places=places)
    assert pod_of(made["StatefulSet", "gatewaya"])["nodeSelector"] == {
        "topology.kubernetes.io/zone": "eu-1a",
        "disk": "ssd",
    }
    assert "nodeSelector" not in pod_of(made["StatefulSet", "server"])


def test_what_listened_on_loopback_is_open_to_the_namespace_alone(tmp_path: Path) -> None:
    text = (EXAMPLES / "single.toml").read_text().replace("127.0.0.1:50051", "0.0.0.0:7000")
    made = documents(load(tmp_path, text))
    ways = {name: document["spec"]["ingress"] for (kind, name), document in made.items() if kind == "NetworkPolicy"}
    assert sorted(ways) == ["among-us", "to-endpoint", "to-server"]
    assert ways["to-server"] == [{"from": [{"podSelector": {}}], "ports": [{"port": 5000}]}]
    assert ways["to-endpoint"] == [{"ports": [{"port": 50051}]}]


def test_one_node_at_a_time_may_be_drained() -> None:
    made = documents(example("line"))
    nodes, server = (made["PodDisruptionBudget", name]["spec"] for name in ("nodes", "server"))
    assert (nodes["maxUnavailable"], server["minAvailable"]) == (1, 1)
    for budget, count in ((nodes, 3), (server, 1)):
        wanted = budget["selector"]["matchLabels"].items()
        chosen = [
            document
            for (kind, _), document in made.items()
            if kind == "StatefulSet" and wanted <= document["spec"]["template"]["metadata"]["labels"].items()
        ]
        assert len(chosen) == count


def test_secrets_are_files_that_no_manifest_holds(tmp_path: Path) -> None:
    made = documents(load(tmp_path, SECRETS))
    spec = pod_of(made["StatefulSet", "gate-way-1"])
    (secret,) = [volume["secret"] for volume in spec["volumes"] if "secret" in volume]
    assert len(secret["items"]) == 3
    mounted = [[mount["name"] for mount in container["volumeMounts"]] for container in spec["containers"]]
    assert ["secrets" in names for names in mounted] == [True, False]
    assert [kind for kind, _ in made if kind == "Secret"] == []


def test_the_command_writes_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    assert main(["kubernetes", str(EXAMPLES / "line.toml"), "-o", str(folder), "--name", "grid", "--tag", "9"]) == 0
    kustomization = yaml.safe_load((folder / KUSTOMIZATION).read_text())
    assert kustomization["namespace"] == "grid"
    assert all((folder / resource).is_file() for resource in kustomization["resources"])
    (node,) = [
        document
        for document in yaml.safe_load_all((folder / "pods/gatewaya.yaml").read_text())
        if document["kind"] == "StatefulSet"
    ]
    assert {container["image"] for container in pod_of(node)["containers"]} == {"headwater/gateway:9"}
    assert load_topology(folder / "topology.toml").gateways[0].address == "gatewaya:50051"
