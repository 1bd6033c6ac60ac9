"""The steps of a meter: its readings in file order, cut where the time changes."""

import numpy as np
from numpy.typing import NDArray

STEP_READINGS_MAX = 8_192


def step_starts(changes: NDArray[np.bool_], running: int = 0) -> NDArray[np.bool_]:
    """Say which readings begin a step, given which begin a new time.

    A time of more than STEP_READINGS_MAX readings is several steps, so that no tick grows without bound;
    `running` is how many readings the time running before the first of these already has.
    """
    position = np.arange(running, running + len(changes))
    in_time = position - np.maximum.accumulate(np.where(changes, position, 0))
    continued: NDArray[np.bool_] = (in_time > 0) & (in_time % STEP_READINGS_MAX == 0)
    return changes | continued


def readings_of_last_time(changes: NDArray[np.bool_], running: int = 0) -> int:
    """Give how many readings the last time has so far, to be the `running` of what follows."""
    last = np.flatnonzero(changes[::-1])
    return int(last[0]) + 1 if len(last) else running + len(changes)


class TimeSpan:
    """The event time a recording covers: first and last ms, and the first gap between two steps of a meter."""

    def __init__(self) -> None:
        self._first: int | None = None
        self._last: int | None = None
        self._gap: int | None = None

    def add(self, times: NDArray[np.int64], after: int | None = None) -> None:
        """Cover the times of readings of one meter, in file order, which follow the time `after`."""
        if not len(times):
            return
        low, high = int(times.min()), int(times.max())
        self._first = low if self._first is None else min(low, self._first)
        self._last = high if self._last is None else max(high, self._last)
        if self._gap is None:
            gaps = np.diff(times, prepend=times[0] if after is None else after)
            rising = gaps[gaps > 0]
            self._gap = int(rising[0]) if len(rising) else None

    def join(self, later: "TimeSpan") -> None:
        """Cover what another one covers; the own gap stays when there is one."""
        if later._first is not None and later._last is not None:
            self._first = later._first if self._first is None else min(self._first, later._first)
            self._last = later._last if self._last is None else max(self._last, later._last)
        if self._gap is None:
            self._gap = later._gap

    @property
    def loop_ms(self) -> int:
        """How far a loop moves the times: the span and one gap (1 s when times never rise)."""
        return (self._last or 0) - (self._first or 0) + (self._gap or 1000)
