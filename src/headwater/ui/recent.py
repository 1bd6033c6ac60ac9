"""Answers of the API that several topics need at about the same moment, asked for once."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from headwater.client import AsyncClient, results
from headwater.model.errors import NotFound

FRESH_S = 0.4
"""Younger than the time between two looks at a topic."""
TOPOLOGY_FRESH_S = 4.0

NO_NODES = results.ClusterHealth(at=0, late_looks=0, alarms=(), nodes=(), links=())

T = TypeVar("T")


class Recent(Generic[T]):
    """The answer to one question, asked anew when it is older than so long; who comes meanwhile waits for it."""

    def __init__(
        self, ask: Callable[[], Awaitable[T]], fresh_s: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask = ask
        self._fresh_s = fresh_s
        self._monotonic = monotonic
        self._asking: asyncio.Task[T] | None = None
        self._begun_s = 0.0

    async def get(self) -> T:
        """The answer; what asking raises is raised to all that wait for it, and not kept."""
        if self._asking is None or self._is_old(self._asking):
            self._begun_s = self._monotonic()
            self._asking = asyncio.ensure_future(self._answer())
        return await asyncio.shield(self._asking)

    async def _answer(self) -> T:
        return await self._ask()

    def _is_old(self, asking: "asyncio.Task[T]") -> bool:
        if not asking.done():
            return False
        return asking.cancelled() or asking.exception() is not None or self._monotonic() - self._begun_s > self._fresh_s


class Looks:
    """What looks at topics share. Until a node has spoken there are none, which the API calls not found."""

    def __init__(self, client: AsyncClient) -> None:
        self.client = client
        self._health = Recent(lambda: _or(client.health(), NO_NODES), FRESH_S)
        self._stats = Recent(lambda: _or(client.stats(detail=True), ()), FRESH_S)
        self._topology = Recent(lambda: _or(client.topology(detail=True), ()), TOPOLOGY_FRESH_S)

    async def health(self) -> results.ClusterHealth:
        """How everything stands."""
        return await self._health.get()

    async def stats(self) -> tuple[results.NodeStat, ...]:
        """Rates and counters of all nodes."""
        return await self._stats.get()

    async def topology(self) -> tuple[results.Node, ...]:
        """The nodes, at most some seconds old."""
        return await self._topology.get()


async def _or(asking: Awaitable[T], nothing: T) -> T:
    try:
        return await asking
    except NotFound:
        return nothing
