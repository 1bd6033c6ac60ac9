"""The OpenAPI description: parameters and answers of the operations, schemas made from the documents themselves."""

from collections.abc import Sequence
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.types import ASGIApp, Receive, Scope, Send

from headwater.api import contract, documents
from headwater.api.problems import MEDIA_TYPE
from headwater.health.chaos.documents import ChaosQuestion, ChaosRun

Schema = dict[str, Any]

_TYPES = (
    documents.Datapoint,
    documents.Node,
    documents.NodeStat,
    ChaosQuestion,
    ChaosRun,
    documents.ClusterHealth,
    documents.HealthEvent,
    documents.FoldedLineage,
    documents.Found,
    documents.LineageQuestion,
    documents.LiveRates,
    documents.LiveStamp,
    documents.Missed,
    documents.LineageAnswer,
    documents.Neighbours,
    documents.PointsQuestion,
    documents.Loss,
    documents.Period,
    documents.Report,
    documents.ExpiredPeriod,
    documents.CqlKeyspace,
    documents.CqlQuestion,
    documents.CqlTable,
    documents.Alarm,
    documents.Totals,
    documents.Alive,
    documents.PqlAnswer,
    documents.PqlQuestion,
    documents.Problem,
    documents.SqlAnswer,
    documents.SqlColumn,
    documents.SqlQuery,
    documents.SqlQuestion,
)
_TEMPLATE = "#/components/schemas/{name}"


class DescribedApp(FastAPI):
    """A FastAPI application whose description holds the schemas of the documents."""

    front: ASGIApp | None = None
    """What stands before the application; it calls `behind` for what it does not answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self.behind if self.front is None else self.front)(scope, receive, send)

    async def behind(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application itself."""
        await super().__call__(scope, receive, send)

    def openapi(self) -> Schema:
        if self.openapi_schema is None:
            described = get_openapi(
                title=self.title, version=self.version, description=self.description, routes=self.routes
            )
            components = described.setdefault("components", {}).setdefault("schemas", {})
            made = components | msgspec.json.schema_components(_TYPES, ref_template=_TEMPLATE)[1]
            described["components"]["schemas"] = {
                name: made[name] for name in sorted(_reached(described["paths"], made))
            }
            self.openapi_schema = described
        return self.openapi_schema


def _reached(part: object, schemas: Schema) -> set[str]:
    """The names of the schemas that a part of the description leads to: what is not served is not described."""
    found: set[str] = set()
    parts = [part]
    while parts:
        match parts.pop():
            case {"$ref": str(reference)}:
                name = reference.rpartition("/")[2]
                if name not in found:
                    found.add(name)
                    parts.append(schemas.get(name))
            case dict() as inside:
                parts += inside.values()
            case list() as inside:
                parts += inside
    return found


def schema(of: Any) -> Schema:
    """The schema of a document type, by reference."""
    return msgspec.json.schema_components([of], ref_template=_TEMPLATE)[0][0]


def parameter(name: str, where: str, required: bool, shape: Schema, about: str) -> Schema:
    return {"name": name, "in": where, "required": required, "schema": shape, "description": about}


def parameters(*these: Schema) -> Schema:
    return {"parameters": list(these)}


def body(of: Any) -> Schema:
    """A required JSON body."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema(of)}}}}


def answers(
    said: Any, *others: tuple[int, Schema], headers: Schema | None = None, media: Sequence[str] = (), store: bool = True
) -> dict[int | str, Schema]:
    """The answers of an operation: 200 with a document (or in other media) and headers, and the others by status.

    `store` is False when the store is not asked.
    """
    content: Schema = {"application/json": {"schema": schema(said)}}
    content |= {each: {"schema": {"type": "string", "format": "binary"}} for each in media}
    answered: dict[int | str, Schema] = {200: {"description": "The answer", "content": content}}
    if headers:
        answered[200]["headers"] = headers
    for status, other in (*others, UNAVAILABLE if store else BUSY):
        known = answered.setdefault(status, {"description": other["description"], "content": {}})
        known["content"].update(other["content"])
    return answered


def events(**kinds: Any) -> dict[int | str, Schema]:
    """The answers of a stream of server-sent events, each kind with the document that is its data."""
    described = {kind: schema(document) for kind, document in kinds.items()}
    named = " and ".join(f"`{kind}`" for kind in kinds)
    about = f"Server-sent events without end, {named}; `x-events` has the schema of each one's data"
    content = {"text/event-stream": {"schema": {"type": "string"}, "x-events": described}}
    return {200: {"description": about, "content": content}, **dict((BAD_REQUEST, UNAVAILABLE))}


def created(said: Any, *others: tuple[int, Schema]) -> dict[int | str, Schema]:
    """The same of an operation that answers 201."""
    answered = answers(said, *others)
    return {201: answered.pop(200)} | answered


def nothing(*others: tuple[int, Schema]) -> dict[int | str, Schema]:
    """The answers of an operation that has nothing to say but 204."""
    answered: dict[int | str, Schema] = {204: {"description": "Done"}}
    answered.update((*others, UNAVAILABLE))
    return answered


def _text(status: int, texts: str | tuple[str, ...], about: str) -> tuple[int, Schema]:
    known = (texts,) if isinstance(texts, str) else texts
    shape = {"type": "string", "enum": list(known)}
    named = " or ".join(f"`{text}`" for text in known)
    return status, {"description": f"{named}, {about}", "content": {"application/json": {"schema": shape}}}


def problem(status: int, about: str) -> tuple[int, Schema]:
    content = {MEDIA_TYPE: {"schema": schema(documents.Problem)}}
    return status, {"description": about, "content": content}


_BARE = "as bare text, not JSON, under the media type of JSON"
_QUOTED = "as one JSON string"
NO_CLUSTER = _text(404, contract.NO_CLUSTER, _BARE)
NO_STATS = _text(404, contract.NO_STATS, _BARE)
NO_PROVENANCE = _text(404, contract.NO_PROVENANCE, _BARE)
EXPIRED = problem(404, "With detail, of an id whose provenance was deleted: problem details that say so")
INVALID_STRUCTURE = _text(400, contract.INVALID_STRUCTURE, _QUOTED)
INVALID_SIZE = _text(400, (contract.INVALID_SIZE, contract.INVALID_NODE), _QUOTED)
BAD_REQUEST = problem(400, "What is wrong with the question, or that its answer is too large")
TOO_LONG = problem(413, "The body is too long")
UNAVAILABLE = problem(503, "The store cannot be read now, or too much is asked at once")
BUSY = problem(503, "Too many connections are open")

_BOOLEAN: Schema = {"type": "boolean", "default": False}
POINT_ID = parameter("id", "path", True, {"type": "string"}, "A data point id: 20 hexadecimal digits")
NODE_ID = parameter("nodeId", "path", True, {"type": "string"}, "A node id: 6 hexadecimal digits")
SIZE = parameter(
    "size", "query", True, {"type": "integer", "minimum": 0, "maximum": contract.SIZE_MAX}, "The most to list"
)
STRUCTURE = parameter(
    "structure",
    "query",
    True,
    {"type": "string", "enum": ["recursive", "linear"]},
    "Nested, or breadth first with each data point once; upper and lower case are the same",
)
DETAIL = parameter("detail", "query", False, _BOOLEAN, "Add what 2018 did not show")
VALUES = parameter(
    "values",
    "query",
    False,
    {"type": "boolean"},
    "Ask the nodes for values; unless said otherwise the same as detail",
)
QUERY_ID = parameter("id", "path", True, {"type": "string"}, "The id of a query")
FORMAT = parameter(
    "format",
    "query",
    False,
    {"type": "string", "enum": ["json", "csv", "arrow", "parquet"]},
    "What the answer is written as; the body's format comes first, then this, then Accept",
)
SQL_HEADERS: Schema = {
    "headwater-query": {"description": "The query's id", "schema": {"type": "string"}},
    "headwater-rows": {"description": "The rows of the answer, unless it is streamed", "schema": {"type": "integer"}},
    "headwater-truncated": {
        "description": "What cut the answer; absent when it is whole",
        "schema": {"type": "string", "enum": ["rows", "bytes"]},
    },
}
