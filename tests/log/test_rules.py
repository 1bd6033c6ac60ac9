"""The log's rules of PROTOCOL.md, each with a test that fails when it is left away."""

import contextlib
import random

import pytest

from headwater.log.cursors import Cursor, load_cursor, save_cursor
from headwater.log.explained import report_damage, take_reports
from headwater.log.recovery import MARK
from headwater.log.retention import Readers, Retention, RetentionOptions
from headwater.log.segments import segment_name, segments
from headwater.log.sent import SentLimit
from headwater.log.survey import Missing, body_of
from headwater.log.writer import LogOptions, NodeLog
from headwater.model.context import Context
from headwater.model.errors import Unavailable
from headwater.model.reading import SeriesKey
from headwater.model.records import Jump, Kind, Loss, Why
from tests.log.logs import (
    NODE,
    NOW_MS,
    Watch,
    crash_at,
    fill,
    flip_record,
    of_kind,
    open_log,
    places,
    put,
    read_all,
    reader_elsewhere,
    refuse,
    sequences,
)
from tests.simulation.disk import Crash, Operation, SimDisk

MOST = 200_000


def small_log(disk: SimDisk) -> NodeLog:
    return NodeLog(disk, NODE, lambda: NOW_MS, LogOptions(log_bytes_max=MOST))


def retention_of(log: NodeLog, drop_oldest: bool) -> Retention:
    return Retention(log, RetentionOptions(log_bytes_max=MOST, drop_oldest=drop_oldest, reserve_bytes_min=20_000), int)


def filled(disk: SimDisk, records: int = 55) -> NodeLog:
    """A log of about seven segments that is close to its budget."""
    log = small_log(disk)
    fill(log, records, bytes(3_000))
    return log


def losses(log: NodeLog) -> list[Loss]:
    bodies = [body_of(record) for record in of_kind(read_all(log.reader(0)), Kind.LOSS)]
    return [body for body in bodies if isinstance(body, Loss)]


def test_rule_1_nothing_is_true_before_it_is_synced() -> None:
    """PROTOCOL rule 1: allocate, append, fdatasync; then and only then acknowledge, forward, ship."""
    disk = SimDisk()
    log = open_log(disk, segment_bytes=400)
    reader = reader_elsewhere(disk)
    synced = [0]

    def check(operation: Operation) -> None:
        if operation.kind == "datasync" and operation.done and operation.name.endswith(".seg"):
            synced[0] += 1
        if operation.kind != "word":
            assert (log.durable, read_all(log.reader(0)), read_all(reader)) == (0, [], [])

    put(log)
    log.define(SeriesKey("meter", "metric"))
    disk.on_operation = check
    assert log.commit() == 3
    assert len(read_all(reader)) == 3


def test_rule_1_a_failed_sync_seals_the_segment() -> None:
    """PROTOCOL rule 1: a sync error seals the segment; its unsynced records are appended to a new one."""
    for seed in range(20):
        disk = SimDisk()
        log = open_log(disk)
        made = [*fill(log, 2), put(log), put(log)]
        refuse(disk, "datasync")
        with pytest.raises(Unavailable):
            log.commit()
        made.append(put(log))
        assert log.commit() == 5
        assert segments(disk) == [1, 3]
        assert read_all(open_log(disk.power_loss(random.Random(seed))).reader(0)) == made


def test_rule_2_no_reader_passes_the_mark() -> None:
    """PROTOCOL rule 2: what a reader in any process has seen is there after a power loss at any moment."""
    for step in range(30):
        disk = SimDisk()
        log = open_log(disk)
        reader = reader_elsewhere(SimDisk(disk.storage))
        fill(log, 2)
        seen = read_all(reader)
        put(log)
        crash_at(disk, step)
        with contextlib.suppress(Crash):
            log.commit()
        seen += read_all(reader)
        after = read_all(open_log(disk.power_loss(random.Random(step))).reader(0))
        assert after[: len(seen)] == seen


def test_rule_3_damage_up_to_the_mark_is_named_and_what_follows_is_kept() -> None:
    """PROTOCOL rule 3: up to the mark an invalid record is damage: go on at the next valid header and name it."""
    disk = SimDisk()
    fill(open_log(disk), 5)
    flip_record(disk, 2)
    log = open_log(disk.kill())
    assert sequences(read_all(log.reader(0))) == [1, 3, 4, 5, 6, 7]
    assert [(loss.first, loss.last, loss.readings) for loss in losses(log)] == [(2, 2, 3)] * 2


def test_rule_3_beyond_the_mark_the_first_invalid_record_and_all_behind_it_are_cut() -> None:
    """PROTOCOL rule 3: what a power loss left of unsynced records ends before the first that is unsound."""
    disk = SimDisk()
    log = open_log(disk)
    fill(log, 2)
    for _ in range(3):
        put(log)
    crash_at(disk, 2)  # Written, and not synced.
    with pytest.raises(Crash):
        log.commit()
    disk = disk.kill()
    flip_record(disk, 4)
    found = open_log(disk)
    kept = sequences(read_all(found.reader(0)))
    assert kept[:3] == [1, 2, 3]
    assert kept[3] == found.manifest.resume
    assert (losses(found), found.state.lost) == ([], {})


def test_rule_3_a_start_that_cuts_goes_on_at_the_first_unreserved_number() -> None:
    """PROTOCOL rule 3: sequences and id seconds are reserved ahead; a cut is jumped over by name, crash or not."""
    for step in range(40):
        disk = SimDisk()
        log = open_log(disk)
        fill(log, 2)
        run = log.allocate(1 << 26)
        put(log)
        Watch(disk, lambda at: Crash(written=70) if at.kind == "write" and ".seg" in at.name else None)
        with pytest.raises(Crash):
            log.commit()
        disk = disk.kill()
        crash_at(disk, step)
        with contextlib.suppress(Crash):
            open_log(disk)
        found = open_log(disk.kill())
        assert put(found).sequence > 65_536
        assert found.allocate(1).start >= run.end
        jumps = [body_of(record) for record in of_kind(read_all(found.reader(0)), Kind.JUMP)]
        assert jumps[0] == Jump(3, found.manifest.resume - 1)


def test_rule_4_recovery_syncs_what_it_keeps_before_any_reader_sees_it() -> None:
    """PROTOCOL rule 4: records that only the page cache held are synced before they count."""
    for seed in range(20):
        disk = SimDisk()
        log = open_log(disk)
        fill(log, 2)
        put(log)
        crash_at(disk, 2)
        with pytest.raises(Crash):
            log.commit()
        disk = disk.kill()
        seen = read_all(open_log(disk).reader(0))
        assert sequences(seen) == [1, 2, 3]
        assert read_all(open_log(disk.power_loss(random.Random(seed))).reader(0)) == seen


def test_rule_4_recovery_finishes_a_drop() -> None:
    """PROTOCOL rule 4: what a durable loss record names whole is unlinked before anything is sent."""
    disk = SimDisk()
    log = filled(disk)
    retention_of(log, drop_oldest=True).tick(Readers(forward=0, agent=0, sent=0))
    log.commit()
    dropped = [segment for segment in log.segments if segment.gone_after is not None]
    assert dropped
    assert segments(disk)[0] == 1
    found = small_log(disk.kill())
    assert segments(disk)[0] == dropped[-1].last + 1
    assert not {record.sequence for record in read_all(found.reader(0))} & set(range(1, dropped[-1].last + 1))


def test_rule_4_a_drop_is_finished_only_once_its_record_is_synced() -> None:
    """PROTOCOL rule 4: recovery syncs before it unlinks, whatever moment the power goes."""
    for step in range(60):
        disk = SimDisk()
        log = filled(disk)
        retention_of(log, drop_oldest=True).tick(Readers(forward=0, agent=0, sent=0))
        crash_at(disk, 2)  # The loss record is written, and not synced.
        with pytest.raises(Crash):
            log.commit()
        disk = disk.kill()
        crash_at(disk, step)
        with contextlib.suppress(Crash):
            small_log(disk)
        found = small_log(disk.power_loss(random.Random(step)))
        there = set(sequences(read_all(found.reader(0))))
        assert set(range(1, 56)) - there <= {at for loss in losses(found) for at in range(loss.first, loss.last + 1)}


def test_rule_5_a_segment_is_synced_before_the_next_is_created() -> None:
    """PROTOCOL rule 5: when a new segment is there, all before it is durable: no snapshot covers what may be lost."""
    for step in range(80):
        disk = SimDisk()
        log = open_log(disk, segment_bytes=400)
        fill(log, 1)
        for _ in range(8):
            put(log)
        crash_at(disk, step)
        with contextlib.suppress(Crash):
            log.commit()
        found = open_log(disk.power_loss(random.Random(step)), segment_bytes=400)
        there = sequences(of_kind(read_all(found.reader(0)), Kind.DATA))
        assert there == list(range(1, len(there) + 1))
        assert found.state.positions == {b"upstream": len(there)}


def test_rule_5_a_segment_goes_only_after_a_later_snapshot_is_synced() -> None:
    """PROTOCOL rule 5: while the next segment exists only in memory, the present one stays."""
    disk = SimDisk()
    log = open_log(disk)
    log.define(SeriesKey("meter", "metric"))
    fill(log, 2)
    retention = Retention(log, RetentionOptions(storagetime_ms=0), lambda: NOW_MS + 1_000_000)
    log.roll()
    retention.tick(Readers())
    assert (log.sweepable, log.sweep()) == (False, 0)
    log.commit()
    retention.tick(Readers())
    assert log.sweep() == 1
    assert open_log(disk.kill()).state.numbers


@pytest.mark.parametrize("reader", ["forward", "steps", "agent"])
def test_rule_5_a_segment_stays_until_every_reader_is_past_it(reader: str) -> None:
    """PROTOCOL rule 5: only synced cursors and checkpoints let a segment go."""
    disk = SimDisk()
    log = open_log(disk)
    fill(log, 2)
    log.roll()
    log.commit()
    retention = Retention(log, RetentionOptions(storagetime_ms=0), lambda: NOW_MS + 1_000_000)
    past = {"forward": 2, "steps": 2, "agent": 2}
    retention.tick(Readers(**{**past, reader: 1}))
    assert log.sweep() == 0
    retention.tick(Readers(**past))
    assert log.sweep() == 1


def test_rule_5_no_flipped_bit_takes_a_name_that_others_depend_on() -> None:
    """PROTOCOL rule 5: snapshots, definitions, contexts and loss records are written twice."""
    disk = SimDisk()
    log = open_log(disk)
    fill(log, 2)
    flip_record(disk, 1)
    log.name_damage(Missing(1, 1))
    log.define(SeriesKey("meter", "metric"))
    log.use_context(Context(line=7))
    log.roll()
    fill(log, 1)
    names = [place for place in places(disk) if place[2].kind not in (Kind.DATA, Kind.JUMP)]
    assert len(names) == 2 * 5
    for name, offset, record in names:
        disk.flip(name, 8 * offset + 4 * record.size)
        disk = disk.kill()
        found = open_log(disk)
        assert (found.state.series, found.state.contexts) == (log.state.series, log.state.contexts)
        assert found.state.is_explained(1, 1)
        disk.flip(name, 8 * offset + 4 * record.size)


def test_rule_6_a_reader_that_meets_damage_tells_the_writer_and_passes_once_it_is_named() -> None:
    """PROTOCOL rule 6: the agent neither stops for good nor passes over something that nobody names."""
    disk = SimDisk()
    log = open_log(disk)
    fill(log, 4)
    flip_record(disk, 2)
    reader = reader_elsewhere(disk)
    stretch = reader.read()
    assert sequences(stretch.records) == [1]
    assert stretch.damage is not None
    assert sequences(reader.read().records) == []
    report_damage(disk, "agent", stretch.damage)
    for missing in take_reports(disk):
        log.name_damage(missing)
    log.commit()
    assert sequences(read_all(reader)) == [3, 4, 5, 6]
    assert [(loss.why, loss.first, loss.last) for loss in losses(log)] == [(Why.DAMAGED, 2, 2)] * 2


def test_rule_6_a_crash_while_a_cursor_is_saved_leaves_an_old_or_a_new_one() -> None:
    """PROTOCOL rule 6: temporary file, fsync, rename, fsync of the folder; `test_cursors.py` has it on real files."""
    for step in range(20):
        disk = SimDisk()
        save_cursor(disk, "agent", Cursor(7, 70))
        crash_at(disk, step)
        with contextlib.suppress(Crash):
            save_cursor(disk, "agent", Cursor(9, 90))
        assert load_cursor(disk.power_loss(random.Random(step)), "agent").sequence in (7, 9)


def test_rule_14_a_drop_takes_only_what_is_acknowledged_or_was_never_sent() -> None:
    """PROTOCOL rule 14: what may have been sent stays, and after a crash a synced limit says what that was."""
    disk = SimDisk()
    log = small_log(disk)
    limit = SentLimit(disk, log)
    fill(log, 55, bytes(3_000))
    limit.raise_to(20)
    limit.save()
    disk = disk.kill()
    log = small_log(disk)
    retention_of(log, drop_oldest=True).tick(Readers(forward=0, agent=0, sent=SentLimit(disk, log).sequence))
    log.commit()
    log.sweep()
    (first, *_) = {loss.first for loss in losses(log)}
    assert first > 20
    assert sequences(read_all(log.reader(0)))[:20] == list(range(1, 21))


def test_rule_14_a_loss_record_is_synced_before_the_unlink() -> None:
    """PROTOCOL rule 14: whenever a segment is gone, its loss record is there, through power loss at any moment."""
    for step in range(60):
        disk = SimDisk()
        log = filled(disk)
        retention = retention_of(log, drop_oldest=True)
        crash_at(disk, step)
        with contextlib.suppress(Crash):
            for _ in range(3):
                retention.tick(Readers(forward=0, agent=0, sent=0))
                log.sweep()
                log.commit()
        found = small_log(disk.power_loss(random.Random(step)))
        there = set(sequences(read_all(found.reader(0))))
        named = {
            at for loss in losses(found) for one in (loss, *loss.restated) for at in range(one.first, one.last + 1)
        }
        assert set(range(1, 56)) <= there | named


def test_rule_14_a_drop_restates_the_loss_records_that_it_removes() -> None:
    """PROTOCOL rule 14: what was named once stays named, however much is dropped afterwards."""
    disk = SimDisk()
    log = small_log(disk)
    fill(log, 3, bytes(3_000))
    log.append_twice(Kind.LOSS, Loss(Why.GAP, b"upstream", 5, 9, 40))
    retention = retention_of(log, drop_oldest=True)
    dropped = 0
    for _ in range(300):
        fill(log, 1, bytes(3_000))
        dropped += retention.tick(Readers(forward=0, agent=0, sent=0)) and log.sweep()
    assert dropped > 20
    last = losses(log)[-1]
    assert Loss(Why.GAP, b"upstream", 5, 9, 40) in last.restated
    assert [(one.first, one.last) for one in last.restated if one.log == log.log] == [(1, last.first - 1)]


def test_rule_14_storage_time_yields_to_the_disk_budget() -> None:
    """PROTOCOL rule 14: what everyone has goes before its time when the room is needed."""
    disk = SimDisk()
    log = filled(disk)
    retention = retention_of(log, drop_oldest=False)
    while retention.room(3_000):
        fill(log, 1, bytes(3_000))
    retention.tick(Readers(forward=log.durable, agent=log.durable))
    assert log.sweep() > 0
    assert retention.room(3_000)
    assert losses(log) == []


def test_rule_15_block_waits_for_forwarder_and_steps() -> None:
    """PROTOCOL rule 15: with `block` nothing goes that they have not passed; intake stops before the reserve."""
    disk = SimDisk()
    log = filled(disk)
    retention = retention_of(log, drop_oldest=False)
    for readers in (Readers(forward=0, agent=99), Readers(forward=99, steps=0, agent=99)):
        retention.tick(readers)
        log.commit()
        assert log.sweep() == 0
    while retention.room(3_000):
        fill(log, 1, bytes(3_000))
    assert log.used + retention.budget().reserve <= MOST


def test_rule_15_an_agent_that_is_away_loses_its_oldest_and_that_is_named() -> None:
    """PROTOCOL rule 15: a store outage never stops the data path; what the store will not get is named."""
    disk = SimDisk()
    log = filled(disk)
    agent = reader_elsewhere(disk)
    shipped = agent.read(most=3).records[-1].sequence
    retention = retention_of(log, drop_oldest=False)
    retention.tick(Readers(forward=log.durable, steps=log.durable, agent=shipped))
    log.commit()
    gone = log.sweep()
    assert gone > 0
    assert retention.room(3_000)
    named = [span for loss in losses(log) for span in loss.stamps]
    assert named[0][0] == shipped + 1
    assert all(loss.link == () and loss.readings == 0 for loss in losses(log))
    assert read_all(agent)[-1].sequence == log.durable


def test_rule_15_the_reserve_is_there_for_what_steps_have_not_read() -> None:
    """PROTOCOL rule 15: intake stops while a step is far behind, and a step's outputs may use the reserve."""
    disk = SimDisk()
    log = small_log(disk)
    retention = retention_of(log, drop_oldest=False)
    while retention.room(3_000):
        fill(log, 1, bytes(3_000))
        retention.tick(Readers(forward=log.durable, steps=0))
    assert log.used < MOST // 2
    assert retention.room_for_step(50_000)
    retention.tick(Readers(forward=log.durable, steps=log.durable))
    assert retention.room(3_000)


def test_a_word_that_a_power_loss_took_back_costs_nothing() -> None:
    """The mark itself is not synced: headers say how far the log was durable at least."""
    disk = SimDisk()
    made = fill(open_log(disk), 5)
    disk.store_word(MARK, 0)
    flip_record(disk, 2)
    found = open_log(disk.kill())
    assert read_all(found.reader(0))[:1] + read_all(found.reader(2))[:3] == made[:1] + made[2:]
    assert segment_name(1) in disk.names()
