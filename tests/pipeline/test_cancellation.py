"""Tasks that wait end when they are told to, even as what they wait for happens."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import pytest

from headwater.log.disk import RealDisk
from headwater.log.writer import NodeLog
from headwater.pipeline.committer import Committer
from headwater.pipeline.forward import Call, Forwarder
from headwater.pipeline.sender import Outflow

TURNS = 6


class NothingToSend:
    """An outflow that waits for its Welcome."""

    def following(self) -> None:
        return None


@pytest.mark.parametrize("turns", range(TURNS))
def test_a_task_that_waits_for_the_next_sync_can_be_ended_as_it_comes(tmp_path: Path, turns: int) -> None:
    async def run() -> bool:
        committer = Committer(log_in(tmp_path))

        async def wait() -> None:
            while True:
                await committer.changed(60)

        return await ends(wait, committer._announce, turns)

    assert asyncio.run(run())


@pytest.mark.parametrize("turns", range(TURNS))
def test_a_connection_that_breaks_as_something_is_synced_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, turns: int
) -> None:
    monkeypatch.setattr("headwater.pipeline.forward.POLL_S", 60)

    async def run() -> bool:
        committer = Committer(log_in(tmp_path))
        forwarder = Forwarder(cast(Outflow, NothingToSend()), committer, "127.0.0.1:1", random.Random())
        return await ends(lambda: forwarder._send(cast(Call, None)), committer._announce, turns)

    assert asyncio.run(run())


async def ends(wait: Callable[[], Awaitable[None]], happens: Callable[[], None], turns: int) -> bool:
    """Whether a task ends that is cancelled so many turns of the loop after what it waits for has happened."""
    task = asyncio.ensure_future(wait())
    for _ in range(TURNS):
        await asyncio.sleep(0)
    happens()
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait((task,), timeout=1)
    ended = task.done()
    while not task.done():
        task.cancel()
        await asyncio.sleep(0)
    return ended


def log_in(folder: Path) -> NodeLog:
    return NodeLog(RealDisk(folder), 1, lambda: 1_700_000_000_000)
