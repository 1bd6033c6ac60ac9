"""A data point as a JSON document."""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple, cast

from msgspec import UNSET, UnsetType

from headwater.api import documents
from headwater.api.gather import Facts
from headwater.api.readings import OK
from headwater.model.context import Context
from headwater.model.ids import DataPointId, format_node
from headwater.model.records import Kind
from headwater.model.stamp import OriginKind
from headwater.store.port import DataPoint, Edge

Value = float | Literal["NaN", "Infinity", "-Infinity"]
Word = Literal["source", "entry", "step"]

_ORIGINS: dict[int, Word] = {OriginKind.SOURCE: "source", OriginKind.ENTRY: "entry", OriginKind.STEP: "step"}
# Without its context record nobody knows what a node records, so what the store knows is shown.
_UNKNOWN_CONTEXT = Context()


class _Template(NamedTuple):
    """What all data points of one context share, and which times and names they show."""

    loc: documents.Location | UnsetType
    line: int | UnsetType
    application: str | UnsetType
    class_name: str | UnsetType
    created: bool
    sent: bool
    received: bool
    meter: bool
    metric: bool


class Painter:
    """Makes documents of data points for one answer, each context worked out once."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._templates: dict[int, _Template] = {}

    def document(self, point: DataPoint) -> documents.Datapoint:
        """A stored point without its neighbours, with everything that was asked for beyond 2018."""
        document = documents.Datapoint(id=str(point.id), context=self.context(point))
        if self._facts.detail:
            self._describe(document, point)
        if self._facts.values is not None:
            self._value(document, point.id)
        return document

    def context(self, point: DataPoint) -> documents.PointContext:
        """The context members that the point's node records and that are known."""
        shared = self._template(point.context or _UNKNOWN_CONTEXT)
        key, timestamp, sent_ms = point.key, point.timestamp, point.sent_ms
        return documents.PointContext(
            loc=shared.loc,
            line_no=shared.line,
            app_name=shared.application,
            class_name=shared.class_name,
            timestamp=timestamp if shared.created and timestamp is not None else UNSET,
            send_time=sent_ms if shared.sent and sent_ms is not None else UNSET,
            receive_time=point.received_ms if shared.received else UNSET,
            meter_id=key.meter if key and shared.meter else UNSET,
            metric_id=key.metric if key and shared.metric else UNSET,
            host_id=format_node(point.id.node),
        )

    def stub(self, id: DataPointId, outside: bool, reason: str | None = None) -> documents.Datapoint:
        """The document of a point that is named only, or that the store does not hold."""
        document = documents.Datapoint(id=str(id))
        if not self._facts.detail:
            return document
        if outside:
            document.outside = True
        elif reason or id in self._facts.missing:
            document.missing = reason or self._facts.missing[id]
        return document

    def why_missing(self, id: DataPointId) -> str | None:
        return self._facts.missing.get(id)

    def neighbours(self, edges: Sequence[Edge], outside: bool) -> list[documents.Contribution]:
        """Inputs or outputs as ids."""
        return [documents.Contribution(self.stub(edge.point, outside), edge.contribution) for edge in edges]

    def _describe(self, document: documents.Datapoint, point: DataPoint) -> None:
        node = self._facts.nodes.get(point.id.node)
        document.node = node.name if node else UNSET
        document.kind = "out" if point.kind == Kind.OUT else "data"
        document.step = point.step or UNSET
        document.input_count = len(point.inputs)
        kind, stream, number = point.origin
        document.origin = documents.Origin(_ORIGINS.get(kind, "entry"), stream, number)
        document.traceparent = point.traceparent or UNSET
        history = self._facts.histories.get(point.id.node)
        if history is not None and (words := history.at(point.received_ms)):
            document.health = {part.value: health.value for part, health in words.items()}
        if point.context is not None:
            document.metrics = point.context.metrics

    def _value(self, document: documents.Datapoint, id: DataPointId) -> None:
        state, reading = (self._facts.values or {}).get(id, ("unknown", None))
        if state == OK and reading is not None:
            document.value = json_number(reading.value)
        else:
            document.value_state = cast(documents.ValueState, state)

    def _template(self, context: Context) -> _Template:
        template = self._templates.get(id(context))
        if template is None:
            template = self._templates[id(context)] = _shared(context)
        return template


def _shared(context: Context) -> _Template:
    place = context.location if context.has("loc") else None
    return _Template(
        loc=documents.Location(place.label, place.latitude or 0.0, place.longitude or 0.0) if place else UNSET,
        line=context.line if context.has("line") and context.line is not None else UNSET,
        application=(context.has("app") and context.application) or UNSET,
        class_name=(context.has("class") and context.class_name) or UNSET,
        created=context.has("ctime"),
        sent=context.has("stime"),
        received=context.has("rtime"),
        meter=context.has("meterid"),
        metric=context.has("metricid"),
    )


def json_number(value: float) -> Value:
    """A value as JSON can say it: what is no finite number becomes a word."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"
