"""Reads the folder of a Kustomization as pods: what the kubelet would run of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.boxes import Box, Mount, Pod
from tests.deploy.compose_file import image_of

Documents = dict[tuple[str, str], dict[str, Any]]
"""Kind and name -> the document."""
Given = dict[tuple[str, str], dict[str, Path]]
"""`configMap` or `secret` and its name -> its files by key."""


def read_kubernetes(folder: Path, volumes: Path) -> list[Pod]:
    """A pod for each replica of each StatefulSet; claims become folders below `volumes`."""
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    documents: Documents = {}
    for resource in kustomization["resources"]:
        for document in yaml.safe_load_all((folder / resource).read_text()):
            documents[document["kind"], document["metadata"]["name"]] = document
    given = {
        (kind, entry["name"]): {Path(file).name: folder / file for file in entry["files"]}
        for kind in ("configMap", "secret")
        for entry in kustomization.get(f"{kind}Generator", ())
    }
    return [
        _pod(document, documents, given, volumes, ordinal)
        for (kind, _), document in documents.items()
        if kind == "StatefulSet"
        for ordinal in range(document["spec"]["replicas"])
    ]


def _pod(document: dict[str, Any], documents: Documents, given: Given, volumes: Path, ordinal: int) -> Pod:
    name, spec = document["metadata"]["name"], document["spec"]["template"]["spec"]
    called = f"{name}-{ordinal}" if document["spec"]["replicas"] > 1 else name
    claims = [claim["metadata"]["name"] for claim in document["spec"]["volumeClaimTemplates"]]
    places = dict.fromkeys(claims, volumes / f"{name}-{ordinal}")
    labels = document["spec"]["template"]["metadata"]["labels"]
    services = [
        service["metadata"]["name"]
        for (kind, _), service in documents.items()
        if kind == "Service" and service["spec"]["selector"].items() <= labels.items()
    ]
    boxes = [
        _box(container, spec, given, places, called if at == 0 else f"{called}-{container['name']}", called)
        for at, container in enumerate(spec["containers"])
    ]
    return Pod(name=called, of=(name,), hosts=(*services, called), boxes=tuple(boxes), keeps=str(places["state"]))


def _box(
    container: dict[str, Any],
    spec: dict[str, Any],
    given: Given,
    places: dict[str, Path],
    name: str,
    host: str,
) -> Box:
    security = container["securityContext"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert (security["allowPrivilegeEscalation"], security["capabilities"]) == (False, {"drop": ["ALL"]})
    user = spec["securityContext"]["runAsUser"]
    assert spec["securityContext"]["fsGroup"] == user
    return Box(
        name=name,
        image=image_of(container["image"]),
        command=tuple(container.get("args") or container["command"]),
        environment={entry["name"]: entry["value"] for entry in container.get("env", ())},
        mounts=tuple(_mounts(container, spec, given, places)),
        user=user,
        is_read_only=security["readOnlyRootFilesystem"],
        probe=_probe(container.get("readinessProbe", {}), host),
    )


def _probe(probe: dict[str, Any], host: str) -> tuple[str, ...]:
    """A kubelet asks from outside, at the address of the pod."""
    match probe:
        case {"grpc": {"port": port}}:
            return ("headwater", "health", f"{host}:{port}")
        case {"httpGet": {"port": port, "path": path}}:
            return ("headwater", "health", f"http://{host}:{port}{path}")
        case {"exec": {"command": command}}:
            return tuple(command)
    return ()


def _mounts(
    container: dict[str, Any],
    spec: dict[str, Any],
    given: Given,
    places: dict[str, Path],
) -> Iterator[Mount]:
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    for mount in container["volumeMounts"]:
        name, target = mount["name"], mount["mountPath"]
        if name in places:
            yield Mount(target=target, source=str(places[name]))
            continue
        match volumes[name]:
            case {"emptyDir": _}:
                yield Mount(target=target)
            case {"configMap": {"name": source}}:
                for key, file in given["configMap", source].items():
                    yield Mount(target=f"{target}/{key}", source=str(file), is_read_only=mount["readOnly"])
            case {"secret": {"secretName": source, "items": items}}:
                for item in items:
                    file = given["secret", source][item["key"]]
                    yield Mount(target=f"{target}/{item['path']}", source=str(file), is_read_only=mount["readOnly"])
            case other:
                raise AssertionError(other)
