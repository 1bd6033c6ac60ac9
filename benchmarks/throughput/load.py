"""The readings that are measured with: 50 meters with 8 metrics each, about one reading a second and series."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

METERS, METRICS = 50, 8
SERIES = METERS * METRICS
_START_MS = 1_700_000_000_000
_JITTER_MS = 15
_DECIMALS = np.array([1, 1, 1, 2, 2, 2, 3, 0])
_BASE = np.array([230.0, 230.0, 230.0, 4.0, 4.0, 4.0, 1234.567, 50.0])
_STEP = np.array([0.2, 0.2, 0.2, 0.05, 0.05, 0.05, 0.004, 1.0])


class Load(NamedTuple):
    """Readings in the order in which they are made, as columns of shape (n,); timestamps in ms."""

    series: NDArray[np.int64]
    timestamps: NDArray[np.int64]
    values: NDArray[np.float64]

    def part(self, first: int, end: int) -> "Load":
        """Some of them."""
        return Load(self.series[first:end], self.timestamps[first:end], self.values[first:end])

    def parts(self, size: int) -> "list[Load]":
        """All of them, `size` at a time."""
        return [self.part(at, at + size) for at in range(0, len(self.series), size)]


def name(series: int) -> tuple[str, str]:
    """The meter and metric of a series."""
    meter, metric = divmod(series, METRICS)
    return str(2_531_430_010_000_006_834 + 37 * meter), f"{10_151_078_831 + 10 * metric:012d}"


def generate(readings: int, seed: int = 7) -> Load:
    """Random walks rounded to the decimals that meters give; each meter reports its metrics together."""
    rng = np.random.default_rng(seed)
    seconds = readings // SERIES + 1
    phase = np.sort(rng.integers(0, 1000, METERS))
    jitter = rng.integers(-_JITTER_MS, _JITTER_MS + 1, (seconds, METERS))
    times = _START_MS + 1000 * np.arange(seconds)[:, None] + phase + jitter
    walks = _BASE + np.cumsum(rng.normal(0, 1, (seconds, METERS, METRICS)) * _STEP, axis=0)
    scale = 10.0**_DECIMALS
    values = np.round(walks * scale) / scale
    series = np.broadcast_to(np.arange(SERIES), (seconds, SERIES))
    stamps = np.repeat(times, METRICS, axis=1)
    return Load(series.ravel(), stamps.ravel(), values.ravel()).part(0, readings)
