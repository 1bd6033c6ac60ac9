"""A bounded memory of what was seen, to refuse what clients without numbers send twice."""

from collections import OrderedDict
from collections.abc import Hashable


class Window:
    """The last `size` things; 0 remembers nothing and refuses nothing."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._seen: OrderedDict[Hashable, None] = OrderedDict()

    def first_time(self, thing: Hashable) -> bool:
        """Whether it is not among the last ones; it is from now on."""
        if not self._size:
            return True
        if thing in self._seen:
            return False
        self._seen[thing] = None
        if len(self._seen) > self._size:
            self._seen.popitem(last=False)
        return True

    def resize(self, size: int) -> None:
        """Remember so many from now on; the oldest are forgotten."""
        self._size = size
        while len(self._seen) > size:
            self._seen.popitem(last=False)

    @property
    def things(self) -> list[Hashable]:
        """What is remembered, oldest first."""
        return list(self._seen)
