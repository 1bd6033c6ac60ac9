"""`/v1/cql`: CQL over the tables of a store on Cassandra, one SELECT of named partitions; absent with other stores."""

import asyncio
import contextlib
import importlib.util
import threading
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from fastapi import FastAPI, Request
from fastapi.responses import Response
from msgspec import UNSET

from headwater.api import documents, openapi
from headwater.api.answers import body_of, encode, json_answer
from headwater.api.options import ApiOptions
from headwater.api.problems import problem
from headwater.api.query import ID_HEADER, QUERY_NAME, ROWS_HEADER, TRUNCATED_HEADER
from headwater.api.service import Service
from headwater.model.errors import NotFound, Rejected
from headwater.store.cassandra.options import CassandraOptions
from headwater.store.cql.answers import Answered, Limits
from headwater.store.options import SqliteOptions
from headwater.store.query.options import QueryOptions
from headwater.store.query.queries import Queries

if TYPE_CHECKING:
    from headwater.store.cql.asking import Cql

_PATH = "/v1/cql"
_ABSENT = "The store of this server is not on Cassandra, so there is no CQL to ask: SQL is (/v1/query)."
_decode = msgspec.json.Decoder(documents.CqlQuestion).decode


def open_cql(options: ApiOptions) -> "Cql | None":
    """What asks the store's keyspace, None where the store is another; whoever opens it closes it."""
    store = options.store
    if isinstance(store, SqliteOptions) or importlib.util.find_spec("cassandra") is None:
        return None
    from headwater.store.cql.asking import Cql

    return Cql(store, options.site) if isinstance(store, CassandraOptions) else Cql(store.cluster, None)


def add_cql(app: FastAPI, service: Service) -> None:
    """Add the resources, or a sentence in their place."""
    cql = service.cql
    if cql is None:

        @app.api_route(_PATH, methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
        async def absent(request: Request) -> Response:
            return problem(404, _ABSENT, "not-found")

        return

    @app.get(
        _PATH,
        summary="The tables that CQL may ask",
        responses=openapi.answers(documents.CqlKeyspace),
    )
    async def tables(request: Request) -> Response:
        found = await asyncio.to_thread(cql.tables)
        shown = [
            documents.CqlTable(
                each.name,
                [documents.SqlColumn(*column) for column in each.columns.items()],
                list(each.partition),
                list(each.clustering),
            )
            for _, each in sorted(found.items())
        ]
        return json_answer(encode(documents.CqlKeyspace(cql.keyspace, shown)))

    @app.post(
        _PATH,
        summary="One SELECT of CQL that names whole partitions",
        responses=openapi.answers(
            documents.SqlAnswer,
            openapi.BAD_REQUEST,
            openapi.problem(409, "The query was cancelled, or its id is taken"),
            openapi.TOO_LONG,
            headers=openapi.SQL_HEADERS,
        ),
        openapi_extra=openapi.body(documents.CqlQuestion),
    )
    async def ask(request: Request) -> Response:
        question = _question(await body_of(request, service.options.body_bytes_max))
        id = question.id or uuid.uuid4().hex
        async with _as_long_as_somebody_waits(request, service.queries, id):
            answered = await ask_cql(service, cql, id, question.query, question.rows)
        headers = {ID_HEADER: id, ROWS_HEADER: str(len(answered.rows))}
        if answered.truncated:
            headers[TRUNCATED_HEADER] = answered.truncated
        return json_answer(encode(_document(id, answered)), headers)


async def ask_cql(
    service: Service, cql: "Cql", id: str, text: str, rows: int | None = None, table: str | None = None
) -> Answered:
    """An answer, in its turn among the queries; refused as they are. `table` is meant by whatever the text names."""
    options = service.options.sql
    limits = Limits(_rows(options, rows), options.bytes_max, options.time_s_max)
    stop = threading.Event()
    try:
        async with service.queries.turn(id, text, options.time_s_max):
            return await asyncio.to_thread(partial(cql.ask, text, limits, stop, table))
    finally:
        stop.set()  # A thread cannot be cancelled: it looks at this behind each page.


@asynccontextmanager
async def _as_long_as_somebody_waits(request: Request, queries: Queries, id: str) -> AsyncIterator[None]:
    """Whoever goes away cancels the query."""

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        with contextlib.suppress(NotFound):
            queries.cancel(id)

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


def _rows(options: QueryOptions, rows: int | None) -> int:
    wanted = min(options.rows, options.rows_max) if rows is None else rows
    if not 0 <= wanted <= options.rows_max:
        raise Rejected("rows", f"rows = {rows}: 0 to {options.rows_max} are given at once")
    return wanted


def _question(body: bytes) -> documents.CqlQuestion:
    try:
        question = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Rejected("question", f'the body is not a query, such as {{"query": "SELECT …"}}: {error}') from error
    if question.id is not None and not QUERY_NAME.fullmatch(question.id):
        raise Rejected("question", "the id of a query is 1 to 64 letters, digits, dots, dashes and underscores")
    return question


def _document(id: str, answered: Answered) -> documents.SqlAnswer:
    asked = answered.asked
    document = documents.SqlAnswer(
        query=id,
        columns=[documents.SqlColumn(*each) for each in zip(asked.columns, asked.types, strict=True)],
        rows=answered.rows,
        count=len(answered.rows),
        truncated=answered.truncated is not None,
    )
    document.next = _next(answered) if answered.truncated else UNSET
    return document


def _next(answered: Answered) -> str:
    """What to do about an answer that was cut."""
    return (
        f"Only the first {len(answered.rows)} rows are here (cut by {answered.truncated}): compare a clustering column"
        ' with the last value to go on behind it, or name more rows ("rows").'
    )
