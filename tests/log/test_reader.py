"""A reader gets every durable record once and in order, and passes what is missing only once that is named."""

import pytest

from headwater.log.explained import report_damage, take_reports
from headwater.log.recovery import MARK
from headwater.log.segments import segment_name, segments
from headwater.log.survey import Missing
from headwater.model.errors import Unavailable
from headwater.model.records import Kind
from tests.log.logs import fill, flip_record, of_kind, open_log, put, read_all, reader_elsewhere, sequences
from tests.simulation.disk import SimDisk


def test_records_come_in_order_across_segments_wherever_one_begins() -> None:
    disk = SimDisk()
    log = open_log(disk, segment_bytes=400)
    made = fill(log, 20)
    assert len(segments(disk)) > 4
    for after in range(21):
        assert read_all(reader_elsewhere(disk, after)) == read_all(log.reader(after)) == made[after:]


def test_a_reader_follows_the_writer_from_segment_to_segment() -> None:
    disk = SimDisk()
    elsewhere = reader_elsewhere(disk)
    log = open_log(disk, segment_bytes=400)
    here = log.reader(0)
    for _ in range(20):
        made = fill(log, 1)
        assert elsewhere.read().records == here.read().records == made


def test_no_more_is_read_at_once_than_asked_for() -> None:
    disk = SimDisk()
    log = open_log(disk)
    fill(log, 20, bytes(1000))
    for reader in (log.reader(0), reader_elsewhere(disk)):
        assert sequences(reader.read(most=3).records) == [1, 2, 3]
        assert sequences(reader.read(bytes_max=2500).records) == [4, 5, 6]
        assert sequences(reader.read(bytes_max=1).records) == [7]


def test_a_reader_goes_on_where_it_is_sent() -> None:
    disk = SimDisk()
    log = open_log(disk)
    fill(log, 9)
    for reader in (log.reader(0), reader_elsewhere(disk)):
        reader.read()
        reader.rewind(5)
        assert sequences(reader.read().records) == [6, 7, 8, 9]


def test_what_is_appended_but_not_durable_is_not_read() -> None:
    disk = SimDisk()
    log = open_log(disk)
    fill(log, 2)
    put(log)
    assert len(read_all(log.reader(0))) == len(read_all(reader_elsewhere(disk))) == 2


def test_damage_is_told_by_a_reader_elsewhere_and_passed_once_it_is_named() -> None:
    disk = SimDisk()
    log = open_log(disk)
    fill(log, 5)
    flip_record(disk, 3)
    reader = reader_elsewhere(disk)
    stretch = reader.read()
    assert (sequences(stretch.records), stretch.damage) == ([1, 2], Missing(3, 3))
    assert reader.read() == ([], Missing(3, 3))
    report_damage(disk, "agent", Missing(3, 3))
    for missing in take_reports(disk):
        log.name_damage(missing)
    assert reader.read().damage == Missing(3, 3)
    log.commit()
    assert sequences(read_all(reader)) == [4, 5, 6, 7]
    assert log.state.lost == {"damaged": 3}


def test_damage_at_the_very_end_is_told_too() -> None:
    disk = SimDisk()
    log = open_log(disk)
    fill(log, 3)
    flip_record(disk, 3)
    reader = reader_elsewhere(disk)
    assert reader.read().damage == Missing(3, 3)
    log.name_damage(Missing(3, 3))
    log.commit()
    assert sequences(read_all(reader)) == [4, 5]


def test_what_a_reader_says_is_not_taken_on_trust() -> None:
    disk = SimDisk()
    log = open_log(disk)
    fill(log, 5)
    log.name_damage(Missing(2, 4))
    log.name_damage(Missing(2, 10**9))
    log.commit()
    assert log.durable == 5


def test_a_reader_that_has_not_heard_of_what_is_named_is_told_again() -> None:
    disk = SimDisk()
    log = open_log(disk)
    fill(log, 5)
    flip_record(disk, 3)
    log.name_damage(Missing(3, 3))
    log.commit()
    disk.unlink("explained")
    reader = reader_elsewhere(disk)
    assert reader.read().damage == Missing(3, 3)
    log.name_damage(Missing(3, 3))
    log.commit()
    assert sequences(read_all(reader)) == [4, 5, 6, 7]


def test_a_jump_is_passed_in_files_and_in_memory() -> None:
    disk = SimDisk()
    fill(open_log(disk), 3)
    flip_record(disk, 3)
    log = open_log(disk.kill())
    fill(log, 2)
    for after in (0, 2, 3, 500, log.durable - 1):
        here = read_all(log.reader(after))
        assert sequences(here)[-1] == log.durable
        assert here == read_all(reader_elsewhere(log._disk, after))
    assert of_kind(read_all(log.reader(3)), Kind.JUMP)


def test_a_segment_that_goes_while_it_is_read_costs_nothing_that_was_read() -> None:
    disk = SimDisk()
    log = open_log(disk, segment_bytes=400)
    made = fill(log, 20)
    reader = reader_elsewhere(disk)
    first = reader.read(most=2).records
    for number in segments(disk)[:3]:
        disk.unlink(segment_name(number))
    kept = segments(disk)[0]
    found = first + reader.read(most=4).records  # What it had read ahead, and then the segment is gone.
    assert found == made[:3] + made[kept - 1 : kept + 2]
    assert found + read_all(reader) == made[:3] + made[kept - 1 :]


def test_a_segment_that_is_gone_in_between_is_damage_until_it_is_named() -> None:
    disk = SimDisk()
    log = open_log(disk, segment_bytes=400)
    fill(log, 20)
    one, two = segments(disk)[1:3]
    disk.unlink(segment_name(one))
    reader = reader_elsewhere(disk)
    assert reader.read().damage == Missing(one, two - 1)
    log.name_damage(Missing(one, two - 1))
    log.commit()
    assert sequences(read_all(reader)) == [*range(two, 23)]


def test_a_reader_of_a_log_that_was_begun_anew_is_told_so() -> None:
    disk = SimDisk()
    fill(open_log(disk), 3)
    reader = reader_elsewhere(disk)
    read_all(reader)
    disk.store_word(MARK, 0)
    with pytest.raises(Unavailable, match="begun anew"):
        reader.read()


def test_what_is_about_to_be_dropped_is_not_read_any_more_here() -> None:
    disk = SimDisk()
    log = open_log(disk, segment_bytes=400)
    made = fill(log, 20)
    reader = log.reader(0)
    segment = log.segments[1]
    log.condemn(segment, after=10**9)
    left = [record for record in made if not segment.first <= record.sequence <= segment.last]
    assert read_all(reader) == left
    log._recent.remove(0, 10**9)
    from_files = open_log(disk.kill(), segment_bytes=400)
    from_files.condemn(from_files.segments[1], after=10**9)
    assert read_all(from_files.reader(0)) == left
