"""How long the parts of this node have stood still, as its agent sees it: one look every 0.1 s."""

import asyncio
import time
from collections.abc import Callable

import msgspec

from headwater.agent.beats import Beats
from headwater.log.disk import Disk
from headwater.log.recovery import MARK
from headwater.log.standing import PROGRESS, load_board
from headwater.model.patience import PatientClock, Stillness
from headwater.model.report import Board, LinkEnd, Progress

LOOK_EVERY_S = 0.1
PAUSE_MS_MAX = 500


class Watch:
    """Looks at what the pipeline daemon shows, and at how far stamps are shipped."""

    def __init__(self, disk: Disk, beats: Beats) -> None:
        self._disk = disk
        self._beats = beats
        self._clock = PatientClock(PAUSE_MS_MAX)
        self._rounds = Stillness(disk.load_word(PROGRESS), 0)
        self._shipped = (0, False)
        self._unshipped_ms = 0
        self.board = Board()
        self.progress = Progress()

    @property
    def now_ms(self) -> int:
        """Patient time of the last look: what silence is measured in here."""
        return self._clock.now_ms

    def look(self, monotonic_ms: int, shipped: int, is_connected: bool = True) -> None:
        """Look once. `shipped` is the last sequence whose stamps the store has; while it cannot be reached, stamps wait
        for no fault of this agent's, and that time does not count."""
        disk, before_ms, now_ms = self._disk, self._clock.now_ms, self._clock.look(monotonic_ms)
        pipeline_ms = self._rounds.look(disk.load_word(PROGRESS), now_ms)
        known = (shipped, disk.load_word(MARK) > shipped)
        if known != self._shipped or not known[1]:
            self._shipped, self._unshipped_ms = known, 0
        elif is_connected:
            self._unshipped_ms += now_ms - before_ms
        self.board = load_board(disk)
        self.progress = self._beats.progress = Progress(pipeline_ms, self.board.waiting_ms, self._unshipped_ms)

    @property
    def links(self) -> tuple[LinkEnd, ...]:
        """The links as the pipeline daemon showed them, that much longer silent as it has shown nothing since."""
        late_ms = self.progress.pipeline_ms
        return tuple(
            msgspec.structs.replace(
                end,
                heard_ms=None if end.heard_ms is None else end.heard_ms + late_ms,
                stuck_ms=end.stuck_ms + late_ms if end.stuck_ms else 0,
            )
            for end in self.board.links
        )

    async def run(self, shipped: Callable[[], int], is_connected: Callable[[], bool] = lambda: True) -> None:
        """Look until cancelled."""
        while True:
            self.look(time.monotonic_ns() // 1_000_000, shipped(), is_connected())
            await asyncio.sleep(LOOK_EVERY_S)

    def next_hop(self) -> str | None:
        """host:port of the pipeline daemon that this node sends to; None at an endpoint."""
        return next((end.address for end in self.board.links if end.outgoing and end.address), None)
