"""Images for the engine: what the Dockerfile says of environment, folder and entry point, over this machine's files."""

import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec.structs import replace

from headwater.deploy.plan import GATEWAY, SENSOR, SERVER
from headwater.services.needs import CACHE_KEY, cache_folder
from tests.deploy.boxes import Mount
from tests.deploy.dockerfile import Instruction, environment_of, last, listed, stages_of, whole

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "deploy/Dockerfile"
CODE = "/opt/headwater-code"
ENVIRONMENT = "/opt/headwater"
PYTHON = f"{ENVIRONMENT}/bin/python"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
OURS = (GATEWAY, SERVER, SENSOR)
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
    command = _script(folder / "headwater", f'exec {PYTHON} -m headwater.cli.main "$@"')
    mounts = (
        Mount(target=ENVIRONMENT, source=os.path.realpath(sys.prefix), is_read_only=True),
        Mount(target=f"{ENVIRONMENT}/bin/headwater", source=str(command), is_read_only=True),
        Mount(target=CODE, source=str(ROOT / "src"), is_read_only=True),
    )
    stages = stages_of(DOCKERFILE.read_text())
    ours = {name: image_of(whole(stages, name), (), mounts) for name in OURS}
    with_code = {"PYTHONPATH": CODE}
    return {
        name: replace(image, environment={**image.environment, **with_code}) for name, image in ours.items()
    } | others(folder)


def others(folder: Path) -> dict[str, Image]:
    """The images of others, with the programs of this machine."""
    plain = Image(layers=(Path("/"),), environment={"PATH": PATH})
    return {**dict.fromkeys(OTHERS, plain), "cassandra": _cassandra(folder)}


def _cassandra(folder: Path) -> Image:
    """The Cassandra of `headwater services`, under the names that its image has."""
    cache = cache_folder()
    start = f"{CACHE_KEY}={cache} PYTHONPATH={CODE}/src:{CODE} exec {PYTHON} -m tests.deploy.cassandra_here"
    ask = f'exec {PYTHON} -c "import socket; socket.create_connection((socket.gethostname(), 9042), 5)"'
    programs = {"docker-entrypoint.sh": _script(folder / "entry", start), "cqlsh": _script(folder / "cqlsh", ask)}
    return Image(
        layers=(Path("/"),),
        environment={"PATH": PATH},
        mounts=(
            Mount(target=ENVIRONMENT, source=os.path.realpath(sys.prefix), is_read_only=True),
            Mount(target=f"{CODE}/src", source=str(ROOT / "src"), is_read_only=True),
            Mount(target=f"{CODE}/tests", source=str(ROOT / "tests"), is_read_only=True),
            *(
                Mount(target=f"/usr/local/bin/{name}", source=str(file), is_read_only=True)
                for name, file in programs.items()
            ),
        ),
        opened=(*closed_above(Path(os.path.realpath(sys.executable))), *closed_above(cache / "any")),
    )


def _script(file: Path, line: str) -> Path:
    file.write_text(f"#!/bin/sh\n{line}\n")
    file.chmod(0o755)
    return file


def image_of(instructions: list[Instruction], layers: tuple[Path, ...], mounts: tuple[Mount, ...] = ()) -> Image:
    """An image of layers over this machine's files, with what the Dockerfile says."""
    return Image(
        layers=(*layers, Path("/")),
        environment=environment_of(instructions),
        entrypoint=listed(last(instructions, "ENTRYPOINT")),
        folder=last(instructions, "WORKDIR"),
        mounts=mounts,
        opened=closed_above(Path(os.path.realpath(sys.executable))),
    )


def closed_above(file: Path) -> tuple[str, ...]:
    """The folders above a file that only their owner may enter."""
    return tuple(str(folder) for folder in file.absolute().parents if not folder.stat().st_mode & stat.S_IXOTH)
