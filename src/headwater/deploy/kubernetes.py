"""A plan as manifests for Kubernetes, put together by Kustomize: an overlay can change all of it.

What shares a volume is one pod of a StatefulSet with a claim of its own: both containers of a node, for they read and
write one log.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from headwater.config import Topology
from headwater.config.topology import SERVER
from headwater.deploy.containers import plan_of
from headwater.deploy.names import host_of
from headwater.deploy.plan import RECORDINGS, SCRATCH, SECRETS, Container, File, Place, Plan, Probe, Wishes
from headwater.deploy.yaml import Noted, yaml_text
from headwater.pipeline.options import GatewayOptions

KUSTOMIZATION = "kustomization.yaml"
NETWORK, DISRUPTION, NAMESPACE = "network.yaml", "disruption.yaml", "namespace.yaml"
LABEL = "app.kubernetes.io"
PLACES = {
    "zone": "topology.kubernetes.io/zone",
    "region": "topology.kubernetes.io/region",
    "hostname": "kubernetes.io/hostname",
}
"""What everybody calls a place -> the label that Kubernetes gives nodes for it; all else is a label as it is."""
SECRET = "secrets"
STATE, TMP, RECORDED = "state", "tmp", "recordings"
GIB = 1 << 30
SERVER_GIB, SMALL_GIB = 20, 1
SCRATCH_LIMIT = "256Mi"
STARTING_S, STARTING_EVERY_S = 600, 5
"""A log is read at a start, which may take a while after a power loss."""
LIVE_EVERY_S, READY_EVERY_S, PROBE_S = 30, 10, 10

Manifest = Mapping[str, object]

HEAD = """{name} in Kubernetes, written by `headwater kubernetes`: change the topology and write it anew, or lay an
overlay of Kustomize over it.

  kubectl apply --kustomize .
  kubectl --namespace {name} port-forward service/server 5000      the dashboard at http://127.0.0.1:5000"""


def kubernetes_files(topology: Topology, wishes: Wishes) -> dict[str, str]:
    """The files of a folder, by name. ConfigError like `plan_of`."""
    plan = plan_of(topology, wishes, host_of)
    pods = {name: list(containers) for name, containers in groupby(plan.containers, lambda each: each.volume)}
    written = {f"pods/{name}.yaml": _documents(_pod(name, pod, plan, wishes)) for name, pod in pods.items()}
    written[NAMESPACE] = _documents([_namespace(wishes)])
    written[NETWORK] = _documents(_policies(plan, wishes))
    written[DISRUPTION] = _documents(_budgets(wishes))
    kustomization = yaml_text(
        _kustomization(plan, wishes, written), "\n".join([HEAD.format(name=wishes.name), *plan.notes])
    )
    return {KUSTOMIZATION: kustomization, **written, **{file.name: file.text for file in plan.files}}


def _documents(manifests: Iterable[Manifest]) -> str:
    return "---\n".join(yaml_text(manifest) for manifest in manifests)


def _kustomization(plan: Plan, wishes: Wishes, written: Iterable[str]) -> Manifest:
    made: dict[str, object] = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": wishes.name,
        "resources": sorted(written),
        "configMapGenerator": [{"name": _key(file), "files": [file.name]} for file in plan.files],
    }
    if plan.secrets:
        what = "\n".join(f"Put into secrets/{secret.name}: {secret.what}." for secret in plan.secrets)
        files = [f"secrets/{secret.name}" for secret in plan.secrets]
        made["secretGenerator"] = Noted([{"name": SECRET, "files": files}], what)
    return made


def _namespace(wishes: Wishes) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": wishes.name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
    }


def _pod(name: str, pod: list[Container], plan: Plan, wishes: Wishes) -> Iterator[Manifest]:
    """What one pod takes: itself, and the service that it is found by."""
    if ports := _ports(pod):
        yield {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "labels": _labels(pod, wishes)},
            "spec": {
                "selector": _selector(name, wishes),
                "ports": [{"name": f"port-{port}", "port": port, "targetPort": port} for port in ports],
                "publishNotReadyAddresses": Noted(True, "Of two processes one may serve while the other does not."),
            },
        }
    yield {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name, "labels": _labels(pod, wishes)},
        "spec": {
            "serviceName": name,
            "replicas": _replicas(pod),
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": _selector(name, wishes)},
            "template": {"metadata": {"labels": _labels(pod, wishes)}, "spec": _pod_spec(pod, wishes)},
            "volumeClaimTemplates": [_claim(pod, plan)],
        },
    }


def _replicas(pod: list[Container]) -> object:
    first = pod[0]
    if first.role == "sensors" and not first.is_scalable:
        return Noted(1, "More would send the same meters again: give the group a sensor_id_provider.")
    return first.replicas


def _pod_spec(pod: list[Container], wishes: Wishes) -> Manifest:
    user = pod[0].user
    spec: dict[str, object] = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": max(container.grace_s for container in pod),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": user,
            "runAsGroup": user,
            "fsGroup": user,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(container, wishes) for container in pod],
        "volumes": list(_volumes(pod)),
    }
    if places := wishes.places.get(pod[0].of, ()):
        spec["nodeSelector"] = dict(map(_selected, places))
    return spec


def _selected(place: Place) -> tuple[str, str]:
    return PLACES.get(place.label, place.label), place.value


def _container(container: Container, wishes: Wishes) -> Manifest:
    made: dict[str, object] = {"name": container.role}
    if container.is_ours:
        made |= {"image": f"{wishes.images}/{container.image}:{wishes.version}", "args": list(container.command)}
    else:
        made |= {"image": container.image, "command": list(container.command)}
    if container.environment:
        made["env"] = [{"name": name, "value": value} for name, value in container.environment.items()]
    if container.ports:
        made["ports"] = [{"containerPort": port} for port in container.ports]
    if container.probe is not None:
        made |= _probes(container.probe)
    made["securityContext"] = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": container.is_read_only,
        "capabilities": {"drop": ["ALL"]},
    }
    made["volumeMounts"] = list(_mounts(container))
    return made


def _probes(probe: Probe) -> dict[str, object]:
    if probe.grpc is not None:
        asking: dict[str, object] = {"grpc": {"port": probe.grpc}}
    elif probe.http is not None:
        asking = {"httpGet": {"port": probe.http[0], "path": probe.http[1]}}
    else:
        asking = {"exec": {"command": list(probe.command)}}
    asking["timeoutSeconds"] = PROBE_S
    tries = STARTING_S // STARTING_EVERY_S
    return {
        "startupProbe": {**asking, "periodSeconds": STARTING_EVERY_S, "failureThreshold": tries},
        "livenessProbe": {**asking, "periodSeconds": LIVE_EVERY_S},
        "readinessProbe": {**asking, "periodSeconds": READY_EVERY_S},
    }


def _mounts(container: Container) -> Iterator[Manifest]:
    yield {"name": STATE, "mountPath": str(container.keeps)}
    yield {"name": TMP, "mountPath": str(SCRATCH)}
    for file in container.files:
        yield {"name": _key(file), "mountPath": str(file.target.parent), "readOnly": True}
    if container.secrets:
        yield {"name": SECRET, "mountPath": str(SECRETS), "readOnly": True}
    if container.recordings is not None:
        yield {"name": RECORDED, "mountPath": str(RECORDINGS), "readOnly": True}


def _volumes(pod: list[Container]) -> Iterator[object]:
    yield {"name": TMP, "emptyDir": {"sizeLimit": SCRATCH_LIMIT}}
    for file in dict.fromkeys(file for container in pod for file in container.files):
        yield {"name": _key(file), "configMap": {"name": _key(file)}}
    if secrets := [secret for container in pod for secret in container.secrets]:
        items = [{"key": secret.name, "path": secret.name} for secret in secrets]
        yield {"name": SECRET, "secret": {"secretName": SECRET, "items": items}}
    if any(container.recordings is not None for container in pod):
        claim = {"claimName": f"{pod[0].name}-{RECORDED}", "readOnly": True}
        comment = f"Make a claim of this name with what is in {pod[0].recordings} of the topology."
        yield {"name": RECORDED, "persistentVolumeClaim": Noted(claim, comment)}


def _claim(pod: list[Container], plan: Plan) -> Manifest:
    gib = _gib(pod[0], {gateway.name: gateway for gateway in plan.topology.gateways})
    return {
        "metadata": {"name": STATE},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": f"{gib}Gi"}}},
    }


def _gib(container: Container, gateways: Mapping[str, GatewayOptions]) -> int:
    """How much a volume must hold: of a node its log and a quarter more."""
    if container.of in gateways:
        return -(-gateways[container.of].log_bytes_max * 5 // (4 * GIB))
    return SERVER_GIB if container.of == SERVER else SMALL_GIB


def _policies(plan: Plan, wishes: Wishes) -> Iterator[Manifest]:
    """Only what belongs together may connect; what was published in the topology is open to all."""
    whole = {f"{LABEL}/part-of": wishes.name}
    yield _policy("among-us", whole, [{"from": [{"podSelector": {"matchLabels": whole}}]}])
    for container in plan.containers:
        if container.published:
            ports = [{"port": port.target} for port in container.published]
            is_local = all(port.host != "0.0.0.0" for port in container.published)
            # What was open to its machine alone is open to the namespace.
            ways: dict[str, object] = {"from": [{"podSelector": {}}]} if is_local else {}
            yield _policy(f"to-{container.name}", _selector(container.volume, wishes), [{**ways, "ports": ports}])


def _policy(name: str, pods: Mapping[str, str], ingress: list[object]) -> Manifest:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {"podSelector": {"matchLabels": dict(pods)}, "policyTypes": ["Ingress"], "ingress": ingress},
    }


def _budgets(wishes: Wishes) -> Iterator[Manifest]:
    """How machines may be drained: one node of the topology at a time, the server when somebody wants it."""
    whole = {f"{LABEL}/part-of": wishes.name}
    for name, limit in (
        ("nodes", {"maxUnavailable": 1}),
        (SERVER, {"minAvailable": Noted(1, "Without it nobody hears an alarm: delete its pod to let its machine go.")}),
    ):
        component = {f"{LABEL}/component": SERVER if name == SERVER else "node"}
        yield {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": name},
            "spec": {**limit, "selector": {"matchLabels": {**whole, **component}}},
        }


def _labels(pod: list[Container], wishes: Wishes) -> dict[str, str]:
    component = "node" if pod[0].role == "gateway" else pod[0].role
    return {**_selector(pod[0].volume, wishes), f"{LABEL}/component": component}


def _selector(name: str, wishes: Wishes) -> dict[str, str]:
    return {f"{LABEL}/name": name, f"{LABEL}/part-of": wishes.name}


def _ports(pod: list[Container]) -> list[int]:
    return [port for container in pod for port in container.ports]


def _key(file: File) -> str:
    return file.name.partition(".")[0]
