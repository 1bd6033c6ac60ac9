"""Measuring silence without blaming others for one's own pauses.

Who did not look for a while cannot say what others did meanwhile: a process that was stopped, or waited long for a
processor, finds old news first. So silence is measured by looks, and of a long pause between two of them little counts.
"""

from typing import Generic, TypeVar

T = TypeVar("T")


class PatientClock:
    """Counts ms from look to look, of each pause at most so much."""

    def __init__(self, pause_ms_max: int) -> None:
        self._pause_ms_max = pause_ms_max
        self._before: int | None = None
        self.now_ms = 0
        self.late = 0
        """How many looks came later than that."""

    def look(self, monotonic_ms: int) -> int:
        """The patient time, given that of a clock that never goes back."""
        passed_ms = 0 if self._before is None else max(0, monotonic_ms - self._before)
        self._before = monotonic_ms
        self.late += passed_ms > self._pause_ms_max
        self.now_ms += min(passed_ms, self._pause_ms_max)
        return self.now_ms


class Stillness(Generic[T]):
    """For how long something has stayed the same."""

    def __init__(self, value: T, now_ms: int) -> None:
        self._value = value
        self._since_ms = now_ms

    def look(self, value: T, now_ms: int) -> int:
        """Ms since the value last changed, 0 when it has now."""
        if value != self._value:
            self._value, self._since_ms = value, now_ms
        return self.unchanged(now_ms)

    def unchanged(self, now_ms: int) -> int:
        """The same, when there was nothing to look at."""
        return now_ms - self._since_ms
