"""`/v1/losses`, `/v1/alarms` and `/v1/totals`: what was named lost, what needs a look, and what the store holds."""

import msgspec
from fastapi import FastAPI, Request
from fastapi.responses import Response

from headwater.api import documents, openapi
from headwater.api.answers import encode, json_answer
from headwater.api.lists import SIZE, add_list, json_page
from headwater.api.pages import CURSOR, PAGE_HEADERS, SIZE_MAX, Page, Question, size_of
from headwater.api.service import Service
from headwater.api.words import NODE, node_of
from headwater.model.ids import IdRun, format_node
from headwater.store.port import Alarm, Reader, StoredLoss


def add_losses(app: FastAPI, service: Service) -> None:
    """Add the resources."""

    @app.get(
        "/v1/losses",
        summary="What was named lost, newest first",
        responses=openapi.answers(list[documents.Loss], openapi.BAD_REQUEST, headers=PAGE_HEADERS),
        openapi_extra=openapi.parameters(NODE, SIZE, CURSOR),
    )
    async def losses(request: Request) -> Response:
        size = size_of(request, SIZE_MAX)
        text = request.query_params.get("node")

        def look(reader: Reader) -> tuple[Question, list[StoredLoss]]:
            node = None if text is None else node_of(reader, text)
            question = Question("losses", (node,))
            return question, reader.losses(node, size + 1, question.place_in(request, 1)[0])

        question, found = await service.lanes.glance(look)
        return json_page(Page.cut(question, found, size, lambda stored: (stored.number,)), _loss, request)

    add_list(
        *(app, service, "/v1/alarms", "What someone must look into, newest first", documents.Alarm),
        lambda reader, count, before: reader.alarms(count, before),
        _alarm,
    )

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
