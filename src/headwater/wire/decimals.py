"""Doubles as scaled integers: most meters print decimals, so value * 10**scale is a whole number, and a small one."""

from typing import NamedTuple

import numpy as np

from headwater.wire.columns import Doubles, Integers, Mask, extremes

SCALE_MAX = 9
POWERS = tuple(float(10**scale) for scale in range(SCALE_MAX + 1))
_POWER_COLUMN: Doubles = np.array(POWERS)
_SAMPLE = 12
_EXACT_MAX = 2**51


class Decimals(NamedTuple):
    """`whole / 10**scale` of each run is the value, except where `exceptions` is set (None: nowhere)."""

    scales: Integers
    whole: Integers
    exceptions: Mask | None


def find(values: Doubles, starts: Integers, lengths: Integers) -> Decimals | None:
    """The values as decimals with one scale a run, or None when less than half of them seem to be decimals.

    Each whole number has been divided back and compared bit for bit with its value, so binary fractions, -0.0, NaN
    and infinities come out as exceptions.
    """
    scale = _sampled_scale(values, 0)
    if scale is None:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        whole, exact = _scaled(values, scale)
        if np.count_nonzero(exact) < len(values):
            scale, whole, exact = _larger_scale(values, scale, whole, exact)
    exact_count = np.count_nonzero(exact)
    exceptions: Mask | None = None
    if 2 * exact_count < len(values):
        return None
    if exact_count < len(values):
        exceptions = ~exact
        whole = _filled(whole, exceptions)
    scales, whole = _reduced(whole, scale, starts, lengths)
    return Decimals(scales, whole, exceptions)


def restore(scales: Integers, whole: Integers, lengths: Integers) -> Doubles:
    """The doubles of whole numbers with one scale (0 to SCALE_MAX) a run."""
    return whole / _POWER_COLUMN.take(scales).repeat(lengths)


def _scaled(values: Doubles, scale: int) -> tuple[Integers, Mask]:
    power = POWERS[scale]
    whole = np.rint(values * power).astype(np.int64)
    return whole, (whole / power).view(np.int64) == values.view(np.int64)


def _sampled_scale(values: Doubles, least: int) -> int | None:
    """The largest scale, from `least` up, that a few of the values need; None when none of them is a decimal."""
    found = None
    for value in values[:: len(values) // _SAMPLE + 1].tolist():
        for scale in range(least, SCALE_MAX + 1):
            power = POWERS[scale]
            scaled = value * power
            if -_EXACT_MAX <= scaled <= _EXACT_MAX and round(scaled) / power == value:
                found = least = scale
                break
    return found


def _larger_scale(values: Doubles, scale: int, whole: Integers, exact: Mask) -> tuple[int, Integers, Mask]:
    """A larger scale, as long as one makes more of the values exact."""
    best = np.count_nonzero(exact)
    while scale < SCALE_MAX and best < len(values):
        larger = _sampled_scale(values[~exact], scale + 1)
        if larger is None:
            break
        larger_whole, larger_exact = _scaled(values, larger)
        count = np.count_nonzero(larger_exact)
        if count <= best:
            break
        scale, whole, exact, best = larger, larger_whole, larger_exact, count
    return scale, whole, exact


def _filled(whole: Integers, exceptions: Mask) -> Integers:
    """Exceptions take the whole number before them, so that they cost no step."""
    last = np.arange(len(whole))
    last[exceptions] = 0
    filled = whole.take(np.maximum.accumulate(last))
    if exceptions[0]:
        first = int(exceptions.argmin())
        filled[:first] = whole[first]
    return filled


def _reduced(whole: Integers, scale: int, starts: Integers, lengths: Integers) -> tuple[Integers, Integers]:
    """Each run at the smallest scale that keeps its numbers whole."""
    dropped = np.zeros(len(starts), np.int64)
    low, high = extremes(whole)
    # Up to here a quotient is whole exactly when the division leaves no rest, and stays the same double.
    if scale and -_EXACT_MAX <= low and high <= _EXACT_MAX:
        numbers = whole.astype(np.float64)
        for power in POWERS[1 : scale + 1]:
            quotients = numbers / power
            divisible = np.logical_and.reduceat(np.rint(quotients) == quotients, starts)
            if not np.count_nonzero(divisible):
                break
            dropped += divisible
        if np.count_nonzero(dropped):
            whole = (numbers / _POWER_COLUMN.take(dropped).repeat(lengths)).astype(np.int64)
    return scale - dropped, whole
