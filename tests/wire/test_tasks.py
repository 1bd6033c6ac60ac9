"""Tasks beside a block of code."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from headwater.wire.tasks import raising


async def breaks() -> None:
    raise ValueError("broken")


async def breaks_in_a_group() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(breaks())


@pytest.mark.parametrize("broken", [breaks, breaks_in_a_group])
def test_what_breaks_a_task_ends_the_block(broken: Callable[[], Coroutine[None, None, None]]) -> None:
    async def run() -> None:
        with raising([asyncio.create_task(broken())]):
            await asyncio.sleep(60)

    with pytest.raises(ValueError, match="broken"):
        asyncio.run(run())


def test_tasks_that_end_or_are_cancelled_end_nothing() -> None:
    async def run() -> str:
        tasks = [asyncio.create_task(asyncio.sleep(0)), asyncio.create_task(asyncio.sleep(60))]
        with raising(tasks):
            tasks[1].cancel()
            await asyncio.sleep(0.05)
            return "the end of the block"

    assert asyncio.run(run()) == "the end of the block"


def test_a_block_that_is_cancelled_is_cancelled() -> None:
    async def run() -> None:
        asyncio.get_running_loop().call_later(0.05, asyncio.current_task().cancel)  # type: ignore[union-attr]
        with raising([asyncio.create_task(asyncio.sleep(60))]):
            await asyncio.sleep(60)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(run())


def test_a_task_that_breaks_behind_the_block_does_not_reach_it() -> None:
    async def run() -> str:
        start = asyncio.Event()

        async def later() -> None:
            await start.wait()
            raise ValueError("too late")

        task = asyncio.create_task(later())
        with raising([task]):
            await asyncio.sleep(0)
        start.set()
        await asyncio.gather(task, return_exceptions=True)
        return "unharmed"

    assert asyncio.run(run()) == "unharmed"
