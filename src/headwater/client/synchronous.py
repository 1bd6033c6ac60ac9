"""The client that blocks."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self, TypeVar

import httpx

from headwater.client import calls
from headwater.client.calls import Call, Pages, Stream
from headwater.client.exchange import Send, Slow, exchange
from headwater.client.following import Following
from headwater.client.methods import Asked, Followed, Listed
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


class Client:
    """Asks the API of one server; for one thread at a time.

    Every method raises NotFound, Rejected (the question is wrong) or Unavailable (asking later may help), with the
    server's sentence, and HeadwaterError for a server that failed. Questions change nothing, so they are asked again
    with growing waits while nobody answers.

        with headwater.Client("http://127.0.0.1:5000") as client:
            for point in client.find(meter="meter-1", values=True):
                print(point.id, point.number)
    """

    topology = Asked(calls.topology)
    stats = Asked(calls.stats)
    health = Asked(calls.health)
    health_events = Listed(calls.health_events)
    newest = Asked(calls.newest)
    points_of = Listed(calls.points_of)
    trace = Asked(calls.trace)
    walk = Asked(calls.walk)
    file = Asked(calls.file)
    lineages = Asked(calls.lineages)
    folded = Asked(calls.folded)
    neighbours = Asked(calls.neighbours)
    points = Asked(calls.points)
    find = Listed(calls.find)
    find_page = Asked(calls.find_page)
    losses = Listed(calls.losses)
    alarms = Listed(calls.alarms)
    periods = Listed(calls.periods)
    expired = Listed(calls.expired)
    query = Asked(calls.query)
    query_file = Asked(calls.query_file)
    cql = Asked(calls.cql)
    cql_tables = Asked(calls.cql_tables)
    queries = Asked(calls.queries)
    cancel = Asked(calls.cancel)
    forget = Asked(calls.forget)
    pql = Asked(calls.pql)
    reports = Asked(calls.reports)
    report = Asked(calls.report)
    totals = Asked(calls.totals)
    alive = Asked(calls.alive)
    ready = Asked(calls.ready)
    openapi = Asked(calls.openapi)
    live_stamps = Followed(calls.live_stamps)
    live_rates = Followed(calls.live_rates)
    live_health = Followed(calls.live_health)

    def __init__(
        self,
        server: str = DEFAULT_SERVER,
        *,
        timeout_s: float = 60.0,
        retries: Retries = Retries(),  # noqa: B008
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`server` is a URL or host:port, ConfigError when it is neither."""
        self.base = server_url(server)
        self.retries = retries
        self._sleep = sleep
        # Without TLS, reading the machine's certificates would only take time.
        secure = self.base.startswith("https:")
        # Servers of ours are near; a proxy for the web would only be in the way.
        self._http = httpx.Client(base_url=self.base, timeout=timeout_s, trust_env=False, verify=secure)

    def ask(self, call: Call[T]) -> T:
        """The answer to a call of `headwater.client.calls`."""
        return call.read(self.reply(call).body)

    def reply(self, call: Call[Any]) -> Reply:
        """The answer to a call as it came."""
        steps = exchange(call, self.retries, random.random)
        step = next(steps)
        while True:
            try:
                if not isinstance(step, Send):
                    self._sleep(step.seconds)
                    step = steps.send(None)
                    continue
                try:
                    reply = self._send(step.call)
                except Unavailable as error:
                    step = steps.throw(error)
                    continue
                step = steps.send(reply)
            except StopIteration as end:
                answered: Reply = end.value
                return answered

    def each(self, pages: Pages[T]) -> Iterator[T]:
        """The items of all pages, each page asked when it is reached."""
        call: Call[tuple[T, ...]] | None = pages.first
        while call is not None:
            reply = self.reply(call)
            yield from call.read(reply.body)
            call = pages.behind(reply)

    def events(self, stream: Stream[T]) -> Iterator[T]:
        """The events of a stream, connected again where it broke; Unavailable when that does not succeed."""
        following = Following(stream, self.retries, random.random)
        while True:
            try:
                with self._answering("GET", following.path, None, following.headers) as answer:
                    if answer.status_code != 200:
                        raise refusal(reply_of(answer.status_code, answer.headers, _body(answer)))
                    for data in answer.iter_raw():
                        yield from following.feed(data)
            except Unavailable as error:
                self._sleep(following.broken(error))
            else:
                self._sleep(following.broken(unanswered(self.base, EOFError("the stream has ended"))))

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, call: Call[Any]) -> Reply:
        with self._answering(call.method, call.path, call.body, {}) as answer:
            return reply_of(answer.status_code, answer.headers, _body(answer))

    @contextmanager
    def _answering(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> Iterator[httpx.Response]:
        if body is not None:
            headers = {**headers, "Content-Type": "application/json"}
        try:
            with self._http.stream(method, path, content=body, headers=headers) as answer:
                yield answer
        except httpx.ReadTimeout as error:
            raise Slow(f"{self.base} did not answer in time") from error
        except httpx.TransportError as error:
            raise unanswered(self.base, error) from error


def _body(answer: httpx.Response) -> bytes:
    parts, room = [], BODY_BYTES_MAX
    for part in answer.iter_bytes():
        room -= len(part)
        if room < 0:
            raise too_long()
        parts.append(part)
    return b"".join(parts)
