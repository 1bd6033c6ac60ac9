"""What pages follow: asked once for all, told what has changed, the whole to who missed it, and when nobody answers."""

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import msgspec
import pytest
import uvicorn
from fastapi import FastAPI
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

from headwater.model.errors import Unavailable
from headwater.ui import live
from headwater.ui.live import NO_SUCH_TOPIC, TOO_MANY, WRONG_ORIGIN, Feed, Feeds, Shown, add_live, is_same_origin

PATIENCE_S = 60.0


class Count(msgspec.Struct, frozen=True):
    """A number, and another that never changes."""

    number: int
    other: str = "same"

    def whole(self) -> dict[str, object]:
        return {"n": self.number, "other": self.other}

    def change(self, before: Shown) -> dict[str, object]:
        assert isinstance(before, Count)
        return {} if before == self else {"n": self.number}


class Source:
    """What a feed asks: says what it is told to."""

    def __init__(self) -> None:
        self.now: Count | Exception = Count(1)
        self.asked = 0

    async def __call__(self) -> Shown:
        self.asked += 1
        if isinstance(self.now, Exception):
            raise self.now
        return self.now


def feed_of(source: Source) -> Feed:
    return Feed(source, every_s=0.001)


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def patiently() -> None:
        async with asyncio.timeout(PATIENCE_S):
            await test()

    asyncio.run(patiently())


async def next_of(feed: Feed, have: int | None) -> tuple[int | None, dict[str, Any]]:
    """The next frame that is news."""
    while True:
        have, text = await feed.next(have)
        frame = json.loads(text)
        if frame["kind"] != "same":
            return have, frame


def test_who_has_the_frame_before_gets_what_has_changed() -> None:
    async def test() -> None:
        source = Source()
        feed = feed_of(source)
        with feed.followed():
            have, first = await next_of(feed, None)
            source.now = Count(2)
            _, second = await next_of(feed, have)

        assert (first["kind"], first["n"], first["other"]) == ("whole", 1, "same")
        assert second == {"kind": "change", "number": first["number"] + 1, "n": 2}

    run(test)


def test_who_missed_a_frame_gets_the_whole() -> None:
    async def test() -> None:
        source = Source()
        feed = feed_of(source)
        with feed.followed():
            slow, _ = await next_of(feed, None)
            quick = slow
            for number in (2, 3):
                source.now = Count(number)
                quick, _ = await next_of(feed, quick)
            _, frame = await next_of(feed, slow)

        assert (frame["kind"], frame["n"], frame["other"]) == ("whole", 3, "same")

    run(test)


def test_while_nothing_changes_a_page_hears_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "IDLE_S", 0.01)

    async def test() -> None:
        feed = feed_of(Source())
        with feed.followed():
            have, _ = await next_of(feed, None)

            assert await feed.next(have) == (have, '{"kind":"same"}')

    run(test)


@pytest.mark.parametrize("trouble", [Unavailable("nobody there"), ValueError("an answer like no other")])
def test_a_server_that_is_away_is_said_once_and_the_whole_comes_when_it_is_back(trouble: Exception) -> None:
    async def test() -> None:
        source = Source()
        feed = feed_of(source)
        with feed.followed():
            have, _ = await next_of(feed, None)
            source.now = trouble
            have, away = await next_of(feed, have)
            asked = source.asked
            while source.asked < asked + 3:
                await asyncio.sleep(0.001)
            source.now = Count(1)
            _, back = await next_of(feed, have)

        assert away["kind"] == "away"
        assert (back["kind"], back["number"]) == ("whole", away["number"] + 1)

    run(test)


def test_a_page_that_comes_while_the_server_is_away_hears_it() -> None:
    async def test() -> None:
        source = Source()
        source.now = Unavailable("nobody there")
        feed = feed_of(source)
        with feed.followed():
            _, frame = await next_of(feed, None)
            assert frame["kind"] == "away"

    run(test)


def test_nothing_is_asked_without_followers_and_the_next_one_gets_nothing_old() -> None:
    async def test() -> None:
        source = Source()
        feed = feed_of(source)
        await asyncio.sleep(0.05)
        assert source.asked == 0
        with feed.followed():
            have, _ = await next_of(feed, None)
            with feed.followed():
                pass
            source.now = Count(2)
            have, _ = await next_of(feed, have)  # One has gone, one is left: it is asked still.
        asked = source.asked
        await asyncio.sleep(0.05)
        assert source.asked == asked
        source.now = Count(3)
        with feed.followed():
            _, frame = await next_of(feed, None)
            assert (frame["kind"], frame["n"]) == ("whole", 3)

    run(test)


def test_topics_that_nobody_follows_make_room_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "TOPICS_MAX", 3)

    async def test() -> None:
        feeds = Feeds(lambda topic: None if topic == "none" else Source())
        followed = feeds.feed("followed")
        assert followed is not None
        with followed.followed():
            for number in range(10):
                assert feeds.feed(str(number)) is not None
                assert feeds.feed("none") is None
            assert feeds.feed("followed") is followed
            assert len(feeds._feeds) <= 3
            assert feeds.followers == 1

    run(test)


@contextlib.contextmanager
def served(source: Source) -> Iterator[str]:
    """The topic `count/all`, served on loopback; its address."""
    app = FastAPI()
    add_live(app, Feeds(lambda topic: source if topic == "count/all" else None))
    with socket.create_server(("127.0.0.1", 0)) as sock:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="websockets-sansio", lifespan="off"))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([sock])))
        thread.start()
        try:
            yield f"127.0.0.1:{sock.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def refusal(address: str, topic: str, origin: str | None = None) -> tuple[int | None, str | None]:
    """The code and reason that a follower is closed with."""
    with (
        connect(f"ws://{address}/live/{topic}", origin=Origin(origin) if origin else None) as page,
        pytest.raises(ConnectionClosed) as closed,
    ):
        page.recv(PATIENCE_S)
    frame = closed.value.rcvd
    return (frame.code, frame.reason) if frame is not None else (None, None)


def test_pages_of_this_server_follow_and_what_they_say_is_passed_over() -> None:
    with (
        served(Source()) as address,
        connect(f"ws://{address}/live/count/all", origin=Origin(f"http://{address}")) as page,
    ):
        page.send("anything")
        assert json.loads(page.recv(PATIENCE_S))["kind"] == "whole"


def test_pages_of_others_may_not_follow() -> None:
    source = Source()
    with served(source) as address:
        assert refusal(address, "count/all", "http://evil.example")[0] == WRONG_ORIGIN
        assert refusal(address, "count/all", "null")[0] == WRONG_ORIGIN
    assert source.asked == 0


def test_a_topic_that_is_none_is_refused() -> None:
    with served(Source()) as address:
        assert refusal(address, "nothing") == (NO_SUCH_TOPIC, "there is nothing of this name to follow")


def test_one_follower_too_many_is_refused_until_another_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "FOLLOWERS_MAX", 1)
    with served(Source()) as address:
        with connect(f"ws://{address}/live/count/all") as page:
            page.recv(PATIENCE_S)
            assert refusal(address, "count/all") == (TOO_MANY, "1 pages follow already")
        while True:  # It takes a moment to be known that it has left.
            with connect(f"ws://{address}/live/count/all") as page, contextlib.suppress(ConnectionClosed):
                assert json.loads(page.recv(PATIENCE_S))["kind"] == "whole"
                return


@pytest.mark.parametrize(
    ("origin", "is_same"),
    [
        (None, True),
        ("http://grid.example:5000", True),
        ("https://GRID.example:5000", True),
        ("http://grid.example", False),
        ("http://grid.example:5000.evil.example", False),
        ("null", False),
        ("", False),
    ],
)
def test_an_origin_is_the_same_when_host_and_port_are(origin: str | None, is_same: bool) -> None:
    assert is_same_origin(origin, "grid.example:5000") is is_same
