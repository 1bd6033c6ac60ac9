"""Recordings with a column of meters: read whole into memory, because each file holds many meters one after another."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from headwater.emulator.rows import Names, Rows
from headwater.emulator.steps import TimeSpan, step_starts
from headwater.emulator.ticks import Columns, sort_by_step
from headwater.model.errors import ConfigError
from headwater.model.reading import SeriesKey

_BLOCK_READINGS = 65_536


class Table:
    """All readings, sorted by step and series: 28 bytes a reading, and 120 at most while it is built."""

    def __init__(self, columns: Columns, series: list[SeriesKey], span: TimeSpan) -> None:
        self.series = series
        self.span = span
        self.step_count = int(columns.steps[-1]) + 1 if len(columns.steps) else 0
        self._columns = columns
        self._starts = np.searchsorted(columns.steps, np.arange(self.step_count + 1))

    def block_end(self, start: int) -> int:
        """Give the step to which a block from step `start` goes: about 65,000 readings, at least one step."""
        target = self._starts[start] + _BLOCK_READINGS
        return max(start + 1, int(np.searchsorted(self._starts, target, side="right")) - 1)

    def take(self, start: int, stop: int) -> Columns:
        """Give the readings of the steps start .. stop - 1."""
        low, high = self._starts[min(start, self.step_count)], self._starts[min(stop, self.step_count)]
        return self._columns.pick(slice(low, high))


def build_table(parsed: Iterable[Rows], meters: Names, metrics: Names, readings_max: int) -> Table:
    """Build the table of rows whose codes are those of `meters` and `metrics`.

    Raises ConfigError for more than `readings_max` readings.
    """
    codes, times, values = _gather(parsed, readings_max)
    meter_codes, metric_codes = codes
    order = np.argsort(meter_codes, kind="stable")
    series, keys = _number_series(meter_codes, metric_codes, meters.known, metrics.known)
    series, times, values, meter_codes = series[order], times[order], values[order], meter_codes[order]
    steps, span = _steps_and_span(meter_codes, times)
    return Table(sort_by_step(Columns(steps, series, times, values), len(keys)), keys, span)


def _gather(
    parsed: Iterable[Rows], readings_max: int
) -> tuple[tuple[NDArray[np.int32], NDArray[np.int32]], NDArray[np.int64], NDArray[np.float64]]:
    kept: list[Rows] = []
    count = 0
    for rows in parsed:
        count += len(rows.values)
        if count > readings_max:
            raise ConfigError(
                f"more than {readings_max} readings in files with a column of meters, which are replayed from memory: "
                "raise readings_max (about 120 bytes a reading) or split the data into one file per meter"
            )
        kept.append(rows)
    no_codes, no_times, no_values = np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0)
    meters = np.concatenate([no_codes, *(rows.meters for rows in kept if rows.meters is not None)])
    metrics = np.concatenate([no_codes, *(rows.metrics for rows in kept)])
    times = np.concatenate([no_times, *(rows.times for rows in kept)])
    return (meters, metrics), times, np.concatenate([no_values, *(rows.values for rows in kept)])


def _number_series(
    meters: NDArray[np.int32], metrics: NDArray[np.int32], meter_names: list[str], metric_names: list[str]
) -> tuple[NDArray[np.int32], list[SeriesKey]]:
    """Number series meter by meter, then metric by metric, both in the order of their first reading."""
    keys = _rank(meters) * len(metric_names) + _rank(metrics)
    _, first, series = np.unique(keys, return_index=True, return_inverse=True)
    names = [SeriesKey(meter_names[meters[at]], metric_names[metrics[at]]) for at in first.tolist()]
    return series.astype(np.int32), names


def _rank(codes: NDArray[np.int32]) -> NDArray[np.int64]:
    """Give for each code its place in the order of first appearance."""
    used, first = np.unique(codes, return_index=True)
    ranks = np.zeros(int(used[-1]) + 1 if len(used) else 0, np.int64)
    ranks[used[np.argsort(first)]] = np.arange(len(used))
    return ranks[codes]


def _steps_and_span(meters: NDArray[np.int32], times: NDArray[np.int64]) -> tuple[NDArray[np.int64], TimeSpan]:
    """Number the steps of each meter from 0; readings come meter by meter."""
    new_meter = np.ones(len(meters), np.bool_)
    new_meter[1:] = meters[1:] != meters[:-1]
    changes = new_meter.copy()
    changes[1:] |= times[1:] != times[:-1]
    running = np.cumsum(step_starts(changes))
    bounds = np.flatnonzero(new_meter)
    first_steps = np.repeat(running[bounds], np.diff([*bounds, len(meters)]))
    span = TimeSpan()
    for readings in np.split(times, bounds[1:]):
        span.add(readings)
    return running - first_steps, span
