"""Questions of pages that may be refused, passed on to the API and answered 200 with what it said inside.

Browsers write every refusal of a plain question to their console as an error; a refusal is nothing but an answer. While
the API thinks, spaces go to the page, which JSON allows before a value: so no connection on the way is taken for dead,
and a page that goes away is noticed, which takes its question back.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import httpx
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

ASK = "/ask"
SIGN_OF_LIFE_S = 5.0
CONNECT_S_MAX = 20.0
REFUSAL_BYTES_MAX = 1 << 20
_METHODS = ["GET", "POST", "DELETE"]


class Asking:
    """Asks one API."""

    def __init__(self, api: str) -> None:
        # How long a question may take is for the API to say: of SQL, for example, its configuration does.
        timeout = httpx.Timeout(None, connect=CONNECT_S_MAX)
        self._http = httpx.AsyncClient(base_url=api, timeout=timeout, trust_env=False)

    async def close(self) -> None:
        """Ask no more."""
        await self._http.aclose()

    def question(self, request: Request, body: bytes) -> httpx.Request:
        """What a page asks, for the API; its type goes along, by which the API tells pages from forms elsewhere."""
        path = request.url.path.removeprefix(ASK)
        headers = {key: value for key in ("content-type", "accept") if (value := request.headers.get(key))}
        url = httpx.URL(path=path, query=request.scope["query_string"] or None)
        return self._http.build_request(request.method, url, headers=headers, content=body)

    async def answer(self, question: httpx.Request) -> AsyncIterator[bytes]:
        """`{"status": …, "answer": …}`, piece by piece, with spaces before it for as long as there is none."""
        asked = asyncio.create_task(self._http.send(question, stream=True))
        try:
            while not asked.done():
                await asyncio.wait([asked], timeout=SIGN_OF_LIFE_S)
                if not asked.done():
                    yield b" "
            reply = asked.result()
        except httpx.HTTPError:
            yield _whole(503, {"type": "urn:headwater:problem:away"})
            return
        finally:
            # The page is gone. Nothing waits for the end of this: it would be cancelled once more then, while it closes
            # its connection, and the API would never hear of it.
            asked.cancel()
        async with contextlib.aclosing(reply):
            if reply.is_success:
                async for part in _passed(reply):
                    yield part
            else:
                yield _whole(reply.status_code, await _refusal(reply))


async def _passed(reply: httpx.Response) -> AsyncIterator[bytes]:
    yield b'{"status":%d,"answer":' % reply.status_code
    empty = True
    async for part in reply.aiter_bytes():
        empty = empty and not part
        yield part
    yield b"null}" if empty else b"}"


async def _refusal(reply: httpx.Response) -> dict[str, object]:
    said = b""
    async for part in reply.aiter_bytes():
        said += part
        if len(said) > REFUSAL_BYTES_MAX:
            break
    try:
        found = json.loads(said)
    except ValueError:
        found = said.decode("utf-8", "replace")
    return found if isinstance(found, dict) else {"detail": str(found)[:1_000]}  # Paths of 2018 say a bare text.


def _whole(status: int, answer: object) -> bytes:
    return json.dumps({"status": status, "answer": answer}).encode()


def add_ask(app: FastAPI, asking: Asking) -> None:
    """Let pages ask below `/ask/v1`."""

    @app.api_route(f"{ASK}/v1/{{rest:path}}", methods=_METHODS)
    async def ask(request: Request) -> Response:
        question = asking.question(request, await request.body())
        return StreamingResponse(asking.answer(question), media_type="application/json")
