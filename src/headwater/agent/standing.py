"""The report of a node: how far its log and its readers are, and how fast."""

from collections.abc import Callable

from headwater.agent.beats import Beats
from headwater.agent.watch import Watch
from headwater.log.disk import Disk
from headwater.log.recovery import MARK
from headwater.log.standing import ACKNOWLEDGED, PROGRESS, RECEIVED, SENT, load_counts
from headwater.model.report import NodeReport


class Standing:
    """Makes reports from what the pipeline daemon shares; rates are those since the report before."""

    def __init__(self, node: int, disk: Disk, now_ms: Callable[[], int], watch: Watch, beats: Beats) -> None:
        self._node = node
        self._disk = disk
        self._now_ms = now_ms
        self._watch = watch
        self._beats = beats
        self.shipped = 0
        """Last sequence whose stamps the store has."""
        self.redis: Callable[[], dict[str, int]] = dict
        """What became of the readings for Redis."""
        self._before: tuple[int, int, int] | None = None
        """(time in ms, received, sent) of the report before."""

    def report(self) -> NodeReport:
        disk, now_ms = self._disk, self._now_ms()
        received, sent = disk.load_word(RECEIVED), disk.load_word(SENT)
        before_ms, received_before, sent_before = self._before or (now_ms, received, sent)
        elapsed_s = max(now_ms - before_ms, 1) / 1000
        self._before = (now_ms, received, sent)
        counts, watch = load_counts(disk), self._watch
        return NodeReport(
            node=self._node,
            time_ms=now_ms,
            received=received,
            sent=sent,
            receive_rate=max(0, received - received_before) / elapsed_s,
            send_rate=max(0, sent - sent_before) / elapsed_s,
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
