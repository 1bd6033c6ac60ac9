"""The most connections at once: on one more every question is told to come again, in the form of all other errors."""

from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from headwater.api.problems import RETRY_AFTER_S, problem


class Crowd:
    """Stands before an application, and lets questions in while `open_now` is not beyond `most`."""

    def __init__(self, app: ASGIApp, open_now: Callable[[], int], most: int) -> None:
        self._app = app
        self._open_now = open_now
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or self._open_now() <= self._most:
            await self._app(scope, receive, send)
            return
        if scope["type"] == "websocket":
            await send({"type": "websocket.close"})  # Before it was accepted: the handshake gets 403.
            return
        headers = {"Retry-After": str(RETRY_AFTER_S), "Connection": "close"}
        said = f"More than {self._most} connections are open: close some, or come again later."
        await problem(503, said, "unavailable", headers)(scope, receive, send)
