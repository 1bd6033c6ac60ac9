"""Whatever a crash or a flipped bit leaves: what was durable is there, or named, and nothing means two things."""

import random

import pytest

from headwater.log.disk import TEMPORARY
from headwater.log.recovery import MARK
from headwater.log.segments import segment_name, segments
from headwater.log.survey import body_of
from headwater.log.writer import NodeLog
from headwater.model.reading import SeriesKey
from headwater.model.records import Batch, Jump, Kind, Loss, Why
from headwater.wire.records import Record
from tests.log.logs import (
    UPSTREAM,
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
from tests.simulation.disk import SimDisk


def files_of(disk: SimDisk) -> dict[str, bytes]:
    return {name: disk.read(name, 0, disk.size(name)) for name in disk.names()}


def with_files(files: dict[str, bytes], mark: int) -> SimDisk:
    """A folder with these files, after a power loss that left the mark at a value."""
    disk = SimDisk()
    for name, data in files.items():
        disk.replace(name, data)
    disk.store_word(MARK, mark)
    return disk


def losses(log: NodeLog) -> list[Loss]:
    """The different losses that a log names."""
    bodies = [body_of(record) for record in of_kind(read_all(log.reader(0)), Kind.LOSS)]
    return list(dict.fromkeys(body for body in bodies if isinstance(body, Loss)))


def run_of(record: Record) -> tuple[int, int]:
    body = body_of(record)
    assert isinstance(body, Batch)
    assert body.stamp is not None
    return body.stamp.run.start, body.stamp.run.end


class TestCuts:
    def test_cut_at_any_byte_all_up_to_the_mark_is_there_and_no_number_is_used_again(self) -> None:
        disk = SimDisk()
        log = open_log(disk)
        made = fill(log, 3)
        head = log.segments[0].head_bytes
        made += [put(log) for _ in range(3)]
        log.commit()
        files, size = files_of(disk), disk.size(segment_name(1))
        ends = [offset + record.size for _, offset, record in places(disk) if record.kind != Kind.SNAPSHOT]
        for length in range(head, size + 1):
            whole = sum(end <= length for end in ends)
            found = open_log(with_files({**files, segment_name(1): files[segment_name(1)][:length]}, min(whole, 3)))
            assert read_all(found.reader(0))[:whole] == made[:whole]
            assert found.state.positions == ({UPSTREAM: whole} if whole else {})
            cut_within_a_record = length not in (head, *ends)
            assert (put(found).sequence > 65536) == cut_within_a_record
            assert found.allocate(1).start > run_of(made[-1])[1]

    def test_what_is_cut_is_jumped_over_by_name(self) -> None:
        disk = SimDisk()
        log = open_log(disk)
        fill(log, 2)
        put(log)
        refuse(disk, "write", written=60)
        with pytest.raises(Exception, match="No space"):
            log.commit()
        found = open_log(disk.kill())
        jumps = [body_of(record) for record in of_kind(read_all(found.reader(0)), Kind.JUMP)]
        assert jumps == [Jump(3, found.manifest.resume - 1)]
        assert found.manifest.resume == log.manifest.sequence > 65536

    def test_a_log_whose_segments_are_gone_names_them_and_uses_no_number_again(self) -> None:
        disk = SimDisk()
        fill(open_log(disk), 4)
        disk.unlink(segment_name(1))
        found = open_log(disk.kill())
        assert [(loss.first, loss.last) for loss in losses(found)] == [(1, 4)]
        assert put(found).sequence > 65536

    def test_files_that_were_not_finished_are_removed(self) -> None:
        disk = SimDisk()
        fill(open_log(disk), 1)
        disk.create(segment_name(2) + TEMPORARY).write(b"half a snapsh")
        open_log(disk.kill())
        assert not any(name.endswith(TEMPORARY) for name in disk.names())

    def test_a_last_segment_with_nothing_sound_in_it_is_removed(self) -> None:
        disk = SimDisk()
        log = open_log(disk)
        made = fill(log, 3)
        log.roll()
        log.commit()
        disk.replace(segment_name(4), bytes(disk.size(segment_name(4))))
        disk = disk.kill()
        found = open_log(disk)
        assert read_all(found.reader(0))[:3] == made
        put(found)
        found.commit()
        disk = disk.kill()
        assert vars(open_log(disk).state) == vars(found.state)
        assert segments(disk) == [1, found.manifest.resume]

    def test_many_restarts_take_no_more_room(self) -> None:
        disk = SimDisk()
        fill(open_log(disk), 3)
        size = disk.size(segment_name(1))
        for _ in range(5):
            disk = disk.kill()
            open_log(disk)
        assert (segments(disk), disk.size(segment_name(1))) == ([1], size)


class TestFlips:
    def test_one_bit_anywhere_costs_one_record_at_most_and_that_is_named(self) -> None:
        disk = SimDisk()
        log = open_log(disk, segment_bytes=600)
        log.define(SeriesKey("meter", "metric"))
        fill(log, 9)
        made = read_all(log.reader(0))
        files, state = files_of(disk), vars(log.state)
        assert len(segments(disk)) == 2
        rng = random.Random(1)
        for name in files:
            for bit in [rng.randrange(8 * len(files[name])) for _ in range(80)]:
                flipped = with_files(files, log.durable)
                flipped.flip(name, bit)
                found = open_log(flipped, segment_bytes=600)
                lost = [record for record in made if record not in read_all(found.reader(0))]
                named = losses(found)
                assert len(lost) <= 1
                assert [(loss.first, loss.last) for loss in named] == [(at.sequence, at.sequence) for at in lost]
                # Of the last record nobody knows what was in it once its header is gone.
                if lost and lost[0] is not made[-1]:
                    assert named[0].readings == (3 if lost[0].kind == Kind.DATA else 0)
                assert found.state.series == state["series"]
                assert found.durable >= log.durable + 2 * len(lost)

    @pytest.mark.parametrize("sequence", [1, 2, 5])
    def test_the_ids_of_a_damaged_record_are_named_and_no_others(self, sequence: int) -> None:
        disk = SimDisk()
        made = fill(open_log(disk), 5)
        flip_record(disk, sequence)
        (loss,) = losses(open_log(disk.kill()))
        (run,) = loss.runs
        start, end = run_of(made[sequence - 1])
        assert (run.start, run.end) == (start, end) if sequence < 5 else run.start == start < end <= run.end
        assert (loss.why, loss.readings, loss.link, loss.stamps) == (
            Why.DAMAGED,
            3,
            ((sequence, sequence),),
            ((sequence, sequence),),
        )

    def test_damage_is_named_once_however_often_the_node_starts(self) -> None:
        disk = SimDisk()
        fill(open_log(disk), 5)
        flip_record(disk, 2)
        for _ in range(3):
            disk = disk.kill()
            log = open_log(disk)
        assert len(of_kind(read_all(log.reader(0)), Kind.LOSS)) == 2
        assert log.state.lost == {"damaged": 3}

    @pytest.mark.parametrize("copies", [(0,), (1,), (0, 1)])
    def test_a_segment_without_a_sound_snapshot_is_read_from_the_one_before(self, copies: tuple[int, ...]) -> None:
        disk = SimDisk()
        log = open_log(disk, segment_bytes=600)
        log.define(SeriesKey("meter", "metric"))
        fill(log, 9)
        before = vars(log.state)
        name = segment_name(segments(disk)[-1])
        offsets = [offset for at, offset, record in places(disk) if at == name and record.kind == Kind.SNAPSHOT]
        for copy in copies:
            disk.flip(name, 8 * offsets[copy] + 400)
        found = open_log(disk.kill(), segment_bytes=600)
        assert vars(found.state) == before

    def test_damage_in_the_last_record_is_no_torn_end(self) -> None:
        disk = SimDisk()
        made = fill(open_log(disk), 3)
        flip_record(disk, 3)
        log = open_log(disk.kill())
        assert [(loss.first, loss.last, loss.readings) for loss in losses(log)] == [(3, 3, 3)]
        assert read_all(log.reader(0))[:2] == made[:2]
        assert put(log).sequence > 65536


class TestSyncs:
    def test_what_a_failed_sync_left_in_memory_is_written_again_before_it_counts(self) -> None:
        for seed in range(20):
            disk = SimDisk()
            log = open_log(disk)
            fill(log, 2)
            put(log)
            refuse(disk, "datasync")
            with pytest.raises(Exception, match="No space"):
                log.commit()
            disk = disk.kill()
            kept = read_all(open_log(disk).reader(0))
            assert sequences(kept) == [1, 2, 3]
            assert read_all(open_log(disk.power_loss(random.Random(seed))).reader(0)) == kept

    def test_a_start_that_fails_can_be_repeated(self) -> None:
        disk = SimDisk()
        made = fill(open_log(disk), 3)
        for kind in ("rewrite", "sync_folder"):
            disk = disk.kill()
            refuse(disk, kind)
            with pytest.raises(Exception, match=r"cannot be opened.*No space"):
                open_log(disk)
        assert read_all(open_log(disk.kill()).reader(0)) == made

    def test_another_process_reads_on_over_a_restart(self) -> None:
        disk = SimDisk()
        reader = reader_elsewhere(SimDisk(disk.storage))
        made = fill(open_log(disk), 3)
        assert read_all(reader) == made
        assert read_all(reader) == []
        more = fill(open_log(disk.kill()), 3)
        assert read_all(reader) == more
