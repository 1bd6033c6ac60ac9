"""`/v1/losses`, `/v1/alarms` and `/v1/totals`: what was named lost, what needs a look, and what the store holds."""

import msgspec
from fastapi import FastAPI, Request
from fastapi.responses import Response

from headwater.api import documents, openapi
from headwater.api.answers import encode, json_answer, number
from headwater.api.service import Service
from headwater.model.ids import IdRun, format_node, parse_node
from headwater.store.port import Alarm, Reader, StoredLoss

SIZE_MAX = 1000

_NODE = openapi.parameter("node", "query", False, {"type": "string"}, "Only what this node named")
_SIZE = openapi.parameter(
    "size",
    "query",
    False,
    {"type": "integer", "minimum": 0, "maximum": SIZE_MAX, "default": SIZE_MAX},
    "The most to list",
)


def add_losses(app: FastAPI, service: Service) -> None:
    """Add the resources."""

    @app.get(
        "/v1/losses",
        summary="What was named lost, newest first",
        responses=openapi.answers(list[documents.Loss], openapi.BAD_REQUEST),
        openapi_extra=openapi.parameters(_NODE, _SIZE),
    )
    async def losses(request: Request) -> Response:
        text = request.query_params.get("node")
        node = None if text is None else parse_node(text)
        size = number(request, "size", SIZE_MAX, SIZE_MAX)
        found = await service.lanes.glance(lambda reader: reader.losses(node, size))
        return json_answer(encode([_loss(stored) for stored in found]))

    @app.get(
        "/v1/alarms",
        summary="What someone must look into, newest first",
        responses=openapi.answers(list[documents.Alarm], openapi.BAD_REQUEST),
        openapi_extra=openapi.parameters(_SIZE),
    )
    async def alarms(request: Request) -> Response:
        size = number(request, "size", SIZE_MAX, SIZE_MAX)
        found = await service.lanes.glance(lambda reader: reader.alarms(size))
        return json_answer(encode([_alarm(alarm) for alarm in found]))

    @app.get("/v1/totals", summary="What the store holds", responses=openapi.answers(documents.Totals))
    async def totals(request: Request) -> Response:
        return json_answer(encode(await service.lanes.glance(_totals)))


def _totals(reader: Reader) -> documents.Totals:
    return msgspec.convert({**reader.totals(), "refused": reader.refused()}, documents.Totals)


def _alarm(alarm: Alarm) -> documents.Alarm:
    return documents.Alarm(
        at=alarm.at_ms,
        reason=alarm.reason,
        node=format_node(alarm.node),
        log=alarm.log.hex(),
        sequence=alarm.sequence,
        detail=alarm.detail,
    )


def _loss(stored: StoredLoss) -> documents.Loss:
    loss = stored.loss
    return documents.Loss(
        node=format_node(stored.node),
        sequence=stored.sequence,
        why=loss.why,
        log=loss.log.hex(),
        first=loss.first,
        last=loss.last,
        readings=loss.readings,
        runs=[_run(run) for run in loss.runs],
        link=list(loss.link),
        stamps=list(loss.stamps),
    )


def _run(run: IdRun) -> documents.IdRun:
    return documents.IdRun(str(run.at(0)), run.count)
