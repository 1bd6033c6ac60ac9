"""Which of many open windows begin first, without looking through them all for every batch."""

import heapq
from collections.abc import Callable, Iterable

Begun = tuple[int, bytes]
"""When a window begins in ms, and its series (packed)."""

SLACK = 1024
"""So many that have closed may be among them before they are sorted out."""


class Oldest:
    """Windows by when they begin, then by series. Those that close elsewhere are sorted out when that is due."""

    def __init__(self, is_open: Callable[[Begun], bool], windows: Iterable[Begun]) -> None:
        self._is_open = is_open
        self._heap = list(windows)
        heapq.heapify(self._heap)

    def add(self, window: Begun, count: int) -> None:
        """A window opens, one of `count` now. It opens once."""
        if len(self._heap) > 2 * count + SLACK:
            self._heap = list(filter(self._is_open, self._heap))
            heapq.heapify(self._heap)
        heapq.heappush(self._heap, window)

    def take(self, count: int) -> list[Begun]:
        """The `count` open windows that begin first, in order: they are to be closed."""
        found: list[Begun] = []
        while self._heap and len(found) < count:
            window = heapq.heappop(self._heap)
            if self._is_open(window):
                found.append(window)
        return found
