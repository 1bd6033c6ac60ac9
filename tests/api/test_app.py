"""The application: what is mounted behind it gets everything but /v1."""

import asyncio
from pathlib import Path

import httpx
from starlette.responses import PlainTextResponse

from headwater.api.app import create_app
from headwater.api.options import ApiOptions
from headwater.api.readings import NoReadings
from tests.api import grid


def test_nothing_under_v1_reaches_what_is_mounted_behind(tmp_path: Path) -> None:
    app = create_app(lambda: grid.open_reader(tmp_path), NoReadings(), lambda: 0, "1", ApiOptions())
    app.mount("/", PlainTextResponse("the dashboard"))

    async def run() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            paths = ("/", "/nodes", "/v1/nothing", "/v1/", "/v1/cluster")
            return [await client.get(path) for path in paths] + [await client.put("/v1/losses")]

    root, page, *ours, wrong = asyncio.run(run())

    assert root.text == page.text == "the dashboard"
    assert [answer.json()["status"] for answer in ours] == [404, 404, 404]
    assert wrong.json()["status"] == 405
