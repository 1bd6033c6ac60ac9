"""Waits between tries."""

import asyncio
import contextlib
import random

import pytest

from headwater.wire.reconnect import WAIT_S_MAX, WAIT_S_MIN, Backoff, keep_connected


def test_waits_double_up_to_a_bound_and_begin_again_after_a_success() -> None:
    class Even(random.Random):
        def uniform(self, a: float, b: float) -> float:
            return (a + b) / 2

    backoff = Backoff(Even())
    waits = [backoff.next_s() for _ in range(9)]
    assert waits == [min(WAIT_S_MIN * 2**at, WAIT_S_MAX) for at in range(9)]
    backoff.reset()
    assert backoff.next_s() == WAIT_S_MIN


def test_two_that_failed_together_do_not_come_again_together() -> None:
    one, two = Backoff(random.Random(1)), Backoff(random.Random(2))
    waits = [(one.next_s(), two.next_s()) for _ in range(20)]
    assert all(0.5 * WAIT_S_MIN <= wait <= 1.5 * WAIT_S_MAX for pair in waits for wait in pair)
    assert len({wait for pair in waits for wait in pair}) == 40


def test_a_cancellation_that_a_connection_swallows_still_ends_the_task() -> None:
    """In Python 3.11 a task group that fails while it is cancelled forgets the cancellation."""
    connections = 0

    async def connection() -> str:
        nonlocal connections
        connections += 1
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        return "swallowed"

    async def run() -> None:
        task = asyncio.create_task(keep_connected(connection, Backoff(random.Random(1)), lambda problem, wait_s: None))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 10)

    asyncio.run(run())
    assert connections == 1


def test_connections_follow_each_other_and_each_end_is_told() -> None:
    told: list[str] = []

    async def connection() -> str:
        if len(told) == 3:
            await asyncio.sleep(60)
        return f"end {len(told)}"

    async def run() -> None:
        backoff = Backoff(random.Random(1), 0.001)
        task = asyncio.create_task(keep_connected(connection, backoff, lambda problem, wait_s: told.append(problem)))
        while len(told) < 3:
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())
    assert told == ["end 0", "end 1", "end 2"]
