"""`/v1/find`: values by meter, metric, node, event time and value, each once: where it entered or was made."""

from dataclasses import dataclass, field
from typing import NamedTuple, cast

from fastapi import FastAPI, Request
from fastapi.responses import Response
from msgspec import UNSET

from headwater.api import documents, openapi
from headwater.api.answers import encode, flag, json_answer
from headwater.api.gather import Facts, nodes_of
from headwater.api.pages import CURSOR, PAGE_HEADERS, Question, next_link, size_of, size_parameter
from headwater.api.points import Painter
from headwater.api.readings import OK, Found
from headwater.api.service import Service
from headwater.api.words import METER, METRIC, NODE, decimal, instant, node_of, text, word
from headwater.model.ids import DataPointId
from headwater.store.port import DataPoint, Place, Reader, Search

SIZE = 100
EXAMINED_MAX = 10_000
"""The most data points whose values one request asks for; the cursor goes on behind them."""
_PORTION = 1_000
_EVER_MS = 1 << 61
_ORDERS = ("newest", "oldest")

_FROM = openapi.parameter("from", "query", False, {"type": "integer"}, "Event time at or after, ms since the epoch")
_TO = openapi.parameter("to", "query", False, {"type": "integer"}, "Event time before, ms since the epoch")
_MIN = openapi.parameter("min", "query", False, {"type": "number"}, "The value is at least this")
_MAX = openapi.parameter("max", "query", False, {"type": "number"}, "The value is at most this")
_ORDER = openapi.parameter(
    "order", "query", False, {"type": "string", "enum": list(_ORDERS), "default": _ORDERS[0]}, "By event time"
)


class _Values(NamedTuple):
    """Which values are wanted."""

    least: float | None
    most: float | None

    @property
    def matter(self) -> bool:
        return self.least is not None or self.most is not None

    def take(self, value: float) -> bool:
        # NaN lies in no range.
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)


@dataclass(slots=True)
class _Finding:
    """What was found for one page so far."""

    wanted: _Values
    size: int
    points: list[DataPoint] = field(default_factory=list)
    values: dict[DataPointId, Found] = field(default_factory=dict)
    unchecked: dict[documents.ValueState, int] = field(default_factory=dict)
    examined: int = 0
    last: DataPoint | None = None
    """The last one looked at."""

    def judge(self, point: DataPoint, found: Found) -> bool:
        """Take a point or leave it, by its value; answers whether there is room for more."""
        self.last = point
        self.examined += 1
        state, reading = found
        if state != OK or reading is None:
            known = cast(documents.ValueState, state)
            self.unchecked[known] = self.unchecked.get(known, 0) + 1
        elif self.wanted.take(reading.value):
            self.points.append(point)
            self.values[point.id] = found
        return len(self.points) < self.size

    def take(self, points: list[DataPoint]) -> None:
        """Take points whatever their values are."""
        self.points += points
        self.examined += len(points)
        self.last = points[-1] if points else self.last


def add_find(app: FastAPI, service: Service) -> None:
    """Add the resource."""

    @app.get(
        "/v1/find",
        summary="Values by meter, metric, node, event time and value",
        responses=openapi.answers(documents.Found, openapi.BAD_REQUEST, headers=PAGE_HEADERS),
        openapi_extra=openapi.parameters(
            *(METER, METRIC, _FROM, _TO, NODE, _MIN, _MAX, _ORDER, openapi.DETAIL, openapi.VALUES),
            *(size_parameter(SIZE), CURSOR),
        ),
    )
    async def find(request: Request) -> Response:
        wanted = _Values(decimal(request, "min"), decimal(request, "max"))
        size = size_of(request, SIZE)
        detail = flag(request, "detail")
        values = flag(request, "values", detail) or wanted.matter
        search, question, facts = await service.lanes.glance(lambda reader: _asked(reader, request, wanted, detail))
        finding = _Finding(wanted, size)
        more = await _fill(service, finding, search, facts)
        if values and not wanted.matter:
            facts = await service.valued(facts, [point.id for point in finding.points])
        elif values:
            facts = Facts(facts.detail, facts.nodes, values=finding.values)
        cursor = question.cursor(_place(finding.last)) if more and finding.last is not None else None
        return json_answer(encode(_found(finding, facts, cursor)), next_link(request, cursor) if cursor else None)


def _asked(reader: Reader, request: Request, wanted: _Values, detail: bool) -> tuple[Search, Question, Facts]:
    """What a request asks for; Rejected where that cannot be read."""
    first_ms, last_ms = instant(request, "from"), instant(request, "to")
    named = request.query_params.get("node")
    search = Search(
        first_ms=-_EVER_MS if first_ms is None else first_ms,
        last_ms=_EVER_MS if last_ms is None else last_ms,
        meter=text(request, "meter"),
        metric=text(request, "metric"),
        node=None if named is None else node_of(reader, named),
        newest=word(request, "order", _ORDERS) == "newest",
    )
    question = Question("find", (*search[:-1], *wanted))
    place = question.place_in(request, 3)
    after = None if place[0] is None else Place(*(each or 0 for each in place))
    return search._replace(after=after), question, Facts(detail, nodes_of(reader))


async def _fill(service: Service, finding: _Finding, search: Search, facts: Facts) -> bool:
    """Look on until the page is full or enough was looked at; answers whether there may be more."""
    if not finding.wanted.matter:
        found = await _searched(service, search, finding.size + 1)
        finding.take(found[: finding.size])
        return len(found) > finding.size
    while finding.size and finding.examined < EXAMINED_MAX:
        found = await _searched(service, search, _PORTION)
        values = (await service.valued(facts, [point.id for point in found])).values or {}
        for at, point in enumerate(found, 1):
            if not finding.judge(point, values[point.id]):
                return at < len(found) or len(found) == _PORTION
        if len(found) < _PORTION:
            return False
        search = search._replace(after=Place(*_place(found[-1])))
    return finding.size > 0


async def _searched(service: Service, search: Search, size: int) -> list[DataPoint]:
    return await service.lanes.ask(lambda reader: list(reader.search(search, size)))


def _place(point: DataPoint) -> Place:
    assert point.timestamp is not None
    return Place(point.timestamp, point.id.node, point.id.ordinal)


def _found(finding: _Finding, facts: Facts, cursor: str | None) -> documents.Found:
    painter = Painter(facts)
    points = [painter.document(point) for point in finding.points]
    return documents.Found(points, finding.examined, finding.unchecked, cursor or UNSET)
