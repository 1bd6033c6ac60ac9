"""`POST /v1/provenance` as 2018 had it: a SELECT over the columns of its table, answered as data points."""

import uuid
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import FastAPI, Request
from fastapi.responses import Response

from headwater.api import documents, openapi
from headwater.api.answers import JSON, body_of, encode
from headwater.api.ask import Question, ask
from headwater.api.cql import ask_cql
from headwater.api.gather import Graph
from headwater.api.query import asked, next_step, queries_of, values_of
from headwater.api.service import Service
from headwater.api.structure import Structure
from headwater.model.errors import Rejected
from headwater.model.ids import DataPointId, parse_id
from headwater.store.cassandra2018.options import Cassandra2018Options
from headwater.store.query.faults import SqlFault
from headwater.store.query.frames import Begun
from headwater.store.query.frames import Request as Asked

if TYPE_CHECKING:
    from headwater.store.cql.asking import Cql

ONLY_SELECT = "PQL only supports select type queries."

_CONTEXT = {
    "line": "lineNo",
    "app": "appName",
    "class": "className",
    "ctime": "timestamp",
    "stime": "sendTime",
    "rtime": "receiveTime",
    "meterid": "meterId",
    "metricid": "metricId",
    "nodeid": "hostId",
}
_OTHER = {"id", "inputdps", "location", "latitude", "longitude", *_CONTEXT}
_decode = msgspec.json.Decoder(documents.PqlQuestion).decode
_Row = dict[str, Any]


def add_query_2018(app: FastAPI, service: Service) -> None:
    """Add the resource."""

    @app.post(
        "/v1/provenance",
        summary="A SELECT as 2018 answered it; what is wrong with it is said in the answer",
        status_code=201,
        responses=openapi.created(documents.PqlAnswer, openapi.BAD_REQUEST, openapi.TOO_LONG),
        openapi_extra=openapi.body(documents.PqlQuestion),
    )
    async def pql(request: Request) -> Response:
        question = _question(await body_of(request, service.options.body_bytes_max))
        return Response(encode(await _answer(service, question.query)), 201, media_type=JSON)


def _question(body: bytes) -> documents.PqlQuestion:
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Rejected("question", f'the body is not a query, such as {{"query": "select …"}}: {error}') from error


async def _answer(service: Service, sql: str) -> documents.PqlAnswer:
    if isinstance(service.options.store, Cassandra2018Options) and service.cql is not None:
        return await _answer_of_table(service, service.cql, sql, service.options.store.table)
    wanted = asked(service, documents.SqlQuestion(sql.strip()), "json", of_2018=True)
    try:
        begun, rows = await _rows(service, wanted)
        points = await _lineages(service, rows) if begun.by_id else [_point(row) for row in rows]
    except SqlFault as fault:
        if fault.reason == "select":
            return documents.PqlAnswer(False, message=ONLY_SELECT)
        return documents.PqlAnswer(True, message=fault.detail)
    if begun.truncated:
        return documents.PqlAnswer(False, points, next_step(begun.truncated, wanted))
    return documents.PqlAnswer(False, points)


async def _answer_of_table(service: Service, cql: "Cql", text: str, table: str) -> documents.PqlAnswer:
    """What the table of 2018 itself answers, which was asked with CQL in 2018 too; data points with their lineage."""
    if text.split(None, 1)[:1] and text.split(None, 1)[0].lower() != "select":
        return documents.PqlAnswer(False, message=ONLY_SELECT)
    try:
        answered = await ask_cql(service, cql, uuid.uuid4().hex, text, table=table)
    except SqlFault as fault:
        return documents.PqlAnswer(True, message=fault.detail)
    rows = [dict(zip(answered.asked.columns, row, strict=True)) for row in answered.rows]
    for row in rows:
        if isinstance(row.get("inputdps"), dict):
            row["inputdps"] = list(row["inputdps"].items())
    return documents.PqlAnswer(False, await _lineages(service, rows))


async def _rows(service: Service, wanted: Asked) -> tuple[Begun, list[_Row]]:
    async with queries_of(service).run(uuid.uuid4().hex, wanted, values_of(service)) as running:
        begun = running.begun
        assert begun is not None
        body = b"".join([part async for part in running.data()])
    lists: list[list[Any]] = msgspec.json.decode(b"[" + body + b"]")
    return begun, [dict(zip(begun.columns, row, strict=True)) for row in lists]


async def _lineages(service: Service, rows: list[_Row]) -> list[Any]:
    """What a query by id is answered with: the lineage of the data point, nested to its origin."""
    ids = _ids(rows)
    if ids is None:
        return [_point(row) for row in rows]

    def draw(graph: Graph, structure: Structure) -> bytes:
        return encode([structure.recursive(id) for id in ids if id in graph])

    found: list[Any] = msgspec.json.decode(await ask(service, Question(ids, False, False, False), draw))
    return found


def _ids(rows: list[_Row]) -> list[DataPointId] | None:
    """The ids of rows, None where they name none."""
    try:
        return [parse_id(str(row["id"])) for row in rows]
    except (KeyError, Rejected):
        return None


def _point(row: _Row) -> _Row:
    """A row as a data point of 2018, without what is NULL; what else was selected stands beside it by its name."""
    context: _Row = {}
    if row.get("location") is not None or row.get("latitude") is not None or row.get("longitude") is not None:
        context["loc"] = {
            "lable": row.get("location"),
            "latitude": row.get("latitude") or 0.0,
            "longitude": row.get("longitude") or 0.0,
        }
    context |= {theirs: row[name] for name, theirs in _CONTEXT.items() if row.get(name) is not None}
    if "hostId" not in context and isinstance(row.get("id"), str):
        context["hostId"] = row["id"][14:]
    inputs = [{"dp": {"id": id}, "contribution": contribution} for id, contribution in row.get("inputdps") or ()]
    shown = {"id": row.get("id"), "inputDatapoints": inputs or None, "context": context or None}
    shown |= {name: value for name, value in row.items() if name not in _OTHER}
    return {name: value for name, value in shown.items() if value is not None}
