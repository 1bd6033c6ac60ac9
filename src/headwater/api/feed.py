"""Live events on their way to clients: encoded once, queued for each client, bounded, never waiting for anyone."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

from headwater.api import documents
from headwater.api.answers import encode
from headwater.model.errors import Unavailable
from headwater.model.reading import SeriesKey
from headwater.store.port import Landing

HEARTBEAT = b": alive\n\n"
SLOW = "the client is too slow"
RETRY_S = 1.0
SENT_BYTES_MAX = 1 << 16
"""What waits is sent in pieces of about this size."""

_log = logging.getLogger(__name__)


class Event(NamedTuple):
    """An event as it is sent, with what clients may select it by."""

    frame: bytes
    place: Landing | None = None
    node: int | None = None
    series: frozenset[SeriesKey] = frozenset()


class Wanted(NamedTuple):
    """Which events a client wants; what is None may be anything."""

    node: int | None = None
    meter: str | None = None
    metric: str | None = None

    def takes(self, event: Event) -> bool:
        if self.node is not None and event.node != self.node:
            return False
        if self.meter is None and self.metric is None:
            return True
        return any(self.meter in (None, meter) and self.metric in (None, metric) for meter, metric in event.series)


ALL = Wanted()


def frame(kind: str, body: bytes, id: str | None = None) -> bytes:
    """An event as server-sent events are written (WHATWG HTML, section 9.2)."""
    named = f"id: {id}\n" if id else ""
    return f"{named}event: {kind}\ndata: ".encode() + body + b"\n\n"


def missed(events: int | None, why: str) -> bytes:
    """The frame that says that events were left out."""
    document = documents.Missed(why=why) if events is None else documents.Missed(events, why)
    return frame("missed", encode(document))


class Listener:
    """One client: what waits for it."""

    def __init__(self, wanted: Wanted, events_max: int) -> None:
        self.wanted = wanted
        self.behind: Landing | None = None
        """Events up to this place have reached the client another way."""
        self._events_max = events_max
        self._waiting: deque[bytes] = deque()
        self._missed = 0
        self._news = asyncio.Event()
        self.ended = False

    def offer(self, event: Event) -> None:
        """Queue an event; the oldest that waits gives way to it when the queue is full."""
        if self.behind is not None and event.place is not None and event.place <= self.behind:
            return
        if not self.wanted.takes(event):
            return
        if len(self._waiting) == self._events_max:
            self._waiting.popleft()
            self._missed += 1
        self._waiting.append(event.frame)
        self._news.set()

    def end(self) -> None:
        self.ended = True
        self._news.set()

    async def frames(self, heartbeat_s: float) -> AsyncIterator[bytes]:
        """What waits, as soon as something does, until the end."""
        while not self.ended:
            try:
                async with asyncio.timeout(heartbeat_s):
                    await self._news.wait()
            except TimeoutError:
                yield HEARTBEAT
            else:
                self._news.clear()
                while self._waiting and not self.ended:
                    yield self._taken()

    def _taken(self) -> bytes:
        taken = [missed(self._missed, SLOW)] if self._missed else []
        self._missed = size = 0
        while self._waiting and size < SENT_BYTES_MAX:
            taken.append(self._waiting.popleft())
            size += len(taken[-1])
        return b"".join(taken)


class Feed:
    """Listeners to one kind of events, and the task that makes the events while anyone listens."""

    def __init__(self, produce: Callable[["Feed"], Awaitable[None]]) -> None:
        """`produce` runs while there are listeners; Unavailable ends it, and it is begun again."""
        self._produce = produce
        self._listeners: set[Listener] = set()
        self._task: asyncio.Task[None] | None = None
        self.place: Landing | None = None
        """How far the events have come; None before the first."""

    def __len__(self) -> int:
        return len(self._listeners)

    def add(self, listener: Listener) -> None:
        self._listeners.add(listener)
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def remove(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        if not self._listeners and self._task is not None:
            self._task.cancel()
            self._task = self.place = None

    def publish(self, events: list[Event]) -> None:
        """Offer events to every listener."""
        for listener in self._listeners:
            for event in events:
                listener.offer(event)

    def stop(self) -> None:
        """Let every stream end."""
        for listener in self._listeners:
            listener.end()

    async def close(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                await self._produce(self)
            except Unavailable:
                await asyncio.sleep(RETRY_S)
            except Exception:
                _log.exception("live events have failed: every stream ends")
                self._task = None
                self.stop()
                return
