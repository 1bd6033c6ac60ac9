"""`/v1/provenance/{id}`: the lineage of one data point, backward, forward and as a file."""

from fastapi import FastAPI, Request
from fastapi.responses import Response

from headwater.api import documents, openapi
from headwater.api.answers import attachment, encode, flag, json_answer
from headwater.api.ask import Question, ask
from headwater.api.contract import NO_PROVENANCE, Absent, Expired, parse_structure
from headwater.api.gather import Graph
from headwater.api.service import Service
from headwater.api.structure import Structure
from headwater.model.errors import Rejected
from headwater.model.ids import DataPointId, parse_id
from headwater.model.records import Why

_REFUSALS = (openapi.NO_PROVENANCE, openapi.EXPIRED, openapi.INVALID_STRUCTURE, openapi.BAD_REQUEST)
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
            responses=openapi.answers(_LINEAGE, *_REFUSALS),
            openapi_extra=openapi.parameters(openapi.POINT_ID, openapi.STRUCTURE, openapi.DETAIL, openapi.VALUES),
        )(handler)


async def _lineage(service: Service, request: Request, forward: bool = False, static: bool = False) -> bytes:
    recursive = parse_structure(request.query_params.get("structure"))
    id = _id(request.path_params["id"])
    detail = flag(request, "detail")
    values = flag(request, "values", detail)

    def draw(graph: Graph, structure: Structure) -> bytes:
        if id not in graph:
            raise _absent(id, structure.why_missing(id))
        if recursive:
            return encode(structure.recursive(id))
        return encode(structure.static(id) if static else structure.linear(id))

    return await ask(service, Question([id], forward, detail, values), draw)


def _absent(id: DataPointId, why: str | None) -> Exception:
    """What to answer for an id without provenance: the text of 2018, or with detail that it had some."""
    if why == Why.EXPIRED:
        return Expired(f"{id} has expired: its provenance was deleted; /v1/expired says what was, when and why.")
    return Absent(NO_PROVENANCE)


def _id(text: str) -> DataPointId:
    try:
        return parse_id(text)
    except Rejected:
        raise Absent(NO_PROVENANCE) from None
