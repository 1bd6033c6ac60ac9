"""Readings by HTTP: `POST /v1/readings`, answered when they are durable; and how the ways in stand.

An ASGI application without a framework: a gateway carries none. Errors are problem details (RFC 9457).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from headwater.model.errors import Problem, Rejected
from headwater.model.reading import Reading, SeriesKey
from headwater.pipeline.core import Core
from headwater.pipeline.entry import Entry
from headwater.pipeline.http_body import FORMATS, Body, Held, Refusal, format_of
from headwater.pipeline.inlets import HttpOptions
from headwater.pipeline.mqtt import Standing
from headwater.pipeline.payloads import Format, Payloads

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

READINGS = "/v1/readings"
STATUS = "/v1/status"
METHODS = {READINGS: "POST", STATUS: "GET"}
PROBLEMS_MAX = 100
"""The most refused items that an answer names."""
READINGS_A_TURN = 1024
"""Readings taken before others get their turn on the loop."""
BODY_S_MAX = 30.0
"""How long the next part of a body may take."""
PATIENCE_S = 10.0
"""How long a request waits for room and for the disk."""
RETRY_AFTER_S = 5
QUERY_FIELDS_MAX = 16

_encode = msgspec.json.Encoder().encode
_logger = logging.getLogger(__name__)


class Refused(msgspec.Struct, frozen=True):
    """A refused item of a body."""

    place: str
    reason: str
    detail: str


class Taken(msgspec.Struct):
    """What became of a body."""

    accepted: int = 0
    refused: int = 0
    problems: list[Refused] = []
    """The first ones."""


class Status(NamedTuple):
    """How the ways in stand, for `GET /v1/status`."""

    node: str
    mqtt: list[Standing]


class HttpInlet:
    """The application; what goes wrong with a request is answered, counted and disturbs nothing else."""

    def __init__(self, core: Core, entry: Entry, options: HttpOptions, status: Callable[[], Status]) -> None:
        self._core = core
        self._entry = entry
        self._bytes_max = options.body_bytes_max
        self._status = status
        self._payloads = {format: Payloads(format, options.mapping) for format in FORMATS.values()}
        self._held = Held()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            answer = await self._answer(scope, receive)
        except Refusal as refusal:
            self._core.refuse(Rejected(f"http-{refusal.reason}", refusal.detail))
            answer = problem(refusal)
        except ConnectionResetError:
            return  # Nobody waits for an answer any more.
        except Exception as error:
            _logger.exception("%s %s failed", scope["method"], scope["path"])
            said = f"The gateway failed on this request ({type(error).__name__}); its log says where."
            answer = problem(Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "defect", said))
        await _send(answer, send)

    async def _answer(self, scope: Scope, receive: Receive) -> "Answer":
        path, method = scope["path"], scope["method"]
        wanted = METHODS.get(path)
        if wanted is None:
            raise Refusal(HTTPStatus.NOT_FOUND, "path", f"Nothing answers at {path[:100]}; {READINGS} takes readings.")
        if method != wanted:
            detail = f"{path} answers {wanted}, not {method[:20]}."
            return problem(Refusal(HTTPStatus.METHOD_NOT_ALLOWED, "method", detail), {"allow": wanted})
        return await self._post(scope, receive) if path == READINGS else self._stand()

    def _stand(self) -> "Answer":
        status, core = self._status(), self._core
        return Answer(
            HTTPStatus.OK,
            _encode(
                {
                    "node": status.node,
                    "mqtt": status.mqtt,
                    "room": self._entry.has_room(),
                    "refused": core.refused,
                    "latest_refusals": core.latest_refusals,
                }
            ),
        )

    # ---- readings ----------------------------------------------------------------------------------------------------

    async def _post(self, scope: Scope, receive: Receive) -> "Answer":
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        format = format_of(headers)
        captures = _query(scope["query_string"])
        self._check_room()
        body = Body(headers, self._bytes_max, self._held)
        try:
            await _read(body, receive)
            taken = await self._take(format, body.whole(), captures)
        finally:
            body.close()
        return _told(taken)

    def _check_room(self) -> None:
        if not self._entry.has_room():
            raise self._full()

    def _full(self) -> Refusal:
        """Why nothing is taken now: a disk that refuses is a failure, a full log is too much at once."""
        if self._core.log.failing:
            detail = "The log cannot be written at present. Send all of it again."
            return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "disk", detail, RETRY_AFTER_S)
        detail = "The log has no room at present. Send all of it again."
        return Refusal(HTTPStatus.TOO_MANY_REQUESTS, "full", detail, RETRY_AFTER_S)

    async def _take(self, format: Format, payload: bytes, captures: Mapping[str, str]) -> Taken:
        """Take the readings of a body and wait until they are durable."""
        taken = Taken()
        try:
            async with asyncio.timeout(PATIENCE_S):
                batch = await self._enter(format, payload, captures, taken)
                if batch is not None:
                    await self._entry.durable(batch)
        except TimeoutError:
            raise self._full() from None
        return taken

    async def _enter(self, format: Format, payload: bytes, captures: Mapping[str, str], taken: Taken) -> int | None:
        batch = None
        for count, item in enumerate(self._payloads[format].read(payload, captures, self._core.now_ms())):
            if count % READINGS_A_TURN == 0:
                await asyncio.sleep(0)
                await self._entry.room()
            if isinstance(item, Reading):
                try:
                    batch = self._entry.add(SeriesKey(item.meter, item.metric), item.timestamp, item.value)
                    taken.accepted += 1
                    continue
                except Rejected as error:
                    item = Problem(f"item {count + 1}", error)
            self._refuse(item, taken)
        return batch

    def _refuse(self, item: Problem, taken: Taken) -> None:
        error = item.error
        self._core.refuse(Rejected(error.reason, f"HTTP, {item.place}: {error.detail}"))
        taken.refused += 1
        if len(taken.problems) < PROBLEMS_MAX:
            taken.problems.append(Refused(item.place, error.reason, error.detail))


async def _read(body: Body, receive: Receive) -> None:
    """Gather a body; Refusal when the client falls silent, ConnectionResetError when it has gone."""
    more = True
    while more:
        try:
            async with asyncio.timeout(BODY_S_MAX):
                message = await receive()
        except TimeoutError:
            said = f"Nothing came for {BODY_S_MAX:.0f} s within the body."
            raise Refusal(HTTPStatus.REQUEST_TIMEOUT, "timeout", said) from None
        if message["type"] == "http.disconnect":
            raise ConnectionResetError
        body.add(message.get("body", b""))
        more = message.get("more_body", False)


def _query(query: bytes) -> dict[str, str]:
    """What the query of the URL captures: `?meter=m1` names the meter of every reading."""
    try:
        return dict(parse_qsl(query.decode("ascii"), max_num_fields=QUERY_FIELDS_MAX, errors="strict"))
    except ValueError:
        detail = f"The query is not one of at most {QUERY_FIELDS_MAX} fields in UTF-8."
        raise Refusal(HTTPStatus.BAD_REQUEST, "query", detail) from None


class Answer(NamedTuple):
    """What goes back."""

    status: HTTPStatus
    body: bytes
    headers: Mapping[str, str] = {}
    media_type: str = "application/json"


def _told(taken: Taken) -> Answer:
    """200 all taken, 207 some refused, 400 none valid."""
    if not taken.refused:
        return Answer(HTTPStatus.OK, _encode(taken))
    if taken.accepted:
        return Answer(HTTPStatus.MULTI_STATUS, _encode(taken))
    refusal = Refusal(HTTPStatus.BAD_REQUEST, "none-valid", f"None of {taken.refused} items is a reading.")
    return problem(refusal, more=msgspec.to_builtins(taken))


def problem(
    refusal: Refusal, headers: Mapping[str, str] | None = None, more: Mapping[str, Any] | None = None
) -> Answer:
    """Problem details; the type ends in the short word that is counted."""
    retry = {} if refusal.retry_after_s is None else {"retry-after": str(refusal.retry_after_s)}
    status = refusal.status
    document = {
        "type": f"urn:headwater:problem:{refusal.reason}",
        "title": status.phrase,
        "status": status.value,
        "detail": refusal.detail,
        **(more or {}),
    }
    return Answer(status, _encode(document), {**retry, **(headers or {})}, "application/problem+json")


async def _send(answer: Answer, send: Send) -> None:
    headers = {**answer.headers, "content-type": answer.media_type, "content-length": str(len(answer.body))}
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status.value, "headers": pairs})
    await send({"type": "http.response.body", "body": answer.body})
