"""Containers as values: what runs in each, what it keeps, and how it is asked whether it serves."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from headwater.config import Topology

UID = 65532
"""Who our processes are in a container; nobody else there."""
STATE = Path("/var/lib/headwater")
"""The volume of a container of ours: all that it keeps."""
CONFIG = Path("/etc/headwater/topology.toml")
SECRETS = Path("/run/secrets")
RECORDINGS = Path("/data")
"""Where a group of sensors finds the recordings that it replays."""
SCRATCH = Path("/tmp")
SCRATCH_BYTES = 256 << 20
GATEWAY, SERVER, SENSOR = "gateway", "server", "sensor"
"""The images of deploy/Dockerfile."""
PIPELINE_PORT, AGENT_PORT, REST_PORT, INGEST_PORT, ID_PORT = 50051, 50061, 5000, 5001, 8080


class Place(msgspec.Struct, frozen=True):
    """Where a container must run: on a machine whose label has this value."""

    label: str
    value: str


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants of a deployment that no topology says."""

    name: str
    """What it is called."""
    images: str = "headwater"
    """What stands before the names of our images: a registry, or a namespace in one."""
    version: str
    """Their tag."""
    replicas: Mapping[str, int] = {}
    """Name of a group of sensors -> how many of it; 1 unless given."""
    places: Mapping[str, tuple[Place, ...]] = {}
    """Name of a node, of a group or of `server` -> where it must run."""


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """How a container is asked whether it serves."""

    grpc: int | None = None
    """A port that answers grpc.health.v1."""
    http: tuple[int, str] | None = None
    """A port and a path that answers 200."""
    command: tuple[str, ...] = ()
    """A command inside that ends with 0."""


class Published(msgspec.Struct, frozen=True):
    """A port of a container that is reached from outside."""

    host: str
    """The interface of the machine, 0.0.0.0 for all."""
    port: int
    target: int


class File(msgspec.Struct, frozen=True):
    """A file that is no secret, and is mounted."""

    name: str
    target: Path
    text: str


class Secret(msgspec.Struct, frozen=True):
    """A file that whoever deploys must provide."""

    name: str
    what: str
    """What it must hold, in words."""
    target: Path
    """Where its process finds it."""
    source: Path | None = None
    """Where it is on the machine of the topology; None when that has it in a variable."""


class Container(msgspec.Struct, frozen=True, kw_only=True):
    """One container, or several alike."""

    name: str
    """What it is called, and found by, in its network."""
    of: str
    """What it belongs to: the name of a node or of a group of sensors, or the name of itself."""
    role: str
    """gateway, agent, server, idprovider, sensors, or the program of others that it is."""
    image: str
    """One of ours, or the whole name of another's."""
    command: tuple[str, ...]
    """Behind the entry point of the image; of others' images the program too."""
    ports: tuple[int, ...] = ()
    published: tuple[Published, ...] = ()
    probe: Probe | None = None
    volume: str
    """What it keeps; containers with the same one share it, and so run on one machine."""
    keeps: Path = STATE
    """Where that is mounted."""
    recordings: Path | None = None
    """A folder on its machine, mounted read-only at `RECORDINGS`."""
    files: tuple[File, ...] = ()
    secrets: tuple[Secret, ...] = ()
    environment: Mapping[str, str] = {}
    replicas: int = 1
    is_scalable: bool = False
    ends: bool = False
    """It may end by itself, when its work is done."""
    user: int = UID
    is_read_only: bool = True
    """Whether it may write to its volume and to `SCRATCH` only."""
    grace_s: int = 30
    """How long it may take to stop."""

    @property
    def is_ours(self) -> bool:
        return self.image in (GATEWAY, SERVER, SENSOR)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """All containers of a topology, and what they are given."""

    topology: Topology
    """As it holds inside the containers."""
    containers: tuple[Container, ...]
    notes: tuple[str, ...] = ()
    """What is other than in the topology that this comes from, or must be decided."""

    @property
    def files(self) -> tuple[File, ...]:
        return tuple(dict.fromkeys(file for container in self.containers for file in container.files))

    @property
    def secrets(self) -> tuple[Secret, ...]:
        return tuple(dict.fromkeys(secret for container in self.containers for secret in container.secrets))

    @property
    def volumes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(container.volume for container in self.containers))
