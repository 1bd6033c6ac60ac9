"""Positions of named readers, written whole and synced, so that segments go only when everyone is past them."""

import struct
import zlib
from typing import NamedTuple

from headwater.log.disk import Disk
from headwater.model.errors import NotFound

_CURSOR = struct.Struct("<BQQ")
_CRC = struct.Struct("<I")
VERSION = 1
PREFIX = "cursor."


class Cursor(NamedTuple):
    """A reader has dealt with everything up to `sequence`; `total` is the cumulative readings there."""

    sequence: int
    total: int


def cursor_name(reader: str) -> str:
    """The file of a reader's position."""
    return PREFIX + reader


def encode_cursor(cursor: Cursor) -> bytes:
    data = _CURSOR.pack(VERSION, *cursor)
    return data + _CRC.pack(zlib.crc32(data))


def decode_cursor(data: bytes) -> Cursor | None:
    """The position in a file, None when it cannot be read."""
    if len(data) != _CURSOR.size + _CRC.size or _CRC.unpack(data[-_CRC.size :])[0] != zlib.crc32(data[: _CURSOR.size]):
        return None
    version, sequence, total = _CURSOR.unpack_from(data)
    return Cursor(sequence, total) if version == VERSION else None


def save_cursor(disk: Disk, reader: str, cursor: Cursor) -> None:
    disk.replace(cursor_name(reader), encode_cursor(cursor))


def load_cursor(disk: Disk, reader: str) -> Cursor:
    """The saved position; (0, 0), the beginning, when there is none or it cannot be read: readers bear repetition."""
    try:
        return decode_cursor(disk.read(cursor_name(reader), 0, 64)) or Cursor(0, 0)
    except NotFound:
        return Cursor(0, 0)
