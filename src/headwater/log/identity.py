"""Whose log a folder holds: the manifest it has, or the one it gets."""

import secrets

import msgspec

from headwater.log.cursors import PREFIX
from headwater.log.disk import Disk
from headwater.log.explained import EXPLAINED, FOUND_PREFIX
from headwater.log.manifest import FORMAT_VERSION, LOG_ID_BYTES, Manifest, check_node, load_manifest, save_manifest
from headwater.log.recovery import MARK, SYNCED
from headwater.log.segments import SUFFIX, read_segment, segment_name, segments
from headwater.log.state import Head
from headwater.log.survey import read_log
from headwater.model.errors import ConfigError, HeadwaterError
from headwater.model.ids import COUNTER_BITS, format_node
from headwater.wire.records import Record

ASIDE = ".aside"
"""Ends the name of a segment of a log that is not continued."""


def identify(disk: Disk, node: int, new_log: bool, now_ms: int) -> Manifest:
    """The manifest of the log in a folder, made for an empty folder.

    When it is lost or unreadable, ConfigError, for numbers could be used twice; with `new_log` what is there is set
    aside and another log begun. `new_log` changes nothing for a log that has its manifest.
    """
    try:
        manifest = load_manifest(disk)
    except ConfigError:
        if not new_log:
            raise
        manifest = None
    if manifest is not None:
        check_node(manifest, node)
        return manifest
    firsts = segments(disk)
    if firsts and not new_log:
        raise ConfigError(
            "the log's manifest is lost, so numbers could be used twice: restore it, or start with --new-log"
        )
    second = max(now_ms // 1000, _second_after(disk, node, firsts))
    _set_aside(disk, firsts)
    log = secrets.token_bytes(LOG_ID_BYTES)
    manifest = Manifest(FORMAT_VERSION, format_node(node), log.hex(), 1, second)
    save_manifest(disk, manifest)
    return manifest


def _second_after(disk: Disk, node: int, firsts: list[int]) -> int:
    """The first id second that no record in the folder has used; 0 when none is found."""
    for first in reversed(firsts):
        for _, found in read_segment(disk, first):
            try:
                log = msgspec.msgpack.decode(found.body, type=Head).log if isinstance(found, Record) else b""
                return (read_log(disk, node, log, 0, 0).state.ordinal >> COUNTER_BITS) + 1
            except (HeadwaterError, msgspec.DecodeError, UnicodeDecodeError):
                break
    return 0


def _set_aside(disk: Disk, firsts: list[int]) -> None:
    """Keep the segments under other names, the newest last, instead of those kept by an earlier time."""
    for name in disk.names():
        if (
            name.endswith(ASIDE)
            or name.startswith((PREFIX, FOUND_PREFIX, "checkpoint."))
            or name in (EXPLAINED, SYNCED)
        ):
            disk.unlink(name)
    for first in firsts:
        disk.rename(segment_name(first), segment_name(first).removesuffix(SUFFIX) + ASIDE)
    disk.store_word(MARK, 0)
