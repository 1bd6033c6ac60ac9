"""A row of the table of data points and what it says, both ways; pure."""

from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

from headwater.model.context import Context, Location
from headwater.model.errors import Rejected
from headwater.model.ids import COUNTER_BITS, DataPointId, parse_id
from headwater.model.reading import SeriesKey
from headwater.model.records import Kind
from headwater.model.stamp import SIMPLE, OriginKind
from headwater.store.cassandra2018.tables import COLUMNS_OF_METRIC
from headwater.store.port import DataPoint, Edge

CONTEXTS_MAX = 10_000
"""Contexts that are remembered, so that data points share them."""
_MS_PER_S = 1_000
_UUID_EPOCH_MS = 12_219_292_800_000
"""From the beginning of the times in UUIDs, 15 October 1582, to 1970."""


class Point(NamedTuple):
    """A data point as the table has it; times in ms, None where a column is null or missing."""

    id: str
    inputs: Mapping[str, str] | None = None
    meterid: str | None = None
    metricid: str | None = None
    location: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    line: int | None = None
    class_: str | None = None
    app: str | None = None
    ctime: int | None = None
    stime: int | None = None
    rtime: int | None = None

    def column(self, name: str) -> object:
        """The value of a column that some METRICS name makes."""
        return getattr(self, "class_" if name == "class" else name)


def id_time_ms(id: DataPointId) -> int:
    """The second that an id begins with."""
    return (id.ordinal >> COUNTER_BITS) * _MS_PER_S


def insertion_time(id: DataPointId, at_ms: int) -> UUID:
    """A `time` for a row: always the same for the same id and ms, so that writing it again changes nothing."""
    ticks = (at_ms + _UUID_EPOCH_MS) * 10_000 & ((1 << 60) - 1)
    counter = id.ordinal & ((1 << COUNTER_BITS) - 1)
    return UUID(
        fields=(
            ticks & 0xFFFFFFFF,
            ticks >> 32 & 0xFFFF,
            ticks >> 48 & 0x0FFF | 0x1000,
            counter >> 18 | 0x80,
            counter >> 10 & 0xFF,
            1 << 40 | (counter & 0x3FF) << 24 | id.node,  # The bit says that this is no network card's address.
        )
    )


class Reading2018:
    """Makes data points of rows; contexts are made once and shared."""

    def __init__(self) -> None:
        self._contexts: dict[tuple[object, ...], Context] = {}
        self.refused: dict[str, int] = {}
        """What could not be understood, by reason."""

    def point(self, id: DataPointId, row: Point) -> DataPoint:
        """The data point of a row."""
        inputs = self.inputs(row.inputs)
        named = row.meterid is not None or row.metricid is not None
        return DataPoint(
            id=id,
            context=self._context(row),
            key=SeriesKey(row.meterid or "", row.metricid or "") if named else None,
            timestamp=row.ctime,
            received_ms=id_time_ms(id) if row.rtime is None else row.rtime,
            sent_ms=row.stime,
            inputs=inputs,
            outside=False,
            kind=Kind.OUT if any(edge.contribution != SIMPLE for edge in inputs) else Kind.DATA,
            step=None,
            origin=(OriginKind.ENTRY, "", 0),
        )

    def inputs(self, named: Mapping[str, str] | None) -> tuple[Edge, ...]:
        """The inputs of a row by their ids; what is no id is counted and left out."""
        edges: list[Edge] = []
        for text, contribution in (named or {}).items():
            try:
                edges.append(Edge(parse_id(text), contribution or SIMPLE))
            except Rejected:
                self.refuse("input-id")
        return tuple(edges)

    def refuse(self, reason: str) -> None:
        self.refused[reason] = self.refused.get(reason, 0) + 1

    def _context(self, row: Point) -> Context:
        """What is there is what the node recorded; what is null or no column is absent in every answer."""
        metrics = tuple(
            metric
            for metric, columns in COLUMNS_OF_METRIC.items()
            if any(row.column(name) is not None for name in columns)
        )
        facts = (metrics, row.location, row.latitude, row.longitude, row.app, row.class_, row.line)
        known = self._contexts.get(facts)
        if known is None:
            if len(self._contexts) >= CONTEXTS_MAX:
                self._contexts.clear()
            place = Location(row.location or "", row.latitude, row.longitude) if "loc" in metrics else None
            known = self._contexts[facts] = Context(metrics, place, row.app, row.class_, row.line)
        return known
