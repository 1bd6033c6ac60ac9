"""`POST /v1/points`: many data points by their ids, without their lineage."""

from collections.abc import Collection

import msgspec
from fastapi import FastAPI, Request
from fastapi.responses import Response

from headwater.api import documents, openapi
from headwater.api.answers import body_of, encode, json_answer
from headwater.api.folding import Found
from headwater.api.gather import Facts, facts_of
from headwater.api.points import Painter
from headwater.api.service import Service
from headwater.api.words import ids_of
from headwater.model.errors import Rejected
from headwater.model.ids import DataPointId
from headwater.store.port import Reader

_decode = msgspec.json.Decoder(documents.PointsQuestion).decode


def add_points(app: FastAPI, service: Service) -> None:
    """Add the resource."""

    @app.post(
        "/v1/points",
        summary="Many data points by their ids, in the order asked",
        responses=openapi.answers(list[documents.Datapoint], openapi.BAD_REQUEST, openapi.TOO_LONG),
        openapi_extra=openapi.body(documents.PointsQuestion),
    )
    async def points(request: Request) -> Response:
        question = _question(await body_of(request, service.options.body_bytes_max))
        ids = ids_of(question.ids, service.options.ids_max)

        def look(reader: Reader) -> tuple[Found, Facts]:
            found = stored(reader, ids)
            graph = {id: (point, ()) for id, (point, _) in found.items()}
            return found, facts_of(reader, graph, ids, question.detail)

        def draw(found: Found, facts: Facts) -> bytes:
            painter = Painter(facts)
            return encode([painter.document(found[id][0]) if id in found else painter.stub(id, False) for id in ids])

        found, facts = await service.lanes.ask(look)
        if question.values:
            facts = await service.valued(facts, found)
        return json_answer(await service.lanes.ask(lambda _: draw(found, facts)))


def stored(reader: Reader, ids: Collection[DataPointId]) -> Found:
    """The data points that the store holds of some ids, with what they were made from."""
    return {id: (point, point.inputs) for id, point in reader.points(list(ids)).items()}


def _question(body: bytes) -> documents.PointsQuestion:
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Rejected("question", f"the body is not a question for data points: {error}") from error
