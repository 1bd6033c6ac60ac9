"""Errors as HTTP answers: RFC 9457 problem details, and for 2018 paths the texts of 2018."""

import logging
from http import HTTPStatus

import msgspec
from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headwater.api import documents
from headwater.api.contract import Absent, Expired, Invalid, is_2018
from headwater.model.errors import HeadwaterError, NotFound, Rejected, Unavailable
from headwater.store.query.faults import SqlFault

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 1
_STATUS = {"body": 413, "cancelled": 409, "query-id": 409, "chaos-running": 409, "in-use": 409}

_log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode


def problem(
    status: int,
    detail: str,
    reason: str | None = None,
    headers: dict[str, str] | None = None,
    place: tuple[int | None, int | None] = (None, None),
) -> Response:
    """A problem answer; `reason` is the short word that its type ends in, `place` a line and a column."""
    title = HTTPStatus(status).phrase
    kind = f"urn:headwater:problem:{reason}" if reason else "about:blank"
    body = _encode(documents.Problem(kind, title, status, detail, *place))
    return Response(body, status, headers, MEDIA_TYPE)


def no_such_path(request: Request) -> Response:
    return problem(404, f"Nothing answers at {request.url.path[:200]}; /v1/openapi.json lists what does.")


def wrong_method(request: Request, allowed: list[str]) -> Response:
    allow = ", ".join(allowed)
    detail = f"{request.url.path[:200]} answers {allow}, not {request.method[:20]}."
    return problem(405, detail, headers={"Allow": allow})


def add_handlers(app: FastAPI) -> None:
    """Let every error that leaves a handler become an answer."""
    app.add_exception_handler(Absent, _absent)
    app.add_exception_handler(Invalid, _invalid)
    app.add_exception_handler(HeadwaterError, _headwater)
    app.add_exception_handler(HTTPException, _http)
    app.add_middleware(Failures)


async def _absent(request: Request, error: Exception) -> Response:
    return Response(str(error).encode(), 404, media_type="application/json")


async def _invalid(request: Request, error: Exception) -> Response:
    return Response(_encode(str(error)), 400, media_type="application/json")


async def _headwater(request: Request, error: Exception) -> Response:
    if isinstance(error, Rejected):
        place = (error.line, error.column) if isinstance(error, SqlFault) else (None, None)
        return problem(_STATUS.get(error.reason, 400), error.detail, error.reason, place=place)
    if isinstance(error, NotFound):
        return problem(404, str(error), "expired" if isinstance(error, Expired) else "not-found")
    if isinstance(error, Unavailable):
        wait_s = RETRY_AFTER_S if error.retry_after_s is None else error.retry_after_s
        return problem(503, str(error), "unavailable", {"Retry-After": str(max(1, round(wait_s)))})
    _log.error("%s %s failed: %s", request.method, request.url.path, error)
    return _failure(request.url.path, str(error))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return no_such_path(request)
    if error.status_code == 405:
        allow = (error.headers or {}).get("Allow", "")
        return wrong_method(request, [method.strip() for method in allow.split(",")])
    return problem(error.status_code, str(error.detail), headers=dict(error.headers or {}))


class Failures:
    """The outermost layer: a defect becomes an answer and a line in the log, and the connection lives on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            if started:
                raise
            _log.exception("%s %s failed", scope["method"], scope["path"])
            said = f"The server failed on this request ({type(error).__name__}); its log says where."
            await _failure(scope["path"], said)(scope, receive, send)


def _failure(path: str, said: str) -> Response:
    if is_2018(path):
        return Response(_encode(said), 500, media_type="application/json")
    return problem(500, said)
