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

import numpy as np

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
    runs = reader.short()
    if not 1 <= runs <= count:
        raise reader.rejected(f"{runs} runs in {count} readings")
    series = _summed(reader.integer(), reader.narrow(runs - 1))
    if extremes(series)[0] < 0:
        raise reader.rejected("a negative series")
    lengths = reader.narrow(runs)
    shortest, longest = extremes(lengths)
    if shortest < 1 or longest > count or int(lengths.sum()) != count:
        raise reader.rejected(f"runs that do not add up to {count} readings")
    timestamps = _decode_timestamps(reader, lengths)
    reader.end()
    return series.repeat(lengths), timestamps, lengths


def decode_values(body: bytes, count: int, lengths: Integers) -> Doubles:
    """The values of `count` readings in runs of `lengths`."""
    reader = Reader(body, "values")
    form = reader.byte()
    if form == _DOUBLES:
        values = reader.doubles(count)
    elif form in (_DECIMALS, _EXCEPTIONS):
        values = _decode_decimals(reader, count, lengths, form == _EXCEPTIONS)
    else:
        raise reader.rejected(f"unknown form {form}")
    reader.end()
    return values


def _keys(runs: Integers, timestamps: Integers, starts: Integers, lengths: Integers) -> bytes:
    repeated = _repeated(timestamps, starts, lengths)
    fresh = ~repeated
    stream = timestamps.compress(fresh.repeat(lengths))
    steps = stream[1:] - stream[:-1]
    later = lengths.compress(fresh).cumsum()[:-1] - 1
    return b"".join(
        (
            _RUNS.pack(len(runs)),
            put_integer(int(runs[0])),
            put_narrow(runs[1:] - runs[:-1]),
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


def _decode_timestamps(reader: Reader, lengths: Integers) -> Integers:
    repeated = reader.bits(len(lengths))
    if repeated[0] or np.count_nonzero(repeated[1:] & (lengths[1:] != lengths[:-1])):
        raise reader.rejected("a run repeats one that is not there or has another length")
    fresh = ~repeated
    ends = lengths.compress(fresh).cumsum()
    later = ends[:-1] - 1
    first = reader.integer()
    steps = np.empty(int(ends[-1]) - 1, np.int64)
    steps[later] = reader.narrow(len(later))
    steps[_others(later, len(steps))] = reader.narrow(len(steps) - len(later))
    stream = _summed(first, steps)
    if len(ends) == len(lengths):
        return stream
    shifts = ends.take(fresh.cumsum() - 1) - lengths.cumsum()
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


def _decode_decimals(reader: Reader, count: int, lengths: Integers, has_exceptions: bool) -> Doubles:
    scales = reader.narrow(len(lengths))
    smallest, largest = extremes(scales)
    if smallest < 0 or largest > decimals.SCALE_MAX:
        raise reader.rejected(f"a scale outside 0 to {decimals.SCALE_MAX}")
    exceptions = reader.bits(count) if has_exceptions else None
    doubles = None if exceptions is None else reader.doubles(int(np.count_nonzero(exceptions)))
    values = decimals.restore(scales, _summed(reader.integer(), reader.narrow(count - 1)), lengths)
    if exceptions is not None:
        values[exceptions] = doubles
    return values


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
