"""Which series keys name and from when to when, without a row for each reading.

Sensors that report together send the same series in the same order again and again. What keys say of their series is
therefore kept, found again by its bytes, and the timestamps of keys that differ in nothing else are read together.
"""

import threading
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import NamedTuple

import numpy as np

from headwater.model.errors import Rejected
from headwater.wire import codec, runs
from headwater.wire.columns import INT64_MAX, Integers, Mask, extremes
from headwater.wire.keyparts import Shape

_HELD_MAX = 1 << 18
"""Readings whose shapes are remembered; each takes at most some 50 bytes."""
_TOGETHER_MAX = 1 << 16
"""Timestamps read together: more do not stay in the cache of a processor."""


class Spans(NamedTuple):
    """Between which timestamps, in ms, each series of a payload lies."""

    shape: Shape
    """The same object for keys that differ in their timestamps only, as long as it is remembered."""
    low: Integers
    """The earliest timestamp of each pattern."""
    high: Integers
    """The latest."""
    first_ms: int
    last_ms: int


class _Packed(NamedTuple):
    """Where narrow integers lie."""

    low: int
    width: int
    start: int
    end: int


class _Laid(NamedTuple):
    """Keys whose structure is right, their timestamps still packed."""

    body: bytes
    shape: Shape
    first: int
    later: _Packed
    within: _Packed


class _Known(threading.local):
    """The shapes seen of late, by the readings and the bytes that they are of, for each thread."""

    def __init__(self) -> None:
        self.shapes: dict[tuple[int, bytes], Shape] = {}
        self.readings = 0


_known = _Known()


def spans(keys: bytes) -> Spans:
    """The spans in what `codec.keys` cut out of a payload with readings; raises `Rejected` as `decode_keys` does."""
    (found,) = spans_of([keys])
    if isinstance(found, Rejected):
        raise found
    return found


def spans_of(many: Sequence[bytes]) -> list[Spans | Rejected]:
    """The spans in the keys of each of many payloads, or why they are malformed: sooner than one by one."""
    found: list[Spans | Rejected | None] = [None] * len(many)
    alike: dict[tuple[int, int, int], list[tuple[int, _Laid]]] = {}
    for at, keys in enumerate(many):
        try:
            laid = _laid(*codec.key_body(keys))
            if laid is None:
                found[at] = _spans_of_columns(keys)
            else:
                alike.setdefault((id(laid.shape), laid.later.width, laid.within.width), []).append((at, laid))
        except Rejected as error:
            found[at] = error
    for members in alike.values():
        together = max(1, _TOGETHER_MAX // (len(members[0][1].shape.within) + len(members[0][1].shape.starts)))
        for first in range(0, len(members), together):
            part = members[first : first + together]
            for (at, _), read in zip(part, _timed([laid for _, laid in part]), strict=True):
                found[at] = read
    return [one for one in found if one is not None]


def _spans_of_columns(keys: bytes) -> Spans:
    """Few readings, or numbers near the end of their range: each reading by itself."""
    series, timestamps = codec.decode_keys(keys)
    if not len(series):
        raise Rejected("payload", "keys: no reading")
    shape = Shape(len(series), series, np.ones(len(series), np.int64), np.zeros(len(series), np.bool_))
    return Spans(shape, timestamps, timestamps, *extremes(timestamps))


def _laid(body: bytes, count: int, is_runs: bool) -> _Laid | None:
    """The structure of a body in runs; None when it has to be looked at more closely."""
    if not is_runs:
        return None
    try:
        shape, at = _read_shape(body, count)
        at, first = at + 1 + body[at], _signed(body, at + 1, body[at])
        later = _read_packed(body, at, len(shape.starts) - 1)
        within = _read_packed(body, later.end, len(shape.within))
    except (IndexError, _Odd):
        return None
    return _Laid(body, shape, first, later, within) if within.end == len(body) else None


class _Odd(Exception):
    """Malformed, or so far out that only a closer look can tell."""


def _read_shape(body: bytes, count: int) -> tuple[Shape, int]:
    """The shape, and where it ends."""
    run_count = int.from_bytes(body[:2], "little")
    steps = _skip_packed(body, 3 + body[2], run_count - 1)
    end = _skip_packed(body, steps, run_count) + (run_count + 7 >> 3)
    section = body[:end]
    shape = _known.shapes.get((count, section))
    if shape is None:
        shape = Shape(count, *_read(section, count))
        _known.readings += count
        if _known.readings > _HELD_MAX:
            _known.shapes.clear()
            _known.readings = count
        _known.shapes[count, section] = shape
    return shape, end


def _read(section: bytes, count: int) -> tuple[Integers, Integers, Mask]:
    try:
        return runs.read_shape(section, count)
    except Rejected as error:
        raise _Odd from error


def _skip_packed(body: bytes, at: int, count: int) -> int:
    """Where narrow integers end."""
    head = body[at]
    return at + 1 + (head & 0xF) + (head >> 4) * count


def _read_packed(body: bytes, at: int, count: int) -> _Packed:
    head = body[at]
    width, size = head >> 4, head & 0xF
    low, start = _signed(body, at + 1, size), at + 1 + size
    if width and low + (1 << 8 * width) > INT64_MAX:
        raise _Odd
    return _Packed(low, width, start, start + width * count)


def _signed(body: bytes, at: int, size: int) -> int:
    if not 1 <= size <= 8:
        raise _Odd
    return int.from_bytes(body[at : at + size], "little", signed=True)


def _timed(alike: list[_Laid]) -> Iterator[Spans]:
    """The spans of keys of one shape whose timestamps are packed alike."""
    shape = alike[0].shape
    starts, within = shape.starts, shape.within
    stream = np.empty((len(alike), len(starts) + len(within)), np.int64)
    stream[:, 0] = [laid.first for laid in alike]
    stream[:, starts[1:]] = _unpacked([(laid.body, laid.later) for laid in alike], len(starts) - 1)
    stream[:, within] = _unpacked([(laid.body, laid.within) for laid in alike], len(within))
    stream.cumsum(axis=1, out=stream)
    low = high = stream
    if len(within):
        low, high = np.minimum.reduceat(stream, starts, axis=1), np.maximum.reduceat(stream, starts, axis=1)
    firsts, lasts = low.min(axis=1).tolist(), high.max(axis=1).tolist()
    yield from map(Spans, repeat(shape), low, high, firsts, lasts)


def _unpacked(bodies: list[tuple[bytes, _Packed]], count: int) -> Integers:
    """`count` integers of each body: of shape (bodies, count), or (bodies, 1) when those of a body are equal."""
    numbers = np.array([[packed.low] for _, packed in bodies], np.int64)
    width = bodies[0][1].width
    if width and count:
        octets = np.frombuffer(b"".join(body[packed.start : packed.end] for body, packed in bodies), np.uint8)
        planes = octets.reshape(len(bodies), width, count)
        numbers = numbers + planes[:, 0]
        for plane in range(1, width):
            numbers += planes[:, plane].astype(np.int64) << 8 * plane
    return numbers
