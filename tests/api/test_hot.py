"""Answers that are kept: never older than the store, made once for all who ask meanwhile, bounded."""

import asyncio
from pathlib import Path

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from headwater.api import hot
from headwater.api.app import create_app
from headwater.api.hot import HotAnswers, Version
from headwater.api.options import ApiOptions
from headwater.api.readings import NoReadings
from tests.api import grid
from tests.api.grid import A, point
from tests.api.test_live import live, more

NEWEST = "/v1/cluster/000001/provenance?size=1"


def test_an_answer_that_is_kept_is_never_older_than_the_store(tmp_path: Path) -> None:
    with live(tmp_path) as (writer, url), httpx.Client(base_url=url) as client:
        assert client.get(NEWEST).json()[0]["id"] == str(point(A, 3))
        for sequence in range(20, 40):
            id = more(writer, A, sequence)
            for _ in range(2):
                assert client.get(NEWEST).json()[0]["id"] == f"{int(id, 16) + (1 << 24):020x}"
            # Another period may become the newest one.
            forward = f"/v1/provenance/{id}/forward?structure=linear"
            assert len(client.get(forward).json()) == 1


def test_what_is_answered_is_the_same_with_and_without(store: Path) -> None:
    async def ask(paths: list[str]) -> list[tuple[int, dict[str, str], bytes]]:
        app = create_app(lambda: grid.open_reader(store), NoReadings(), lambda: grid.NOW_MS, "1", ApiOptions())
        answers = []
        async with app.router.lifespan_context(app):
            for front in (app.front, app.behind, app.front):
                assert front is not None
                transport = httpx.ASGITransport(front)
                async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                    for path in paths:
                        answer = await client.get(path)
                        answers.append((answer.status_code, dict(answer.headers), answer.content))
        return answers

    paths = [
        NEWEST,
        "/v1/cluster/000001/provenance?size=x",
        "/v1/cluster/00000f/provenance?size=3",
        f"/v1/provenance/{point(A, 1)}?structure=linear",
        f"/v1/provenance/{point(A, 1)}/forward?structure=recursive",
    ]
    answers = asyncio.run(ask(paths))
    first, second, third = (answers[at : at + len(paths)] for at in range(0, len(answers), len(paths)))
    assert first == second == third
    assert [status for status, _, _ in first] == [200, 400, 404, 200, 200]


@pytest.mark.parametrize(
    ("path", "query", "is_hot"),
    [
        ("/v1/cluster/000001/provenance", b"size=50", True),
        (f"/v1/provenance/{point(A, 1)}", b"structure=linear", True),
        ("/v1/cluster/000001/provenance", b"size=50&detail=true", False),
        ("/v1/cluster/000001/provenance", b"size=50&v%61lues=true", False),
        ("/v1/cluster/stats", b"", False),
        ("/v1/live/stamps", b"", False),
        (f"/v1/provenance/{point(A, 1)}/static", b"structure=linear", False),
    ],
)
def test_only_what_depends_on_the_store_alone_is_kept(path: str, query: bytes, is_hot: bool) -> None:
    assert hot.is_hot({"method": "GET", "path": path, "query_string": query}) == is_hot
    assert not hot.is_hot({"method": "POST", "path": path, "query_string": query})


class Counting:
    """An application that answers when it is let, and counts how often it was asked."""

    def __init__(self, body: bytes = b"x", status: int = 200) -> None:
        self.asked = 0
        self.let = asyncio.Event()
        self.version: Version | None = (1,)
        self._body = body
        self._status = status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        await self.let.wait()
        await send({"type": "http.response.start", "status": self._status, "headers": []})
        await send({"type": "http.response.body", "body": self._body})

    async def version_of_store(self) -> Version | None:
        return self.version


async def ask(front: HotAnswers, size: int = 1) -> bytes:
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/v1/cluster/000001/provenance",
        "query_string": b"size=%d" % size,
    }
    return b"".join([message.get("body", b"") for message in (await hot.answered(front, scope)).messages])


def test_equal_questions_at_one_time_are_answered_by_one_look() -> None:
    async def run() -> tuple[int, list[bytes | BaseException]]:
        app = Counting()
        front = HotAnswers(app, app.version_of_store)
        asking = [asyncio.create_task(ask(front)) for _ in range(5)]
        await asyncio.sleep(0)
        while not app.asked:
            await asyncio.sleep(0)
        # The first one goes away, and the others still get their answer.
        asking[0].cancel()
        app.let.set()
        return app.asked, await asyncio.gather(*asking, return_exceptions=True)

    asked, answers = asyncio.run(run())
    assert asked == 1
    assert isinstance(answers[0], asyncio.CancelledError)
    assert answers[1:] == [b"x"] * 4


def test_an_answer_that_the_store_has_overtaken_is_not_kept() -> None:
    async def run() -> int:
        app = Counting()
        front = HotAnswers(app, app.version_of_store)
        asking = asyncio.create_task(ask(front))
        while not app.asked:
            await asyncio.sleep(0)
        app.version = (2,)
        app.let.set()
        await ask(front)
        await asking
        await ask(front)
        return app.asked

    assert asyncio.run(run()) == 2


@pytest.mark.parametrize(("status", "version"), [(404, (1,)), (503, (1,)), (200, None)])
def test_refusals_and_what_no_version_covers_are_not_kept(status: int, version: Version | None) -> None:
    async def run() -> int:
        app = Counting(status=status)
        app.version = version
        app.let.set()
        front = HotAnswers(app, app.version_of_store)
        for _ in range(3):
            await ask(front)
        return app.asked

    assert asyncio.run(run()) == 3


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hot, "KEPT_BYTES_MAX", 25)

    async def run() -> tuple[int, int]:
        app = Counting(body=bytes(10))
        app.let.set()
        front = HotAnswers(app, app.version_of_store)
        for size in (1, 2, 3, 3, 2):
            await ask(front, size)
        return app.asked, front._bytes

    assert asyncio.run(run()) == (4, 20)
