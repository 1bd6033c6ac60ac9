"""A bounded memory of what was seen, to refuse what clients without numbers send twice."""

from collections import deque
from collections.abc import Hashable


class Window:
    """The last `size` things; 0 remembers nothing and refuses nothing."""

    def __init__(self, size: int) -> None:
        self.size = size
        # A set and a queue take half of what an OrderedDict does: some 120 bytes for a mark of a reading.
        self._seen: set[Hashable] = set()
        self._order: deque[Hashable] = deque()

    def first_time(self, thing: Hashable) -> bool:
        """Whether it is not among the last ones; it is from now on."""
        if not self.size:
            return True
        if thing in self._seen:
            return False
        self._seen.add(thing)
        self._order.append(thing)
        if len(self._order) > self.size:
            self._seen.remove(self._order.popleft())
        return True

    def resize(self, size: int) -> None:
        """Remember so many from now on; the oldest are forgotten."""
        self.size = size
        while len(self._order) > size:
            self._seen.remove(self._order.popleft())

    @property
    def things(self) -> list[Hashable]:
        """What is remembered, oldest first."""
        return list(self._order)
