"""The writer: numbers, segments, and disks that refuse."""

import itertools
import random
import threading
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.log.disk import Disk
from headwater.log.recovery import MARK
from headwater.log.segments import segment_name, segments
from headwater.log.survey import Missing
from headwater.log.writer import CLOCK_S_MAX, LogOptions, NodeLog
from headwater.model.context import Context
from headwater.model.errors import Rejected, Unavailable
from headwater.model.ids import COUNTER_BITS, IdRun, first_ordinal, valid_run
from headwater.model.reading import SeriesKey
from headwater.model.records import Kind, Position
from headwater.wire.records import BODY_BYTES_MAX, Record
from tests.log.logs import (
    NODE,
    NOW_MS,
    UPSTREAM,
    fill,
    flip_record,
    open_log,
    places,
    put,
    read_all,
    reader_elsewhere,
    refuse,
    refuse_step,
    sequences,
    watch,
)
from tests.simulation.disk import SimDisk


def snapshots(disk: Disk, name: str) -> list[Record]:
    return [record for at, _, record in places(disk) if at == name and record.kind == Kind.SNAPSHOT]


class TestNumbers:
    def test_readings_and_sequences_are_counted_on_over_restarts(self) -> None:
        disk = SimDisk()
        fill(open_log(disk), 3)
        log = open_log(disk.kill())
        record = put(log, count=5)
        assert (record.sequence, record.total, log.state.positions) == (4, 14, {UPSTREAM: 4})
        assert log.durable_positions == {UPSTREAM: 3}
        log.commit()
        assert log.durable_positions == {UPSTREAM: 4}

    @given(
        st.lists(
            st.tuples(
                st.sampled_from((-(10**12), -5_000, 0, 1, 1_000, 10**12)),
                st.sampled_from((1, 5, 1 << COUNTER_BITS, (3 << COUNTER_BITS) + 1)),
                st.sampled_from(("go on", "commit", "kill", "lose power")),
            ),
            max_size=25,
        )
    )
    def test_ids_are_unique_under_restarts_clock_steps_and_exhaustion(self, steps: list[tuple[int, int, str]]) -> None:
        disk, clock, given_away = SimDisk(), [NOW_MS], [IdRun(NODE, 0, 1)]
        log = open_log(disk, now_ms=lambda: clock[0])
        for step_ms, count, event in steps:
            clock[0] += step_ms
            run = log.allocate(count)
            put(log)
            if event in ("commit", "kill", "lose power"):
                log.commit()
            given_away.append(run)
            assert run.start >= given_away[-2].end
            assert valid_run(run)
            if event in ("kill", "lose power"):
                disk = disk.kill() if event == "kill" else disk.power_loss(random.Random(count))
                log = open_log(disk, now_ms=lambda: clock[0])

    def test_a_clock_out_of_all_reason_does_not_use_up_the_ids(self) -> None:
        clock = [NOW_MS]
        log = open_log(SimDisk(), now_ms=lambda: clock[0])
        clock[0] = (CLOCK_S_MAX + 1) * 1000
        assert log.allocate(1).start == first_ordinal(NOW_MS // 1000)
        clock[0] = CLOCK_S_MAX * 1000
        assert log.allocate(1).start == first_ordinal(CLOCK_S_MAX)

    def test_a_series_keeps_its_number_and_it_is_the_sequence_of_its_definition(self) -> None:
        disk = SimDisk()
        log = open_log(disk)
        put(log)
        number = log.define(SeriesKey("meter", "metric"))
        assert (number, log.define(SeriesKey("meter", "metric")), log.state.sequence) == (2, 2, 3)
        log.commit()
        found = open_log(disk.kill())
        assert found.define(SeriesKey("meter", "metric")) == 2
        assert found.define(SeriesKey("meter", "other")) == 4

    def test_series_are_refused_before_their_names_fill_the_budget(self) -> None:
        log = NodeLog(SimDisk(), NODE, lambda: NOW_MS, LogOptions(log_bytes_max=100_000))
        numbers = itertools.count()
        with pytest.raises(Rejected, match=r"series fill the log's budget of 100000 bytes.*raise log_bytes_max"):
            deque((log.define(SeriesKey(f"meter {number}", "metric")) for number in numbers), maxlen=0)
        assert 50 < len(log.state.series) == next(numbers) - 1 < 2_000
        log.define(SeriesKey("meter 1", "metric"))

    def test_a_context_is_logged_once_until_it_changes(self) -> None:
        log = open_log(SimDisk())
        names = [log.use_context(Context(line=line)) for line in (1, 1, 2, 1)]
        assert len(set(names)) == 2
        assert log.state.sequence == 4

    def test_kinds_of_later_versions_are_kept_as_they_are(self) -> None:
        disk = SimDisk()
        log = open_log(disk)
        record = log.append(99, None, upstream=Position(UPSTREAM, 5), raw=b"from the future", version=7)
        log.commit()
        assert read_all(open_log(disk.kill()).reader(0)) == [record]
        assert log.state.positions == {UPSTREAM: 5}

    def test_a_body_too_long_to_be_read_is_refused(self) -> None:
        log = open_log(SimDisk())
        with pytest.raises(Rejected, match="record"):
            log.append(99, None, raw=bytes(BODY_BYTES_MAX + 1))
        assert put(log).sequence == 1


class TestSegments:
    def test_one_commit_may_fill_many_segments(self) -> None:
        disk = SimDisk()
        log = open_log(disk, segment_bytes=400)
        made = [put(log) for _ in range(30)]
        log.commit()
        assert len(segments(disk)) > 5
        assert read_all(reader_elsewhere(disk)) == made
        assert log.used == sum(disk.size(segment_name(first)) for first in segments(disk))
        assert log.segments == open_log(disk.kill(), segment_bytes=400).segments

    def test_the_bookkeeping_is_what_a_start_finds(self) -> None:
        disk = SimDisk()
        log = open_log(disk, segment_bytes=400)
        log.define(SeriesKey("meter", "metric"))
        fill(log, 12)
        log.roll()
        put(log)
        log.commit()
        found = open_log(disk.kill(), segment_bytes=400)
        assert found.segments == log.segments
        assert vars(found.state) == vars(log.state)

    def test_a_segment_is_no_larger_than_an_eighth_of_the_budget(self) -> None:
        assert NodeLog(SimDisk(), NODE, lambda: 0, LogOptions(log_bytes_max=80_000)).segment_bytes == 10_000

    def test_what_is_appended_while_a_commit_runs_waits_for_the_next(self) -> None:
        disk = SimDisk()
        log = open_log(disk)
        put(log)
        added: list[Record] = []
        disk.on_operation = lambda _: None if added else added.append(put(log))
        assert log.commit() == 1
        assert (sequences(read_all(log.reader(0))), log.unsynced_bytes) == ([1], added[0].size)
        assert log.commit() == 2

    def test_two_threads_append_and_commit(self) -> None:
        disk = SimDisk()
        log = open_log(disk, segment_bytes=5_000)
        done = threading.Event()

        def commit() -> None:
            while not done.is_set():
                log.commit()

        thread = threading.Thread(target=commit)
        thread.start()
        made = [put(log) for _ in range(2_000)]
        done.set()
        thread.join()
        log.commit()
        assert read_all(reader_elsewhere(disk)) == read_all(log.reader(0)) == made

    def test_a_condemned_segment_goes_once_its_loss_is_durable(self) -> None:
        disk = SimDisk()
        log = open_log(disk, segment_bytes=400)
        fill(log, 20)
        one, two = log.segments[0], log.segments[1]
        log.condemn(one, after=log.durable + 1)
        log.condemn(two)
        assert (log.sweepable, log.sweep()) == (False, 0)
        put(log)
        log.commit()
        assert (log.sweepable, log.sweep()) == (True, 2)
        assert segments(disk)[0] == two.last + 1

    def test_what_is_named_missing_is_forgotten_with_its_segment(self) -> None:
        disk = SimDisk()
        fill(open_log(disk, segment_bytes=400), 10)
        name = segment_name(segments(disk)[0])
        disk.flip(name, 8 * disk.size(name) - 100)
        log = open_log(disk.kill(), segment_bytes=400)
        assert log.state.explained
        log.condemn(log.segments[0])
        log.sweep()
        assert not log.state.explained


class TestRefusals:
    @pytest.mark.parametrize("kind", ["write", "datasync"])
    @pytest.mark.parametrize("times", [1, 5])
    def test_what_a_disk_refuses_is_written_later_in_a_new_segment(self, kind: str, times: int) -> None:
        for seed in range(10):
            disk = SimDisk()
            log = open_log(disk)
            made = fill(log, 3)
            refuse(disk, kind, times=times, written=40)
            for _ in range(times):
                made.append(put(log))
                with pytest.raises(Unavailable, match=r"the log cannot be written.*No space left"):
                    log.commit()
                assert (log.durable, log.failing, disk.load_word(MARK)) == (3, True, 3)
                assert read_all(log.reader(0)) == made[:3]
            made.append(put(log))
            assert log.unsynced_bytes == sum(record.size for record in made[3:])
            assert (log.commit(), log.failing, log.unsynced_bytes) == (3 + times + 1, False, 0)
            assert read_all(reader_elsewhere(disk)) == read_all(log.reader(0)) == made
            assert segments(disk) == [1, 4]
            assert log.used == sum(disk.size(segment_name(first)) for first in segments(disk))
            made += fill(log, 2)
            found = open_log(disk.power_loss(random.Random(seed)))
            assert read_all(reader_elsewhere(found._disk)) == made
            assert found.state.positions == {UPSTREAM: len(made)}
            assert [s.readings for s in found.segments] == [s.readings for s in log.segments] == [9, 3 * len(made) - 9]

    def test_a_refusal_at_any_step_of_a_long_commit_leaves_no_gap(self) -> None:
        for step in range(100):
            disk = SimDisk()
            log = open_log(disk, segment_bytes=400)
            fill(log, 2)
            flip_record(disk, 1)
            log.name_damage(Missing(1, 1))
            log.allocate(1 << 30)
            for _ in range(15):
                put(log)
            watching = refuse_step(disk, step)
            try:
                log.commit()
            except Unavailable:
                for _ in range(15):
                    put(log)
                log.commit()
            expected = list(range(2, log.state.sequence + 1))
            assert sequences(read_all(reader_elsewhere(disk))) == expected
            found = open_log(disk.kill(), segment_bytes=400)
            assert found.segments == log.segments
            assert vars(found.state) == vars(log.state)
            if len(watching.seen) <= step:
                break
        assert 50 < step < 99

    def test_a_snapshot_of_a_sealed_segment_is_taken_with_what_is_in_it(self) -> None:
        disk = SimDisk()
        log = open_log(disk)
        fill(log, 3)
        refuse(disk, "write")
        put(log)
        with pytest.raises(Unavailable):
            log.commit()
        log.define(SeriesKey("meter", "metric"))
        log.commit()
        assert [record.sequence for record in snapshots(disk, segment_name(4))] == [6, 6]
        found = open_log(disk.kill())
        assert vars(found.state) == vars(log.state)

    def test_a_segment_that_cannot_be_removed_is_removed_later(self) -> None:
        disk = SimDisk()
        log = open_log(disk, segment_bytes=400)
        fill(log, 10)
        log.condemn(log.segments[0])
        refuse(disk, "unlink")
        with pytest.raises(Unavailable, match="cannot be removed"):
            log.sweep()
        assert log.sweep() == 1

    def test_nothing_is_written_when_there_is_nothing_to_write(self) -> None:
        disk = SimDisk()
        log = open_log(disk)
        fill(log, 1)
        watching = watch(disk)
        log.commit()
        assert {operation.kind for operation in watching.seen} == {"word"}
