"""`POST /v1/lineage`: the lineages of many data points in one answer, in the order asked."""

import msgspec
from fastapi import FastAPI, Request
from fastapi.responses import Response
from msgspec import UNSET

from headwater.api import documents, openapi
from headwater.api.answers import body_of, encode, json_answer
from headwater.api.ask import Question, ask
from headwater.api.gather import Graph
from headwater.api.service import Service
from headwater.api.structure import Structure
from headwater.api.words import ids_of
from headwater.model.errors import Rejected
from headwater.model.ids import DataPointId

_decode = msgspec.json.Decoder(documents.LineageQuestion).decode


def add_lineage(app: FastAPI, service: Service) -> None:
    """Add the resource."""

    @app.post(
        "/v1/lineage",
        summary="Many lineages at once",
        responses=openapi.answers(list[documents.LineageAnswer], openapi.BAD_REQUEST, openapi.TOO_LONG),
        openapi_extra=openapi.body(documents.LineageQuestion),
    )
    async def lineage(request: Request) -> Response:
        question = _question(await body_of(request, service.options.body_bytes_max))
        ids = ids_of(question.ids, service.options.ids_max)

        def draw(graph: Graph, structure: Structure) -> bytes:
            recursive = question.structure == "recursive"
            return encode([_answer(id, id in graph, recursive, structure) for id in ids])

        forward = question.direction == "forward"
        return json_answer(await ask(service, Question(ids, forward, question.detail, question.values), draw))


def _answer(id: DataPointId, found: bool, recursive: bool, structure: Structure) -> documents.LineageAnswer:
    if not found:
        return documents.LineageAnswer(str(id), False, [], structure.why_missing(id) or UNSET)
    points = [structure.recursive(id)] if recursive else structure.linear(id)
    return documents.LineageAnswer(str(id), True, points)


def _question(body: bytes) -> documents.LineageQuestion:
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Rejected("question", f"the body is not a lineage question: {error}") from error
