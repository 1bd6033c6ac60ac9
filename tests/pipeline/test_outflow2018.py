"""The sending end of forwarding to a hop of 2018, alone: over a log that is written by hand."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from headwater.log.cursors import Cursor
from headwater.log.disk import RealDisk
from headwater.log.writer import NodeLog
from headwater.model.reading import SeriesKey
from headwater.model.records import Batch, Definition, Kind
from headwater.model.stamp import Origin, OriginKind
from headwater.pipeline.core import Core
from headwater.pipeline.forward2018 import READINGS_MAX, Outflow2018
from headwater.wire import codec
from tests.pipeline.daemons import gateway_options


class Bench:
    """A log that is written by hand, and what goes out of it."""

    def __init__(self, folder: Path) -> None:
        options = gateway_options(folder, next="127.0.0.1:1", next_protocol="push_data")
        self.disk = RealDisk(options.log)
        self.log = NodeLog(self.disk, 1, lambda: 1_700_000_000_000)
        self.core = Core(options, self.log, lambda: 1_700_000_000_000)
        self.allowed: list[int] = []

    def outflow(self, cursor: Cursor = Cursor(0, 0)) -> Outflow2018:  # noqa: B008
        return Outflow2018(self.core, self.log.reader(0), cursor, self.allowed.append)

    def batch(self, count: int, number: int | None = None) -> int:
        """A record of readings of one series; its sequence."""
        series = self.log.define(SeriesKey("m", "power")) if number is None else number
        payload = codec.encode(np.full(count, series), np.arange(count), np.zeros(count))
        origin = Origin(OriginKind.ENTRY, self.log.log, self.log.state.sequence + 1)
        body = Batch(origin, self.log.log, count, payload)
        return self.log.append(Kind.DATA, body, readings=count).sequence


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.log.close()
    made.disk.close()


def test_nothing_is_sent_that_is_not_durable(bench: Bench) -> None:
    outflow = bench.outflow()
    bench.batch(5)
    assert outflow.following() is None
    bench.log.commit()
    chunk = outflow.following()
    assert chunk is not None
    assert len(chunk.messages) == 5


def test_a_chunk_is_the_same_until_it_is_answered(bench: Bench) -> None:
    outflow = bench.outflow()
    bench.batch(5)
    bench.log.commit()
    chunk = outflow.following()
    bench.batch(5)
    bench.log.commit()
    assert outflow.following() is chunk
    assert not outflow.answered("503", None)
    assert outflow.following() is chunk
    assert outflow.answered("200", None)
    following = outflow.following()
    assert following is not None
    assert following is not chunk


def test_a_record_counts_as_sent_only_when_all_of_it_is(bench: Bench) -> None:
    outflow = bench.outflow()
    small, large = bench.batch(10), bench.batch(2 * READINGS_MAX)
    bench.log.commit()
    sizes: list[int] = []
    positions: list[tuple[int, int]] = []
    while (chunk := outflow.following()) is not None:
        assert bench.allowed[-1] >= (small if not sizes else large)
        sizes.append(len(chunk.messages))
        assert outflow.answered("200", None)
        positions.append((outflow.acknowledged, outflow.sent_readings))
    assert sizes == [READINGS_MAX, READINGS_MAX, 10]
    assert positions == [(small, READINGS_MAX), (small, 2 * READINGS_MAX), (large, 10 + 2 * READINGS_MAX)]


def test_records_that_do_not_travel_are_passed(bench: Bench) -> None:
    outflow = bench.outflow()
    bench.log.append_twice(Kind.DEFINITION, Definition(b"12345678", 9, "other", "power"))
    bench.log.commit()
    assert outflow.following() is None
    assert outflow.acknowledged == bench.log.durable


def test_a_saved_position_is_where_it_goes_on(bench: Bench) -> None:
    first, second = bench.batch(3), bench.batch(4)
    bench.log.commit()
    outflow = bench.outflow(Cursor(first, 3))
    assert outflow.ready
    assert (outflow.acknowledged, outflow.sent_readings) == (first, 3)
    chunk = outflow.following()
    assert chunk is not None
    assert (len(chunk.messages), chunk.last) == (4, second)
    assert outflow.answered("200", 1)
    assert outflow.sent_readings == 6  # Without the one that was refused.


def test_a_series_whose_name_is_lost_is_left_out_and_counted(bench: Bench) -> None:
    outflow = bench.outflow()
    bench.batch(3, number=99)
    bench.log.append(Kind.DEFINITION, Definition(bench.log.log, 98, "", "", damaged=True))
    bench.batch(4, number=98)
    last = bench.batch(2)
    bench.log.commit()
    chunk = outflow.following()
    assert chunk is not None
    assert (len(chunk.messages), chunk.last) == (2, last)
    assert bench.core.refused == {"damaged-series": 7}


def test_a_payload_that_cannot_be_read_is_left_out_and_counted(bench: Bench) -> None:
    outflow = bench.outflow()
    origin = Origin(OriginKind.ENTRY, bench.log.log, 1)
    bench.log.append(Kind.DATA, Batch(origin, bench.log.log, 6, b"nonsense"), readings=6)
    bench.batch(1)
    bench.log.commit()
    chunk = outflow.following()
    assert chunk is not None
    assert len(chunk.messages) == 1
    assert bench.core.refused == {"payload": 6}
