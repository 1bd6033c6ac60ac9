"""Adaptive batching, with a clock that the test moves."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headwater.log.disk import RealDisk
from headwater.log.writer import NodeLog
from headwater.model.reading import SeriesKey
from headwater.pipeline.collector import READINGS, WAIT_MS_MAX, WAIT_MS_MIN, Collector
from headwater.pipeline.core import Core
from tests.pipeline.daemons import gateway_options, readings, records

KEY = SeriesKey("meter", "metric")
PARENT = "5a7b91370003c6badfb2"


class Clock:
    """Seconds; logging a batch takes `cost_s` of them."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.cost_s = 0.0

    def seconds(self) -> float:
        return self.now_s

    def spend(self) -> None:
        self.now_s += self.cost_s


class Bench:
    """A collector over a real log."""

    def __init__(self, folder: Path, deduplicate_window: int = 0) -> None:
        self.folder = folder
        self.clock = Clock()
        options = gateway_options(folder, deduplicate_window=deduplicate_window)
        self.disk = RealDisk(options.log)
        self.log = NodeLog(self.disk, 1, lambda: 1_700_000_000_000)
        self.core = Core(options, self.log, lambda: 1_700_000_000_000)
        self.collector = Collector(self.core, self.clock.seconds)
        self.core.appended = self.clock.spend

    def batch(self, cost_ms: float) -> None:
        """One reading, logged as a batch that takes this long."""
        self.clock.cost_s = cost_ms / 1000
        self.collector.add(KEY, 0, 0.0)
        self.collector.flush()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.disk.close()


@pytest.fixture
def remembering(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path, deduplicate_window=10)
    yield made
    made.disk.close()


def test_the_first_reading_waits_for_nobody(bench: Bench) -> None:
    assert bench.collector.wait_s == 0


def test_a_reading_after_idle_waits_for_nobody(bench: Bench) -> None:
    bench.batch(cost_ms=0.1)
    bench.clock.now_s += WAIT_MS_MAX / 1000
    assert bench.collector.wait_s == 0


def test_a_reading_right_behind_a_batch_waits_for_others(bench: Bench) -> None:
    bench.batch(cost_ms=0.01)
    assert bench.collector.wait_s == WAIT_MS_MIN / 1000


def test_the_wait_grows_with_what_batches_cost_and_is_bounded(bench: Bench) -> None:
    waits = []
    for cost_ms in (0.01, 0.3, 0.6, 0.9, 50, 50):
        for _ in range(30):
            bench.batch(cost_ms)
        waits.append(bench.collector.wait_s * 1000)
    assert waits == sorted(waits)
    assert waits[0] == WAIT_MS_MIN
    assert waits[1] == pytest.approx(20 * 0.3, rel=0.05)
    assert waits[-1] == WAIT_MS_MAX


def test_the_wait_shrinks_when_batches_are_cheap_again(bench: Bench) -> None:
    bench.batch(cost_ms=50)
    assert bench.collector.wait_s == WAIT_MS_MAX / 1000
    for _ in range(60):
        bench.batch(cost_ms=0.01)
    assert bench.collector.wait_s == WAIT_MS_MIN / 1000


def fill(bench: Bench, parent: str = "") -> int:
    taken = 0
    while not bench.collector.full:
        bench.collector.add(KEY, taken, 0.0, parent)
        taken += 1
    return taken


def test_a_batch_is_full_with_1024_readings(bench: Bench) -> None:
    assert fill(bench) == READINGS == 1024


def test_a_batch_is_full_with_64_kb(bench: Bench) -> None:
    assert fill(bench, PARENT) == (64 << 10) // 80 + 1


def test_logging_nothing_writes_nothing(bench: Bench) -> None:
    before = bench.log.state.sequence
    bench.collector.flush()
    assert bench.log.state.sequence == before
    assert bench.collector.logged == 0


def test_what_was_gathered_is_one_record_sorted_by_series(bench: Bench) -> None:
    for timestamp, meter in enumerate("babca"):
        bench.collector.add(SeriesKey(meter, "power"), timestamp, 1.0)
    assert bench.collector.waiting == 5
    bench.collector.flush()
    bench.log.commit()
    assert bench.collector.waiting == 0
    held = readings(bench.folder)
    assert [reading.meter for reading in held] == sorted((reading.meter for reading in held), key="bac".index)
    assert [reading.timestamp for reading in held] == [0, 2, 1, 4, 3]
    assert records(bench.folder)[-1].sequence == bench.collector.logged


def test_a_batch_is_logged_once_it_is_flushed_and_not_before(bench: Bench) -> None:
    bench.collector.add(KEY, 0, 0.0)
    first = bench.collector.newest
    assert not bench.collector.is_logged(first)
    bench.collector.flush()
    assert bench.collector.is_logged(first)
    bench.collector.add(KEY, 1, 0.0)
    assert not bench.collector.is_logged(bench.collector.newest)


# ---- repetitions ----------------------------------------------------------------------------------------------------


def test_repetitions_are_taken_unless_they_are_to_be_refused(bench: Bench) -> None:
    assert [bench.collector.add(KEY, 0, 1.0) for _ in range(2)] == [True, True]


def test_a_repetition_is_refused_and_is_as_durable_as_what_it_repeats(remembering: Bench) -> None:
    collector = remembering.collector
    assert collector.add(KEY, 0, 1.0)
    collector.flush()
    assert not collector.add(KEY, 0, 1.0)
    assert remembering.core.refused == {"duplicate": 1}
    assert collector.is_logged(collector.newest)


@pytest.mark.parametrize(
    "again",
    [
        lambda add: add(SeriesKey("other", "metric"), 0, 0.0),
        lambda add: add(KEY, 1, 0.0),
        lambda add: add(KEY, 0, 0.1),
        lambda add: add(KEY, 0, -0.0),
    ],
)
def test_what_differs_in_anything_is_no_repetition(remembering: Bench, again: Callable[..., bool]) -> None:
    remembering.collector.add(KEY, 0, 0.0)
    assert again(remembering.collector.add)


def test_a_value_that_is_no_number_is_repeated_too(remembering: Bench) -> None:
    assert [remembering.collector.add(KEY, 0, float("nan")) for _ in range(2)] == [True, False]
