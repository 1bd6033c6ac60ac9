"""The columnar payload: up to 8,192 readings as one self-contained, lossless byte string.

Layout, little-endian::

    header   version u8 | flags u8 | count u16 | size of the key body u24
    keys     key body: series and timestamps
    values   value body, to the end

`keys` of a payload is its header and key body: the first stamp keeps them as they are. Bodies are laid out by
`headwater.wire.rows` when they hold few readings and by `headwater.wire.runs` when many (flag 4: rows), and each is a
zstd frame where that is smaller (flag 1: keys, flag 2: values; the frame has a content size, its magic is left out). A
payload without readings is its header alone.

A payload whose bytes were changed into another valid payload is for the checksum of the record around it to find.
"""

import struct
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import zstandard
from numpy.typing import NDArray

from headwater.model.errors import Rejected
from headwater.wire import rows, runs
from headwater.wire.columns import extremes

READINGS_MAX = 8192
VERSION = 1

_HEADER = struct.Struct("<BBHHB")
_KEYS_ZSTD, _VALUES_ZSTD, _ROWS = 1, 2, 4
_ROWS_MAX = 16
_LEVEL = 3
_MAGIC = zstandard.FRAME_HEADER
_COMPRESSIBLE_BYTES_MIN = 40
# No body is larger: three columns of at most 8 bytes a reading, a mask, and what surrounds them.
_FIXED_BYTES_MAX = 64
_READING_BYTES_MAX = 25


class Columns(NamedTuple):
    """Readings as three columns of one length; timestamps in ms."""

    series: NDArray[np.int64]
    timestamps: NDArray[np.int64]
    values: NDArray[np.float64]


class _Zstd(threading.local):
    """A compressor and a decompressor for each thread: costly to make, not safe to share."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=_LEVEL)
        self.decompressor = zstandard.ZstdDecompressor(max_window_size=1 << 19)


_zstd = _Zstd()


def encode(series: NDArray[np.int64], timestamps: NDArray[np.int64], values: NDArray[np.float64]) -> bytes:
    """The payload of n readings: `series` int64 >= 0, `timestamps` int64 ms, `values` float64, each of shape (n,).

    The order is kept; it is cheapest when readings of one series stand together. Raises ValueError when the columns
    differ in length, are not flat, hold more than READINGS_MAX readings or a negative series, and TypeError when a
    column does not fit its type without loss.
    """
    columns = Columns(_column(series, np.int64), _column(timestamps, np.int64), _column(values, np.float64))
    count = len(columns.series)
    if not count == len(columns.timestamps) == len(columns.values):
        raise ValueError(f"columns of {' and '.join(str(len(column)) for column in columns)} readings")
    if count > READINGS_MAX:
        raise ValueError(f"{count} readings, a payload holds at most {READINGS_MAX}")
    if not count:
        return _HEADER.pack(VERSION, 0, 0, 0, 0)
    lowest = extremes(columns.series)[0]
    if lowest < 0:
        raise ValueError(f"series {lowest}, a series is never negative")
    bodies = rows.encode(*columns) if count <= _ROWS_MAX else None
    flags = 0 if bodies is None else _ROWS
    key_body, value_body = bodies or runs.encode(*columns)
    key_body, flags = _compressed(key_body, flags, _KEYS_ZSTD)
    value_body, flags = _compressed(value_body, flags, _VALUES_ZSTD)
    size = len(key_body)
    return _HEADER.pack(VERSION, flags, count, size & 0xFFFF, size >> 16) + key_body + value_body


def decode(payload: bytes) -> Columns:
    """The readings of a payload, bit for bit as encoded; raises `Rejected` ("payload") when it is malformed."""
    flags, count, end = _header(payload)
    if not count:
        if len(payload) > end:
            raise Rejected("payload", f"values: {len(payload) - end} bytes without a reading")
        return Columns(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float64))
    key_body = _expanded(payload[_HEADER.size : end], flags & _KEYS_ZSTD, count, "keys")
    value_body = _expanded(payload[end:], flags & _VALUES_ZSTD, count, "values")
    if flags & _ROWS:
        return Columns(*rows.decode_keys(key_body, count), rows.decode_values(value_body, count))
    series, timestamps, lengths = runs.decode_keys(key_body, count)
    return Columns(series, timestamps, runs.decode_values(value_body, count, lengths))


def renumbered(payload: bytes, own: Callable[[NDArray[np.int64]], NDArray[np.int64]]) -> bytes:
    """The payload of the same readings under other series numbers.

    `own` is given series, at least one, and gives as many. Times and values are checked as by `decode`, but neither
    built nor encoded again. Raises `Rejected` ("payload") when the payload is malformed, and what `own` raises.
    """
    flags, count, end = _header(payload)
    if not count:
        decode(payload)
        return payload
    key_body = _expanded(payload[_HEADER.size : end], flags & _KEYS_ZSTD, count, "keys")
    value_body = _expanded(payload[end:], flags & _VALUES_ZSTD, count, "values")
    if flags & _ROWS:
        key_body = rows.renumbered(key_body, count, own)
        rows.decode_values(value_body, count)
    else:
        key_body, run_count = runs.renumbered(key_body, count, own)
        runs.check_values(value_body, count, run_count)
    key_body, flags = _compressed(key_body, flags & ~_KEYS_ZSTD, _KEYS_ZSTD)
    size = len(key_body)
    return _HEADER.pack(VERSION, flags, count, size & 0xFFFF, size >> 16) + key_body + payload[end:]


def count(payload: bytes) -> int:
    """How many readings the header of a payload, or of its keys, promises; raises `Rejected` on a bad header."""
    return _header(payload)[1]


def keys(payload: bytes) -> bytes:
    """The series and timestamps of a payload, still encoded; raises `Rejected` ("payload") on a bad header."""
    return payload[: _header(payload)[2]]


def decode_keys(keys: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The (series, timestamps in ms) in what `keys` cut out; raises `Rejected` ("payload") when it is malformed."""
    body, count, is_runs = key_body(keys)
    if not count:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    series, timestamps = runs.decode_keys(body, count)[:2] if is_runs else rows.decode_keys(body, count)
    return series, timestamps


def key_body(keys: bytes) -> tuple[bytes, int, bool]:
    """The key body in what `keys` cut out, expanded, of how many readings it is, and whether it is laid out by
    `headwater.wire.runs`; raises `Rejected` ("payload") when it cannot be one. Empty without readings."""
    flags, count, end = _header(keys)
    if len(keys) > end:
        raise Rejected("payload", f"keys: {len(keys) - end} bytes too many from byte {end}")
    body = _expanded(keys[_HEADER.size :], flags & _KEYS_ZSTD, count, "keys")
    return body, count, bool(count and not flags & _ROWS)


def _column(column: NDArray[Any], kind: type[np.generic]) -> NDArray[Any]:
    array = np.ascontiguousarray(np.asarray(column).astype(kind, casting="safe", copy=False))
    if array.ndim != 1:
        raise ValueError(f"a column of shape {array.shape}, expected one dimension")
    return array


def _header(payload: bytes) -> tuple[int, int, int]:
    """The flags, the count, and where the keys end."""
    if len(payload) < _HEADER.size:
        raise Rejected("payload", f"header: {len(payload)} bytes, a header has {_HEADER.size}")
    version, flags, count, size_low, size_high = _HEADER.unpack_from(payload)
    end = _HEADER.size + (size_high << 16 | size_low)
    if version != VERSION:
        raise Rejected("payload", f"header: format version {version}, only {VERSION} is known")
    if flags & ~(_KEYS_ZSTD | _VALUES_ZSTD | _ROWS):
        raise Rejected("payload", f"header: unknown flags {flags:#04x}")
    if count > READINGS_MAX:
        raise Rejected("payload", f"header: {count} readings, a payload holds at most {READINGS_MAX}")
    if not count and (flags or end > _HEADER.size):
        raise Rejected("payload", "header: flags or keys without a reading")
    if end > len(payload):
        raise Rejected("payload", f"keys: end at byte {end}, there are only {len(payload)}")
    return flags, count, end


def _compressed(body: bytes, flags: int, flag: int) -> tuple[bytes, int]:
    """The body as a zstd frame and the flags with `flag` set, when that is smaller."""
    if len(body) >= _COMPRESSIBLE_BYTES_MIN:
        frame = _zstd.compressor.compress(body).removeprefix(_MAGIC)
        if len(frame) < len(body):
            return frame, flags | flag
    return body, flags


def _expanded(body: bytes, is_frame: int, count: int, where: str) -> bytes:
    if not is_frame:
        return body
    frame = _MAGIC + body
    size_max = _FIXED_BYTES_MAX + _READING_BYTES_MAX * count
    try:
        # The decompressor allocates whatever size a frame claims, so look first.
        size = zstandard.frame_content_size(frame)
        if not 0 <= size <= size_max:
            raise Rejected("payload", f"{where}: a frame of {size} bytes, {count} readings take at most {size_max}")
        return _zstd.decompressor.decompress(frame, max_output_size=size, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise Rejected("payload", f"{where}: not one whole zstd frame: {error}") from error
