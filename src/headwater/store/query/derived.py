"""What batches a query wants, of any store: those with wanted keys and all that inherit them, and the newest."""

from collections.abc import Callable, Iterable, Iterator
from heapq import heapify, heappop, heappush
from typing import NamedTuple

import numpy as np

from headwater.model.stamp import Same, Select
from headwater.store.batches import Ids, StoredBatch, links
from headwater.store.columns import Integers
from headwater.store.query.wanted import Bounds, Wanted

NumbersOf = Callable[[bytes], Integers | None]
"""The numbers that an entry log has given to the wanted series; None when all series are wanted."""


class _Hit(NamedTuple):
    """A batch with wanted data points at first <= position < end."""

    batch: StoredBatch
    first: int
    end: int

    @property
    def key(self) -> tuple[tuple[int, int], int, int]:
        return (self.batch.place, self.first, self.end)


def derived(
    portions: Iterable[list[StoredBatch]],
    timestamps: Bounds,
    numbers_of: NumbersOf,
    children: Callable[[Ids], Iterable[StoredBatch]],
    first_time: Callable[[StoredBatch], bool],
) -> Iterator[list[StoredBatch]]:
    """The batches among some that hold wanted keys, and all that inherit them, each when it comes the first time."""
    for portion in portions:
        fresh = [_Hit(batch, *hits) for batch in portion if (hits := _hits(batch, timestamps, numbers_of))]
        walked: set[tuple[tuple[int, int], int, int]] = set()  # A cycle ends.
        while fresh:
            walked.update(hit.key for hit in fresh)
            yield [hit.batch for hit in fresh if first_time(hit.batch)]
            heirs = {heir.key: heir for hit in fresh for heir in _heirs(hit, children)}
            fresh = [heir for key, heir in heirs.items() if key not in walked]


def _hits(batch: StoredBatch, timestamps: Bounds, numbers_of: NumbersOf) -> tuple[int, int] | None:
    """The positions first <= position < end of a batch between which its wanted keys lie."""
    columns = batch.key_columns
    if columns is None:
        return None
    hits = (columns[1] >= timestamps.first) & (columns[1] <= timestamps.last)
    numbers = numbers_of(batch.shipped.entry)
    if numbers is not None:
        hits &= np.isin(columns[0], numbers)
    positions = np.flatnonzero(hits)
    return (int(positions[0]), int(positions[-1]) + 1) if len(positions) else None


def _heirs(hit: _Hit, children: Callable[[Ids], Iterable[StoredBatch]]) -> Iterator[_Hit]:
    batch = hit.batch
    ids = Ids(batch.node, batch.start + hit.first, batch.start + hit.end)
    for child in children(ids):
        if child.keys is None and isinstance(child.stamp.inputs, Same | Select):
            found = links(child, ids)
            if found:
                last = found[-1]
                yield _Hit(child, found[0].output, last.output + last.end - last.first)


def lowest_of_newest(nodes: Iterable[Iterator[tuple[int, int]]], rows: int) -> int:
    """The lowest ordinal such that from there on there are so many data points, of (end, count) of the batches of each
    node, highest end first; 0 when there are not."""
    heap: list[tuple[int, int, Iterator[tuple[int, int]]]] = []
    for number, ends in enumerate(nodes):
        if (first := next(ends, None)) is not None:
            heap.append((-first[0], number, again(first, ends)))
    heapify(heap)
    while heap and rows > 0:
        _, number, ends = heappop(heap)
        rows -= next(ends)[1]
        if (following := next(ends, None)) is not None:
            heappush(heap, (-following[0], number, again(following, ends)))
    return -heap[0][0] if heap else 0


def again(first: tuple[int, int], rest: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    yield first
    yield from rest


def may_hold(batch: StoredBatch, wanted: Wanted) -> bool:
    """Whether a batch may hold what is wanted, without its keys."""
    if wanted.nodes is not None and batch.node not in wanted.nodes:
        return False
    if batch.end <= wanted.ordinals.first or batch.start > wanted.ordinals.last:
        return False
    return wanted.received.open or wanted.received.first <= batch.stamp.received_ms <= wanted.received.last
