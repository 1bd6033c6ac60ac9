"""The way to the dashboard: a real application behind a Unix socket, reached through the API."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from headwater.api.dashboard import BODY_BYTES_MAX
from headwater.api.options import ApiOptions
from headwater.wire.unix_socket import short_address
from tests.api import grid
from tests.api.served import served

POLICY_CODE = 4404


async def echo(request: Request) -> Response:
    body = await request.body()
    told = {
        "path": request.scope["raw_path"].decode(),
        "query": request.url.query,
        "host": request.headers["host"],
        "cookie": request.headers.get("cookie"),
        "method": request.method,
        "bytes": len(body),
    }
    answer = JSONResponse(told, 201)
    answer.headers.append("set-cookie", "a=1")
    answer.headers.append("set-cookie", "b=2")
    return answer


async def talk(page: WebSocket) -> None:
    await page.accept()
    await page.send_json({"query": page.url.query, "origin": page.headers.get("origin"), "host": page.headers["host"]})
    while True:
        said = await page.receive()
        if said["type"] == "websocket.disconnect":
            return
        if said.get("text") == "end":
            await page.close(POLICY_CODE, "over")
            return
        await (page.send_bytes(said["bytes"]) if said.get("bytes") is not None else page.send_text(said["text"]))


PAGES = Starlette(routes=[WebSocketRoute("/talk", talk), Route("/{rest:path}", echo, methods=["GET", "POST"])])


@contextlib.contextmanager
def behind(path: Path) -> Iterator[None]:
    """The pages, listening on a Unix socket in a thread."""
    with socket.socket(socket.AF_UNIX) as sock:
        with short_address(path) as address:
            sock.bind(address)
        sock.listen()
        server = uvicorn.Server(
            uvicorn.Config(PAGES, log_config=None, http="h11", ws="websockets-sansio", lifespan="off")
        )
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([sock])))
        thread.start()
        try:
            yield
        finally:
            server.should_exit = True
            thread.join()
    path.unlink(missing_ok=True)


@pytest.fixture(params=["short", "n" * 120], ids=["short name", "long name"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder: Path = tmp_path / request.param
    folder.mkdir()
    return folder / "ui.sock"


@pytest.fixture
def api(tmp_path: Path, path: Path) -> Iterator[httpx.Client]:
    """The API over an empty store, whose dashboard is at `path`."""
    grid.open_writer(tmp_path).close()
    options = ApiOptions(dashboard=str(path))
    with served(lambda: grid.open_reader(tmp_path), lambda: grid.NOW_MS, options) as client:
        yield client


def test_what_is_not_of_the_api_goes_on_as_it_was_asked(api: httpx.Client, path: Path) -> None:
    with behind(path):
        answer = api.post("/node/a%2Fb?x=1&y=%20", content=b"abc", headers={"cookie": "language=de"})

        assert answer.status_code == 201
        assert answer.json() == {
            "path": "/node/a%2Fb",
            "query": "x=1&y=%20",
            "host": api.base_url.netloc.decode(),
            "cookie": "language=de",
            "method": "POST",
            "bytes": 3,
        }
        assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]


def test_cookies_of_one_browser_are_not_given_to_the_next(api: httpx.Client, path: Path) -> None:
    with behind(path):
        api.get("/")
        api.cookies.clear()

        assert api.get("/").json()["cookie"] is None


def test_the_api_keeps_its_own_paths(api: httpx.Client, path: Path) -> None:
    with behind(path):
        assert api.get("/v1/nothing").json()["title"] == "Not Found"
        assert api.get("/healthz").status_code == 200


def test_a_body_that_is_too_long_is_refused(api: httpx.Client, path: Path) -> None:
    with behind(path):
        assert api.post("/", content=b"x" * (BODY_BYTES_MAX + 1)).status_code == 413


def test_while_nothing_shows_it_a_browser_gets_a_page_that_looks_again(api: httpx.Client) -> None:
    page = api.get("/", headers={"accept": "text/html,*/*"})

    assert (page.status_code, page.headers["retry-after"]) == (503, "1")
    assert 'http-equiv="refresh"' in page.text
    assert api.get("/").json()["status"] == 503


def test_it_comes_back(api: httpx.Client, path: Path) -> None:
    for _ in range(2):
        with behind(path):
            assert api.get("/").status_code == 201
        assert api.get("/").status_code == 503


def test_a_websocket_goes_through_both_ways(api: httpx.Client, path: Path) -> None:
    address = f"ws://{api.base_url.netloc.decode()}/talk?a=%20b"
    with behind(path), connect(address, origin=Origin("http://127.0.0.1:9")) as page:
        assert page.recv() == (
            f'{{"query":"a=%20b","origin":"http://127.0.0.1:9","host":"{api.base_url.netloc.decode()}"}}'
        )
        page.send("hello")
        assert page.recv() == "hello"
        page.send(b"\x00\xff")
        assert page.recv() == b"\x00\xff"
        page.send("end")
        with pytest.raises(ConnectionClosed) as ended:
            page.recv()
        assert ended.value.rcvd is not None
        assert (ended.value.rcvd.code, ended.value.rcvd.reason) == (POLICY_CODE, "over")


def test_a_websocket_is_refused_while_nothing_shows_it(api: httpx.Client) -> None:
    with pytest.raises(InvalidStatus), connect(f"ws://{api.base_url.netloc.decode()}/talk"):
        pass


def test_without_a_dashboard_there_is_nothing_at_the_root(tmp_path: Path) -> None:
    grid.open_writer(tmp_path).close()
    with served(lambda: grid.open_reader(tmp_path), lambda: grid.NOW_MS) as client:
        assert client.get("/").status_code == 404
