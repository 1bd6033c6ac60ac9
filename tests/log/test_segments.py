"""A segment is read record by record, and on past whatever is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.log.segments import (
    CHUNK_BYTES,
    Invalid,
    SegmentCursor,
    read_segment,
    segment_first,
    segment_name,
    segments,
)
from headwater.model.records import Kind
from headwater.wire.records import MAGIC, Record, frame
from tests.simulation.disk import SimDisk


def record(sequence: int, body: bytes = b"body") -> Record:
    return Record(Kind.DATA, 1, sequence, sequence, 0, None, body)


def stored(*parts: bytes) -> SimDisk:
    disk = SimDisk()
    disk.create(segment_name(1)).write(b"".join(parts))
    return disk


def sound(disk: SimDisk) -> list[int]:
    return [found.sequence for _, found in read_segment(disk, 1) if isinstance(found, Record)]


def test_names_sort_as_their_numbers() -> None:
    disk = SimDisk()
    for first in (10**15, 9, 1):
        disk.create(segment_name(first))
    disk.create(segment_name(5) + ".tmp")
    assert segments(disk) == [1, 9, 10**15]
    assert segment_first(segment_name(10**15)) == 10**15


garbage = st.binary(max_size=100) | st.just(MAGIC * 3) | st.just(frame(record(99))[1:]) | st.just(bytes(500))


@given(st.lists(garbage, min_size=4, max_size=4))
def test_records_between_garbage_are_found(rubbish: list[bytes]) -> None:
    records = [record(1), record(2, b""), record(3, b"x" * 300)]
    parts = [part for pair in zip(rubbish, map(frame, records), strict=False) for part in pair]
    assert sound(stored(*parts, rubbish[3])) == [1, 2, 3]


def test_a_damaged_body_costs_only_its_record_even_with_a_record_inside() -> None:
    outer = bytearray(frame(record(2, frame(record(77)) + b"more")))
    outer[-6] ^= 1
    disk = stored(frame(record(1)), bytes(outer), frame(record(3)))
    assert sound(disk) == [1, 3]


def test_garbage_longer_than_a_chunk_is_passed() -> None:
    assert sound(stored(frame(record(1)), bytes(2 * CHUNK_BYTES + 7), frame(record(2)))) == [1, 2]


def test_a_record_longer_than_a_chunk_is_read() -> None:
    assert sound(stored(frame(record(1, bytes(3 * CHUNK_BYTES))), frame(record(2)))) == [1, 2]


@pytest.mark.parametrize("length", range(1, len(frame(record(2)))))
def test_the_cursor_waits_before_a_record_that_is_still_being_written(length: int) -> None:
    whole = frame(record(2))
    disk = stored(frame(record(1)), whole[:length])
    cursor = SegmentCursor(disk, 1)
    assert cursor.next() == record(1)
    assert isinstance(cursor.next(), Invalid)
    disk.reopen(segment_name(1)).write(whole[length:])
    assert cursor.next() == record(2)
    assert cursor.next() is None
    disk.reopen(segment_name(1)).write(frame(record(3)))
    assert cursor.next() == record(3)
