"""One value per series and tumbling event-time window: a pure fold over batches, and what it needs to be resumed."""

import math
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from headwater.model.ids import IdRun
from headwater.pipeline.step_options import AggregateOptions
from headwater.pipeline.steps.oldest import Begun, Oldest
from headwater.pipeline.steps.portion import Window
from headwater.wire.codec import Columns

NEVER = -(1 << 63)
NAMES_MAX = 100_000

Series = tuple[bytes, int]


class Open(msgspec.Struct, array_like=True):
    """A window that still takes readings."""

    values: list[float]
    runs: list[IdRun]


class Closed(NamedTuple):
    """A window's result."""

    window: Window
    value: float
    inputs: tuple[IdRun, ...]


class Fold(msgspec.Struct, array_like=True):
    """The state between two records; bounded by windows and inputs per window."""

    newest: dict[bytes, int] = {}
    """Series (packed) -> its newest event time."""
    closed: dict[bytes, int] = {}
    """Series (packed) -> the end of the last window closed: what is older is late."""
    open: dict[bytes, dict[int, Open]] = {}
    """Series (packed) -> window start in ms -> its readings."""
    heard: dict[bytes, int] = {}
    """Of a checkpoint of before there were chains: origin (packed) -> the lowest rank not seen (rule 10)."""
    late: int = 0
    """Readings that came when their window was closed."""


def pack_series(entry: bytes, number: int) -> bytes:
    return entry + number.to_bytes(8, "big")


def unpack_series(packed: bytes) -> Series:
    return packed[:8], int.from_bytes(packed[8:], "big")


class Group(NamedTuple):
    """Consecutive readings of one series in one window."""

    first: int
    end: int
    series: int
    start_ms: int
    newest_ms: int


def groups(series: NDArray[np.int64], timestamps: NDArray[np.int64], window_ms: int) -> list[Group]:
    """Cut a batch where series or window changes; reading order is kept."""
    if not len(series):
        return []
    starts = timestamps - timestamps % window_ms
    if int(timestamps.min()) < NEVER + window_ms:
        starts = np.where(starts > timestamps, NEVER, starts)  # There is no time before this one.
    changes = (series[1:] != series[:-1]) | (starts[1:] != starts[:-1])
    firsts = np.concatenate(([0], np.flatnonzero(changes) + 1))
    columns = (series[firsts], starts[firsts], np.maximum.reduceat(timestamps, firsts))
    ends = [*firsts[1:].tolist(), len(series)]
    return list(map(Group, firsts.tolist(), ends, *(column.tolist() for column in columns)))


class Aggregate:
    """The step: options and fold. It decides; `pipeline.steps` reads and writes."""

    def __init__(self, options: AggregateOptions, fold: Fold | None = None) -> None:
        self.options = options
        self.fold = fold or Fold()
        self.window_ms = options.window_s * 1000
        self.lateness_ms = options.lateness_s * 1000
        self.compute = FUNCTIONS[options.function]
        self._names: dict[Series, bytes] = {}
        self.windows_open = sum(map(len, self.fold.open.values()))
        windows = ((start_ms, name) for name, held in self.fold.open.items() for start_ms in held)
        self._oldest = Oldest(self._is_open, windows)

    def take(self, entry: bytes, columns: Columns, run: IdRun | None, skip: int = 0) -> tuple[list[Closed], list[int]]:
        """Fold in a batch without its first `skip` readings: the windows it closes, the positions that were late.

        A window also closes when it or all windows together have reached their bound; what comes for it later is late.
        """
        fold, values = self.fold, columns.values[skip:].tolist()
        late: list[int] = []
        ready: list[tuple[bytes, int]] = []
        touched: set[bytes] = set()
        before: dict[bytes, int] = {}  # In one batch the newest reading may come first.
        for group in groups(columns.series[skip:], columns.timestamps[skip:], self.window_ms):
            name = self._name(entry, group.series)
            newest_ms = before.setdefault(name, fold.newest.get(name, NEVER))
            passed_ms = newest_ms - self.window_ms - self.lateness_ms
            if group.start_ms < fold.closed.get(name, NEVER) or group.start_ms <= passed_ms:
                late.extend(range(group.first + skip, group.end + skip))
                continue
            found = values[group.first : group.end]
            part = run.part(group.first + skip, len(found)) if run is not None else None
            if self._extend(name, group.start_ms, found, part) >= self.options.inputs_max:
                ready.append((name, group.start_ms))
            if group.newest_ms > fold.newest.get(name, NEVER):
                fold.newest[name] = group.newest_ms
                touched.add(name)
        ready += [window for name in touched for window in self._passed(name)]
        closed = self._close(sorted(set(ready)))
        return closed + self._close_oldest(), late

    def _name(self, entry: bytes, number: int) -> bytes:
        """A series packed; the packing of those seen lately is remembered."""
        known = self._names.get((entry, number))
        if known is None:
            if len(self._names) >= NAMES_MAX:
                self._names.clear()
            known = self._names[entry, number] = pack_series(entry, number)
        return known

    def _extend(self, name: bytes, start_ms: int, found: list[float], run: IdRun | None) -> int:
        """Add readings to a window; how many it holds now."""
        windows = self.fold.open.setdefault(name, {})
        held = windows.get(start_ms)
        if held is None:
            held = windows[start_ms] = Open([], [])
            self.windows_open += 1
            self._oldest.add((start_ms, name), self.windows_open)
        held.values.extend(found)
        if run is not None:
            add_run(held.runs, run)
        return len(held.values)

    def _passed(self, name: bytes) -> list[tuple[bytes, int]]:
        """The windows of a series that its watermark has passed."""
        limit = self.fold.newest[name] - self.window_ms - self.lateness_ms
        return [(name, start_ms) for start_ms in self.fold.open[name] if start_ms <= limit]

    def _close_oldest(self) -> list[Closed]:
        """Close windows so that no more than the bound are open."""
        excess = self.windows_open - self.options.windows_max
        return self._close((name, start_ms) for start_ms, name in self._oldest.take(excess))

    def _is_open(self, window: Begun) -> bool:
        start_ms, name = window
        return start_ms in self.fold.open.get(name, ())

    def close_all(self) -> list[Closed]:
        """Close every window: an operator or the clock decided so, in a `time` record."""
        return self._close(sorted((name, start_ms) for name, held in self.fold.open.items() for start_ms in held))

    def _close(self, windows: Iterable[tuple[bytes, int]]) -> list[Closed]:
        results = []
        for name, start_ms in windows:
            held = self.fold.open[name][start_ms]
            window = (*unpack_series(name), start_ms)
            results.append(Closed(window, self.compute(held.values), tuple(held.runs)))
            self.mark_closed(window)
        return results

    def mark_closed(self, window: Window) -> None:
        """The window is done, here or as an output record says (rule 16)."""
        name, start_ms = pack_series(window[0], window[1]), window[2]
        self.fold.closed[name] = max(self.fold.closed.get(name, NEVER), start_ms + self.window_ms)
        windows = self.fold.open.get(name)
        if windows is not None and windows.pop(start_ms, None) is not None:
            self.windows_open -= 1
            if not windows:
                del self.fold.open[name]


def add_run(runs: list[IdRun], run: IdRun) -> None:
    if runs and runs[-1].node == run.node and runs[-1].end == run.start:
        runs[-1] = IdRun(run.node, runs[-1].start, runs[-1].count + run.count)
    else:
        runs.append(run)


def exact_sum(values: list[float]) -> float:
    """The correctly rounded sum, whatever the order; NaN when infinities of both signs or a NaN are among them."""
    try:
        return math.fsum(values)
    except ValueError:
        return math.nan
    except OverflowError:  # On the way, perhaps not in the end.
        beyond = [value for value in values if not math.isfinite(value)]
        return sum(beyond) if beyond else _rounded(sum(map(Fraction, values), Fraction()))


def average(values: list[float]) -> float:
    """The sum, divided once."""
    total = exact_sum(values)
    if math.isinf(total) and all(map(math.isfinite, values)):
        return float(sum(map(Fraction, values), Fraction()) / len(values))
    return total / len(values)


def least(values: list[float]) -> float:
    """The least value, NaN when one is among them."""
    return math.nan if any(map(math.isnan, values)) else min(values)


def greatest(values: list[float]) -> float:
    """The greatest value, NaN when one is among them."""
    return math.nan if any(map(math.isnan, values)) else max(values)


def _rounded(exact: Fraction) -> float:
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


FUNCTIONS: dict[str, Callable[[list[float]], float]] = {
    "average": average,
    "sum": exact_sum,
    "min": least,
    "max": greatest,
    "count": lambda values: float(len(values)),
    "last": lambda values: values[-1],
}
"""What an aggregate is made of its readings, in the order of the log."""
