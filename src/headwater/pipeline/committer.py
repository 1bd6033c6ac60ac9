"""The one that syncs: no timer, the next sync starts when the last has ended and takes all appended meanwhile."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from headwater.log.writer import NodeLog
from headwater.model.errors import Unavailable

RETRY_S_MIN = 0.1
RETRY_S_MAX = 5.0
POLL_S = 0.5

_logger = logging.getLogger(__name__)


class Committer:
    """Runs `NodeLog.commit` in a thread whenever there is something to sync, and wakes who waits for it."""

    def __init__(self, log: NodeLog, interval_ms_min: int = 0) -> None:
        self._log = log
        self.interval_s = interval_ms_min / 1000
        """The least time between two syncs."""
        self._wanted = asyncio.Event()
        self._synced = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self.failing = False
        """Whether the disk refuses at present."""
        self.after: list[Callable[[], None]] = []
        """Called on the loop after each sync."""

    def wake(self) -> None:
        """Something was appended."""
        self._wanted.set()

    async def durable(self, sequence: int, patience_s: float | None = None) -> bool:
        """Wait until a sequence is durable; False when that takes longer than the patience while the disk refuses."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while self._log.durable < sequence:
            await self.changed(POLL_S)
            if patience_s is not None and self.failing and loop.time() - began > patience_s:
                return self._log.durable >= sequence
        return True

    async def changed(self, timeout_s: float) -> None:
        """Wait for the next sync, or for as long as the timeout."""
        # Not wait_for: before Python 3.12 it swallows a cancellation that comes together with the sync.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._synced.wait()

    async def run(self) -> None:
        """Sync until cancelled; a disk that refuses is asked again, ever more slowly."""
        retry_s = RETRY_S_MIN
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await asyncio.get_running_loop().run_in_executor(self._thread, self._log.commit)
            except (Unavailable, OSError) as error:
                _logger.error("%s; trying again in %.1f s", error, retry_s)
                self.failing = True
                self._wanted.set()
                await asyncio.sleep(retry_s)
                retry_s = min(2 * retry_s, RETRY_S_MAX)
                continue
            self.failing, retry_s = False, RETRY_S_MIN
            self._announce()
            if self.interval_s:
                await asyncio.sleep(self.interval_s)

    def _announce(self) -> None:
        woken, self._synced = self._synced, asyncio.Event()
        woken.set()
        for call in self.after:
            call()

    def close(self) -> None:
        """Sync what is left and end the thread."""
        self._thread.shutdown(wait=True)
        if self._log.unsynced_bytes:
            self._log.commit()
