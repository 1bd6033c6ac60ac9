"""The daemon's rounds: saves positions, keeps the log within its budget, and shares how the node stands."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from headwater.log.cursors import Cursor, cursor_name, encode_cursor, load_cursor
from headwater.log.disk import Disk
from headwater.log.explained import take_reports
from headwater.log.retention import Readers, Retention
from headwater.log.sent import SentLimit
from headwater.log.standing import ACKNOWLEDGED, PROGRESS, RECEIVED, SENT, Counts, save_counts
from headwater.model.errors import Unavailable
from headwater.pipeline.committer import Committer
from headwater.pipeline.core import Core
from headwater.pipeline.sender import FORWARD, NEXT_HAS
from headwater.pipeline.steps.chain import Chain

AGENT = "agent"
ROUND_S = 0.25
SAVE_EVERY_S = 5.0
UNSYNCED_BYTES_MAX = 32 << 20

_logger = logging.getLogger(__name__)


class Sending(Protocol):
    """What goes to the next hop, as far as positions are concerned."""

    ready: bool
    acknowledged: int
    sent_readings: int
    """How many readings the next hop has acknowledged."""

    @property
    def passed(self) -> int:
        """Everything up to this sequence is with the next hop, or does not go there."""


class Housekeeping:
    """One task on the loop; what blocks it does in a thread."""

    def __init__(
        self,
        core: Core,
        disk: Disk,
        committer: Committer,
        retention: Retention,
        chain: Chain,
        now_ms: Callable[[], int],
    ) -> None:
        self._core = core
        self._disk = disk
        self._committer = committer
        self._retention = retention
        self._chain = chain
        self._now_ms = now_ms
        self.sending: Sending | None = None
        self.held = False
        """Intake waits, so that the steps catch up."""
        self.limit = SentLimit(disk, core.log, core.options.when_full == "drop_oldest")
        self._forward_saved = load_cursor(disk, FORWARD).sequence
        self._counts = Counts()

    def room(self) -> bool:
        """Whether intake may go on."""
        at = self._chain.sequence if self._chain.holds else None
        return (
            not self.held and self._core.log.unsynced_bytes < UNSYNCED_BYTES_MAX and self._retention.room(steps_at=at)
        )

    def allow(self, sequence: int) -> None:
        """Records up to here are about to be sent; only a drop of unsent records has to know (rule 14)."""
        self.limit.raise_to(sequence)
        self.limit.save()

    async def run(self) -> None:
        """Make rounds until cancelled; a disk that refuses is asked again."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            try:
                if loop.time() >= due or not self.room():
                    due = loop.time() + SAVE_EVERY_S
                    await loop.run_in_executor(None, self.write, self.positions())
                await self._keep_budget()
            except (OSError, Unavailable) as error:
                _logger.error("housekeeping: %s; trying again", error)
            await asyncio.sleep(ROUND_S)

    async def _keep_budget(self) -> None:
        log, durable = self._core.log, self._core.log.state.sequence
        for missing in take_reports(self._disk):
            log.name_damage(missing)
        sweepable = self._retention.tick(self.readers())
        if log.state.sequence > durable:
            self._committer.wake()
        if sweepable:
            await asyncio.get_running_loop().run_in_executor(None, log.sweep)

    def readers(self) -> Readers:
        """How far everyone is by what is saved."""
        steps = self._chain.saved if self._chain.holds else None
        forward = self._forward_saved if self._core.options.next is not None else None
        return Readers(forward, steps, load_cursor(self._disk, AGENT).sequence, self.limit.sequence)

    def share(self) -> None:
        """Tell the agent how far this daemon is."""
        disk, sending = self._disk, self.sending
        disk.store_word(RECEIVED, self._core.log.state.received)
        if sending is not None:
            disk.store_word(SENT, sending.sent_readings)
            disk.store_word(ACKNOWLEDGED, sending.passed)
        disk.store_word(PROGRESS, self._now_ms())

    def positions(self) -> dict[str, bytes]:
        """The files that say how far steps and forwarder are, taken at one moment; belongs to the loop."""
        files = {}
        held = self._chain.checkpoint()
        if held is not None:
            files[self._chain.file] = held
        if self.sending is not None and self.sending.ready:
            cursor = Cursor(self.sending.passed, self.sending.sent_readings)
            files[cursor_name(NEXT_HAS)] = encode_cursor(cursor._replace(sequence=self.sending.acknowledged))
            files[cursor_name(FORWARD)] = encode_cursor(cursor)
            self._forward_offered = cursor.sequence
        return files

    _forward_offered = 0

    def write(self, files: dict[str, bytes]) -> None:
        """Save positions and counts; blocks."""
        for name, data in files.items():
            self._disk.replace(name, data)
        if cursor_name(FORWARD) in files:
            self._forward_saved = self._forward_offered
        self._chain.saved_as(files)
        counts = Counts(dict(self._core.refused), dict(self._core.log.state.lost), dict(self._core.troubles))
        if counts != self._counts:
            save_counts(self._disk, counts)
            self._counts = counts
