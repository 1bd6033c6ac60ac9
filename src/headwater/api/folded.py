"""`GET /v1/folded/{id}`: a lineage in few cards, and what one data point was made from part by part."""

from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.responses import Response

from headwater.api import documents, openapi
from headwater.api.answers import encode, json_answer, number
from headwater.api.by_id import stored
from headwater.api.cards import Split, folded_document, neighbours_document
from headwater.api.contract import Expired
from headwater.api.folding import Bounds, Look, fold
from headwater.api.gather import graph_of
from headwater.api.groups import series_of
from headwater.api.service import Service
from headwater.api.splitting import Place, place_of, split
from headwater.api.words import word
from headwater.model.errors import NotFound, Rejected
from headwater.model.ids import DataPointId, parse_id
from headwater.model.records import Why
from headwater.store.port import DataPoint, Reader

DEPTH, FAN = 8, 8
FAN_MAX = 100
CARDS, CARDS_MAX = 200, 1_000
DIRECTIONS = ("backward", "forward")

_DIRECTION = openapi.parameter(
    "direction",
    "query",
    False,
    {"type": "string", "enum": list(DIRECTIONS), "default": DIRECTIONS[0]},
    "To what it was made from, or to what it went into",
)
_NO_POINT = openapi.problem(404, "The store holds no data point of this id, or holds it no longer")


def _whole(name: str, least: int, most: int, default: int, about: str) -> openapi.Schema:
    shape = {"type": "integer", "minimum": least, "maximum": most, "default": default}
    return openapi.parameter(name, "query", False, shape, about)


def add_folded(app: FastAPI, service: Service) -> None:
    """Add the resources."""
    options = service.options

    @app.get(
        "/v1/folded/{id}",
        summary="A lineage in few cards, however many data points it has",
        responses=openapi.answers(documents.FoldedLineage, openapi.BAD_REQUEST, _NO_POINT),
        openapi_extra=openapi.parameters(
            openapi.POINT_ID,
            _DIRECTION,
            _whole("depth", 0, options.depth_max, DEPTH, "How many hops are looked at"),
            _whole("fan", 1, FAN_MAX, FAN, "Up to so many inputs of a data point are told one by one, more together"),
            _whole("cards", 1, CARDS_MAX, CARDS, "Where there are so many cards, none leads on"),
        ),
    )
    async def folded(request: Request) -> Response:
        id, forward = parse_id(request.path_params["id"]), _is_forward(request)
        depth, fan = number(request, "depth", DEPTH, options.depth_max), number(request, "fan", FAN, FAN_MAX)
        if fan == 0:
            raise Rejected("parameter", f"fan = '0': an integer within 1..{FAN_MAX} is needed")
        cards_max = number(request, "cards", CARDS, CARDS_MAX)
        bounds = Bounds(depth, fan, options.points_max, cards_max)

        def answer(reader: Reader) -> bytes:
            cards = fold(id, _look(reader, id, forward, bounds.points), bounds, forward=forward)
            if not cards[0].points:
                raise _absent(reader, id)
            return encode(folded_document(reader, id, forward, cards))

        return json_answer(await service.lanes.ask(answer))

    @app.get(
        "/v1/folded/{id}/neighbours",
        summary="What a data point was made from, or went into, part by part",
        responses=openapi.answers(documents.Neighbours, openapi.BAD_REQUEST, _NO_POINT),
        openapi_extra=openapi.parameters(
            openapi.POINT_ID,
            _DIRECTION,
            _whole("first", 0, options.points_max, 0, "The place in their order from which on they are taken apart"),
            _whole("last", 0, options.points_max, options.points_max, "The place behind the last"),
        ),
    )
    async def neighbours(request: Request) -> Response:
        id, forward = parse_id(request.path_params["id"]), _is_forward(request)
        first = number(request, "first", 0, options.points_max)
        last = number(request, "last", options.points_max, options.points_max)

        def answer(reader: Reader) -> bytes:
            parts = _parts(reader, id, forward, first, last, options.points_max)
            return encode(neighbours_document(reader, id, forward, parts))

        return json_answer(await service.lanes.ask(answer))


def _is_forward(request: Request) -> bool:
    return word(request, "direction", DIRECTIONS) == DIRECTIONS[1]


def _look(reader: Reader, id: DataPointId, forward: bool, most: int) -> Look:
    """How to look at data points: forward, the store has walked all of them at once."""
    if not forward:
        return lambda ids: stored(reader, ids)
    graph = graph_of(reader, [id], True, most)
    return lambda ids: {id: graph[id] for id in ids if id in graph}


def _absent(reader: Reader, id: DataPointId) -> Exception:
    if reader.missing([id]).get(id) == Why.EXPIRED:
        return Expired(f"{id} has expired: its provenance was deleted; /v1/expired says what was, when and why.")
    return NotFound(f"{id}: the store holds no data point of this id.")


def _parts(reader: Reader, id: DataPointId, forward: bool, first: int, last: int, most: int) -> Split:
    look = _look(reader, id, forward, most)
    here = look([id]).get(id)
    if here is None:
        raise _absent(reader, id)
    point, edges = here
    if len(edges) > most:
        raise Rejected("too-large", f"{id} has {len(edges)} neighbours: at most {most} are taken apart")
    ids = list(dict.fromkeys(edge.point for edge in edges))
    outside = point.outside and not forward
    found = {} if outside else look(ids)
    points = {id: found[id][0] for id in ids if id in found}
    onward = {id: len(found[id][1]) for id in points}
    places = sorted(_place(id, points) for id in ids)
    bounds = split(places, min(first, len(places)), min(last, len(places)))
    parts = [(start, [place.id for place in places[start:end]]) for start, end in bounds]
    return Split(len(places), parts, points, onward, outside)


def _place(id: DataPointId, points: Mapping[DataPointId, DataPoint]) -> Place:
    point = points.get(id)
    return place_of(id, point, series_of(point) if point else None)
