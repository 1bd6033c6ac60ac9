"""`/v1/periods` and `/v1/expired`: the stretches of time whose stamps the store holds, and those it has deleted."""

from fastapi import FastAPI, Request
from fastapi.responses import Response
from msgspec import UNSET

from headwater.api import documents, openapi
from headwater.api.answers import encode, json_answer
from headwater.api.pages import CURSOR, PAGE_HEADERS, SIZE_MAX, Page, Question, size_of, size_parameter
from headwater.api.service import Service
from headwater.store.port import Expired, Held

_SIZE = size_parameter(SIZE_MAX)


def add_retention(app: FastAPI, service: Service) -> None:
    """Add both resources."""

    @app.get(
        "/v1/periods",
        summary="The periods that the store holds, newest first",
        responses=openapi.answers(list[documents.Period], openapi.BAD_REQUEST, headers=PAGE_HEADERS),
        openapi_extra=openapi.parameters(_SIZE, CURSOR),
    )
    async def periods(request: Request) -> Response:
        question = Question("periods")
        size, before = size_of(request, SIZE_MAX), question.place_in(request, 1)[0]
        found = await service.lanes.glance(lambda reader: reader.held(size + 1, before))
        page = Page.cut(question, found, size, lambda held: (held.number,))
        return json_answer(encode([_period(held) for held in page.items]), page.link(request))

    @app.get(
        "/v1/expired",
        summary="The periods that were deleted, newest first",
        responses=openapi.answers(list[documents.ExpiredPeriod], openapi.BAD_REQUEST, headers=PAGE_HEADERS),
        openapi_extra=openapi.parameters(_SIZE, CURSOR),
    )
    async def expired(request: Request) -> Response:
        question = Question("expired")
        size, before = size_of(request, SIZE_MAX), question.place_in(request, 1)[0]
        found = await service.lanes.glance(lambda reader: reader.expired(size + 1, before))
        page = Page.cut(question, found, size, lambda gone: (gone.number,))
        return json_answer(encode([_expired(gone) for gone in page.items]), page.link(request))


def _period(held: Held) -> documents.Period:
    return documents.Period(
        number=held.number,
        begun=held.begun_ms,
        ended=UNSET if held.ended_ms is None else held.ended_ms,
        batches=held.batches,
        points=held.points,
        bytes=held.bytes,
        first_event=UNSET if held.t_min is None else held.t_min,
        last_event=UNSET if held.t_max is None else held.t_max,
    )


def _expired(gone: Expired) -> documents.ExpiredPeriod:
    return documents.ExpiredPeriod(
        number=gone.number,
        why=gone.why,
        at=gone.at_ms,
        begun=gone.begun_ms,
        ended=gone.ended_ms,
        batches=gone.batches,
        points=gone.points,
        bytes=gone.bytes,
        first_event=UNSET if gone.t_min is None else gone.t_min,
        last_event=UNSET if gone.t_max is None else gone.t_max,
        runs=[documents.IdRun(str(run.at(0)), run.count) for run in gone.runs],
    )
