"""Images for the engine: this machine's files below what the Dockerfile says of environment, folder and entry point."""

import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tests.deploy.boxes import Mount

ROOT = Path(__file__).resolve().parents[2]
CODE = "/opt/headwater-code"
ENVIRONMENT = "/opt/headwater"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
OURS = ("gateway", "server", "sensor")
OTHERS = ("redis", "eclipse-mosquitto")


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """What boxes start from."""

    layers: tuple[Path, ...]
    """Folders, the uppermost first."""
    environment: Mapping[str, str]
    entrypoint: tuple[str, ...] = ()
    folder: str = "/"
    mounts: tuple[Mount, ...] = ()
    opened: tuple[str, ...] = ()
    """Folders that others may enter inside."""


def images_here(folder: Path) -> dict[str, Image]:
    """Our images with the code and the packages of this checkout, and others' with the programs of this machine."""
    command = folder / "headwater"
    command.write_text(f'#!/bin/sh\nPYTHONPATH={CODE} exec {ENVIRONMENT}/bin/python -m headwater.cli.main "$@"\n')
    command.chmod(0o755)
    ours = Image(
        layers=(Path("/"),),
        environment={"PATH": PATH, "PYTHONUNBUFFERED": "1", "HOME": "/tmp"},
        entrypoint=("headwater",),
        folder="/tmp",
        mounts=(
            Mount(target=ENVIRONMENT, source=os.path.realpath(sys.prefix), is_read_only=True),
            Mount(target=CODE, source=str(ROOT / "src"), is_read_only=True),
            Mount(target="/usr/local/bin/headwater", source=str(command), is_read_only=True),
        ),
        opened=tuple(_closed(Path(os.path.realpath(sys.executable)))),
    )
    other = Image(layers=(Path("/"),), environment={"PATH": PATH})
    return dict.fromkeys(OURS, ours) | dict.fromkeys(OTHERS, other)


def _closed(*files: Path) -> list[str]:
    """The folders above files that only their owner may enter."""
    above = {folder for file in files for folder in file.absolute().parents}
    return sorted(str(folder) for folder in above if not folder.stat().st_mode & stat.S_IXOTH)
