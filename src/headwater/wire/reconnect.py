"""Trying again: how long to wait, and what to say of a connection that broke."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import grpc

WAIT_S_MIN = 0.1
WAIT_S_MAX = 10.0


class Backoff:
    """The waits of one task: doubling while nothing works, with jitter, so that many do not come at once."""

    def __init__(self, rng: random.Random, wait_s_max: float = WAIT_S_MAX) -> None:
        self._rng = rng
        self._wait_s_max = wait_s_max
        self._wait_s = WAIT_S_MIN

    def next_s(self) -> float:
        """How long to wait now: within half of the present wait around it."""
        wait_s = self._wait_s * self._rng.uniform(0.5, 1.5)
        self._wait_s = min(2 * self._wait_s, self._wait_s_max)
        return wait_s

    def reset(self) -> None:
        """Something worked: begin with the shortest wait again."""
        self._wait_s = WAIT_S_MIN


async def keep_connected(
    connection: Callable[[], Awaitable[str]], backoff: Backoff, tell: Callable[[str, float], None]
) -> None:
    """Hold one connection after the other until cancelled; `tell` hears why each ended and the wait before the next."""
    while True:
        problem = await connection()
        raise_if_cancelled()
        wait_s = backoff.next_s()
        tell(problem, wait_s)
        await asyncio.sleep(wait_s)


def raise_if_cancelled() -> None:
    """A task group whose tasks fail while it is being cancelled raises the failures only (Python 3.11): look again."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def sentence(error: BaseException) -> str:
    """Why a connection broke, in one sentence for the log."""
    if isinstance(error, grpc.aio.AioRpcError):
        return f"{error.code().name.lower()}: {error.details()}"
    return str(error) or type(error).__name__
