"""Grids as plain values: batches of any lineage, the shipments that tell of them, and what an oracle says they mean."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

from headwater.model.context import Context
from headwater.model.ids import DataPointId, IdRun, first_ordinal
from headwater.model.reading import SeriesKey
from headwater.model.records import Definition, Kind
from headwater.model.shipment import Shipment, ShippedStamp
from headwater.model.stamp import (
    Inputs,
    Lists,
    Origin,
    OriginKind,
    Same,
    Select,
    Stamp,
    bitmap,
    contribution_of,
    input_ids,
    inputs_of,
)
from headwater.store.port import DataPoint, Edge, Search
from headwater.wire import codec

SITE = "default"
START = first_ordinal(1_518_452_970)
CONTEXT = Context(application="gateway")
AVERAGED = Context(step="average(10s)")
SOURCE = b"sensors1"


def log_of(node: int) -> bytes:
    return b"log%05d" % node


def keys_of(series: list[int], timestamps: list[int]) -> bytes:
    columns = (np.array(series, np.int64), np.array(timestamps, np.int64))
    return codec.keys(codec.encode(*columns, np.zeros(len(series))))


def point(node: int, position: int) -> DataPointId:
    return DataPointId(node, START + position)


def run(node: int, position: int, count: int) -> IdRun:
    return IdRun(node, START + position, count)


def stamped(
    made: IdRun,
    inputs: Inputs | None = None,
    *,
    sequence: int = 1,
    keys: bytes | None = None,
    entry: bytes | None = None,
    context: Context = CONTEXT,
    received_ms: int = 5_000,
    sent_ms: int | None = None,
    origin: Origin | None = None,
    outside: bool = False,
) -> ShippedStamp:
    """A stamp of a batch; a source's first reading has number 100 unless an origin is given."""
    return ShippedStamp(
        sequence,
        Kind.OUT if isinstance(inputs, Lists) else Kind.DATA,
        Stamp(made, inputs, context.id, received_ms, sent_ms, None, outside),
        origin or Origin(OriginKind.SOURCE, SOURCE, 100),
        entry or log_of(made.node),
        keys,
    )


def series_of(node: int, number: int) -> Definition:
    return Definition(log_of(node), number, f"meter{node}", f"metric{number}")


class Row(NamedTuple):
    """A batch as generated, with its keys in the clear."""

    shipped: ShippedStamp
    series: list[int]
    timestamps: list[int]


@dataclass
class Grid:
    """Batches in the order they were made, and the definitions of their series."""

    rows: list[Row] = field(default_factory=list)
    definitions: list[Definition] = field(default_factory=list)

    def shipments(self) -> list[tuple[int, Shipment]]:
        """One shipment a batch: (node, shipment)."""
        return [(row.shipped.stamp.run.node, Shipment((row.shipped,))) for row in self.rows]


class Oracle:
    """What a grid means, id by id."""

    def __init__(self, grid: Grid) -> None:
        self._rows: dict[DataPointId, tuple[Row, int]] = {}
        for row in grid.rows:
            for position in range(row.shipped.stamp.run.count):
                self._rows[row.shipped.stamp.run.at(position)] = (row, position)
        self._names = {
            (one.log, one.number): SeriesKey(one.meter, one.metric) for one in grid.definitions if not one.damaged
        }
        self._contexts = {context.id: context for context in (CONTEXT, AVERAGED)}
        self._sent: dict[DataPointId, int] = {}
        for row in grid.rows:
            self._note_sent(row.shipped.stamp)

    def _note_sent(self, stamp: Stamp) -> None:
        if stamp.sent_ms is None or stamp.inputs is None:
            return
        made = stamp.inputs
        runs = [run for runs in made.inputs for run in runs] if isinstance(made, Lists) else [made.run]
        for parent in input_ids(tuple(runs)):
            self._sent[parent] = min(stamp.sent_ms, self._sent.get(parent, stamp.sent_ms))

    @property
    def ids(self) -> list[DataPointId]:
        return list(self._rows)

    def parents(self, at: DataPointId) -> list[DataPointId]:
        if at not in self._rows:
            return []
        row, position = self._rows[at]
        return list(input_ids(inputs_of(row.shipped.stamp, position)))

    def point(self, at: DataPointId) -> DataPoint:
        row, _ = self._rows[at]
        shipped = row.shipped
        stamp = shipped.stamp
        key, timestamp = self._key(at)
        context = self._contexts[stamp.context]
        return DataPoint(
            at,
            context,
            key,
            timestamp,
            stamp.received_ms,
            self._sent.get(at),
            tuple(Edge(parent, contribution_of(stamp)) for parent in self.parents(at)),
            stamp.outside,
            shipped.kind,
            context.step,
            (shipped.origin.kind, shipped.origin.stream.hex(), self._number(at)),
        )

    def _key(self, at: DataPointId) -> tuple[SeriesKey | None, int | None]:
        row, position = self._rows[at]
        if row.shipped.keys is not None:
            name = (row.shipped.entry, row.series[position])
            return self._names.get(name), row.timestamps[position]
        parents = self.parents(at)
        forwarded = isinstance(row.shipped.stamp.inputs, Same | Select)
        if forwarded and parents[0] in self._rows:
            return self._key(parents[0])
        return None, None

    def _number(self, at: DataPointId) -> int:
        row, position = self._rows[at]
        origin, made = row.shipped.origin, row.shipped.stamp.inputs
        if origin.kind != OriginKind.SOURCE:
            return origin.number
        if not isinstance(made, Select):
            return origin.number + position
        parent = self.parents(at)[0]
        if row.shipped.keys is None and parent in self._rows and self._source(parent):
            return self._number(parent)
        return origin.number + parent.ordinal - made.run.start

    def _source(self, at: DataPointId) -> bool:
        return self._rows[at][0].shipped.origin.kind == OriginKind.SOURCE

    def points(self, ids: Iterable[DataPointId]) -> dict[DataPointId, DataPoint]:
        return {at: self.point(at) for at in ids if at in self._rows}

    def backward(self, ids: Iterable[DataPointId]) -> dict[DataPointId, DataPoint]:
        todo, seen = list(ids), set[DataPointId]()
        while todo:
            at = todo.pop()
            if at in self._rows and at not in seen:
                seen.add(at)
                todo += self.parents(at)
        return self.points(seen)

    def outputs(self) -> dict[DataPointId, list[Edge]]:
        found: dict[DataPointId, list[Edge]] = {}
        for at, (row, _) in self._rows.items():
            for parent in self.parents(at):
                found.setdefault(parent, []).append(Edge(at, contribution_of(row.shipped.stamp)))
        return found

    def forward(self, ids: Iterable[DataPointId]) -> dict[DataPointId, tuple[DataPoint, tuple[Edge, ...]]]:
        outputs = self.outputs()
        todo, seen = list(ids), set[DataPointId]()
        while todo:
            at = todo.pop()
            if at not in seen:
                seen.add(at)
                todo += [edge.point for edge in outputs.get(at, ())]
        return {at: (self.point(at), tuple(sorted(outputs.get(at, ())))) for at in seen if at in self._rows}

    def find(self, key: SeriesKey, first_ms: int, last_ms: int, size: int) -> list[DataPoint]:
        hits = [
            (row.timestamps[position], at)
            for at, (row, position) in self._rows.items()
            if row.shipped.keys is not None
            and self._names.get((row.shipped.entry, row.series[position])) == key
            and first_ms <= row.timestamps[position] < last_ms
        ]
        return [self.point(at) for _, at in sorted(hits)[:size]]

    def search(self, search: Search) -> list[DataPoint]:
        """Everything that a search finds."""
        hits = []
        for at, (row, position) in self._rows.items():
            if row.shipped.keys is None or search.node not in (None, at.node):
                continue
            key = self._names.get((row.shipped.entry, row.series[position]))
            named = search.meter in (None, key and key.meter) and search.metric in (None, key and key.metric)
            if named and search.first_ms <= row.timestamps[position] < search.last_ms:
                hits.append((row.timestamps[position], at))
        return [self.point(at) for _, at in sorted(hits, reverse=search.newest)]

    def last_of(self, node: int, size: int) -> list[DataPoint]:
        ids = sorted((at for at in self._rows if at.node == node), reverse=True)
        return [self.point(at) for at in ids[:size]]


NODES = (1, 2, 3)
SERIES = (1, 2, 3, 4, 5)


@st.composite
def grids(draw: st.DrawFn, batches_max: int = 14) -> Grid:
    """Any lineage that logs can hold: forwarding, selecting, steps, clients from outside, inputs never stored."""
    grid = Grid()
    ends = dict.fromkeys(NODES, 0)
    for sequence in range(1, draw(st.integers(1, batches_max)) + 1):
        node = draw(st.sampled_from(NODES))
        start = ends[node] + draw(st.sampled_from((0, 0, 0, 1, 9_000)))
        row = _row(draw, grid, node, start, sequence)
        ends[node] = start + row.shipped.stamp.run.count
        grid.rows.append(row)
    # Series 4 of each node is damaged, and nobody has defined series 5.
    for node in NODES:
        grid.definitions += [series_of(node, number) for number in (1, 2, 3)]
        grid.definitions.append(Definition(log_of(node), 4, "", "", damaged=True))
    return grid


def _row(draw: st.DrawFn, grid: Grid, node: int, start: int, sequence: int) -> Row:
    inputs, entry, origin = draw(st.sampled_from((_first, _forwarded, _forwarded, _made, _outside)))(
        draw, grid, node, sequence
    )
    count = _count(draw, inputs)
    keyed = not isinstance(inputs, Same | Select)
    series = sorted(draw(st.lists(st.sampled_from(SERIES), min_size=count, max_size=count))) if keyed else []
    timestamps = draw(st.lists(st.integers(0, 50), min_size=count, max_size=count)) if keyed else []
    shipped = stamped(
        run(node, start, count),
        inputs,
        sequence=sequence,
        keys=keys_of(series, timestamps) if keyed else None,
        entry=entry,
        context=AVERAGED if isinstance(inputs, Lists) else CONTEXT,
        received_ms=1_000 + sequence,
        sent_ms=draw(st.integers(900, 999)) if isinstance(inputs, Same | Select) else None,
        origin=origin,
        outside=isinstance(inputs, Lists) and inputs.contribution == "simple",
    )
    return Row(shipped, series, timestamps)


Made = tuple[Inputs | None, bytes, Origin]


def _count(draw: st.DrawFn, inputs: Inputs | None) -> int:
    if inputs is None:
        return draw(st.integers(1, 6))
    if isinstance(inputs, Same):
        return inputs.run.count
    if isinstance(inputs, Select):
        return sum(byte.bit_count() for byte in inputs.kept)
    return len(inputs.inputs)


def _first(draw: st.DrawFn, grid: Grid, node: int, sequence: int) -> Made:
    kind = draw(st.sampled_from((OriginKind.SOURCE, OriginKind.ENTRY)))
    return None, log_of(node), Origin(kind, SOURCE, draw(st.integers(0, 1_000)))


def _forwarded(draw: st.DrawFn, grid: Grid, node: int, sequence: int) -> Made:
    """The whole of an earlier batch of another node, or what was selected of it."""
    others = [row for row in grid.rows if row.shipped.stamp.run.node != node]
    if not others:
        return _first(draw, grid, node, sequence)
    parent = draw(st.sampled_from(others)).shipped
    made = parent.stamp.run
    kept = draw(st.one_of(st.none(), st.sets(st.integers(0, made.count - 1), min_size=1)))
    inputs = Same(made) if kept is None else Select(made, bitmap(sorted(kept), made.count))
    return inputs, parent.entry, parent.origin


def _made(draw: st.DrawFn, grid: Grid, node: int, sequence: int) -> Made:
    """Outputs of a step over parts of earlier batches, some of them never stored."""
    runs = [row.shipped.stamp.run for row in grid.rows] + [run(9, 0, 5)]
    parts = st.builds(_part, st.sampled_from(runs), st.integers(0, 5), st.integers(1, 5))
    lists = draw(st.lists(st.lists(parts, min_size=1, max_size=3).map(tuple), min_size=1, max_size=4))
    return Lists("average", tuple(lists)), log_of(node), Origin(OriginKind.STEP, log_of(node), sequence, 1)


def _part(whole: IdRun, first: int, count: int) -> IdRun:
    first = min(first, whole.count - 1)
    return whole.part(first, min(count, whole.count - first))


def _outside(draw: st.DrawFn, grid: Grid, node: int, sequence: int) -> Made:
    """Readings of a 2018 client, which named ids of its own."""
    ids = draw(st.lists(st.integers(0, 99), min_size=1, max_size=4))
    inputs = Lists("simple", tuple((run(77, at, 1),) for at in ids))
    return inputs, log_of(node), Origin(OriginKind.ENTRY, log_of(node), sequence)
