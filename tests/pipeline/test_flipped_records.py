"""What is said of the readings that a flipped bit takes, wherever in a log and a record it is."""

import pytest

from headwater.log.segments import read_segment, segment_name, segments
from headwater.model.records import Kind
from headwater.wire.records import HEADER_BYTES, Record
from tests.pipeline.ends import End

COUNT = 16


def flip_at(end: End, sequence: int, byte: int) -> None:
    """Turn a bit over in the byte of a record, counted from its beginning."""
    for first in segments(end.disk):
        for offset, found in read_segment(end.disk, first):
            if isinstance(found, Record) and found.kind != Kind.SNAPSHOT and found.sequence == sequence:
                end.disk.flip(segment_name(first), 8 * (offset + byte))


@pytest.mark.parametrize(
    ("from_the_end", "byte", "readings"),
    [
        (2, HEADER_BYTES // 2, COUNT),
        (2, HEADER_BYTES + 6, COUNT),
        (1, HEADER_BYTES + 6, COUNT),
        # Nothing behind it and not its own header says how many there were: none are claimed.
        (1, HEADER_BYTES // 2, 0),
    ],
)
def test_lost_readings_are_counted_unless_only_the_flipped_header_knew(
    from_the_end: int, byte: int, readings: int
) -> None:
    end = End(1)
    for value in range(5):
        end.take_in(*[float(value)] * COUNT)
    flipped = end.records(Kind.DATA)[-from_the_end].sequence
    flip_at(end, flipped, byte)

    end.restart()

    assert [(loss.first, loss.last, loss.readings) for loss in end.losses()] == [(flipped, flipped, readings)]
