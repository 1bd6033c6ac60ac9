"""The report of a node carries all that is known of it, and rates over the last seconds."""

from headwater.agent.beats import Beats
from headwater.agent.standing import RATE_MS, Standing
from headwater.agent.watch import Watch
from headwater.log.recovery import MARK
from headwater.log.standing import ACKNOWLEDGED, PROGRESS, RECEIVED, SENT, Counts, save_counts, show_board
from headwater.model.report import Board, LinkEnd, NodeReport, Progress
from tests.agent.test_beats import beat, met
from tests.simulation.disk import SimDisk


class Told:
    """A node whose agent reports when it is asked."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000
        self.disk = SimDisk()
        self.beats = Beats("default", 1, b"1" * 8, 1)
        self.watch = Watch(self.disk, self.beats)
        self.standing = Standing(1, self.disk, lambda: self.now_ms, self.watch, self.beats)

    def report(self, after_ms: int = 0) -> NodeReport:
        self.now_ms += after_ms
        return self.standing.report()


def test_a_report_tells_everything() -> None:
    told = Told()
    words = {RECEIVED: 70, SENT: 60, MARK: 50, ACKNOWLEDGED: 40, PROGRESS: 999}
    for word, value in words.items():
        told.disk.store_word(word, value)
    save_counts(told.disk, Counts(refused={"source": 3}, dropped={"dropped": 2}, troubles={"mqtt": "away"}))
    end = LinkEnd(True, 2, "x:1", heard_ms=5, sent=70, delivered=60)
    show_board(told.disk, Board(waiting_ms=11, withheld_ms=12, links=(end,)))
    peer = met(told.beats)
    told.beats.take(peer, beat(1), 0, 0)
    told.beats.take(peer, beat(1), 0, 0)
    told.standing.shipped = 30
    told.standing.redis = lambda: {"kept": 4}
    for now_ms in (0, 100):
        told.watch.look(now_ms, 30)

    report = told.report()

    counts = (report.node, report.time_ms, report.received, report.sent, report.durable, report.acknowledged)
    assert counts == (1, 1_000_000, 70, 60, 50, 40)
    assert (report.shipped, report.progress_ms, report.withheld_ms) == (30, 999, 12)
    assert report.refused == {"source": 3, "beat-replayed": 1}
    assert (report.dropped, report.troubles, report.redis) == ({"dropped": 2}, {"mqtt": "away"}, {"kept": 4})
    assert report.progress == Progress(100, 11, 100)
    assert [(link.node, link.sent, link.delivered, link.heard_ms) for link in report.links] == [(2, 70, 60, 105)]
    assert [(each.node, each.heard_ms) for each in report.neighbours] == [(2, 100)]


def test_rates_are_means_over_the_last_seconds() -> None:
    told = Told()
    rates = []
    for at in range(20):
        told.disk.store_word(RECEIVED, 1_000 * at if at < 10 else 9_000)
        told.disk.store_word(SENT, 500 * at)
        report = told.report(RATE_MS // 4)
        rates.append((report.receive_rate, report.send_rate))
    assert rates[9] == (2_000, 1_000)
    assert rates[-1] == (0, 1_000)


def test_a_count_that_goes_back_is_no_rate() -> None:
    told = Told()
    told.disk.store_word(RECEIVED, 100)
    told.report()
    told.disk.store_word(RECEIVED, 0)
    assert told.report(500).receive_rate == 0
