"""Reads the units of systemd that were installed below folders, each folder a machine: what systemd would run there."""

import configparser
import shlex
from collections.abc import Iterator
from pathlib import Path

from headwater.deploy.systemd import PREFIX, SYSUSERS, UNITS
from tests.deploy.boxes import Box, Mount, Pod
from tests.deploy.images import PYTHON

USER = 993
"""Whom systemd-sysusers might make."""
ALONE = "alone"
"""The machine that is this one: its loopback interface is seen from outside its units too."""


class _Units(configparser.RawConfigParser):
    """Keys keep their case."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def read_units(folder: Path, volumes: Path) -> list[Pod]:
    """A pod for each machine below a folder."""
    return [_machine(machine, volumes) for machine in sorted(folder.iterdir()) if machine.is_dir()]


def _machine(root: Path, volumes: Path) -> Pod:
    units = sorted((root / str(UNITS).lstrip("/")).glob(f"{PREFIX}*.service"))
    state = volumes / root.name
    user = (root / str(SYSUSERS).lstrip("/")).read_text().split()[1]
    boxes = tuple(_box(unit, root, state, user) for unit in units)
    names = tuple(box.name for box in boxes)
    is_alone = root.name == ALONE
    return Pod(name=root.name, of=names, hosts=(root.name,), boxes=boxes, keeps=str(state), is_here=is_alone)


def _box(unit: Path, root: Path, state: Path, user: str) -> Box:
    parsed = _Units(strict=False)
    parsed.read_string("\n".join(_last_wins(unit.read_text())))
    service = parsed["Service"]
    assert service["User"] == service["Group"] == user
    assert service["ProtectSystem"] == "strict"
    assert (service["NoNewPrivileges"], service["PrivateTmp"], service["CapabilityBoundingSet"]) == ("yes", "yes", "")
    command = shlex.split(service["ExecStart"])
    assert command[0] == PYTHON, "install with --python"
    return Box(
        name=unit.stem.removeprefix(PREFIX),
        image="gateway",
        command=tuple(command),
        is_whole_command=True,
        environment=dict([service["Environment"].split("=", 1)]),
        mounts=tuple(_mounts(unit, service, root, state)),
        user=USER,
        is_read_only=True,
        notifies=service["Type"] == "notify",
        restarts=service["Restart"],
    )


def _mounts(unit: Path, service: configparser.SectionProxy, root: Path, state: Path) -> Iterator[Mount]:
    yield Mount(target=f"/var/lib/{service['StateDirectory']}", source=str(state))
    yield Mount(target="/tmp")
    for file in (root / "etc/headwater").iterdir():
        yield Mount(target=f"/etc/headwater/{file.name}", source=str(file), is_read_only=True)
    for line in unit.read_text().splitlines():
        if line.startswith("LoadCredential="):
            name, _, source = line.partition("=")[2].partition(":")
            yield Mount(target=f"/run/credentials/{unit.name}/{name}", source=source, is_read_only=True)


def _last_wins(text: str) -> Iterator[str]:
    """The lines without comments."""
    return (line for line in text.splitlines() if not line.startswith("#"))
