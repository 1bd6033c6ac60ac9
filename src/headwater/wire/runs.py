"""The layout of many readings: runs of one series, timestamps kept once for the runs that share them.

Readings of one series in a row are a *run*. A run often has the timestamps of the run before it; those that have
others are *patterns*, and their timestamps follow each other in one stream.

Keys, integers and masks as `headwater.wire.columns` lays them out::

    runs u16 | first series | steps of series | lengths of runs | mask of repeated runs
    first timestamp | steps from pattern to pattern | steps within patterns

Values: a form byte, then the doubles (form 0) or decimals (form 1; form 2 with exceptions)::

    scale of each run | [mask of exceptions | their doubles] | first whole number | steps

Steps are differences modulo 2**64, so that any two int64 are one step apart.
"""

import struct
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from headwater.model.errors import Rejected
from headwater.wire import decimals
from headwater.wire.columns import (
    Doubles,
    Integers,
    Mask,
    Reader,
    extremes,
    put_bits,
    put_doubles,
    put_integer,
    put_narrow,
)

_RUNS = struct.Struct("<H")
_DOUBLES, _DECIMALS, _EXCEPTIONS = 0, 1, 2


def encode(series: Integers, timestamps: Integers, values: Doubles) -> tuple[bytes, bytes]:
    """Key body and value body of at least one reading."""
    changes = (series[1:] != series[:-1]).nonzero()[0]
    bounds = np.empty(len(changes) + 2, np.int64)
    bounds[0] = 0
    np.add(changes, 1, out=bounds[1:-1])
    bounds[-1] = len(series)
    starts = bounds[:-1]
    lengths = bounds[1:] - starts
    return _keys(series.take(starts), timestamps, starts, lengths), _values(values, starts, lengths)


def decode_keys(body: bytes, count: int) -> tuple[Integers, Integers, Integers]:
    """Series and timestamps of `count` readings (at least one), and the lengths of the runs, which values need."""
    reader = Reader(body, "keys")
    series = _read_series(reader, count)
    lengths, times = _read_times(reader, len(series), count)
    return series.repeat(lengths), _timestamps(times, lengths), lengths


def decode_values(body: bytes, count: int, lengths: Integers) -> Doubles:
    """The values of `count` readings in runs of `lengths`."""
    read = _read_values(body, count, len(lengths))
    if not isinstance(read, _Scaled):
        return read
    values = decimals.restore(read.scales, _summed(read.first, read.steps), lengths)
    if read.exceptions is not None:
        values[read.exceptions] = read.doubles
    return values


def renumbered(body: bytes, count: int, own: Callable[[Integers], Integers]) -> tuple[bytes, int]:
    """The key body with other series numbers, one for each run given to `own`; and how many runs there are.

    Everything else is checked as `decode_keys` does, and kept as it is.
    """
    reader = Reader(body, "keys")
    series = _read_series(reader, count)
    rest = reader.take(0)
    _read_times(reader, len(series), count)
    return _put_series(own(series)) + body[rest:], len(series)


def check_values(body: bytes, count: int, runs: int) -> None:
    """Raise `Rejected` as `decode_values` does."""
    _read_values(body, count, runs)


def shape_end(body: bytes) -> int:
    """Where the shape of a key body ends: everything in front of its timestamps. It may lie behind the body when that
    is cut short, which `read_shape` then finds."""
    try:
        count = body[0] | body[1] << 8
        at = 3 + body[2]
        at += 1 + (body[at] & 0xF) + (body[at] >> 4) * (count - 1)
        at += 1 + (body[at] & 0xF) + (body[at] >> 4) * count
    except IndexError as error:
        raise Rejected("payload", f"keys: a shape that goes on behind all {len(body)} bytes") from error
    return at + ((count + 7) >> 3)


def read_shape(shape: bytes, count: int) -> tuple[Integers, Integers, Mask]:
    """The series and the length of each run, and which runs have the timestamps of the run before, checked as
    `decode_keys` does."""
    reader = Reader(shape, "keys")
    series = _read_series(reader, count)
    return series, *_read_lengths(reader, len(series), count)


class _Times(NamedTuple):
    """The timestamps as they are laid out."""

    repeated: Mask
    ends: Integers
    """Where the patterns end in the stream."""
    first: int
    later: Integers
    within: Integers


class _Scaled(NamedTuple):
    """Decimals as they are laid out."""

    scales: Integers
    exceptions: Mask | None
    doubles: Doubles | None
    first: int
    steps: Integers


def _read_series(reader: Reader, count: int) -> Integers:
    """The series of each run."""
    runs = reader.short()
    if not 1 <= runs <= count:
        raise reader.rejected(f"{runs} runs in {count} readings")
    series = _summed(reader.integer(), reader.narrow(runs - 1))
    if extremes(series)[0] < 0:
        raise reader.rejected("a negative series")
    return series


def _put_series(runs: Integers) -> bytes:
    return _RUNS.pack(len(runs)) + put_integer(int(runs[0])) + put_narrow(runs[1:] - runs[:-1])


def _read_times(reader: Reader, runs: int, count: int) -> tuple[Integers, _Times]:
    """The lengths of the runs, and their timestamps; nothing may follow them."""
    lengths, repeated = _read_lengths(reader, runs, count)
    ends = lengths.compress(~repeated).cumsum()
    first = reader.integer()
    later = reader.narrow(len(ends) - 1)
    times = _Times(repeated, ends, first, later, reader.narrow(int(ends[-1]) - len(ends)))
    reader.end()
    return lengths, times


def _read_lengths(reader: Reader, runs: int, count: int) -> tuple[Integers, Mask]:
    """The lengths of the runs, and which have the timestamps of the run before."""
    lengths = reader.narrow(runs)
    shortest, longest = extremes(lengths)
    if shortest < 1 or longest > count or int(lengths.sum()) != count:
        raise reader.rejected(f"runs that do not add up to {count} readings")
    repeated = reader.bits(runs)
    if repeated[0] or np.count_nonzero(repeated[1:] & (lengths[1:] != lengths[:-1])):
        raise reader.rejected("a run repeats one that is not there or has another length")
    return lengths, repeated


def _keys(runs: Integers, timestamps: Integers, starts: Integers, lengths: Integers) -> bytes:
    repeated = _repeated(timestamps, starts, lengths)
    fresh = ~repeated
    stream = timestamps.compress(fresh.repeat(lengths))
    steps = stream[1:] - stream[:-1]
    later = lengths.compress(fresh).cumsum()[:-1] - 1
    return b"".join(
        (
            _put_series(runs),
            put_narrow(lengths),
            put_bits(repeated),
            put_integer(int(stream[0])),
            put_narrow(steps.take(later)),
            put_narrow(steps.compress(_others(later, len(steps)))),
        )
    )


def _repeated(timestamps: Integers, starts: Integers, lengths: Integers) -> Mask:
    """Which runs have the timestamps of the run before."""
    one_run_before = np.arange(len(timestamps)) - lengths.repeat(lengths)
    same = timestamps.take(one_run_before) == timestamps
    repeated: Mask = np.logical_and.reduceat(same, starts)
    repeated[1:] &= lengths[1:] == lengths[:-1]
    repeated[0] = False
    return repeated


def _timestamps(times: _Times, lengths: Integers) -> Integers:
    """The timestamp of each reading."""
    ends = times.ends
    later = ends[:-1] - 1
    steps = np.empty(int(ends[-1]) - 1, np.int64)
    steps[later] = times.later
    steps[_others(later, len(steps))] = times.within
    stream = _summed(times.first, steps)
    if len(ends) == len(lengths):
        return stream
    shifts = ends.take((~times.repeated).cumsum() - 1) - lengths.cumsum()
    places: Integers = shifts.repeat(lengths)
    places += np.arange(len(places))
    timestamps: Integers = stream.take(places)
    return timestamps


def _values(values: Doubles, starts: Integers, lengths: Integers) -> bytes:
    found = decimals.find(values, starts, lengths)
    if found is None:
        return bytes((_DOUBLES,)) + put_doubles(values)
    scales, whole, exceptions = found
    numbers = put_integer(int(whole[0])) + put_narrow(whole[1:] - whole[:-1])
    if exceptions is None:
        return bytes((_DECIMALS,)) + put_narrow(scales) + numbers
    doubles = put_bits(exceptions) + put_doubles(values[exceptions])
    return bytes((_EXCEPTIONS,)) + put_narrow(scales) + doubles + numbers


def _read_values(body: bytes, count: int, runs: int) -> Doubles | _Scaled:
    reader = Reader(body, "values")
    form = reader.byte()
    if form == _DOUBLES:
        read: Doubles | _Scaled = reader.doubles(count)
    elif form in (_DECIMALS, _EXCEPTIONS):
        read = _read_decimals(reader, count, runs, form == _EXCEPTIONS)
    else:
        raise reader.rejected(f"unknown form {form}")
    reader.end()
    return read


def _read_decimals(reader: Reader, count: int, runs: int, has_exceptions: bool) -> _Scaled:
    scales = reader.narrow(runs)
    smallest, largest = extremes(scales)
    if smallest < 0 or largest > decimals.SCALE_MAX:
        raise reader.rejected(f"a scale outside 0 to {decimals.SCALE_MAX}")
    exceptions = reader.bits(count) if has_exceptions else None
    doubles = None if exceptions is None else reader.doubles(int(np.count_nonzero(exceptions)))
    return _Scaled(scales, exceptions, doubles, reader.integer(), reader.narrow(count - 1))


def _others(places: Integers, size: int) -> Mask:
    """All places of `size` but these."""
    marked = np.zeros(size, np.bool_)
    marked[places] = True
    return ~marked


def _summed(first: int, steps: Integers) -> Integers:
    """The column that starts with `first` and goes on by `steps`."""
    column = np.empty(len(steps) + 1, np.int64)
    column[0] = first
    column[1:] = steps
    column.cumsum(out=column)
    return column
