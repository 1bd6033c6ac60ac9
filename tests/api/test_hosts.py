"""Under which names the API answers, and to whose pages, over a real server."""

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from headwater.api.hosts import Hosts
from headwater.api.options import ApiOptions
from tests.api import grid
from tests.api.served import served


@contextmanager
def api(folder: Path, *hosts: str) -> Iterator[httpx.Client]:
    with closing(grid.open_writer(folder)) as writer:
        grid.fill(writer, {})
        with served(lambda: grid.open_reader(folder), lambda: grid.NOW_MS, ApiOptions(hosts=hosts)) as client:
            yield client


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:80", "localhost", "LOCALHOST:5000", "localhost.", "a.localhost", "[::1]:5000", "10.0.0.3"],
)
def test_addresses_and_localhost_are_always_ours(tmp_path: Path, host: str) -> None:
    with api(tmp_path) as client:
        assert client.get("/v1/totals", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:5000", "localhost.evil.example", "xlocalhost", "[::1", "@"]
)
def test_another_name_is_refused_also_where_answers_are_kept_ready(tmp_path: Path, host: str) -> None:
    hot = f"/v1/cluster/{grid.A:06x}/provenance?size=1"
    with api(tmp_path) as client:
        assert client.get(hot).status_code == 200
        for path in ("/v1/totals", hot, "/healthz"):
            refused = client.get(path, headers={"Host": host})
            assert (refused.status_code, refused.json()["type"]) == (421, "urn:headwater:problem:host")
            assert "`hosts` of the topology's server" in refused.json()["detail"]


def test_a_name_that_was_given_is_ours_and_no_other(tmp_path: Path) -> None:
    with api(tmp_path, "grid.example.org") as client:
        for host, status in (("Grid.Example.ORG:5000", 200), ("127.0.0.1", 200), ("example.org", 421)):
            assert client.get("/v1/totals", headers={"Host": host}).status_code == status


def test_a_page_of_another_site_may_change_nothing(tmp_path: Path) -> None:
    with api(tmp_path, "grid.example.org") as client:
        own = f"http://{client.base_url.host}:9"

        def asked(method: str, origin: str) -> int:
            answer = client.request(method, "/v1/cluster/health/gatewayB", headers={"Origin": origin})
            assert answer.status_code != 403 or answer.json()["type"] == "urn:headwater:problem:origin"
            return answer.status_code

        for origin in ("http://evil.example", "null", "http://10.0.0.9", "https://127.0.0.1.evil.example"):
            assert asked("DELETE", origin) == 403
            assert asked("GET", origin) != 403
        for origin in (own, "https://grid.example.org", "https://grid.example.org:8443"):
            assert asked("DELETE", origin) != 403


def test_a_websocket_of_a_page_of_another_site_is_not_opened(tmp_path: Path) -> None:
    async def opened(url: str, **headers: str) -> None:
        async with connect(url, additional_headers=headers):
            pass

    with api(tmp_path) as client:
        url = f"ws://{client.base_url.host}:{client.base_url.port}/_nicegui_ws/socket.io/"
        with pytest.raises(InvalidStatus, match="403"):
            asyncio.run(opened(url, Origin="http://evil.example"))


@pytest.mark.parametrize(
    ("listen", "hosts", "status"),
    [
        ("0.0.0.0:5000", (), 200),
        ("10.0.0.3:5000", (), 200),
        ("[::]:5000", (), 200),
        ("0.0.0.0:5000", ("grid.example.org",), 421),
        ("localhost:5000", (), 421),
        ("127.0.0.1:5000", (), 421),
        ("[::1]:5000", (), 421),
    ],
)
def test_a_server_that_others_reach_may_have_whatever_name_they_know_unless_it_is_said(
    listen: str, hosts: tuple[str, ...], status: int
) -> None:
    async def answers(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(status_code=200)(scope, receive, send)

    transport = httpx.ASGITransport(Hosts(answers, listen, hosts))

    async def asked() -> int:
        async with httpx.AsyncClient(transport=transport, base_url="http://server:5000") as client:
            return (await client.get("/v1/totals")).status_code

    assert asyncio.run(asked()) == status
