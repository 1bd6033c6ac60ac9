"""`/v1/query`: SQL over the relation `provenance` as JSON, CSV, Arrow or Parquet; listed and cancelled by id."""

import asyncio
import contextlib
import re
import sys
import uuid
from collections.abc import AsyncIterator
from typing import Literal, cast, get_args

import msgspec
from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.types import Message, Receive, Scope, Send

from headwater.api import documents, openapi
from headwater.api.answers import JSON, body_of, encode, json_answer
from headwater.api.gather import Facts, nodes_of
from headwater.api.readings import UNREACHABLE
from headwater.api.service import Service
from headwater.model.errors import NotFound, Rejected, Unavailable
from headwater.model.ids import DataPointId
from headwater.store.query.frames import Begun
from headwater.store.query.frames import Request as Asked
from headwater.store.query.queries import Cancelled, Queries
from headwater.store.query.running import Running, Values

Format = Literal["json", "csv", "arrow", "parquet"]
MEDIA: dict[Format, str] = {
    "json": JSON,
    "csv": "text/csv; charset=utf-8",
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
}
DEFAULT: Format = "json"
ROWS_HEADER, TRUNCATED_HEADER, ID_HEADER = "headwater-rows", "headwater-truncated", "headwater-query"

QUERY_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_decode = msgspec.json.Decoder(documents.SqlQuestion).decode


def add_query(app: FastAPI, service: Service) -> None:
    """Add the resource."""

    @app.post(
        "/v1/query",
        summary="SQL over the relation provenance",
        responses=openapi.answers(
            documents.SqlAnswer,
            openapi.BAD_REQUEST,
            openapi.problem(409, "The query was cancelled, or its id is taken"),
            openapi.TOO_LONG,
            headers=openapi.SQL_HEADERS,
            media=(MEDIA["csv"], MEDIA["arrow"], MEDIA["parquet"]),
        ),
        openapi_extra=openapi.body(documents.SqlQuestion) | openapi.parameters(openapi.FORMAT),
    )
    async def query(request: Request) -> Response:
        question = question_of(await body_of(request, service.options.body_bytes_max))
        id = question.id or uuid.uuid4().hex
        return QueryAnswer(service, id, asked(service, question, format_of(request, question.format)))

    @app.get(
        "/v1/query",
        summary="The queries that wait or run, oldest first",
        responses=openapi.answers(list[documents.SqlQuery]),
    )
    async def running(request: Request) -> Response:
        known = queries_of(service).known()
        return json_answer(
            encode([documents.SqlQuery(each.id, each.sql, each.begun_ms, each.running) for each in known])
        )

    @app.delete(
        "/v1/query/{id}",
        summary="Cancel a query",
        status_code=204,
        responses=openapi.nothing(openapi.problem(404, "No query of this id waits or runs")),
        openapi_extra=openapi.parameters(openapi.QUERY_ID),
    )
    async def cancel(request: Request) -> Response:
        queries_of(service).cancel(request.path_params["id"])
        return Response(status_code=204)


def queries_of(service: Service) -> Queries:
    """Unavailable where this process was not told of a store that SQL can ask."""
    if service.options.folder is None:
        raise Unavailable("this server was not told of a store that SQL can ask")
    return service.queries


def values_of(service: Service) -> Values:
    """Asks the agents of the nodes for values."""

    async def values(ids: list[DataPointId]) -> list[tuple[str, float | None]]:
        nodes = await service.lanes.glance(nodes_of)
        found = (await service.valued(Facts(nodes=nodes), ids)).values or {}
        readings = (found.get(id, (UNREACHABLE, None)) for id in ids)
        return [(state, None if reading is None else reading.value) for state, reading in readings]

    return values


def question_of(body: bytes) -> documents.SqlQuestion:
    """The question of a body; Rejected("question") when it is none."""
    try:
        question = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Rejected("question", f'the body is not a query, such as {{"query": "SELECT …"}}: {error}') from error
    if question.id is not None and not QUERY_NAME.fullmatch(question.id):
        raise Rejected("question", "the id of a query is 1 to 64 letters, digits, dots, dashes and underscores")
    return question


def asked(service: Service, question: documents.SqlQuestion, format: Format, of_2018: bool = False) -> Asked:
    """A question with the limits of this server; Rejected("rows") when it asks for more rows than that."""
    sql = service.options.sql
    rows = min(sql.rows, sql.rows_max) if question.rows is None else question.rows
    if not 0 <= rows <= sql.rows_max:
        raise Rejected(
            "rows",
            f"rows = {rows}: 0 to {sql.rows_max} are given at once; stream (--all) gives all there are",
        )
    limit_s = sql.stream_s_max if question.stream else sql.time_s_max
    queries_of(service)
    return Asked(
        question.query,
        str(service.options.folder),
        service.options.site,
        service.options.store,
        format,
        question.values,
        question.stream,
        of_2018,
        rows,
        sql.bytes_max,
        sys.maxsize if question.stream else sql.values_max,
        sql.memory_bytes_max,
        int(limit_s * sql.threads) + 1,
        sql.threads,
    )


def format_of(request: Request, named: str | None) -> Format:
    """What an answer is written as: by the body, ?format= or Accept; Rejected("format") for what there is not."""
    word = (named or request.query_params.get("format") or "").lower()
    if word:
        if word not in get_args(Format):
            raise Rejected("format", f"format = {word[:40]!r}: json, csv, arrow or parquet is needed")
        return cast(Format, word)
    accepted = request.headers.get("accept", "").lower()
    found = [(accepted.find(media.split(";")[0]), format) for format, media in MEDIA.items()]
    return min(((at, format) for at, format in found if at >= 0), default=(0, DEFAULT))[1]


class QueryAnswer(Response):
    """An answer that is asked for when it is sent: whoever goes away meanwhile cancels it."""

    def __init__(self, service: Service, id: str, question: Asked) -> None:
        self._service = service
        self._id = id
        self._question = question
        self.background = None
        self.status_code = 200

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        queries = queries_of(self._service)
        gone = False

        async def watch() -> None:
            nonlocal gone
            while (await receive())["type"] != "http.disconnect":
                pass
            gone = True
            queries.cancel(self._id)

        watching = asyncio.create_task(watch())
        try:
            async with queries.run(self._id, self._question, values_of(self._service)) as running:
                await self._send(running, send)
        except Cancelled:
            if not gone:
                raise
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError, NotFound):
                await watching

    async def _send(self, running: Running, send: Send) -> None:
        begun = running.begun
        assert begun is not None
        await send(self._start(begun))
        async for part in _wrapped(self._id, begun, running, self._question):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _start(self, begun: Begun) -> Message:
        format = cast(Format, self._question.format)
        headers = {"content-type": MEDIA[format], ID_HEADER: self._id}
        if begun.rows is not None:
            headers[ROWS_HEADER] = str(begun.rows)
        if begun.truncated:
            headers[TRUNCATED_HEADER] = begun.truncated
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        return {"type": "http.response.start", "status": 200, "headers": raw}


async def _wrapped(id: str, begun: Begun, running: Running, question: Asked) -> AsyncIterator[bytes]:
    """The bytes of an answer, JSON with what belongs around the rows."""
    if question.format != "json":
        async for part in running.data():
            yield part
        return
    columns = [documents.SqlColumn(*each) for each in zip(begun.columns, begun.types, strict=True)]
    yield b'{"query":' + encode(id) + b',"columns":' + encode(columns) + b',"rows":['
    async for part in running.data():
        yield part
    cut = begun.truncated is not None
    yield b'],"count":' + encode(running.ended.rows) + b',"truncated":' + encode(cut)
    if begun.truncated:
        yield b',"next":' + encode(next_step(begun.truncated, question))
    yield b"}"


def next_step(truncated: str, question: Asked) -> str:
    """What to do about an answer that was cut."""
    most = f"{question.rows_max} rows" if truncated == "rows" else f"about {question.bytes_max >> 20} MiB"
    return (
        f"Only the first {most} are here: narrow it down with WHERE, LIMIT or fewer columns, name more rows"
        ' ("rows"), or take all of it with "stream": true or headwater export.'
    )
