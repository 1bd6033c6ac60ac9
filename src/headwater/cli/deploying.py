"""What `headwater compose` and `headwater kubernetes` share: their options, and writing a folder."""

import argparse
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

import headwater
from headwater.cli.arguments import Parser
from headwater.config import Topology, load_topology
from headwater.deploy.plan import Place, Wishes
from headwater.model.errors import ConfigError

REPLICAS_MAX = 10_000

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_OTHER = re.compile(r"[^a-z0-9-]+")
_IMAGES = re.compile(r"[A-Za-z0-9._-]+(?::[0-9]+)?(?:/[a-z0-9._-]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")

Written = Callable[[Topology, Wishes], Mapping[str, str]]
"""Gives the files of a folder, by name."""


def parser_of(command: str, sentence: str, examples: str) -> Parser:
    """What either command understands."""
    made = Parser(command, sentence, f"headwater {command} [options] TOPOLOGY.toml", examples)
    made.add_argument("topology", type=Path, metavar="TOPOLOGY.toml", help="the topology file")
    made.option("-o", "--output", type=Path, metavar="DIR", help=f"the folder to write (NAME-{command})")
    made.option("--name", metavar="NAME", help="what the whole is called (the name of the file)")
    made.option(
        "--images",
        type=images,
        metavar="PREFIX",
        help=f"registry or namespace of the images ({Wishes(name='', version='').images})",
    )
    made.option("--tag", type=tag, metavar="TAG", help=f"which version of the images ({headwater.__version__})")
    made.option(
        "--replicas",
        action="append",
        type=replicas,
        metavar="SENSORS=N",
        help="so many of a group of sensors, with different meters",
    )
    made.option(
        *("--place",),
        action="append",
        type=place,
        metavar="NAME=LABEL=VALUE",
        help="run a node, the server or a group on machines with this label",
    )
    return made


def images(text: str) -> str:
    """A registry, a namespace, or one in the other."""
    prefix = text.rstrip("/")
    if not _IMAGES.fullmatch(prefix):
        raise argparse.ArgumentTypeError(
            f"{text}: a registry, or a namespace in small letters, is needed, such as registry.example.org/headwater"
        )
    return prefix


def tag(text: str) -> str:
    """A version of an image."""
    if not _TAG.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text}: letters, digits, _ . - are needed, at most 128, the first no . or -")
    return text


def replicas(text: str) -> tuple[str, int]:
    """NAME=N."""
    name, _, count = text.rpartition("=")
    if not name or not count.isdecimal() or not 1 <= int(count) <= REPLICAS_MAX:
        raise argparse.ArgumentTypeError(f"{text}: SENSORS=N is needed, N from 1 to {REPLICAS_MAX:,}")
    return name, int(count)


def place(text: str) -> tuple[str, Place]:
    """NAME=LABEL=VALUE."""
    name, _, rest = text.partition("=")
    label, _, value = rest.partition("=")
    if not name or not label or not value:
        raise argparse.ArgumentTypeError(f"{text}: NAME=LABEL=VALUE is needed, such as gatewayA=zone=eu-1a")
    return name, Place(label, value)


def write_deployment(given: Mapping[str, object], command: str, written: Written) -> int:
    """Write the files of a deployment into a folder, and say what must be decided."""
    file = Path(str(given["topology"]))
    wishes = wishes_of(given, file)
    files = written(load_topology(file), wishes)
    folder = Path(str(given.get("output", f"{wishes.name}-{command}")))
    if folder.is_file():
        raise ConfigError(f"--output {folder}: is a file, a folder is needed")
    for name, text in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    print(f"{folder}: {', '.join(files)}")
    return 0


def wishes_of(given: Mapping[str, object], file: Path) -> Wishes:
    """What the options of a command line wish; ConfigError for a name that nothing can have."""
    name = str(given.get("name", _OTHER.sub("-", file.stem.lower()).strip("-")[:40].strip("-")))
    if not _NAME.fullmatch(name):
        raise ConfigError(f'--name "{name}": a to z, digits and - inside are needed, at most 40')
    places: dict[str, tuple[Place, ...]] = {}
    for who, where in cast(list[tuple[str, Place]], given.get("place", [])):
        places[who] = (*places.get(who, ()), where)
    return Wishes(
        name=name,
        version=str(given.get("tag", headwater.__version__)),
        replicas=dict(cast(list[tuple[str, int]], given.get("replicas", []))),
        places=places,
        **({"images": str(given["images"])} if "images" in given else {}),
    )
