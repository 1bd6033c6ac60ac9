"""The relation as Arrow record batches, in a stream that DuckDB reads as often as a query names it."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from headwater.model.context import Context
from headwater.model.errors import HeadwaterError, Unavailable
from headwater.model.health import Health, Part
from headwater.model.ids import DataPointId, format_node
from headwater.model.records import Kind
from headwater.model.stamp import OriginKind, contribution_of
from headwater.store.batches import StoredBatch
from headwater.store.health import History
from headwater.store.query.relation import COLUMNS, FLAG, INTEGER, NUMBER, TEXT, TEXTS
from headwater.store.query.rows import NEVER, Integers, Rows, rows_of
from headwater.store.query.view import PORTION_POINTS, Histories, View
from headwater.store.query.wanted import ALL

Values = Callable[[list[DataPointId]], list[tuple[str, float | None]]]
"""What the nodes say of ids, for each (state, value)."""

_TYPES = {
    TEXT: pa.string(),
    INTEGER: pa.int64(),
    NUMBER: pa.float64(),
    FLAG: pa.bool_(),
    TEXTS: pa.list_(pa.string()),
}
SCHEMA = pa.schema([(column.name, _TYPES[column.type]) for column in COLUMNS])
_HEX = np.frombuffer(b"".join(b"%02x" % byte for byte in range(256)), np.uint8).reshape(256, 2)
_ORIGINS = {OriginKind.SOURCE: "source", OriginKind.ENTRY: "entry", OriginKind.STEP: "step"}

_NOT_KNOWN = Context()
"""Without its context record nobody knows what a node records, so what the store knows is shown."""


class Relation:
    """The relation of one query, as an Arrow stream (the PyCapsule interface)."""

    def __init__(self, view: View, site: str, columns: frozenset[str], values: Values | None) -> None:
        self._view = view
        self.wanted = ALL
        self._columns = columns
        self._painter = _Painter(site, view.node_names(), view.health, values)
        self._absent = {field.name: pa.nulls(PORTION_POINTS, field.type) for field in SCHEMA}
        self.rows = 0
        """How many rows were read."""
        self.failed: HeadwaterError | None = None
        """What ended the reading: DuckDB would only say that something did."""

    def __arrow_c_schema__(self) -> object:
        return SCHEMA.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return pa.RecordBatchReader.from_batches(SCHEMA, self._batches()).__arrow_c_stream__(requested_schema)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        try:
            for rows in rows_of(self._view, self.wanted, self._columns):
                self.rows += rows.count
                painted = self._painter.painted(rows, self._columns)
                columns = [painted.get(field.name, self._nothing(field, rows.count)) for field in SCHEMA]
                yield pa.RecordBatch.from_arrays(columns, schema=SCHEMA)
        except HeadwaterError as error:
            self.failed = error
            raise
        except (sqlite3.Error, OSError) as error:
            self.failed = Unavailable(f"the store cannot be read: {error}")
            raise

    def _nothing(self, field: pa.Field, count: int) -> pa.Array:
        absent = self._absent[field.name]
        return absent.slice(0, count) if count <= len(absent) else pa.nulls(count, field.type)


class _Painter:
    """Makes Arrow columns of rows."""

    def __init__(self, site: str, names: dict[int, str], health: Histories, values: Values | None) -> None:
        self._site = site
        self._names = names
        self._reader = health
        self._histories: dict[int, History] = {}
        self._values = values

    def painted(self, rows: Rows, columns: frozenset[str]) -> dict[str, pa.Array]:
        """The columns that are asked for."""
        found: dict[str, pa.Array] = {}
        for names, paint in self._paints().items():
            if columns.intersection(names):
                found.update(zip(names, paint(rows), strict=True))
        return found

    def _paints(self) -> dict[tuple[str, ...], Callable[[Rows], tuple[pa.Array, ...]]]:
        return {
            ("id",): lambda rows: (ids(rows.ordinals, rows.nodes),),
            ("node", "node_name", "site"): self._places,
            ("meter", "metric"): _series,
            ("timestamp",): _timestamps,
            ("stime",): _sent,
            ("rtime", "kind", "outside", "clock_offset", "contribution"): _stamps,
            ("location", "latitude", "longitude", "application", "class", "line", "step"): _contexts,
            ("inputs",): _inputs,
            ("origin", "origin_stream", "origin_number"): _origins,
            ("node_health", "pipeline_health", "provenance_health", "link_health"): self._health,
            ("value", "value_state"): self._retained,
        }

    def _places(self, rows: Rows) -> tuple[pa.Array, ...]:
        nodes = [part.batch.node for part in rows.parts]
        return (
            _per_batch(rows, [format_node(node) for node in nodes], pa.string()),
            _per_batch(rows, [self._names.get(node) for node in nodes], pa.string()),
            pa.repeat(pa.scalar(self._site), rows.count),
        )

    def _health(self, rows: Rows) -> tuple[pa.Array, ...]:
        self._histories |= self._reader.histories({part.batch.node for part in rows.parts} - self._histories.keys())
        words = [self._words(part.batch) for part in rows.parts]
        return tuple(
            _per_batch(rows, [None if (word := one.get(part)) is None else word.value for one in words], pa.string())
            for part in (Part.NODE, Part.PIPELINE, Part.PROVENANCE, Part.LINK)
        )

    def _words(self, batch: StoredBatch) -> dict[Part, Health]:
        history = self._histories.get(batch.node)
        return {} if history is None else history.at(batch.shipped.stamp.received_ms)

    def _retained(self, rows: Rows) -> tuple[pa.Array, ...]:
        if self._values is None:
            return pa.nulls(rows.count, pa.float64()), pa.nulls(rows.count, pa.string())
        found = self._values(rows.ids())
        return pa.array([value for _, value in found], pa.float64()), pa.array([state for state, _ in found])


def ids(ordinals: Integers, nodes: Integers) -> pa.Array:
    """Ids as 20 hex digits."""
    count = len(ordinals)
    binary = np.empty((count, 10), np.uint8)
    binary[:, :7] = ordinals.astype(">i8").view(np.uint8).reshape(count, 8)[:, 1:]
    binary[:, 7:] = nodes.astype(">i4").view(np.uint8).reshape(count, 4)[:, 1:]
    text = np.ascontiguousarray(_HEX[binary].reshape(count * 20))
    offsets = np.arange(0, 20 * count + 1, 20, dtype=np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(text))


def _per_batch(rows: Rows, values: Sequence[object], kind: pa.DataType) -> pa.Array:
    """A value for each batch, repeated for its rows."""
    return pa.array(list(values), kind).take(pa.array(rows.batch_numbers))


def _hidden(rows: Rows, metric: str) -> NDArray[np.bool_]:
    """Where the node does not record a context column."""
    hidden = [not (context or _NOT_KNOWN).has(metric) for context in rows.contexts()]
    return np.repeat(np.array(hidden, bool), rows.counts)


def _series(rows: Rows) -> tuple[pa.Array, ...]:
    places, keys = rows.series()
    unknown = len(keys) - 1
    return tuple(
        pa.array([key and key[at] for key in keys], pa.string()).take(
            pa.array(np.where(_hidden(rows, metric), unknown, places))
        )
        for at, metric in enumerate(("meterid", "metricid"))
    )


def _timestamps(rows: Rows) -> tuple[pa.Array, ...]:
    times, known = rows.timestamps
    return (pa.array(times, pa.int64(), mask=~known | _hidden(rows, "ctime")),)


def _sent(rows: Rows) -> tuple[pa.Array, ...]:
    times = rows.sent()
    return (pa.array(times, pa.int64(), mask=(times == NEVER) | _hidden(rows, "stime")),)


def _stamps(rows: Rows) -> tuple[pa.Array, ...]:
    shipped = [part.batch.shipped for part in rows.parts]
    received = rows.per_batch([each.stamp.received_ms for each in shipped])
    contributions = [None if each.stamp.inputs is None else contribution_of(each.stamp) for each in shipped]
    return (
        pa.array(received, pa.int64(), mask=_hidden(rows, "rtime")),
        _per_batch(rows, ["out" if each.kind == Kind.OUT else "data" for each in shipped], pa.string()),
        _per_batch(rows, [each.stamp.outside for each in shipped], pa.bool_()),
        _per_batch(rows, [each.stamp.clock_offset_ms for each in shipped], pa.int64()),
        _per_batch(rows, contributions, pa.string()),
    )


def _contexts(rows: Rows) -> tuple[pa.Array, ...]:
    shown = [_shown(context) for context in rows.contexts()]
    kinds = (pa.string(), pa.float64(), pa.float64(), pa.string(), pa.string(), pa.int64(), pa.string())
    return tuple(_per_batch(rows, [one[at] for one in shown], kind) for at, kind in enumerate(kinds))


def _shown(context: Context | None) -> tuple[object, ...]:
    if context is None:
        return (None,) * 7
    place = context.location if context.has("loc") else None
    return (
        place and place.label,
        place and place.latitude,
        place and place.longitude,
        (context.has("app") and context.application) or None,
        (context.has("class") and context.class_name) or None,
        context.line if context.has("line") else None,
        context.step,
    )


def _inputs(rows: Rows) -> tuple[pa.Array, ...]:
    counts, ordinals, nodes = rows.inputs()
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return (pa.ListArray.from_arrays(pa.array(offsets), ids(ordinals, nodes)),)


def _origins(rows: Rows) -> tuple[pa.Array, ...]:
    origins = [part.batch.shipped.origin for part in rows.parts]
    return (
        _per_batch(rows, [_ORIGINS.get(each.kind, "entry") for each in origins], pa.string()),
        _per_batch(rows, [each.stream.hex() for each in origins], pa.string()),
        pa.array(rows.numbers, pa.int64()),
    )
