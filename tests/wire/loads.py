"""Loads of readings to measure the codec on: two sets of real meters, generated meters, and random doubles."""

import csv
import gzip
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headwater.wire.codec import Columns

# A definition is written twice, so series that are defined one after the other are two apart.
_SERIES_FIRST, _SERIES_STEP = 7, 2
_START_MS = 1_518_452_970_378
_METERS, _METRICS = 50, 8


class Household(NamedTuple):
    """What one metric of a generated meter does: where it starts, how far it moves, and its decimals."""

    base: float
    step: float
    decimals: int


_HOUSEHOLD = (
    *[Household(230.0, 0.2, 1)] * 3,
    *[Household(4.0, 0.05, 2)] * 3,
    Household(1234.567, 0.004, 3),
    Household(50.0, 1.0, 0),
)


def smart_meters(folder: Path) -> Columns:
    """Half-hourly energy of 7 households, all households of a tick after each other."""
    path = folder / "smart_meters_sgsc" / "smart_meter_7_households.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        rows = [
            (
                _milliseconds(datetime.fromisoformat(row["reading_datetime"])),
                row["customer_id"],
                row["general_supply_kwh"],
            )
            for row in csv.DictReader(lines)
        ]
    rows.sort()
    places = {household: place for place, household in enumerate(sorted({row[1] for row in rows}))}
    return _columns([(places[household], time, float(value)) for time, household, value in rows if value])


def household_power(folder: Path) -> Columns:
    """Seven quantities of one household, every minute."""
    path = folder / "household_power_uci" / "household_power_1min_first12days.csv.gz"
    readings = []
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines)
        next(rows)
        for when, *values in rows:
            time = _milliseconds(datetime.strptime(when, "%d/%m/%Y %H:%M:%S"))
            readings += [(place, time, float(value)) for place, value in enumerate(values) if value.strip()]
    return _columns(readings)


def generated(count: int, seed: int = 7) -> Columns:
    """50 meters that report 8 metrics about once a second, each with its own jitter; values walk at random."""
    random = np.random.default_rng(seed)
    ticks = count // (_METERS * _METRICS) + 1
    offsets = np.sort(random.integers(0, 1000, _METERS))
    times = np.arange(ticks)[:, np.newaxis] * 1000 + offsets + random.integers(-15, 16, (ticks, _METERS))
    bases, steps, decimals = (np.array(column) for column in zip(*_HOUSEHOLD, strict=True))
    moves = random.normal(0, 1, (ticks, _METERS, _METRICS)) * steps
    moves[:, :, 6] = np.abs(moves[:, :, 6])
    powers = 10.0**decimals
    values = np.rint((bases + moves.cumsum(axis=0)) * powers) / powers
    order = np.argsort(times, axis=None, kind="stable")
    series = order[:, np.newaxis] % _METERS * _METRICS + np.arange(_METRICS)
    return Columns(
        (series.ravel() * _SERIES_STEP + _SERIES_FIRST)[:count],
        (np.repeat(times.ravel()[order], _METRICS) + _START_MS)[:count],
        values.reshape(-1, _METRICS)[order].ravel()[:count],
    )


def random_doubles(count: int) -> Columns:
    """The series and times of the generated meters, with doubles that have nothing in common."""
    load = generated(count)
    return load._replace(values=np.random.default_rng(1).random(count))


def batches(load: Columns, size: int, readings_max: int = 100_000) -> Iterator[Columns]:
    """The load cut into whole batches of `size`, each sorted by series as a gateway does."""
    for start in range(0, min(len(load.series), readings_max) - size + 1, size):
        cut = slice(start, start + size)
        order = np.argsort(load.series[cut], kind="stable")
        yield Columns(load.series[cut][order], load.timestamps[cut][order], load.values[cut][order])


def _milliseconds(when: datetime) -> int:
    return int(when.replace(tzinfo=UTC).timestamp() * 1000)


def _columns(readings: list[tuple[int, int, float]]) -> Columns:
    series: NDArray[np.int64] = np.array([place for place, _, _ in readings], np.int64)
    return Columns(
        series * _SERIES_STEP + _SERIES_FIRST,
        np.array([time for _, time, _ in readings], np.int64),
        np.array([value for _, _, value in readings], np.float64),
    )
