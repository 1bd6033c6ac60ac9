"""What an engine for containers is told: pods of boxes, read from a Compose file or from manifests of Kubernetes."""

from collections.abc import Mapping

import msgspec


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """Something in a box that is not of its image."""

    target: str
    source: str | None = None
    """A file or folder of this machine; None is memory."""
    is_read_only: bool = False


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """One container: a process and what it sees."""

    name: str
    image: str
    """Without its registry and tag."""
    command: tuple[str, ...]
    """Behind the entry point."""
    environment: Mapping[str, str] = {}
    mounts: tuple[Mount, ...]
    user: int
    is_read_only: bool
    probe: tuple[str, ...] = ()
    notifies: bool = False
    """It says by itself when it serves, as systemd wants it."""
    is_whole_command: bool = False
    """The command stands without the entry point of the image."""
    restarts: str = "always"
    """`always`, `on-failure` or `no`."""


class Pod(msgspec.Struct, frozen=True, kw_only=True):
    """Boxes with one network: of Compose there is one in each."""

    name: str
    of: tuple[str, ...]
    """What it is a replica of, by the names of hosts."""
    hosts: tuple[str, ...]
    """What it is found by."""
    boxes: tuple[Box, ...]
    keeps: str
    """The folder of this machine that is its volume."""
    is_here: bool = False
    """Its network is that of whoever looks on."""
