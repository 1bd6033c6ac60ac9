"""An answer of server-sent events: sent as they come, until they end or the client goes."""

import asyncio
from collections.abc import AsyncIterator, Callable

from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

_HEAD = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    # Proxies that gather answers would hold the events back.
    (b"x-accel-buffering", b"no"),
]


class EventStream(Response):
    """Sends frames; `gone` is called when no more are sent, whatever the reason."""

    def __init__(self, frames: AsyncIterator[bytes], gone: Callable[[], None]) -> None:
        super().__init__()
        self._frames = frames
        self._gone = gone

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send(send))
        watching = asyncio.create_task(_until_gone(receive))
        try:
            await asyncio.wait((sending, watching), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._gone()
            for task in (sending, watching):
                task.cancel()
            sent, _ = await asyncio.gather(sending, watching, return_exceptions=True)
        if isinstance(sent, Exception):
            raise sent

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _HEAD})
        async for frames in self._frames:
            await send({"type": "http.response.body", "body": frames, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
