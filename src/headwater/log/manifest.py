"""The manifest: who this log is, and how far sequences and ids are reserved. Without it a log does not start."""

import msgspec

from headwater.log.checked import read_checked, replace_checked
from headwater.log.disk import Disk
from headwater.model.errors import ConfigError, NotFound
from headwater.model.ids import COUNTER_BITS, first_ordinal, format_node

MANIFEST = "manifest"
FORMAT_VERSION = 1
LOG_ID_BYTES = 8
SEQUENCES_AHEAD = 1 << 16
SECONDS_AHEAD = 20


class _Version(msgspec.Struct):
    """What a manifest of any version holds."""

    version: int


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
    resume: int = 1
    """No record from now on has a lower sequence: what a start cut may have had them."""

    def reserved(self, sequence: int, ordinal: int) -> "Manifest":
        """The manifest that allows records up to `sequence` and ids below `ordinal`; itself when it does already."""
        held, second = self.sequence, self.second
        if sequence >= held:
            held = sequence + SEQUENCES_AHEAD
        if ordinal > first_ordinal(second):
            second = (ordinal >> COUNTER_BITS) + 1 + SECONDS_AHEAD
        if (held, second) == (self.sequence, self.second):
            return self
        return msgspec.structs.replace(self, sequence=held, second=second)


def load_manifest(disk: Disk) -> Manifest | None:
    """The manifest, None when there is none; ConfigError when it cannot be read or a newer version wrote it."""
    try:
        line = read_checked(disk, MANIFEST)
    except NotFound:
        return None
    try:
        check_version(msgspec.json.decode(line or b"", type=_Version).version)
        return msgspec.json.decode(line or b"", type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"the log's manifest is damaged: restore it, or start with --new-log ({error})") from error


def save_manifest(disk: Disk, manifest: Manifest) -> None:
    replace_checked(disk, MANIFEST, msgspec.json.encode(manifest))


def check_version(version: int) -> None:
    """ConfigError when a part of the log was written in a format that this code does not know."""
    if version > FORMAT_VERSION:
        raise ConfigError(
            f"the log was written by a newer version of Headwater, in format {version}; this one reads format "
            f"{FORMAT_VERSION}: start the newer version, or give the node another folder"
        )


def check_node(manifest: Manifest, node: int) -> None:
    """ConfigError when the folder holds the log of another node."""
    if manifest.node != format_node(node):
        raise ConfigError(
            f"this folder holds the log of node {manifest.node}, not of {format_node(node)}: "
            "give the node a folder of its own"
        )
