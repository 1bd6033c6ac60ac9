"""What a query sees of any store."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from headwater.store.batches import StoredBatch
from headwater.store.health import History
from headwater.store.points import Names
from headwater.store.query.wanted import Wanted


class Histories(Protocol):
    """How nodes stood at any time."""

    def histories(self, nodes: Iterable[int]) -> Mapping[int, History]: ...


class View(Protocol):
    """One query's view of a store; of what is stored after it began it may show some."""

    @property
    def request(self) -> Names:
        """What batches refer to."""
        ...

    @property
    def health(self) -> Histories: ...

    def node_names(self) -> dict[int, str]: ...

    def batches(self, wanted: Wanted) -> Iterator[list[StoredBatch]]:
        """All batches that may hold what is wanted, each once, in portions."""
        ...

    def newest_from(self, wanted: Wanted, rows: int) -> int:
        """The lowest ordinal such that from there on there are at least so many data points of the wanted nodes; 0
        when there are not."""
        ...

    def rest(self) -> None:
        """To be called when a portion is read."""
        ...

    def close(self) -> None: ...


PORTION_BATCHES = 256
PORTION_POINTS = 1 << 16
"""How much is read at once."""
