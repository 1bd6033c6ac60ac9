"""The one that syncs, over a real log on a disk that can be full."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.log.writer import NodeLog
from headwater.model.records import Definition, Kind
from headwater.pipeline import committer as committer_module
from headwater.pipeline.committer import Committer
from tests.pipeline.daemons import FullDisk, until

BODY = Definition(b"12345678", 1, "meter", "metric")


class Bench:
    def __init__(self, folder: Path) -> None:
        self.disk = FullDisk(folder)
        self.log = NodeLog(self.disk, 1, lambda: 1_700_000_000_000)

    def append(self) -> int:
        return self.log.append(Kind.DEFINITION, BODY).sequence


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(committer_module, "POLL_S", 0.01)
    monkeypatch.setattr(committer_module, "RETRY_S_MAX", 0.1)
    made = Bench(tmp_path)
    yield made
    made.disk.full = False
    made.log.close()
    made.disk.close()


async def ended(committer: Committer, task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    committer.close()


def test_what_was_appended_becomes_durable_and_who_waits_is_woken(bench: Bench) -> None:
    async def run() -> None:
        committer = Committer(bench.log)
        called: list[int] = []
        committer.after.append(lambda: called.append(bench.log.durable))
        task = asyncio.create_task(committer.run())
        sequence = bench.append()
        waiting = asyncio.create_task(committer.durable(sequence))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        committer.wake()
        assert await waiting
        assert bench.log.durable == sequence == called[-1]
        await ended(committer, task)

    asyncio.run(run())


def test_a_disk_that_refuses_is_asked_again_until_it_works(bench: Bench) -> None:
    async def run() -> None:
        committer = Committer(bench.log)
        task = asyncio.create_task(committer.run())
        bench.disk.full = True
        sequence = bench.append()
        committer.wake()
        await until(lambda: committer.failing)
        assert not await committer.durable(sequence, patience_s=0.05)
        waiting = asyncio.create_task(committer.durable(sequence))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        bench.disk.full = False
        assert await waiting
        await until(lambda: not committer.failing)
        await ended(committer, task)

    asyncio.run(run())


def test_patience_is_for_a_disk_that_refuses_and_not_for_one_that_is_slow(bench: Bench) -> None:
    async def run() -> None:
        committer = Committer(bench.log)
        sequence = bench.append()
        waiting = asyncio.create_task(committer.durable(sequence, patience_s=0.01))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        task = asyncio.create_task(committer.run())
        committer.wake()
        assert await waiting
        await ended(committer, task)

    asyncio.run(run())


def test_closing_syncs_what_is_left_and_leaves_no_thread(bench: Bench) -> None:
    async def run() -> None:
        before = threading.active_count()
        committer = Committer(bench.log)
        task = asyncio.create_task(committer.run())
        committer.wake()
        await committer.changed(1)
        sequence = bench.append()
        await ended(committer, task)
        assert bench.log.durable == sequence
        assert threading.active_count() == before

    asyncio.run(run())
