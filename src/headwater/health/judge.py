"""The judge of a site: looks ten times a second, and keeps what it finds where the API reads it."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from headwater.health.detector import LOOK_EVERY_MS, Detector
from headwater.health.suspicion import Bounds
from headwater.model.errors import Unavailable
from headwater.model.health import Change, Part
from headwater.model.report import NodeReport
from headwater.store.health import HealthWriter
from headwater.store.port import Standing

KEEP_EVERY_S = 0.5
"""How often the standing is kept although nothing has changed: readers see by it that the judge lives."""
UNKEPT_MAX = 10_000
"""The most changes that wait for a disk that refuses."""

_logger = logging.getLogger(__name__)


class Judge:
    """Hears reports on the loop and judges there; what blocks it does in a thread of its own."""

    def __init__(self, bounds: Bounds, writer: HealthWriter, wall_ms: Callable[[], int]) -> None:
        self._writer = writer
        self._wall_ms = wall_ms
        self.detector = Detector(bounds, writer.next_number(), writer.verdicts())
        self.detector.forgotten |= writer.forgotten()
        self._unkept: list[Change] = []
        self._thread = ThreadPoolExecutor(1, "health")

    def know(self, nodes: Iterable[int]) -> None:
        """Wait for nodes that are known from before, but not for those that are gone on purpose."""
        self.detector.know(set(nodes) - self.detector.forgotten)

    def hear(self, report: NodeReport) -> None:
        """Take the report of a node in."""
        self.detector.hear(report)

    async def forget(self, node: int) -> None:
        """Judge a node no longer, until it reports again; returns once that is kept. Raises what `Detector.forget`
        does, and Unavailable when it cannot be kept yet."""
        self._note(self.detector.forget(node, self._wall_ms()))
        await self._kept()

    async def run(self) -> None:
        """Judge until cancelled."""
        loop = asyncio.get_running_loop()
        keeping: asyncio.Future[None] | None = None
        due_s = loop.time()
        try:
            while True:
                self._note(self.detector.look(time.monotonic_ns() // 1_000_000, self._wall_ms()))
                if (keeping is None or keeping.done()) and (self._unkept or loop.time() >= due_s):
                    due_s = loop.time() + KEEP_EVERY_S
                    keeping = asyncio.ensure_future(self._keep())
                await asyncio.sleep(LOOK_EVERY_MS / 1000)
        finally:
            if keeping is not None:
                await asyncio.gather(keeping, return_exceptions=True)
            self._thread.shutdown()

    def _note(self, changes: list[Change]) -> None:
        for change in changes:
            _tell(change)
        self._unkept = [*self._unkept, *changes][-UNKEPT_MAX:]

    async def _keep(self) -> None:
        try:
            await self._kept()
        except Unavailable as error:
            _logger.error("the health of the nodes cannot be kept: %s; trying again", error)

    async def _kept(self) -> None:
        """Keep how everything stands, and what has changed. Unavailable when it was not kept."""
        changes, detector = self._unkept, self.detector
        standing = Standing(self._wall_ms(), detector.late, detector.verdicts, frozenset(detector.forgotten))
        await asyncio.get_running_loop().run_in_executor(self._thread, self._writer.keep, standing, changes)
        kept = {change.number for change in changes}
        self._unkept = [change for change in self._unkept if change.number not in kept]


def _tell(change: Change) -> None:
    verdict = change.verdict
    if change.before is None or verdict.cause is not None:
        return
    subject = verdict.subject
    where = str(subject.part) if subject.part is Part.SERVER else f"{subject.part} {subject.node:06x}"
    where += f" to {subject.target:06x}" if subject.target is not None else ""
    level = logging.WARNING if verdict.is_alarm else logging.INFO
    _logger.log(level, "%s is %s: %s", where, verdict.health, verdict.evidence)
