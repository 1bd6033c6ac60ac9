"""`/v1/provenance/{id}`: the lineage of one data point, backward, forward and as a file."""

from fastapi import FastAPI, Request
from fastapi.responses import Response

from headwater.api import documents, openapi
from headwater.api.answers import attachment, encode, flag, json_answer
from headwater.api.ask import Question, ask
from headwater.api.contract import NO_PROVENANCE, Absent, parse_structure
from headwater.api.gather import Graph
from headwater.api.service import Service
from headwater.api.structure import Structure
from headwater.model.errors import Rejected
from headwater.model.ids import DataPointId, parse_id

_LINEAGE = list[documents.Datapoint] | documents.Datapoint


def add_provenance(app: FastAPI, service: Service) -> None:
    """Add the resource."""

    async def backward(request: Request) -> Response:
        return json_answer(await _lineage(service, request))

    async def static(request: Request) -> Response:
        return attachment(await _lineage(service, request, static=True))

    async def forward(request: Request) -> Response:
        return json_answer(await _lineage(service, request, forward=True))

    for handler, path, summary in (
        (backward, "", "What a data point was made from"),
        (static, "/static", "What a data point was made from, as a file"),
        (forward, "/forward", "What a data point went into"),
    ):
        app.get(
            f"/v1/provenance/{{id}}{path}",
            summary=summary,
            responses=openapi.answers(_LINEAGE, openapi.NO_PROVENANCE, openapi.INVALID_STRUCTURE, openapi.BAD_REQUEST),
            openapi_extra=openapi.parameters(openapi.POINT_ID, openapi.STRUCTURE, openapi.DETAIL, openapi.VALUES),
        )(handler)


async def _lineage(service: Service, request: Request, forward: bool = False, static: bool = False) -> bytes:
    recursive = parse_structure(request.query_params.get("structure"))
    id = _id(request.path_params["id"])
    detail = flag(request, "detail")
    values = flag(request, "values", detail)

    def draw(graph: Graph, structure: Structure) -> bytes:
        if id not in graph:
            raise Absent(NO_PROVENANCE)
        if recursive:
            return encode(structure.recursive(id))
        return encode(structure.static(id) if static else structure.linear(id))

    return await ask(service, Question([id], forward, detail, values), draw)


def _id(text: str) -> DataPointId:
    try:
        return parse_id(text)
    except Rejected:
        raise Absent(NO_PROVENANCE) from None
