"""Reads a Compose file as boxes: every key that the file has is used, or known to mean nothing here."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.deploy.boxes import Box, Mount, Pod

KEYS = frozenset(
    (
        *("image", "command", "user", "environment", "ports", "volumes", "configs", "secrets", "healthcheck"),
        *("stop_grace_period", "restart", "deploy", "read_only", "cap_drop", "security_opt"),
    )
)
"""All keys of a service that may be there; capabilities and privileges are always dropped here."""


def read_compose(folder: Path, volumes: Path) -> list[Pod]:
    """A pod for each replica of each service; volumes become folders below `volumes`."""
    document = yaml.safe_load((folder / "compose.yaml").read_text())
    pods: list[Pod] = []
    for name, service in document["services"].items():
        assert service.keys() <= KEYS, f"{name}: {service.keys() - KEYS}"
        replicas = service["deploy"].get("replicas", 1)
        pods += [_pod(document, folder, volumes, name, at if replicas > 1 else 0) for at in range(1, replicas + 1)]
    return pods


def image_of(text: str) -> str:
    """The last part of an image's name, without its tag."""
    return text.rpartition("/")[2].partition(":")[0]


def _pod(document: dict[str, Any], folder: Path, volumes: Path, name: str, replica: int) -> Pod:
    service = document["services"][name]
    called = f"{name}-{replica}" if replica else name
    uid, gid = service["user"].split(":")
    assert uid == gid
    test = service["healthcheck"].get("test", ["CMD"])
    assert test[0] == "CMD"
    box = Box(
        name=called,
        image=image_of(service["image"]),
        command=tuple(service["command"]),
        environment=service.get("environment", {}),
        mounts=tuple(_mounts(document, service, folder, volumes)),
        user=int(uid),
        is_read_only=service["read_only"],
        probe=tuple(test[1:]),
        restarts="on-failure" if service["restart"] == "on-failure" else "always",
    )
    return Pod(name=called, of=(name,), hosts=(name,), boxes=(box,), keeps=str(box.mounts[0].source))


def _mounts(document: dict[str, Any], service: dict[str, Any], folder: Path, volumes: Path) -> Iterator[Mount]:
    for volume in service["volumes"]:
        match volume["type"]:
            case "volume":
                assert volume["source"] in document["volumes"]
                yield Mount(target=volume["target"], source=str(volumes / volume["source"]))
            case "tmpfs":
                yield Mount(target=volume["target"])
            case "bind":
                yield Mount(target=volume["target"], source=volume["source"], is_read_only=volume["read_only"])
            case other:
                raise AssertionError(other)
    for config in service.get("configs", ()):
        file = document["configs"][config["source"]]["file"]
        yield Mount(target=config["target"], source=str(folder / file), is_read_only=True)
    for secret in service.get("secrets", ()):
        file = document["secrets"][secret]["file"]
        yield Mount(target=f"/run/secrets/{secret}", source=str(folder / file), is_read_only=True)
