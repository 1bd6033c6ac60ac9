"""Which data points a query can possibly want, so that only the batches that may hold them are decoded."""

from typing import NamedTuple, TypeVar

from headwater.model.ids import ORDINAL_MAX, DataPointId

T = TypeVar("T")
MS_MIN, MS_MAX = -(1 << 63), (1 << 63) - 1


class Bounds(NamedTuple):
    """first <= x <= last"""

    first: int = MS_MIN
    last: int = MS_MAX

    @property
    def empty(self) -> bool:
        return self.first > self.last

    @property
    def open(self) -> bool:
        return self.first <= MS_MIN and self.last >= MS_MAX

    def both(self, other: "Bounds") -> "Bounds":
        return Bounds(max(self.first, other.first), min(self.last, other.last))

    def either(self, other: "Bounds") -> "Bounds":
        return Bounds(min(self.first, other.first), max(self.last, other.last))


class Wanted(NamedTuple):
    """What must hold of a data point, as far as it is known; None and open bounds say nothing.

    It is never narrower than the query: DuckDB applies the query's own conditions again.
    """

    ids: frozenset[DataPointId] | None = None
    ordinals: Bounds = Bounds(0, ORDINAL_MAX)
    nodes: frozenset[int] | None = None
    meters: frozenset[str] | None = None
    metrics: frozenset[str] | None = None
    timestamps: Bounds = Bounds()
    received: Bounds = Bounds()

    @property
    def nothing(self) -> bool:
        """No data point can be wanted."""
        bounds = (self.ordinals, self.timestamps, self.received)
        sets = (self.ids, self.nodes, self.meters, self.metrics)
        return any(each.empty for each in bounds) or frozenset() in sets

    @property
    def keyed(self) -> bool:
        """It says something of series or event time."""
        return self.meters is not None or self.metrics is not None or not self.timestamps.open

    @property
    def ranged(self) -> bool:
        """It says something of ids or nodes."""
        return self.nodes is not None or self.ordinals != Bounds(0, ORDINAL_MAX)

    def both(self, other: "Wanted") -> "Wanted":
        """What satisfies both."""
        return Wanted(
            _both(self.ids, other.ids),
            self.ordinals.both(other.ordinals),
            _both(self.nodes, other.nodes),
            _both(self.meters, other.meters),
            _both(self.metrics, other.metrics),
            self.timestamps.both(other.timestamps),
            self.received.both(other.received),
        )

    def either(self, other: "Wanted") -> "Wanted":
        """What satisfies one of them, and maybe more."""
        if self.nothing or other.nothing:
            return other if self.nothing else self
        return Wanted(
            _either(self.ids, other.ids),
            self.ordinals.either(other.ordinals),
            _either(self.nodes, other.nodes),
            _either(self.meters, other.meters),
            _either(self.metrics, other.metrics),
            self.timestamps.either(other.timestamps),
            self.received.either(other.received),
        )


ALL = Wanted()
NOTHING = Wanted(ids=frozenset())


def _both(one: frozenset[T] | None, other: frozenset[T] | None) -> frozenset[T] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _either(one: frozenset[T] | None, other: frozenset[T] | None) -> frozenset[T] | None:
    return None if one is None or other is None else one | other
