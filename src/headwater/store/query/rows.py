"""Stored batches as rows of the relation, in numpy columns: what is wanted of them, and nothing else."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headwater.model.context import Context
from headwater.model.ids import DataPointId, IdRun
from headwater.model.reading import SeriesKey
from headwater.model.stamp import Lists, Same
from headwater.store.batches import Ids, StoredBatch, merged
from headwater.store.columns import SERIES_BITS, UNKNOWN, Columns, Resolver
from headwater.store.points import Sent
from headwater.store.query.view import PORTION_POINTS, View
from headwater.store.query.wanted import Wanted

Integers = NDArray[np.int64]
INPUTS_AT_ONCE = 1 << 18
NEVER = np.iinfo(np.int64).max
_NUMBER_MASK = (1 << SERIES_BITS) - 1


class Part(NamedTuple):
    """The wanted data points of one batch."""

    batch: StoredBatch
    positions: Integers
    columns: Columns | None
    """Of the wanted data points; None when no column needs them."""


class Rows:
    """The wanted rows of some batches."""

    def __init__(self, view: View, parts: list[Part], entries: list[bytes]) -> None:
        self._view = view
        self._entries = entries
        self.parts = parts
        self.counts = np.array([len(part.positions) for part in parts], np.int64)
        self.count = int(self.counts.sum())

    def per_batch(self, values: list[int]) -> Integers:
        """One integer for each batch, repeated for its rows."""
        return np.repeat(np.array(values, np.int64), self.counts)

    @property
    def batch_numbers(self) -> Integers:
        """Of each row the place of its batch in `parts`."""
        return np.repeat(np.arange(len(self.parts)), self.counts)

    @property
    def ordinals(self) -> Integers:
        return _joined([part.batch.start + part.positions for part in self.parts])

    @property
    def nodes(self) -> Integers:
        return self.per_batch([part.batch.node for part in self.parts])

    def series(self) -> tuple[Integers, list[SeriesKey | None]]:
        """Of each row a place in the list of series; the last place is None, for what is not known."""
        codes = _joined([part.columns.series for part in self.parts if part.columns is not None])
        distinct, places = np.unique(codes, return_inverse=True)
        keys = _keys(self._view, self._entries, distinct.tolist())
        return places.astype(np.int64), [*keys, None]

    @property
    def timestamps(self) -> tuple[Integers, NDArray[np.bool_]]:
        """Event times in ms, and where they are known."""
        columns = [part.columns for part in self.parts if part.columns is not None]
        return _joined([each.timestamps for each in columns]), _joined([each.series for each in columns]) != UNKNOWN

    @property
    def numbers(self) -> Integers:
        """The number of each row's origin."""
        return _joined([_origin_numbers(part) for part in self.parts])

    def sent(self) -> Integers:
        """When each row was sent on, in ms; NEVER where nobody has said it."""
        ranges = merged(Ids(each.batch.node, each.batch.start, each.batch.end) for each in self.parts)
        times = {ids: _sent_times(ids, self._view.request.sent(ids)) for ids in ranges}
        found = []
        for part in self.parts:
            batch = part.batch
            ids = next(each for each in ranges if each.node == batch.node and each.first <= batch.start < each.end)
            found.append(times[ids][part.positions + (batch.start - ids.first)])
        return _joined(found)

    def contexts(self) -> list[Context | None]:
        """The context of each batch, None where its record never arrived."""
        names = [part.batch.stamp.context for part in self.parts]
        known = self._view.request.contexts(set(names))
        return [known.get(name) for name in names]

    def inputs(self) -> tuple[Integers, Integers, Integers]:
        """(count of each row's inputs, ordinals of all inputs, their nodes)"""
        each = [_inputs(part) for part in self.parts]
        counts, ordinals, nodes = (_joined([one[at] for one in each]) for at in range(3))
        return counts, ordinals, nodes

    def ids(self) -> list[DataPointId]:
        return [DataPointId(*each) for each in zip(self.nodes.tolist(), self.ordinals.tolist(), strict=True)]


def rows_of(view: View, wanted: Wanted, columns: frozenset[str]) -> Iterator[Rows]:
    """All wanted rows of a view, so many at once as stay small; `columns` are those that will be read."""
    keyed = wanted.keyed or bool(columns & {"meter", "metric", "timestamp", "origin_number"})
    for portion in view.batches(wanted):
        for batches in _portions(portion, "inputs" in columns):
            resolver = Resolver(view.request.over)
            if keyed:
                resolver.read(batches)
            series = _series_test(view, resolver, wanted)
            parts = [
                part for batch in batches if len((part := _part(batch, wanted, resolver, keyed, series)).positions)
            ]
            if parts:
                yield from _split(Rows(view, parts, resolver.entries), view, "inputs" in columns)
            view.rest()


def _portions(batches: list[StoredBatch], inputs: bool) -> Iterator[list[StoredBatch]]:
    portion: list[StoredBatch] = []
    points = 0
    for batch in batches:
        portion.append(batch)
        points += batch.count
        if points >= PORTION_POINTS:
            yield portion
            portion, points = [], 0
    if portion:
        yield portion


def _keys(view: View, entries: list[bytes], codes: list[int]) -> list[SeriesKey | None]:
    """The series that codes stand for, None for what is not known."""
    wanted: dict[int, set[int]] = {}
    for code in codes:
        if code != UNKNOWN:
            wanted.setdefault(code >> SERIES_BITS, set()).add(code & _NUMBER_MASK)
    known = {entry: view.request.series(entries[entry], wanted[entry]) for entry in wanted}
    return [None if code == UNKNOWN else known[code >> SERIES_BITS].get(code & _NUMBER_MASK) for code in codes]


SeriesTest = Callable[[Integers], NDArray[np.bool_]]


def _series_test(view: View, resolver: Resolver, wanted: Wanted) -> SeriesTest | None:
    """Whether codes stand for series that are wanted; None when all are."""
    meters, metrics = wanted.meters, wanted.metrics
    if meters is None and metrics is None:
        return None

    def test(codes: Integers) -> NDArray[np.bool_]:
        distinct, places = np.unique(codes, return_inverse=True)
        keys = _keys(view, resolver.entries, distinct.tolist())
        hits = [
            key is not None and (meters is None or key.meter in meters) and (metrics is None or key.metric in metrics)
            for key in keys
        ]
        return np.array(hits, bool)[places]

    return test


def _part(batch: StoredBatch, wanted: Wanted, resolver: Resolver, keyed: bool, series: SeriesTest | None) -> Part:
    first = min(max(wanted.ordinals.first - batch.start, 0), batch.count)
    end = max(min(wanted.ordinals.last + 1 - batch.start, batch.count), first)
    positions = np.arange(first, end)
    if wanted.ids is not None:
        own = [id.ordinal - batch.start for id in wanted.ids if id.node == batch.node]
        positions = positions[np.isin(positions, own)]
    columns = resolver.columns(batch).part(positions) if keyed and len(positions) else None
    if columns is None or not wanted.keyed:
        return Part(batch, positions, columns)
    times, (first_ms, last_ms) = columns.timestamps, wanted.timestamps
    hits = (columns.series != UNKNOWN) & (times >= first_ms) & (times <= last_ms)
    if series is not None and hits.any():
        hits &= series(columns.series)
    within = np.flatnonzero(hits)
    return Part(batch, positions[within], columns.part(within))


def _split(rows: Rows, view: View, inputs: bool) -> Iterator[Rows]:
    """Rows in portions whose inputs are not too many; one row alone may have more."""
    if not inputs or not any(isinstance(part.batch.stamp.inputs, Lists) for part in rows.parts):
        yield rows
        return
    for part in rows.parts:
        counts = np.cumsum(_input_counts(part))
        cuts = np.unique(counts // INPUTS_AT_ONCE, return_index=True)[1].tolist()
        for first, end in zip(cuts, [*cuts[1:], len(counts)], strict=True):
            which = slice(first, end)
            some = Part(part.batch, part.positions[which], part.columns and part.columns.part(which))
            yield Rows(view, [some], rows._entries)


def _joined(arrays: list[Integers]) -> Integers:
    return np.concatenate(arrays) if arrays else np.zeros(0, np.int64)


def _origin_numbers(part: Part) -> Integers:
    numbers = None if part.columns is None else part.columns.numbers
    return np.full(len(part.positions), part.batch.shipped.origin.number) if numbers is None else numbers


def _sent_times(ids: Ids, sent: list[Sent]) -> Integers:
    times = np.full(ids.end - ids.first, NEVER)
    for at in sent:
        stretch = times[max(at.first - ids.first, 0) : max(at.end - ids.first, 0)]
        np.minimum(stretch, at.sent_ms, out=stretch)
    return times


def _input_counts(part: Part) -> Integers:
    made = part.batch.stamp.inputs
    if isinstance(made, Lists):
        runs = [made.inputs[position] for position in part.positions.tolist()]
        return np.array([sum(run.count for run in one) for one in runs], np.int64)
    return np.full(len(part.positions), 0 if made is None else 1)


def _inputs(part: Part) -> tuple[Integers, Integers, Integers]:
    made = part.batch.stamp.inputs
    counts = _input_counts(part)
    if made is None:
        return counts, np.zeros(0, np.int64), np.zeros(0, np.int64)
    if isinstance(made, Lists):
        return counts, *_spelled_out([run for at in part.positions.tolist() for run in made.inputs[at]])
    positions = part.positions if isinstance(made, Same) else part.batch.kept[part.positions]
    return counts, made.run.start + positions, np.full(len(positions), made.run.node)


def _spelled_out(runs: list[IdRun]) -> tuple[Integers, Integers]:
    """The ordinals and nodes of all ids of some runs."""
    counts = np.array([run.count for run in runs], np.int64)
    starts = np.array([run.start for run in runs], np.int64)
    nodes = np.array([run.node for run in runs], np.int64)
    within = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(starts, counts) + within, np.repeat(nodes, counts)
