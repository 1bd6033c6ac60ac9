"""When writes happen: of two values of a row Cassandra keeps the one that was written later."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class WriteClock:
    """Gives every write a time of its own, us since the epoch, rising.

    Held, it goes on by a microsecond a write only: whatever is written then belongs to the moment of holding, and is
    older than all that others write after it, however late it arrives.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0
        self._held: int | None = None

    def __call__(self) -> int:
        with self._lock:
            if self._held is None:
                return self._next()
            self._held += 1
            return self._held

    def hold(self) -> int:
        """Stand at this moment from now on, also when it was held already; the moment."""
        with self._lock:
            self._last = max(self._last, self._held or 0)
            self._held = self._next()
            return self._held

    def go(self) -> None:
        """Go on."""
        with self._lock:
            self._last = max(self._last, self._held or 0)
            self._held = None

    @contextmanager
    def going(self) -> Iterator[None]:
        """What is written inside happens when it is written, even while the clock is held."""
        with self._lock:
            held, self._held = self._held, None
        try:
            yield
        finally:
            with self._lock:
                self._held = held

    def _next(self) -> int:
        self._last = max(time.time_ns() // 1_000, self._last + 1)
        return self._last
