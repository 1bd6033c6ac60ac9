"""Transactions that many agents share, in front of a writer that can be held or fail."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from headwater.model.errors import Rejected, Unavailable
from headwater.model.report import NodeReport
from headwater.model.shipment import Shipment
from headwater.store.commit import Committer, committing
from headwater.store.port import Group
from tests.store.agents import packed


class HeldWriter:
    """A writer whose transactions wait until they may go on, or fail."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)
        self.transactions: list[int] = []
        self.reports: list[int] = []
        self.broken = False
        self.away = 0

    def report_all(self, reports: list[NodeReport], now_ms: int) -> list[Rejected | None]:
        self.reports.append(len(reports))
        return [None] * len(reports)

    def add_all(self, groups: list[Group]) -> list[Rejected | None]:
        self.begun.release()
        self.go_on.acquire()
        self.transactions.append(len(groups))
        if self.broken:
            raise Unavailable("the disk is full")
        if self.away:
            self.away -= 1
            raise Unavailable("it is away", 0.001)
        return [None] * len(groups)


@asynccontextmanager
async def committer_of(writer: HeldWriter) -> AsyncIterator[Committer]:
    async with committing(writer, lambda: 0) as committer:  # type: ignore[arg-type]
        try:
            yield committer
        finally:
            writer.go_on.release(1_000)


def test_what_arrives_during_a_transaction_shares_the_next() -> None:
    writer = HeldWriter()

    async def test() -> None:
        async with committer_of(writer) as committer:
            outcomes = [await committer.group(b"first", 1, packed(Shipment()))]
            await asyncio.to_thread(writer.begun.acquire)
            for at in range(20):
                outcomes.append(await committer.group(b"log%d" % at, 1, packed(Shipment())))
            assert not any(outcome.done() for outcome in outcomes)
            writer.go_on.release(50)
            assert await asyncio.gather(*outcomes) == [None] * 21
            assert writer.transactions == [1, 20]

    asyncio.run(test())


def test_a_store_that_fails_answers_unavailable_and_confirms_nothing() -> None:
    writer = HeldWriter()
    writer.broken = True
    writer.go_on.release(9)

    async def test() -> None:
        async with committer_of(writer) as committer:
            outcome = await committer.group(b"first", 1, packed(Shipment()))
            with pytest.raises(Unavailable, match="disk is full"):
                await outcome
            writer.broken = False
            assert await (await committer.group(b"first", 1, packed(Shipment()))) is None

    asyncio.run(test())


def test_reports_that_arrive_during_a_transaction_are_kept_together() -> None:
    writer = HeldWriter()

    async def test() -> None:
        async with committer_of(writer) as committer:
            first = await committer.group(b"first", 1, packed(Shipment()))
            await asyncio.to_thread(writer.begun.acquire)
            bodies = [msgspec.msgpack.encode(NodeReport(at, 0, 0, 0, 0.0, 0.0, 0, 0, 0, 0)) for at in range(20)]
            outcomes = [await committer.report(b"log%d" % at, at, body) for at, body in enumerate(bodies)]
            wrong = await committer.report(b"log7", 8, bodies[7])
            writer.go_on.release(50)
            assert await asyncio.gather(first, *outcomes) == [None] * 21
            assert (await wrong) is None  # HeldWriter refuses nothing; what is wrong came to it as a group.
            assert writer.reports == [20]
            assert writer.transactions == [1, 1]

    asyncio.run(test())


def test_while_the_store_is_away_groups_wait_in_their_order_and_then_are_stored() -> None:
    writer = HeldWriter()
    writer.away = 3
    writer.go_on.release(9)

    async def test() -> None:
        async with committer_of(writer) as committer:
            first = await committer.group(b"first", 1, packed(Shipment()))
            second = await committer.group(b"second", 1, packed(Shipment()))
            assert await first is None
            assert await second is None
            assert not committer.is_away
            assert sum(writer.transactions[3:]) == 2

    asyncio.run(test())


def test_what_waits_to_be_stored_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headwater.store.commit.WAITING_BYTES_MAX", 100)
    writer = HeldWriter()

    async def submit(committer: Committer) -> None:
        for _ in range(50):
            await committer.group(b"first", 1, bytes(30))

    async def test() -> None:
        async with committer_of(writer) as committer:
            submitting = asyncio.create_task(submit(committer))
            await asyncio.sleep(0.05)
            assert not submitting.done()
            writer.go_on.release(50)
            await submitting
        assert max(writer.transactions) <= 4
        assert sum(writer.transactions) > 40

    asyncio.run(test())
