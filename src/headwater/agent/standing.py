"""The report of a node: how far its log and its readers are, and how fast."""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from headwater.agent.beats import Beats
from headwater.agent.watch import Watch
from headwater.log.disk import Disk
from headwater.log.recovery import MARK
from headwater.log.standing import ACKNOWLEDGED, PROGRESS, RECEIVED, SENT, load_counts
from headwater.model.report import NodeReport

RATE_MS = 2000
"""Rates are means over about this long: sensors often send once a second."""


class _Counted(NamedTuple):
    """What was counted at a time."""

    at_ms: int
    received: int
    sent: int


class Standing:
    """Makes reports from what the pipeline daemon shares."""

    def __init__(self, node: int, disk: Disk, now_ms: Callable[[], int], watch: Watch, beats: Beats) -> None:
        self._node = node
        self._disk = disk
        self._now_ms = now_ms
        self._watch = watch
        self._beats = beats
        self.shipped = 0
        """Last sequence whose stamps the store has."""
        self.is_connected = False
        """Whether the store has answered the connection there is."""
        self.redis: Callable[[], dict[str, int]] = dict
        """What became of the readings for Redis."""
        self._counted: deque[_Counted] = deque()
        """At earlier reports, as far back as rates reach."""

    def report(self) -> NodeReport:
        disk, now_ms = self._disk, self._now_ms()
        received, sent = disk.load_word(RECEIVED), disk.load_word(SENT)
        self._counted.append(_Counted(now_ms, received, sent))
        while len(self._counted) > 2 and now_ms - self._counted[1].at_ms >= RATE_MS:
            self._counted.popleft()
        before = self._counted[0]
        elapsed_s = max(now_ms - before.at_ms, 1) / 1000
        counts, watch = load_counts(disk), self._watch
        return NodeReport(
            node=self._node,
            time_ms=now_ms,
            received=received,
            sent=sent,
            receive_rate=max(0, received - before.received) / elapsed_s,
            send_rate=max(0, sent - before.sent) / elapsed_s,
            durable=disk.load_word(MARK),
            acknowledged=disk.load_word(ACKNOWLEDGED),
            shipped=self.shipped,
            progress_ms=disk.load_word(PROGRESS),
            refused=counts.refused | dict(self._beats.refused),
            dropped=counts.dropped,
            troubles=counts.troubles,
            redis=self.redis(),
            progress=watch.progress,
            withheld_ms=watch.board.withheld_ms,
            links=watch.links,
            neighbours=self._beats.neighbours(watch.now_ms),
        )
