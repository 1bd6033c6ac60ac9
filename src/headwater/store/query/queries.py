"""The queries of one server: how many run, which wait, and how one is cancelled."""

import asyncio
import contextlib
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

from headwater.model.errors import NotFound, Rejected, Unavailable
from headwater.store.query.faults import SqlFault
from headwater.store.query.frames import Request
from headwater.store.query.options import QueryOptions
from headwater.store.query.running import Running, Values, ended, started

BUSY_RETRY_S = 2.0


class Cancelled(Rejected):
    """The query was cancelled by its id."""

    def __init__(self, id: str) -> None:
        super().__init__("cancelled", f"query {id} was cancelled")


class Known(NamedTuple):
    """A query that waits or runs."""

    id: str
    sql: str
    begun_ms: int
    running: bool


class _Entry:
    """A query and the task that waits for it."""

    def __init__(self, id: str, sql: str, begun_ms: int, task: "asyncio.Task[object]") -> None:
        self.known = Known(id, sql, begun_ms, False)
        self.task = task
        self.cancelled = False


class Queries:
    """Runs queries, each in a fresh process; the rest wait, and too many are turned away."""

    def __init__(self, options: QueryOptions, now_ms: Callable[[], int]) -> None:
        self._options = options
        self._now_ms = now_ms
        self._turn = asyncio.Semaphore(options.at_once)
        self._waiting = 0
        self._entries: dict[str, _Entry] = {}
        self._spares: list[asyncio.Task[Process]] = []
        self._closing: set[asyncio.Task[None]] = set()
        self.counts: dict[str, int] = {}
        """How many queries ended how, by reason; `ok` for those that were answered."""

    def known(self) -> list[Known]:
        """What waits and runs, oldest first."""
        return [entry.known for entry in self._entries.values()]

    def cancel(self, id: str) -> None:
        """Stop a query; NotFound when none of this id waits or runs."""
        entry = self._entries.get(id)
        if entry is None:
            raise NotFound(f"no query {id[:80]} waits or runs here")
        if not entry.cancelled:
            entry.cancelled = True
            entry.task.cancel()

    @asynccontextmanager
    async def run(self, id: str, request: Request, values: Values) -> AsyncIterator[Running]:
        """A query whose answer has begun; leaving the block ends its process, whatever it does. Refused as `turn`."""
        limit_s = self._options.stream_s_max if request.stream else self._options.time_s_max
        async with self.turn(id, request.sql, limit_s), self._process() as process:
            running = Running(process, values)
            await running.begin(request)
            yield running

    @asynccontextmanager
    async def turn(self, id: str, text: str, limit_s: float) -> AsyncIterator[None]:
        """The turn of a query, which is known and counted; whoever has it answers it within the block.

        SqlFault says what is wrong with it, with reason "time" beyond the time limit; Rejected("query-id") when one of
        this id is under way, Cancelled when it was; Unavailable when too many wait.
        """
        task = asyncio.current_task()
        assert task is not None
        if id in self._entries:
            raise Rejected("query-id", f"a query {id} is under way: name another id")
        entry = self._entries[id] = _Entry(id, text, self._now_ms(), task)
        try:
            async with self._turned(entry), asyncio.timeout(limit_s):
                yield
            self._count("ok")
        except TimeoutError:
            self._count("time")
            raise SqlFault(
                f"it took more than {limit_s:g} s and was stopped: ask for less at once (WHERE, LIMIT)", reason="time"
            ) from None
        except asyncio.CancelledError:
            self._count("cancelled")
            if not entry.cancelled:
                raise
            task.uncancel()
            raise Cancelled(id) from None
        except Rejected as refusal:
            self._count(refusal.reason)
            raise
        finally:
            del self._entries[id]

    async def close(self) -> None:
        """Stop everything."""
        for entry in list(self._entries.values()):
            self.cancel(entry.known.id)
        for spare in self._spares:
            with contextlib.suppress(OSError):
                await ended(await spare)
        self._spares.clear()
        await asyncio.gather(*self._closing)

    @asynccontextmanager
    async def _turned(self, entry: _Entry) -> AsyncIterator[None]:
        """Wait for the turn; Unavailable when too many do."""
        if self._turn.locked() and self._waiting >= self._options.waiting_max:
            self._count("busy")
            raise Unavailable(
                f"{self._options.at_once} queries run and {self._waiting} wait: try again soon", BUSY_RETRY_S
            )
        self._waiting += 1
        try:
            await self._turn.acquire()
        finally:
            self._waiting -= 1
        try:
            entry.known = entry.known._replace(running=True)
            yield
        finally:
            self._turn.release()

    @asynccontextmanager
    async def _process(self) -> AsyncIterator[Process]:
        """A process that nothing has been asked of yet, gone when the block is left."""
        spare = self._spares.pop() if self._spares else None
        process = await (spare if spare is not None else started())
        try:
            if process.returncode is not None:
                process = await started()
            while len(self._spares) < self._options.spare:
                self._spares.append(asyncio.create_task(started()))
            yield process
        finally:
            closing = asyncio.create_task(ended(process))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
            await asyncio.shield(closing)

    def _count(self, reason: str) -> None:
        self.counts[reason] = self.counts.get(reason, 0) + 1
