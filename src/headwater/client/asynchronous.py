"""The client to await."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Self, TypeVar

import httpx

from headwater.client import calls
from headwater.client.calls import Call, Pages, Stream
from headwater.client.exchange import Send, Slow, exchange
from headwater.client.following import Following
from headwater.client.methods import AskedLater, FollowedLater, ListedLater
from headwater.client.replies import (
    BODY_BYTES_MAX,
    DEFAULT_SERVER,
    Reply,
    refusal,
    reply_of,
    server_url,
    too_long,
    unanswered,
)
from headwater.client.retries import Retries
from headwater.model.errors import Unavailable

T = TypeVar("T")


class AsyncClient:
    """The same as `Client`, for asyncio: calls are awaited, lists and streams are iterated over with `async for`.

    async with headwater.AsyncClient("http://127.0.0.1:5000") as client:
        async for point in client.find(meter="meter-1", values=True):
            print(point.id, point.number)
    """

    topology = AskedLater(calls.topology)
    stats = AskedLater(calls.stats)
    health = AskedLater(calls.health)
    health_events = ListedLater(calls.health_events)
    newest = AskedLater(calls.newest)
    points_of = ListedLater(calls.points_of)
    trace = AskedLater(calls.trace)
    walk = AskedLater(calls.walk)
    file = AskedLater(calls.file)
    lineages = AskedLater(calls.lineages)
    folded = AskedLater(calls.folded)
    neighbours = AskedLater(calls.neighbours)
    points = AskedLater(calls.points)
    find = ListedLater(calls.find)
    find_page = AskedLater(calls.find_page)
    losses = ListedLater(calls.losses)
    alarms = ListedLater(calls.alarms)
    periods = ListedLater(calls.periods)
    expired = ListedLater(calls.expired)
    query = AskedLater(calls.query)
    query_file = AskedLater(calls.query_file)
    cql = AskedLater(calls.cql)
    cql_tables = AskedLater(calls.cql_tables)
    queries = AskedLater(calls.queries)
    cancel = AskedLater(calls.cancel)
    forget = AskedLater(calls.forget)
    pql = AskedLater(calls.pql)
    reports = AskedLater(calls.reports)
    report = AskedLater(calls.report)
    totals = AskedLater(calls.totals)
    alive = AskedLater(calls.alive)
    ready = AskedLater(calls.ready)
    openapi = AskedLater(calls.openapi)
    live_stamps = FollowedLater(calls.live_stamps)
    live_rates = FollowedLater(calls.live_rates)
    live_health = FollowedLater(calls.live_health)

    def __init__(
        self,
        server: str = DEFAULT_SERVER,
        *,
        timeout_s: float = 60.0,
        retries: Retries = Retries(),  # noqa: B008
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`server` is a URL or host:port, ConfigError when it is neither."""
        self.base = server_url(server)
        self.retries = retries
        self._sleep = sleep
        # Without TLS, reading the machine's certificates would only take time.
        secure = self.base.startswith("https:")
        # Servers of ours are near; a proxy for the web would only be in the way.
        self._http = httpx.AsyncClient(base_url=self.base, timeout=timeout_s, trust_env=False, verify=secure)

    async def ask(self, call: Call[T]) -> T:
        """The answer to a call of `headwater.client.calls`."""
        return call.read((await self.reply(call)).body)

    async def reply(self, call: Call[Any]) -> Reply:
        """The answer to a call as it came."""
        steps = exchange(call, self.retries, random.random)
        step = next(steps)
        while True:
            try:
                if not isinstance(step, Send):
                    await self._sleep(step.seconds)
                    step = steps.send(None)
                    continue
                try:
                    reply = await self._send(step.call)
                except Unavailable as error:
                    step = steps.throw(error)
                    continue
                step = steps.send(reply)
            except StopIteration as end:
                answered: Reply = end.value
                return answered

    async def each(self, pages: Pages[T]) -> AsyncIterator[T]:
        """The items of all pages, each page asked when it is reached."""
        call: Call[tuple[T, ...]] | None = pages.first
        while call is not None:
            reply = await self.reply(call)
            for item in call.read(reply.body):
                yield item
            call = pages.behind(reply)

    async def events(self, stream: Stream[T]) -> AsyncIterator[T]:
        """The events of a stream, connected again where it broke; Unavailable when that does not succeed."""
        following = Following(stream, self.retries, random.random)
        while True:
            try:
                async with self._answering("GET", following.path, None, following.headers) as answer:
                    if answer.status_code != 200:
                        raise refusal(reply_of(answer.status_code, answer.headers, await _body(answer)))
                    async for data in answer.aiter_raw():
                        for event in following.feed(data):
                            yield event
            except Unavailable as error:
                await self._sleep(following.broken(error))
            else:
                await self._sleep(following.broken(unanswered(self.base, EOFError("the stream has ended"))))

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _send(self, call: Call[Any]) -> Reply:
        async with self._answering(call.method, call.path, call.body, {}) as answer:
            return reply_of(answer.status_code, answer.headers, await _body(answer))

    @asynccontextmanager
    async def _answering(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> AsyncIterator[httpx.Response]:
        if body is not None:
            headers = {**headers, "Content-Type": "application/json"}
        try:
            async with self._http.stream(method, path, content=body, headers=headers) as answer:
                yield answer
        except httpx.ReadTimeout as error:
            raise Slow(f"{self.base} did not answer in time") from error
        except httpx.TransportError as error:
            raise unanswered(self.base, error) from error


async def _body(answer: httpx.Response) -> bytes:
    parts, room = [], BODY_BYTES_MAX
    async for part in answer.aiter_bytes():
        room -= len(part)
        if room < 0:
            raise too_long()
        parts.append(part)
    return b"".join(parts)
