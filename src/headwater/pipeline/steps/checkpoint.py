"""The files that steps resume from: the folds after a record, saved when every output up to it is synced."""

import struct
import zlib
from typing import TypeVar

import msgspec
import zstandard

from headwater.log.disk import Disk
from headwater.model.errors import NotFound
from headwater.pipeline.steps.aggregate import Fold

CHECKPOINT_BYTES_MAX = 1 << 30
FILE = "checkpoint"
VERSION = 2

_CRC = struct.Struct("<I")
T = TypeVar("T")


class Checkpoint(msgspec.Struct, array_like=True, frozen=True):
    """The chain of steps after a record."""

    version: int
    log: bytes
    sequence: int
    total: int
    plan: str
    """The steps that held there."""
    heard: dict[bytes, int]
    """Origin (packed) -> the lowest rank not seen (rule 10)."""
    states: tuple[msgspec.Raw, ...]
    """Of each step, as it encodes it."""


class Version1(msgspec.Struct, array_like=True, frozen=True):
    """The aggregate of a version without chains, each in a file of its own."""

    version: int
    log: bytes
    window_s: int
    sequence: int
    total: int
    fold: Fold


def encode(held: msgspec.Struct) -> bytes:
    """The content of a file: two copies, each with a CRC32, for segments go on the strength of it."""
    data = zstandard.ZstdCompressor(level=1).compress(msgspec.msgpack.encode(held))
    return (data + _CRC.pack(zlib.crc32(data))) * 2


def decode(content: bytes, kind: type[T]) -> T | None:
    """What a file holds, None when neither copy can be read."""
    half = len(content) // 2
    for copy in (content[:half], content[half:]):
        data = copy[: -_CRC.size]
        if data and copy[-_CRC.size :] == _CRC.pack(zlib.crc32(data)):
            plain = zstandard.ZstdDecompressor().decompress(data, max_output_size=CHECKPOINT_BYTES_MAX)
            return msgspec.msgpack.decode(plain, type=kind)
    return None


def exists(disk: Disk) -> bool:
    """Whether there is a file, readable or not."""
    return FILE in disk.names()


def load(disk: Disk, log: bytes) -> Checkpoint | None:
    """The saved chain, None when there is none for this log: the steps then start over."""
    held = _read(disk, FILE, Checkpoint)
    return held if held is not None and (held.version, held.log) == (VERSION, log) else None


def load_version_1(disk: Disk, at: int, log: bytes, window_s: int) -> Version1 | None:
    """What an earlier version saved of the aggregate at a position."""
    held = _read(disk, f"{FILE}.{at}", Version1)
    return held if held is not None and (held.version, held.log, held.window_s) == (1, log, window_s) else None


def _read(disk: Disk, name: str, kind: type[T]) -> T | None:
    try:
        return decode(disk.read(name, 0, disk.size(name)), kind)
    except (NotFound, zstandard.ZstdError, msgspec.DecodeError, UnicodeDecodeError):
        return None
