"""Series and event time of stored batches: shipped by the first stamp, found through the inputs of later ones."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headwater.model.stamp import OriginKind, Same, Select
from headwater.store.batches import Ids, Part, StoredBatch, merged

Integers = NDArray[np.int64]
UNKNOWN = -1
SERIES_BITS = 40
"""A series number is a sequence of its log; together with the log's number it makes one integer."""
DEPTH_MAX = 64
"""So many nodes that a batch was passed on by are looked through at once."""


class Columns(NamedTuple):
    """What is known of a batch's data points, each of shape (count,)."""

    series: Integers
    """entry number << 40 | series number, the entry's number being `Resolver.entries`'; UNKNOWN where not known."""
    timestamps: Integers
    """Event time in ms, where the series is known."""
    numbers: Integers | None
    """The number of each reading at its source; None for an origin that is not a numbered source."""

    def part(self, which: slice | Integers) -> "Columns":
        numbers = None if self.numbers is None else self.numbers[which]
        return Columns(self.series[which], self.timestamps[which], numbers)


class PartColumns(NamedTuple):
    """The same of some data points."""

    series: list[int]
    timestamps: list[int]
    numbers: list[int] | None
    """What each was called where it was selected from; None when the origin of the batch says it."""


class Resolver:
    """Finds the columns of batches, each once in a request, through chains of `Same` and `Select` of any length."""

    def __init__(self, over: Callable[[Ids], list[StoredBatch]]) -> None:
        """`over` answers the stored batches that hold any of some ids."""
        self.entries: list[bytes] = []
        self._entry_numbers: dict[bytes, int] = {}
        self._over = over
        self._known: dict[tuple[int, int], Columns] = {}

    def columns(self, batch: StoredBatch) -> Columns:
        """The columns of a batch; what only a cycle would tell is unknown."""
        stack, open_ = [batch], set[tuple[int, int]]()
        while stack:
            top = stack[-1]
            if top.place in self._known:
                stack.pop()
                continue
            if top.root is not None:
                self._known[top.place] = self._from_root(top, *top.root)
                continue
            parents = self._parents(top)
            waiting = [part.batch for part, _ in parents if part.batch.place not in self._known]
            if waiting and top.place not in open_:
                open_.add(top.place)
                stack += waiting
                continue
            self._known[top.place] = self._resolve(top, parents)
            stack.pop()
        return self._known[batch.place]

    def part(self, part: Part) -> PartColumns:
        """The columns of a part, without those of the rest of its batch where they can be left out."""
        batch, first, end = part
        source = self._source(batch)
        if source is None:
            known = self.columns(batch).part(slice(first, end))
            numbers = None if known.numbers is None else known.numbers.tolist()
            return PartColumns(known.series.tolist(), known.timestamps.tolist(), numbers)
        root, at = source
        code = self._entry_number(root.shipped.entry) << SERIES_BITS
        series, timestamps = root.keys_between(at + first, at + end)
        return PartColumns([code + number for number in series] if code else series, timestamps, None)

    def _source(self, batch: StoredBatch) -> tuple[StoredBatch, int] | None:
        """The batch with keys that all of a batch came from unchanged, and where in it it begins; None when there is
        none."""
        chain: list[tuple[StoredBatch, list[tuple[Part, int]]]] = []
        top = batch
        while top.keys is None and top.root is None:
            parents = self._parents(top) if isinstance(top.stamp.inputs, Same) else []
            if len(parents) != 1 or len(chain) > DEPTH_MAX:
                return None
            chain.append((top, parents))
            top = parents[0][0].batch
        for child, parents in reversed(chain):
            child.root = _root(child, parents)
        return (batch, 0) if batch.keys is not None else batch.root

    def read(self, batches: list[StoredBatch]) -> None:
        """Read what the columns of batches may be found in, many batches at once."""
        seen: set[tuple[int, int]] = set()
        while batches := [batch for batch in batches if batch.keys is None and batch.root is None]:
            seen.update(batch.place for batch in batches)
            runs = merged(_inherited_run(batch) for batch in batches if _inherits(batch))
            batches = [batch for ids in runs for batch in self._over(ids) if batch.place not in seen]

    def _parents(self, batch: StoredBatch) -> list[tuple[Part, int]]:
        """The stored parts of the run that a batch inherits from, each with its place in the run."""
        if not _inherits(batch):
            return []
        ids = _inherited_run(batch)
        return [
            (
                Part(parent, max(ids.first - parent.start, 0), min(ids.end, parent.end) - parent.start),
                max(parent.start - ids.first, 0),
            )
            for parent in self._over(ids)
        ]

    def _resolve(self, batch: StoredBatch, parents: list[tuple[Part, int]]) -> Columns:
        made = batch.stamp.inputs
        size = made.run.count if isinstance(made, Same | Select) and parents else batch.count
        keyed = batch.key_columns
        if keyed is not None:
            code = self._entry_number(batch.shipped.entry) << SERIES_BITS
            return Columns(keyed[0] + code, keyed[1], _numbers(batch, None))
        batch.root = _root(batch, parents)
        columns = self._inherited(parents, size)
        if isinstance(made, Select) and parents:
            columns = columns.part(batch.kept)
        return columns._replace(numbers=_numbers(batch, columns.numbers))

    def _from_root(self, batch: StoredBatch, root: StoredBatch, first: int) -> Columns:
        keyed = root.key_columns
        assert keyed is not None
        code = self._entry_number(root.shipped.entry) << SERIES_BITS
        part = slice(first, first + batch.count)
        return Columns(keyed[0][part] + code, keyed[1][part], _numbers(batch, None))

    def _inherited(self, parents: list[tuple[Part, int]], size: int) -> Columns:
        if len(parents) == 1 and parents[0][0].end - parents[0][0].first == size:
            part = parents[0][0]
            known = self._known.get(part.batch.place)
            if known is not None:
                return known.part(slice(part.first, part.end))
        result = Columns(np.full(size, UNKNOWN), np.zeros(size, np.int64), np.full(size, UNKNOWN))
        for (batch, first, end), at in parents:
            known = self._known.get(batch.place)
            for target, source in zip(result, known or (), strict=False):
                if source is not None and target is not None:
                    target[at : at + end - first] = source[first:end]
        return result

    def _entry_number(self, entry: bytes) -> int:
        number = self._entry_numbers.get(entry)
        if number is None:
            number = self._entry_numbers[entry] = len(self.entries)
            self.entries.append(entry)
        return number


def _root(batch: StoredBatch, parents: list[tuple[Part, int]]) -> tuple[StoredBatch, int] | None:
    """Where a batch that was passed on whole came from; ids never change their meaning, so neither does that."""
    if not isinstance(batch.stamp.inputs, Same) or len(parents) != 1:
        return None
    parent, first, end = parents[0][0]
    if end - first != batch.count:
        return None
    if parent.keys is not None:
        return parent, first
    return None if parent.root is None else (parent.root[0], parent.root[1] + first)


def _inherits(batch: StoredBatch) -> bool:
    return batch.keys is None and isinstance(batch.stamp.inputs, Same | Select)


def _inherited_run(batch: StoredBatch) -> Ids:
    made = batch.stamp.inputs
    assert isinstance(made, Same | Select)
    return Ids(made.run.node, made.run.start, made.run.end)


def _numbers(batch: StoredBatch, inherited: Integers | None) -> Integers | None:
    """The numbers of a batch's readings at their source: what was selected from keeps its numbers."""
    origin = batch.shipped.origin
    if origin.kind != OriginKind.SOURCE:
        return None
    positions = np.arange(origin.number, origin.number + batch.count)
    if not isinstance(batch.stamp.inputs, Select):
        return positions
    selected = origin.number + batch.kept
    return selected if inherited is None else np.where(inherited == UNKNOWN, selected, inherited)
