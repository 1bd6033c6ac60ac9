"""Segments go when nobody needs them, the budget is kept whatever happens, and what is dropped is named."""

from itertools import pairwise

import pytest

from headwater.log.retention import Budget, Plan, Readers, Retention, RetentionOptions, decide, loss_of, restated
from headwater.log.segments import segments
from headwater.log.sent import SentLimit
from headwater.log.survey import Segment, body_of
from headwater.log.writer import LogOptions, NodeLog
from headwater.model.ids import IdRun
from headwater.model.reading import SeriesKey
from headwater.model.records import Kind, Loss, Why
from tests.log.logs import NODE, NOW_MS, of_kind, put, read_all, reader_elsewhere, refuse
from tests.simulation.disk import SimDisk

HOUR_MS = 3_600_000
LOG = b"this log"
SMALL = Budget(used=0, most=10_000, reserve=1_000, segment=1_000)
"""Full from 7,500 bytes on, pressed from 8,000 on."""
BLOCK = RetentionOptions()
DROP = RetentionOptions(drop_oldest=True)


def row(count: int, size: int = 1_000) -> list[Segment]:
    """Segments of ten records, each a minute younger than the one before; the last is being written."""
    return [
        Segment(10 * at + 1, NOW_MS + 60_000 * at, 100 * at, 10 * at + 10, size, 100, 30, []) for at in range(count)
    ]


def plan(
    held: list[Segment],
    readers: Readers,
    used: int = 0,
    options: RetentionOptions = BLOCK,
    now_ms: int = NOW_MS,
    failing: bool = False,
) -> tuple[list[int], list[int], bool]:
    """What goes and what is dropped, as the numbers of segments, and whether a new one begins."""
    found: Plan = decide(held, readers, SMALL._replace(used=used), options, now_ms, failing)
    return [held.index(one) for one in found.passed], [held.index(one) for one in found.dropped], found.roll


class TestDecision:
    def test_segments_go_by_age_once_every_reader_is_past_them(self) -> None:
        held = row(5)
        now_ms = held[2].created_ms + HOUR_MS  # The first two ended an hour ago, when the second and third began.
        assert plan(held, Readers(forward=40, agent=40), now_ms=now_ms)[0] == [0, 1]
        assert plan(held, Readers(forward=10, agent=40), now_ms=now_ms)[0] == [0]
        assert plan(held, Readers(forward=40, agent=19), now_ms=now_ms)[0] == [0]
        assert plan(held, Readers(forward=40, steps=9, agent=40), now_ms=now_ms)[0] == []
        assert plan(held, Readers(), now_ms=now_ms)[0] == [0, 1]

    def test_storage_time_yields_to_the_budget_but_readers_do_not(self) -> None:
        held = row(9)
        assert plan(held, Readers(forward=90), used=7_500)[0] == []
        assert plan(held, Readers(forward=90), used=9_000)[0] == [0, 1]
        assert plan(held, Readers(forward=0), used=7_900)[:2] == ([], [])

    def test_segments_go_oldest_first_even_when_the_clock_has_stepped(self) -> None:
        held = row(5)
        held[1].created_ms += 10 * HOUR_MS
        assert plan(held, Readers(), now_ms=held[3].created_ms + HOUR_MS)[0] == []

    def test_the_last_segment_stays_and_so_does_one_whose_successor_is_not_synced(self) -> None:
        held = row(3)
        held[2].on_disk = False
        assert plan(held, Readers(), used=9_900, now_ms=NOW_MS + 9 * HOUR_MS)[:2] == ([0], [])
        assert plan(held[2:], Readers(), used=9_900, now_ms=NOW_MS + 9 * HOUR_MS)[:2] == ([], [])

    def test_on_a_disk_that_refuses_all_goes_that_is_passed_and_nothing_else(self) -> None:
        assert plan(row(5), Readers(forward=20), failing=True)[:2] == ([0, 1], [])
        assert plan(row(5), Readers(forward=20, agent=0), used=9_000, failing=True)[:2] == ([], [])

    def test_under_pressure_the_agent_loses_what_forwarder_and_steps_are_past(self) -> None:
        held = row(9)
        assert plan(held, Readers(forward=90, agent=5), used=8_000)[1] == []
        assert plan(held, Readers(forward=90, agent=5), used=9_001)[1] == [0, 1]
        assert plan(held, Readers(forward=15, agent=5), used=9_900)[1] == [0]
        assert plan(held, Readers(forward=90, steps=15, agent=5), used=9_900)[1] == [0]
        assert plan(held, Readers(forward=5, agent=5), used=9_900)[1] == []

    def test_a_drop_skips_what_is_on_its_way(self) -> None:
        held = row(9)
        assert plan(held, Readers(forward=0, agent=0, sent=0), used=9_500, options=DROP)[1] == [0, 1]
        assert plan(held, Readers(forward=12, agent=0, sent=35), used=9_900, options=DROP)[1] == [0, 4]
        assert plan(held, Readers(forward=0, agent=0, sent=85), used=9_900, options=DROP)[1] == []
        assert plan(held, Readers(forward=0, steps=15, sent=0), used=9_900, options=DROP)[1] == [0]

    def test_a_quiet_segment_ends_after_a_quarter_of_the_storage_time(self) -> None:
        held = row(1)
        assert not plan(held, Readers(), now_ms=NOW_MS + HOUR_MS // 4 - 1)[2]
        assert plan(held, Readers(), now_ms=NOW_MS + HOUR_MS // 4)[2]
        assert not plan(held, Readers(), used=8_000, now_ms=NOW_MS + HOUR_MS)[2]
        held[0].head_bytes = held[0].bytes
        assert not plan(held, Readers(), now_ms=NOW_MS + HOUR_MS)[2]
        assert not plan(row(1), Readers(), options=RetentionOptions(0), now_ms=NOW_MS + 9_999)[2]


class TestLosses:
    def test_a_dropped_segment_says_who_loses_what(self) -> None:
        held = row(3)
        held[2].ordinal = 150
        unsent = loss_of(held[1], held, Readers(forward=10, agent=14), NODE, LOG)
        assert (unsent.first, unsent.last, unsent.whole, unsent.readings) == (11, 20, (11, 20), 30)
        assert (unsent.link, unsent.stamps, unsent.runs) == (((11, 20),), ((15, 20),), (IdRun(NODE, 100, 50),))
        sent = loss_of(held[1], held, Readers(forward=20, agent=14), NODE, LOG)
        assert (sent.link, sent.stamps, sent.readings) == ((), ((15, 20),), 0)
        assert loss_of(held[1], held, Readers(agent=30), NODE, LOG).stamps == ()

    def test_what_is_restated_stays_small_however_long_it_goes_on(self) -> None:
        held = row(500)
        held[3].losses = [(31, Loss(Why.GAP, b"upstream", 5, 9, 3))] * 2
        for at in range(490):
            loss = loss_of(held[at], held[at:], Readers(forward=0, agent=0), NODE, LOG)
            held[at + 7].losses += [(0, loss)] * 2
        gap, drops = sorted(loss.restated, key=lambda one: one.why, reverse=True)
        assert gap == Loss(Why.GAP, b"upstream", 5, 9, 3)
        assert (drops.first, drops.last, drops.readings, drops.link) == (1, 4890, 489 * 30, ((1, 4890),))
        assert drops.runs == (IdRun(NODE, 100, 48_800),)
        assert (drops.whole, drops.restated) == (None, ())

    def test_losses_of_different_logs_or_reasons_are_kept_apart(self) -> None:
        losses = [
            Loss(Why.DROPPED, LOG, 1, 5, 1),
            Loss(Why.DROPPED, LOG, 7, 9, 1),
            Loss(Why.DROPPED, b"upstream", 6, 6, 1),
            Loss(Why.DAMAGED, LOG, 10, 10, 1),
            Loss(Why.DAMAGED, LOG, 11, 11, 1),
        ]
        assert set(restated([*losses, *losses])) == set(losses)


class Busy:
    """A log that takes all that there is room for, with readers that come along or do not."""

    def __init__(self, options: RetentionOptions = BLOCK, most: int = 400_000) -> None:
        self.disk = SimDisk()
        self.now = NOW_MS
        self.options = options._replace(log_bytes_max=most, reserve_bytes_min=20_000)
        self.taken = self.refused = 0
        self.start()

    def start(self, acknowledged: int = 0) -> None:
        self.log = NodeLog(self.disk, NODE, lambda: self.now, LogOptions(log_bytes_max=self.options.log_bytes_max))
        self.retention = Retention(self.log, self.options, lambda: self.now)
        self.sent = SentLimit(self.disk, self.log)
        self.forward, self.agent = self.log.reader(acknowledged), reader_elsewhere(self.disk)

    def turn(self, forward: bool = True, agent: bool = True, readings: int = 3) -> None:
        """Take a batch if there is room, sync, read, and let go."""
        if self.retention.room(5_000):
            put(self.log, readings, bytes(4_000))
            self.taken += 1
        else:
            self.refused += 1
        self.log.commit()
        for reader, reads in ((self.forward, forward), (self.agent, agent)):
            if reads:
                assert not reader.read(10_000, 10**9).damage
        self.sent.raise_to(self.forward.after)
        self.sent.save()
        readers = Readers(self.forward.after, None, self.agent.after, self.sent.sequence)
        if self.retention.tick(readers):
            self.log.sweep()
        assert self.log.used <= self.options.log_bytes_max
        stored = sum(self.disk.size(name) for name in self.disk.names() if name.endswith(".seg"))
        assert stored <= self.log.used


class TestBudget:
    def test_readers_that_keep_up_never_stop_the_intake(self) -> None:
        busy = Busy()
        for _ in range(400):
            busy.turn()
        assert (busy.taken, busy.log.state.lost) == (400, {})
        assert busy.log.used > 200_000

    @pytest.mark.parametrize("options", [BLOCK, DROP])
    def test_an_agent_that_stays_away_never_stops_the_intake_and_its_loss_is_named(
        self, options: RetentionOptions
    ) -> None:
        busy = Busy(options)
        for _ in range(400):
            busy.turn(agent=False)
        assert busy.taken == 400
        losses = [body_of(record) for record in of_kind(read_all(busy.log.reader(0)), Kind.LOSS)]
        lost = [
            span for loss in losses if isinstance(loss, Loss) for one in (loss, *loss.restated) for span in one.stamps
        ]
        assert min(lost)[0] == 1
        assert busy.log.state.lost == {"dropped": 0}

    def test_when_full_is_block_the_intake_waits_for_the_forwarder_and_goes_on_with_it(self) -> None:
        busy = Busy()
        for _ in range(300):
            busy.turn(forward=False)
        assert (busy.refused > 200, busy.log.state.lost) == (True, {})
        refused = busy.refused
        for _ in range(100):
            busy.turn()
        assert busy.refused <= refused + 1

    def test_when_full_is_drop_oldest_the_intake_goes_on_without_a_link(self) -> None:
        busy = Busy(DROP)
        for _ in range(500):
            busy.turn(forward=False)
        assert busy.taken == 500
        held = read_all(busy.forward)
        assert sum(record.kind == Kind.DATA for record in held) > 50
        lost = busy.log.state.lost["dropped"]
        assert lost + 3 * sum(record.kind == Kind.DATA for record in held) == 3 * 500
        assert all(one.sequence < two.sequence for one, two in pairwise(held))

    def test_restarts_during_an_outage_do_not_stop_the_intake_either(self) -> None:
        busy = Busy(DROP)
        for number in range(600):
            busy.turn(forward=number % 100 == 5)
            if number % 100 == 10:
                busy.disk = busy.disk.kill()
                busy.start(busy.forward.after)
        assert busy.taken == 600

    def test_an_agent_behind_passes_what_was_dropped(self) -> None:
        busy = Busy()
        for _ in range(400):
            busy.turn(agent=False)
        assert read_all(reader_elsewhere(busy.disk))[-1].sequence == busy.log.durable
        assert read_all(busy.agent)[-1].sequence == busy.log.durable

    def test_old_segments_of_a_quiet_log_go_too(self) -> None:
        busy = Busy()
        for _ in range(12):
            busy.now += HOUR_MS // 2
            busy.turn()
        assert len(segments(busy.disk)) <= 4
        assert segments(busy.disk)[0] > 5

    def test_intake_waits_for_a_step_that_is_far_behind(self) -> None:
        busy = Busy()
        for _ in range(40):
            busy.turn()
        busy.retention.tick(Readers(busy.forward.after, 0, busy.agent.after))
        assert not busy.retention.room(1)
        assert busy.retention.room(1, steps_at=busy.log.durable)
        assert busy.retention.room_for_step(1)

    def test_a_step_may_use_the_reserve_when_intake_may_not(self) -> None:
        busy = Busy()
        while busy.retention.room(5_000):
            busy.turn(forward=False)
        assert not busy.retention.room(5_000)
        assert busy.retention.room_for_step(5_000)
        assert not busy.retention.room_for_step(30_000)

    def test_there_is_no_room_on_a_disk_that_refuses(self) -> None:
        busy = Busy()
        put(busy.log)
        refuse(busy.disk, "write")
        with pytest.raises(Exception, match="No space"):
            busy.log.commit()
        assert not busy.retention.room(1)
        busy.log.commit()
        assert busy.retention.room(1)

    def test_the_budget_holds_with_snapshots_counted(self) -> None:
        busy = Busy(DROP, most=600_000)
        for number in range(400):
            busy.log.define(SeriesKey(f"{number * 7_919_777_777}", "metric"))
        for _ in range(500):
            busy.turn(forward=False)
        assert busy.log.segments[-1].head_bytes > 4_000
        assert busy.taken == 500
