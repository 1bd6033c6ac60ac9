"""The manifest: who this log is, and how far sequences and ids are reserved. Without it a log does not start."""

import msgspec

from headwater.log.disk import Disk
from headwater.model.errors import ConfigError, NotFound
from headwater.model.ids import format_node

MANIFEST = "manifest"
FORMAT_VERSION = 1
LOG_ID_BYTES = 8


class Manifest(msgspec.Struct, frozen=True):
    """Synced before what it allows is used (PROTOCOL rule 3)."""

    version: int
    node: str
    log: str
    """The log id, 16 hex digits."""
    sequence: int
    """The first sequence that is not reserved."""
    second: int
    """The first id second that is not reserved."""


def load_manifest(disk: Disk) -> Manifest | None:
    """The manifest, None for a folder without a log.

    ConfigError when segments are there without one, or when it cannot be read.
    """
    try:
        data = disk.read(MANIFEST, 0, disk.size(MANIFEST))
    except NotFound:
        return None
    try:
        held = msgspec.json.decode(data, type=Manifest)
    except msgspec.DecodeError as error:
        raise ConfigError(
            f"the log's manifest cannot be read ({error}): restore it, or start with --new-log"
        ) from error
    if held.version > FORMAT_VERSION:
        raise ConfigError(f"the log was written by a newer version (format {held.version}): use that one, or --new-log")
    return held


def save_manifest(disk: Disk, manifest: Manifest) -> None:
    disk.replace(MANIFEST, msgspec.json.encode(manifest) + b"\n")


def check_node(manifest: Manifest, node: int) -> None:
    """ConfigError when the folder holds the log of another node."""
    if manifest.node != format_node(node):
        raise ConfigError(
            f"this folder holds the log of node {manifest.node}, not of {format_node(node)}: "
            "give the node a folder of its own, or start with --new-log"
        )
