"""The way of readings without numbers into the log, whoever brings them: 2018 clients, MQTT brokers, HTTP clients."""

import asyncio

from headwater.model.reading import SeriesKey
from headwater.pipeline.collector import Collector
from headwater.pipeline.committer import Committer
from headwater.pipeline.core import Core

ROOM_POLL_S = 0.05


class Entry:
    """The collector with its timer, and the two waits around it: for room before, for the disk after."""

    def __init__(self, core: Core, committer: Committer, collector: Collector) -> None:
        self._core = core
        self._committer = committer
        self._collector = collector
        self._flusher: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """Readings taken and not in the log yet."""
        return self._collector.waiting

    def add(self, key: SeriesKey, timestamp: int, value: float, parent: str = "") -> int:
        """Take a reading, or a repetition of one; the batch to be durable before it is acknowledged.

        Rejected when the log can name no more series.
        """
        collector = self._collector
        collector.add(key, timestamp, value, parent)
        batch = collector.newest  # Also of a repetition: the first one may not be durable yet.
        if collector.full:
            self.flush()
        elif self._flusher is None and collector.waiting:
            self.flush_soon()
        return batch

    def flush_soon(self) -> None:
        """Log what is gathered from now on, when others had time to join."""
        if self._flusher is None:
            self._flusher = asyncio.get_running_loop().call_later(self._collector.wait_s, self.flush)

    def flush(self) -> None:
        """Log what was gathered, if anything."""
        if self._flusher is not None:
            self._flusher.cancel()
            self._flusher = None
        self._collector.flush()

    def has_room(self) -> bool:
        """Whether readings may be taken now."""
        return self._core.room()

    async def room(self, patience_s: float | None = None) -> bool:
        """Wait for room, however long that takes; False when the disk refuses for longer than the patience."""
        if self._core.room():
            return True
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not self._core.room():
            if patience_s is not None and self._committer.failing and loop.time() - began > patience_s:
                return False
            await self._committer.changed(ROOM_POLL_S)
        return True

    async def durable(self, batch: int, patience_s: float | None = None) -> bool:
        """Wait until a batch is durable; False when the disk refuses for longer than the patience."""
        while not self._collector.is_logged(batch):  # Others may still join; the flusher ends that.
            await self._committer.changed(ROOM_POLL_S)
        return await self._committer.durable(self._collector.logged, patience_s)
