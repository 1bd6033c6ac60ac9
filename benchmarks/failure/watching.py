"""What the observer tells, as it comes in."""

import threading
import time
from collections.abc import Callable

import msgspec

from benchmarks.failure.judging import Sighting
from benchmarks.grid.processes import Process


class Watching(threading.Thread):
    """Takes in what the observer tells, from `start` until it ends."""

    def __init__(self, observer: Process) -> None:
        super().__init__(daemon=True)
        self._observer = observer
        self._changed = threading.Condition()
        self.sightings: list[Sighting] = []

    def run(self) -> None:
        while True:
            try:
                told = self._observer.hear("at_ns")
            except (SystemExit, ValueError):
                return
            with self._changed:
                self.sightings.append(msgspec.convert(told, Sighting))
                self._changed.notify_all()

    def wait(self, is_so: Callable[[Sighting], bool], timeout_s: float, after_ns: int = 0) -> Sighting | None:
        """The first thing seen after a moment, or still so then, that is so; None when the time is over before."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                if (found := self._found(is_so, after_ns)) is not None:
                    return found
                if (left_s := deadline - time.monotonic()) <= 0:
                    return None
                self._changed.wait(left_s)

    def _found(self, is_so: Callable[[Sighting], bool], after_ns: int) -> Sighting | None:
        at = len(self.sightings)
        while at > 0 and self.sightings[at - 1].at_ns >= after_ns:
            at -= 1
        # What was seen before a moment holds until something else is seen.
        return next((one for one in self.sightings[max(0, at - 1) :] if is_so(one)), None)
