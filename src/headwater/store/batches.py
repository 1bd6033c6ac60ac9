"""Stored batches as lineage walks see them: stretches of positions, what they were made from, what was made of them."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from headwater.model.ids import IdRun
from headwater.model.shipment import ShippedStamp
from headwater.model.stamp import Inputs, Lists, Same, Stamp
from headwater.wire.codec import decode_keys
from headwater.wire.keyparts import Keys

_decode = msgspec.msgpack.Decoder(ShippedStamp).decode

PART_OF_KEYS = 4
"""When more of the keys of a batch than one in so many are wanted, all of them are decoded."""


class Ids(NamedTuple):
    """Consecutive ids of one node: first <= ordinal < end."""

    node: int
    first: int
    end: int


class StoredBatch:
    """A batch as stored; its stamp and keys are decoded when first wanted."""

    __slots__ = (
        "_body",
        "_kept",
        "_keyed",
        "_opened",
        "_runs",
        "_shipped",
        "_walked",
        "count",
        "end",
        "keys",
        "node",
        "place",
        "root",
        "start",
        "weight",
    )

    def __init__(
        self, place: tuple[int, int], node: int, start: int, count: int, body: bytes, keys: bytes | None
    ) -> None:
        self.place = place
        """Where it is stored: (period, bid)."""
        self.node = node
        self.start = start
        self.count = count
        self.end = start + count
        self.weight = 32 * count + 8 * len(body)
        """About the bytes that it takes in memory once decoded."""
        self.keys = keys
        self._body = body
        self._shipped: ShippedStamp | None = None
        self._keyed: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None
        self._opened: Keys | None = None
        self._kept: NDArray[np.int64] | None = None
        self._runs: NDArray[np.int64] | None = None
        self._walked = False
        self.root: tuple[StoredBatch, int] | None = None
        """Once it is known: the batch with keys that all of this one came from unchanged, and where in it it begins."""

    @property
    def shipped(self) -> ShippedStamp:
        shipped = self._shipped
        if shipped is None:
            shipped = self._shipped = _decode(self._body)
        return shipped

    @property
    def stamp(self) -> Stamp:
        return self.shipped.stamp

    @property
    def key_columns(self) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
        """The shipped series numbers and timestamps in ms, both of shape (count,), or None."""
        if self._keyed is None and self.keys is not None:
            self._keyed = decode_keys(self.keys)
        return self._keyed

    def keys_between(self, first: int, end: int) -> tuple[list[int], list[int]]:
        """The series numbers and timestamps at the positions first <= position < end of a batch with keys."""
        if self._keyed is None and (end - first == 1 or self._opened is None):
            assert self.keys is not None
            opened = self._opened = self._opened or Keys(self.keys)
            if end - first == 1:
                series, timestamp = opened.at(first)
                return [series], [timestamp]
            if end - first <= self.count // PART_OF_KEYS:
                columns = opened.between(first, end)
                return columns[0].tolist(), columns[1].tolist()
        keyed = self.key_columns
        assert keyed is not None
        return keyed[0][first:end].tolist(), keyed[1][first:end].tolist()

    @property
    def kept(self) -> NDArray[np.int64]:
        """Of a batch made by `Select`: for each output the position of its input."""
        if self._kept is None:
            inputs = self.stamp.inputs
            bits = np.frombuffer(getattr(inputs, "kept", b""), np.uint8)
            self._kept = np.flatnonzero(np.unpackbits(bits, bitorder="little")).astype(np.int64)
        return self._kept

    def listed(self, ids: Ids) -> Iterator[tuple[int, int, int]]:
        """Of a batch made by `Lists`: the runs that overlap some ids, as (first ordinal, end, output position)."""
        if self._runs is not None:
            nodes, firsts, ends, positions = self._runs
            which = np.flatnonzero((nodes == ids.node) & (firsts < ids.end) & (ends > ids.first))
            yield from zip(firsts[which].tolist(), ends[which].tolist(), positions[which].tolist(), strict=True)
            return
        if self._walked:  # Columns pay when it is asked more than once.
            self._runs = np.array(list(self._listed_runs()), np.int64).reshape(-1, 4).T
        self._walked = True
        node, low, high = ids
        for run_node, first, end, position in self._listed_runs():
            if first < high and end > low and run_node == node:
                yield first, end, position

    def _listed_runs(self) -> Iterator[tuple[int, int, int, int]]:
        inputs = self.stamp.inputs
        for position, runs in enumerate(inputs.inputs if isinstance(inputs, Lists) else ()):
            for run in runs:
                yield run.node, run.start, run.start + run.count, position


class Part(NamedTuple):
    """The outputs first <= position < end of a batch."""

    batch: StoredBatch
    first: int
    end: int


def merged(ids: Iterable[Ids]) -> list[Ids]:
    """The same ids in order, ranges that touch or overlap as one."""
    result: list[Ids] = []
    for at in sorted(ids):
        last = result[-1] if result else None
        if last is not None and last.node == at.node and at.first <= last.end:
            if at.end > last.end:
                result[-1] = Ids(at.node, last.first, at.end)
        else:
            result.append(at)
    return result


def stretches(positions: NDArray[np.int64]) -> Iterator[tuple[int, int, int]]:
    """Rising positions as (index of the first, first, count) of each stretch without a gap."""
    if not len(positions):
        return
    cuts = np.flatnonzero(np.diff(positions) != 1) + 1
    bounds = [0, *cuts.tolist(), len(positions)]
    for first, end in pairwise(bounds):
        yield first, int(positions[first]), end - first


def made_from(part: Part) -> list[Ids]:
    """The ids that a part's outputs were made from; neighbours in the order of the outputs are joined."""
    batch, first, end = part
    made = batch.stamp.inputs
    if made is None:
        return []
    if isinstance(made, Lists):
        return _joined(run for runs in made.inputs[first:end] for run in runs)
    node, start = made.run.node, made.run.start
    if isinstance(made, Same):
        return [Ids(node, start + first, start + end)]
    return [Ids(node, start + at, start + at + count) for _, at, count in stretches(batch.kept[first:end])]


def _joined(runs: Iterable[IdRun]) -> list[Ids]:
    result: list[Ids] = []
    node, first, end = -1, 0, 0
    for run in runs:
        start = run.start
        if start == end and run.node == node:
            end += run.count
            continue
        if node >= 0:
            result.append(Ids(node, first, end))
        node, first, end = run.node, start, start + run.count
    if node >= 0:
        result.append(Ids(node, first, end))
    return result


class Link(NamedTuple):
    """Inputs first <= ordinal < end went into the output at position `output`; the next input into the next output
    when `moving`, else all into the same one."""

    first: int
    end: int
    output: int
    moving: bool


def links(batch: StoredBatch, ids: Ids) -> list[Link]:
    """What of a batch was made from some ids, in the order of its outputs."""
    made = batch.stamp.inputs
    if made is None:
        return []
    if isinstance(made, Lists):
        _, low, high = ids
        return [Link(max(first, low), min(end, high), position, False) for first, end, position in batch.listed(ids)]
    first, end = max(ids.first, made.run.start), min(ids.end, made.run.end)
    if made.run.node != ids.node or first >= end:
        return []
    if isinstance(made, Same):
        return [Link(first, end, first - made.run.start, True)]
    return list(_select_links(batch, made.run.start, first, end))


def _select_links(batch: StoredBatch, start: int, first: int, end: int) -> Iterator[Link]:
    low, high = np.searchsorted(batch.kept, (first - start, end - start)).tolist()
    for index, at, count in stretches(batch.kept[low:high]):
        yield Link(start + at, start + at + count, low + index, True)


def parent_spans(inputs: Inputs | None, length_max: int) -> list[Ids]:
    """The ids that a batch was made from, of a `Select` the whole run, each range at most `length_max` long."""
    if inputs is None:
        return []
    if isinstance(inputs, Same) and inputs.run.count <= length_max:
        return [Ids(inputs.run.node, inputs.run.start, inputs.run.end)]
    if isinstance(inputs, Lists):
        spans = merged(_joined(run for runs in inputs.inputs for run in runs))
    else:
        spans = [Ids(inputs.run.node, inputs.run.start, inputs.run.end)]
    return [
        Ids(node, at, min(end, at + length_max)) for node, first, end in spans for at in range(first, end, length_max)
    ]
