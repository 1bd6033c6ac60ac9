"""What a replay is: for every tick, the next readings of every meter, as columns."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from headwater.model.reading import SeriesKey

MESSAGES_MAX = 20


class Tick(msgspec.Struct, frozen=True, eq=False):
    """The readings sent at one tick: three columns of equal length, sorted by series, stable.

    `number` counts from 0 and goes on over loops. `series` (int32) are indexes into `Replay.series`,
    `timestamps` (int64) are ms since the epoch, UTC, `values` are float64. The columns are read-only views.
    """

    number: int
    series: NDArray[np.int32]
    timestamps: NDArray[np.int64]
    values: NDArray[np.float64]


class Columns(NamedTuple):
    """Readings as columns of equal length: step of the meter, series, ms since the epoch, value."""

    steps: NDArray[np.int64]
    series: NDArray[np.int32]
    times: NDArray[np.int64]
    values: NDArray[np.float64]

    def pick(self, which: "slice | NDArray[np.intp]") -> "Columns":
        """Give some of the readings."""
        return Columns(self.steps[which], self.series[which], self.times[which], self.values[which])


NO_COLUMNS = Columns(np.empty(0, np.int64), np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0))


class Rejections:
    """What a replay refused: counts by reason and the first messages; `empty` counts missing values, no errors."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.messages: list[str] = []
        self.empty = 0

    @property
    def total(self) -> int:
        """Everything refused; missing values are not."""
        return sum(self.counts.values())

    def add(self, place: str, reason: str, detail: str) -> None:
        """Count one refusal at `place`, a file or `file:line`."""
        self.counts[reason] = self.counts.get(reason, 0) + 1
        if len(self.messages) < MESSAGES_MAX:
            self.messages.append(f"{place}: {reason}: {detail}")


class Replay(Protocol):
    """Meters whose next readings are sent tick by tick; the same inputs give the same ticks."""

    @property
    def series(self) -> Sequence[SeriesKey]:
        """The series of all ticks given so far: it only grows, and an index keeps its meaning."""
        ...

    @property
    def rejected(self) -> Rejections:
        """What was refused so far."""
        ...

    def ticks(self, first: int = 0) -> Iterator[Tick]:
        """Give the ticks from number `first` on, exactly those that an iteration from 0 gives there."""
        ...


def join(parts: Sequence[Columns]) -> Columns:
    """Put columns one after the other."""
    parts = [part for part in parts if len(part.steps)] or [NO_COLUMNS]
    if len(parts) == 1:
        return parts[0]
    steps, series, times, values = zip(*parts, strict=True)
    return Columns(np.concatenate(steps), np.concatenate(series), np.concatenate(times), np.concatenate(values))


def sort_by_step(columns: Columns, series_count: int) -> Columns:
    """Sort by step, then series; readings of one series in one step keep their order."""
    key = columns.steps * series_count + columns.series
    if bool(np.all(key[1:] >= key[:-1])):
        return columns
    return columns.pick(np.argsort(key, kind="stable"))


def cut_ticks(columns: Columns, first: int, stop: int, number_of_step_0: int = 0, shift_ms: int = 0) -> Iterator[Tick]:
    """Cut sorted columns into the ticks of the steps first .. stop - 1, their times moved by `shift_ms`."""
    bounds = np.searchsorted(columns.steps, np.arange(first, stop + 1)).tolist()
    times = columns.times + shift_ms
    for column in (columns.series, times, columns.values):
        column.flags.writeable = False
    for step, low, high in zip(range(first, stop), bounds, bounds[1:], strict=False):
        yield Tick(number_of_step_0 + step, columns.series[low:high], times[low:high], columns.values[low:high])
