"""The layout of a few readings: no runs and no numpy, whose fixed cost would outweigh them.

Keys: `first series | steps of series | first timestamp | steps of timestamps`. Values: a scale byte, 255 for doubles
as they are, else `first whole number | steps` of value * 10**scale. A first number is a length byte and its shortest
little-endian two's complement. Steps are a byte `form << 4 | size of low`, low, a unit when the form has 8 added, and
each step's distance from low, counted in units, in 0, 1, 2, 4 or 8 bytes (form 0 to 4).
"""

import struct
from collections.abc import Callable, Iterable
from itertools import accumulate, pairwise, repeat
from math import copysign, gcd

import numpy as np

from headwater.wire.columns import INT64_MAX, INT64_MIN, Doubles, Integers, Reader, put_form_and_low, put_integer
from headwater.wire.decimals import POWERS

_DOUBLES = 255
_EXACT_MAX = 2**53
_WIDTHS = (0, 1, 2, 4, 8)
_CODES = " BHIQ"
_HAS_UNIT = 8


def encode(series: Integers, timestamps: Integers, values: Doubles) -> tuple[bytes, bytes] | None:
    """Key body and value body of at least one reading, or None when two timestamps are 2**63 or more apart."""
    times = timestamps.tolist()
    if max(times) - min(times) > INT64_MAX:
        return None
    return _column(series.tolist()) + _column(times), _values(values)


def decode_keys(body: bytes, count: int) -> tuple[Integers, Integers]:
    """Series and timestamps of `count` readings, at least one."""
    reader = Reader(body, "keys")
    series = _decode_column(reader, count, 0)
    timestamps = _decode_column(reader, count, INT64_MIN)
    reader.end()
    return np.array(series, np.int64), np.array(timestamps, np.int64)


def renumbered(body: bytes, count: int, own: Callable[[Integers], Integers]) -> bytes:
    """The key body with other series numbers, one for each reading given to `own`; the rest is checked and kept."""
    reader = Reader(body, "keys")
    series = _decode_column(reader, count, 0)
    rest = reader.take(0)
    _decode_column(reader, count, INT64_MIN)
    reader.end()
    return _column(own(np.array(series, np.int64)).tolist()) + body[rest:]


def decode_values(body: bytes, count: int) -> Doubles:
    """The values of `count` readings, at least one."""
    reader = Reader(body, "values")
    scale = reader.byte()
    if scale == _DOUBLES:
        values = np.frombuffer(reader.octets(8 * count), "<f8").astype(np.float64)
    elif scale < len(POWERS):
        power = POWERS[scale]
        values = np.array([whole / power for whole in _decode_column(reader, count, INT64_MIN)])
    else:
        raise reader.rejected(f"a scale of {scale}, at most {len(POWERS) - 1} is possible")
    reader.end()
    return values


def _column(column: list[int]) -> bytes:
    first = put_integer(column[0])
    if len(column) == 1:
        return first
    steps = [after - before for before, after in pairwise(column)]
    low = min(steps)
    form, offsets = _offsets([step - low for step in steps])
    return first + put_form_and_low(form, low) + offsets


def _offsets(offsets: list[int]) -> tuple[int, bytes]:
    """The form of packed offsets, and their bytes."""
    form = _form(max(offsets))
    if not form:
        return 0, b""
    head = b""
    if form > 1:
        unit = gcd(*offsets)
        smaller = _form(max(offsets) // unit)
        if smaller < form and unit <= INT64_MAX:
            form, head = smaller, put_integer(unit)
            offsets = [offset // unit for offset in offsets]
    packed = head + struct.pack(f"<{len(offsets)}{_CODES[form]}", *offsets)
    return (form | _HAS_UNIT if head else form), packed


def _form(largest: int) -> int:
    """The place in _WIDTHS of the fewest bytes that hold `largest`."""
    return (largest > 0) + (largest > 0xFF) + (largest > 0xFFFF) + (largest > 0xFFFFFFFF)


def _decode_column(reader: Reader, count: int, least: int) -> list[int]:
    first = reader.integer()
    column = [first] if count == 1 else list(accumulate(_decode_steps(reader, count - 1), initial=first))
    if min(column) < least or max(column) > INT64_MAX:
        raise reader.rejected(f"a number outside {least} to {INT64_MAX}")
    return column


def _decode_steps(reader: Reader, count: int) -> Iterable[int]:
    form, low = reader.form_and_low()
    unit = reader.integer() if form & _HAS_UNIT else 1
    form &= ~_HAS_UNIT
    if form >= len(_WIDTHS) or unit < 1:
        raise reader.rejected(f"steps of form {form} in units of {unit}")
    if not form:
        return repeat(low, count)
    offsets = struct.unpack(f"<{count}{_CODES[form]}", reader.octets(_WIDTHS[form] * count))
    return [low + unit * offset for offset in offsets]


def _values(values: Doubles) -> bytes:
    numbers = values.tolist()
    scale = _scale(numbers)
    if scale is None:
        return bytes((_DOUBLES,)) + values.astype("<f8").tobytes()
    power = POWERS[scale]
    return bytes((scale,)) + _column([round(number * power) for number in numbers])


def _scale(values: list[float]) -> int | None:
    """The smallest power of ten at which all values are whole and come back bit for bit, or None."""
    scale = 0
    for value in values:
        while not _exact(value, POWERS[scale]):
            scale += 1
            if scale == len(POWERS):
                return None
    power = POWERS[scale]
    return scale if all(_exact(value, power) for value in values) else None


def _exact(value: float, power: float) -> bool:
    scaled = value * power
    if not -_EXACT_MAX <= scaled <= _EXACT_MAX:
        return False
    return round(scaled) / power == value and (value != 0 or copysign(1.0, value) > 0)
