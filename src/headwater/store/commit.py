"""Group commit: what arrives on any stream while one transaction is synced goes into the next, in another thread."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import NamedTuple, TypeVar

from headwater.model.errors import Rejected, Unavailable
from headwater.model.report import NodeReport
from headwater.store.port import Group, Writer
from headwater.store.shipments import SHIPMENT_BYTES_MAX, opened, opened_bytes, opened_report

WAITING_BYTES_MAX = 64 << 20
"""The most that waits to be stored, as received, over all streams."""

_log = logging.getLogger(__name__)
T = TypeVar("T")


class _Waiting(NamedTuple):
    log: bytes
    node: int
    last: int
    body: bytes
    is_report: bool
    outcome: "asyncio.Future[Rejected | None]"


class Committer:
    """The one that speaks to the writer, in its own thread."""

    def __init__(self, writer: Writer, now: Callable[[], int]) -> None:
        self._writer = writer
        self._now = now
        self._thread = ThreadPoolExecutor(1, "store")
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._arrived = asyncio.Event()
        self._room = asyncio.Condition()
        self.is_away = False
        """Whether the store is away, and what arrives waits for it to come back."""

    async def call(self, do: Callable[[Writer], T]) -> T:
        """Let the writer do something between two transactions."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, do, self._writer)

    async def group(self, log: bytes, last: int, body: bytes) -> "asyncio.Future[Rejected | None]":
        """Have a group stored; waits while too much does. The future says why it was refused, None once it is
        durable, and raises Unavailable when the store does not work; while it is only away, it waits."""
        return await self._submit(log, 0, last, body, False)

    async def report(self, log: bytes, node: int, body: bytes) -> "asyncio.Future[Rejected | None]":
        """Have the report of a node kept."""
        return await self._submit(log, node, 0, body, True)

    async def run(self) -> None:
        """Store what arrives, until cancelled."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                await self._store_some(self._take())

    def close(self) -> None:
        """Wait for the transaction under way; what still waits is not stored."""
        self._thread.shutdown(wait=True)
        for one in self._waiting:
            one.outcome.cancel()

    async def _submit(
        self, log: bytes, node: int, last: int, body: bytes, is_report: bool
    ) -> "asyncio.Future[Rejected | None]":
        async with self._room:
            await self._room.wait_for(lambda: self._waiting_bytes < WAITING_BYTES_MAX)
            self._waiting_bytes += len(body)
        outcome = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(log, node, last, body, is_report, outcome))
        self._arrived.set()
        return outcome

    def _take(self) -> list[_Waiting]:
        """What one transaction takes: as much as may be in memory at once."""
        taken = [self._waiting.popleft()]
        size = opened_bytes(taken[0].body)
        while self._waiting and size + opened_bytes(self._waiting[0].body) <= SHIPMENT_BYTES_MAX:
            taken.append(self._waiting.popleft())
            size += opened_bytes(taken[-1].body)
        return taken

    async def _store_some(self, taken: list[_Waiting]) -> None:
        try:
            outcomes = await self._stored(taken)
            for one, refusal in zip(taken, outcomes, strict=True):
                _settle(one, refusal)
        except Exception as error:
            if not isinstance(error, Unavailable):
                _log.exception("storing failed")
                error = Unavailable("the store failed; its log says how")
            for one in taken:
                if not one.outcome.done():
                    one.outcome.set_exception(error)
                    one.outcome.exception()  # Marks it as seen: the stream may have ended meanwhile.
        except asyncio.CancelledError:
            for one in taken:
                one.outcome.cancel()
            raise
        async with self._room:
            self._waiting_bytes -= sum(len(one.body) for one in taken)
            self._room.notify_all()

    async def _stored(self, taken: list[_Waiting]) -> list[Rejected | None]:
        """Store some, as often as the store says that it will be back; its agents stay and are heard meanwhile."""
        while True:
            try:
                outcomes = await self.call(lambda _: self._store(taken))
            except Unavailable as error:
                if error.retry_after_s is None:
                    raise
                if not self.is_away:
                    _log.error("%s; what is shipped waits for it", error)
                self.is_away = True
                await asyncio.sleep(error.retry_after_s)
                continue
            if self.is_away:
                _log.info("the store is back")
            self.is_away = False
            return outcomes

    def _store(self, taken: list[_Waiting]) -> list[Rejected | None]:
        groups: list[tuple[int, Group]] = []
        reports: list[tuple[int, NodeReport]] = []
        for at, one in enumerate(taken):
            try:
                if one.is_report:
                    reports.append((at, _report_of(one)))
                else:
                    groups.append((at, Group(one.log, one.last, opened(one.body))))
            except Rejected as refusal:
                groups.append((at, Group(one.log, one.last, refusal)))
        outcomes: list[Rejected | None] = [None] * len(taken)
        for (at, _), refused in _with(reports, lambda found: self._writer.report_all(found, self._now())):
            outcomes[at] = refused
        for (at, _), refused in _with(groups, self._writer.add_all):
            outcomes[at] = refused
        return outcomes


def _with(
    numbered: list[tuple[int, T]], store: Callable[[list[T]], list[Rejected | None]]
) -> Iterator[tuple[tuple[int, T], Rejected | None]]:
    """What becomes of some that are stored together."""
    if numbered:
        yield from zip(numbered, store([one for _, one in numbered]), strict=True)


def _report_of(one: _Waiting) -> NodeReport:
    report = opened_report(one.body)
    if report.node != one.node:
        raise Rejected("report", f"a report of node {report.node:06x} from node {one.node:06x}")
    return report


def _settle(one: _Waiting, refusal: Rejected | None) -> None:
    if refusal is not None:
        _log.warning("refused from log %s: %s", one.log.hex(), refusal)
    if not one.outcome.done():
        one.outcome.set_result(refusal)


@asynccontextmanager
async def committing(writer: Writer, now: Callable[[], int]) -> AsyncIterator[Committer]:
    """A committer that runs as long as the block; `now` gives ms since the epoch."""
    committer = Committer(writer, now)
    running = asyncio.create_task(committer.run())
    try:
        yield committer
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await asyncio.to_thread(committer.close)
