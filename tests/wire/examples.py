"""Example readings that take every layout, form and compression of the columnar payload."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headwater.wire.codec import Columns

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
# NaN with payloads, signalling NaN, infinities, -0.0, the smallest and another subnormal.
SPECIAL = [0x7FF8000000000001, 0xFFF0000000000123, 0x7FF0000000000000, 0xFFF0000000000000, 1 << 63, 1, 0x800F << 48]


def columns_of(series: Any, timestamps: Any, values: Any) -> Columns:
    return Columns(np.array(series, np.int64), np.array(timestamps, np.int64), np.array(values, np.float64))


def assert_same(back: tuple[NDArray[Any], ...], expected: tuple[NDArray[Any], ...]) -> None:
    for column, wanted in zip(back, expected, strict=True):
        assert column.dtype == wanted.dtype
        np.testing.assert_array_equal(column.view(np.int64), wanted.view(np.int64))


def example_columns() -> dict[str, Columns]:
    """One of each layout, form and compression."""
    place = np.arange(90)
    series = np.repeat(np.arange(6) * 2, 15)
    times = np.tile(np.arange(15) * 1000, 6)
    late = times + 60_000 * (place > 70)
    hundredths = (23_000 + place * 37 % 101) / 100
    mixed = np.where(series < 6, hundredths, place * 7 % 11)
    exceptional = hundredths.copy()
    exceptional[[0, 1, 44]] = np.array(SPECIAL[:3], np.uint64).view(np.float64)
    noise = (place * place + 1).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return {
        "empty": columns_of([], [], []),
        "rows": columns_of([4, 6, 8], [7, 7, 9], [1.5, 2.25, 3.0]),
        "rows of doubles": columns_of([4, 6, 8], [INT64_MIN, -1, -1], [np.pi, np.nan, -0.0]),
        "rows in units": columns_of(range(9), [0, 1_800_000, 0] * 3, range(9)),
        "rows in frames": columns_of([0, 2**40] * 8, [0, 2**50, 1, 5] * 4, [np.pi] * 16),
        "runs far apart": columns_of([0, INT64_MAX, 1], [INT64_MIN, 0, INT64_MAX], [-1.5, 7.0, 2.0**50]),
        "runs of decimals": Columns(series, times, hundredths),
        "runs of mixed decimals": Columns(series, late, mixed),
        "runs with exceptions": Columns(series, times, exceptional),
        "runs of doubles": Columns(series, times, np.sqrt(place + 2.0)),
        "runs of noise": Columns(place, noise.view(np.int64), noise[::-1].copy().view(np.float64)),
    }


EXAMPLES = example_columns()
