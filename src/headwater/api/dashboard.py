"""The way to the dashboard: what is asked here and is not of the API goes on to the process that shows it.

That process listens on a Unix socket in the server's folder, so a browser needs one address for pages and API, and
pages that take long to make hold up no answer of the API. See decisions/0032.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from headwater.api.problems import RETRY_AFTER_S, problem
from headwater.wire.unix_socket import short_address

BODY_BYTES_MAX = 1 << 20
MESSAGE_BYTES_MAX = 1 << 20
CONNECTIONS_MAX = 256
KEPT_S = 5.0
"""How long a connection is kept that nobody uses; less than the dashboard keeps it."""
CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 30.0
_TIMEOUTS = {
    "connect": CONNECT_TIMEOUT_S,
    "pool": CONNECT_TIMEOUT_S,
    "read": ANSWER_TIMEOUT_S,
    "write": ANSWER_TIMEOUT_S,
}
TRY_AGAIN_LATER, GOING_AWAY = 1013, 1001
"""Codes registered for RFC 6455."""

# RFC 9110, section 7.6.1: they are of one connection, not of the message.
_HOP_BY_HOP = frozenset(
    ("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding",
     "upgrade")
)  # fmt: skip
_OF_HANDSHAKE = _HOP_BY_HOP | {"host", "origin", "content-length"}
_AWAY = """<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="1">
<title>Headwater</title><body style="font:16px system-ui;margin:4rem auto;max-width:32rem">
<h1>The dashboard is not there yet</h1>
<p>It is starting, or starting again: this page looks again each second. The API answers meanwhile below
<a href="/v1/swagger-ui.html">/v1</a>.</p>"""


class Dashboard:
    """An ASGI application that stands for the one behind a Unix socket."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held = contextlib.ExitStack()
        self._transport: httpx.AsyncHTTPTransport | None = None
        self._address = ""

    async def close(self) -> None:
        """Close the connections to the other process."""
        if self._transport is not None:
            await self._transport.aclose()
            self._transport = None
        self._held.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._websocket(WebSocket(scope, receive, send))
        elif scope["type"] == "http":
            answer = await self._http(Request(scope, receive))
            await answer(scope, receive, send)

    async def _http(self, request: Request) -> Response:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > BODY_BYTES_MAX:
                return problem(413, f"The dashboard takes at most {BODY_BYTES_MAX} bytes at once.")
        headers = [(key, value) for key, value in request.headers.raw if key.decode("latin-1") not in _HOP_BY_HOP]
        url = httpx.URL("http://dashboard", raw_path=_target(request).encode("latin-1"))
        question = httpx.Request(
            request.method, url, headers=headers, content=bytes(body), extensions={"timeout": _TIMEOUTS}
        )
        try:
            answer = await self._opened().handle_async_request(question)
        except (OSError, httpx.HTTPError):
            return _away(request)
        passed = StreamingResponse(_parts(answer), answer.status_code)
        passed.raw_headers = [
            (key.lower(), value)
            for key, value in answer.headers.raw
            if key.decode("latin-1").lower() not in _HOP_BY_HOP
        ]
        return passed

    def _opened(self) -> httpx.AsyncHTTPTransport:
        # The transport alone: a client would keep the cookies of one browser for the next.
        if self._transport is None:
            self._address = self._held.enter_context(short_address(self._path))
            self._transport = httpx.AsyncHTTPTransport(
                uds=self._address, limits=httpx.Limits(max_connections=CONNECTIONS_MAX, keepalive_expiry=KEPT_S)
            )
        return self._transport

    async def _websocket(self, browser: WebSocket) -> None:
        headers = [(key, value) for key, value in browser.headers.items()
                   if key not in _OF_HANDSHAKE and not key.startswith("sec-websocket-")]  # fmt: skip
        try:
            self._opened()
            connected = await unix_connect(
                self._address,
                f"ws://{browser.headers.get('host', 'dashboard')}{_target(browser)}",
                additional_headers=headers,
                origin=browser.headers.get("origin"),
                user_agent_header=None,
                compression=None,
                max_size=MESSAGE_BYTES_MAX,
                open_timeout=CONNECT_TIMEOUT_S,
            )
        except (OSError, WebSocketException, TimeoutError):
            await browser.close(TRY_AGAIN_LATER)
            return
        async with connected as page:
            await browser.accept()
            await _between(browser, page)


def _target(asked: Request | WebSocket) -> str:
    """The path and the query as they were asked."""
    path = (asked.scope.get("raw_path") or asked.scope["path"].encode()).decode("latin-1")
    query = asked.scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


async def _parts(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for part in answer.aiter_raw():
            yield part
    finally:
        await answer.aclose()


def _away(request: Request) -> Response:
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    if "text/html" in request.headers.get("accept", ""):
        return HTMLResponse(_AWAY, 503, headers)
    return problem(503, "The dashboard is not there yet: come again soon.", "unavailable", headers)


async def _between(browser: WebSocket, page: ClientConnection) -> None:
    """Pass messages both ways until either side ends it; who reads slowly is waited for, so nothing piles up here."""

    async def up() -> None:
        while True:
            message = await browser.receive()
            if message["type"] == "websocket.disconnect":
                return
            await page.send(message["text"] if message.get("text") is not None else message["bytes"])

    async def down() -> None:
        async for message in page:
            await (browser.send_text(message) if isinstance(message, str) else browser.send_bytes(message))

    tasks = [asyncio.create_task(way()) for way in (up, down)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):
        code = page.close_code or 0
        await browser.close(code if code in range(3000, 5000) else GOING_AWAY, page.close_reason)
    for error in ended:
        if isinstance(error, Exception) and not isinstance(
            error, ConnectionClosed | WebSocketDisconnect | RuntimeError
        ):
            raise error
