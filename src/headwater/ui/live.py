"""What pages follow live: one question to the API for all of them, each answer encoded once.

A page follows a topic over a websocket of ours. Nothing piles up for a page that reads slowly: when it takes more it
gets what changed since the frame it has, or the whole when it has missed one.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import NamedTuple, Protocol
from urllib.parse import urlsplit

import msgspec
from fastapi import FastAPI
from starlette.websockets import WebSocket, WebSocketDisconnect

from headwater.model.errors import HeadwaterError

EVERY_S = 0.5
IDLE_S = 2.0
"""A page hears this often that there is nothing new."""
STALE_S = 3.0
"""An API that takes so long to answer is away: nothing old is shown as if it were current."""
FOLLOWERS_MAX = 256
TOPICS_MAX = 64
NO_SUCH_TOPIC, WRONG_ORIGIN, TOO_MANY = 4404, 4403, 4503
"""RFC 6455, section 7.4.2: codes of our own, after the statuses of HTTP."""
SAME, AWAY = '{"kind":"same"}', '{"kind":"away"}'

_logger = logging.getLogger(__name__)


class Shown(Protocol):
    """What a topic looks like at a moment."""

    def whole(self) -> dict[str, object]:
        """All of it."""
        ...

    def change(self, before: "Shown") -> dict[str, object]:
        """What is not as it was; empty when all is."""
        ...


Look = Callable[[], Awaitable[Shown]]
"""Asks the API; HeadwaterError when that does not answer."""


class Frame(NamedTuple):
    """What pages are told at one moment, as texts of JSON."""

    number: int
    whole: str
    change: str
    """For who has the frame before."""


class Feed:
    """One topic: asks for as long as anybody follows it."""

    def __init__(self, look: Look, every_s: float = EVERY_S) -> None:
        self._look = look
        self._every_s = every_s
        self._number = 0
        self._looked_s = 0.0
        self._frame: Frame | None = None
        self._shown: Shown | None = None
        self._news = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self.followers = 0

    @contextlib.contextmanager
    def followed(self) -> Iterator[None]:
        """Count one follower."""
        self.followers += 1
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            self.followers -= 1
            if not self.followers:
                self.stop()

    def stop(self) -> None:
        """Ask no more; the next follower begins anew."""
        if self._task is not None:
            self._task.cancel()
        self._task = self._frame = self._shown = None

    async def next(self, have: int | None) -> tuple[int | None, str]:
        """Wait for news for a page that has a frame, or none yet: the number of the frame it then has, and the text."""
        try:
            async with asyncio.timeout(IDLE_S), self._news:
                await self._news.wait_for(lambda: self._frame is not None and self._frame.number != have)
        except TimeoutError:
            is_away = self._shown is None or asyncio.get_running_loop().time() - self._looked_s > STALE_S
            return have, AWAY if is_away else SAME
        assert self._frame is not None
        number, whole, change = self._frame
        return number, change if have == number - 1 else whole

    async def _run(self) -> None:
        while True:
            try:
                shown: Shown | None = await self._look()
            except HeadwaterError as error:
                _logger.info("the API does not answer the dashboard: %s", error)
                shown = None
            except Exception:
                _logger.exception("the dashboard cannot show what the API said")
                shown = None
            await self._take(shown)
            await asyncio.sleep(self._every_s)

    async def _take(self, shown: Shown | None) -> None:
        self._looked_s = asyncio.get_running_loop().time()
        before, self._shown = self._shown, shown
        number = self._number + 1
        if shown is None:
            if self._frame is not None and before is None:
                return  # It is known to be away.
            whole = change = _text("away", number, {})
        else:
            changed = shown.change(before) if before is not None else None
            if changed == {}:
                return
            whole = _text("whole", number, shown.whole())
            change = whole if changed is None else _text("change", number, changed)
        async with self._news:
            self._number = number
            self._frame = Frame(number, whole, change)
            self._news.notify_all()


def _text(kind: str, number: int, content: dict[str, object]) -> str:
    return msgspec.json.encode({"kind": kind, "number": number, **content}).decode()


class Feeds:
    """All topics, made when they are first followed."""

    def __init__(self, make: Callable[[str], Look | None]) -> None:
        """`make` gives how a topic is asked for, None when there is no such topic."""
        self._make = make
        self._feeds: dict[str, Feed] = {}

    def feed(self, topic: str) -> Feed | None:
        """The feed of a topic, None when there is none."""
        if topic not in self._feeds:
            look = self._make(topic)
            if look is None:
                return None
            if len(self._feeds) >= TOPICS_MAX:
                self._feeds = {topic: feed for topic, feed in self._feeds.items() if feed.followers}
            self._feeds[topic] = Feed(look)
        return self._feeds[topic]

    @property
    def followers(self) -> int:
        """How many pages follow anything."""
        return sum(feed.followers for feed in self._feeds.values())

    def close(self) -> None:
        """Ask no more."""
        for feed in self._feeds.values():
            feed.stop()


def add_live(app: FastAPI, feeds: Feeds) -> None:
    """Let pages follow topics at `/live/TOPIC`."""

    @app.websocket("/live/{topic:path}")
    async def live(socket: WebSocket, topic: str) -> None:
        await socket.accept()
        if not is_same_origin(socket.headers.get("origin"), socket.headers.get("host", "")):
            await socket.close(WRONG_ORIGIN, "only pages of this server may follow")
            return
        feed = feeds.feed(topic)
        if feed is None:
            await socket.close(NO_SUCH_TOPIC, "there is nothing of this name to follow")
            return
        if feeds.followers >= FOLLOWERS_MAX:
            await socket.close(TOO_MANY, f"{FOLLOWERS_MAX} pages follow already")
            return
        with feed.followed():
            await _until_gone(socket, _tell(socket, feed))


async def _tell(socket: WebSocket, feed: Feed) -> None:
    have: int | None = None
    while True:
        have, text = await feed.next(have)
        await socket.send_text(text)


async def _until_gone(socket: WebSocket, telling: Awaitable[None]) -> None:
    """Run until the other side is gone; what it says is passed over."""
    tasks = [asyncio.ensure_future(telling), asyncio.ensure_future(_gone(socket))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _gone(socket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            await socket.receive_text()


def is_same_origin(origin: str | None, host: str) -> bool:
    """Whether who asks is a page of ours, or no page at all: browsers say the origin, always (RFC 6455, 10.2)."""
    return origin is None or urlsplit(origin).netloc.lower() == host.lower()
