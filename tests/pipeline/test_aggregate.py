"""Aggregates are what a brute-force oracle makes of the log, through late readings, restarts and bounds."""

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Literal, NamedTuple, get_args

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.model.ids import DataPointId, IdRun
from headwater.model.reading import SeriesKey
from headwater.model.records import Batch, Kind, Position, TimeDecision
from headwater.model.stamp import Lists, Origin, OriginKind, input_ids
from headwater.pipeline.step_options import AggregateOptions
from headwater.pipeline.steps.aggregate import FUNCTIONS, NEVER, Aggregate, Fold, average, exact_sum
from headwater.wire import codec
from headwater.wire.codec import Columns
from headwater.wire.records import decode_batch
from tests.pipeline.ends import SOURCE, START_MS, End, payload

Function = Literal["average", "sum", "min", "max", "count", "last"]
WINDOW_MS = 4000
METERS = ("a", "b", "c")


class Reading(NamedTuple):
    meter: str
    timestamp: int
    value: float


class Output(NamedTuple):
    """A window's result: whose, from when, what, and from which data points."""

    meter: str
    start_ms: int
    value: float
    inputs: tuple[DataPointId, ...]


# ---- the oracle ------------------------------------------------------------------------------------------------------


class Oracle:
    """The definition of the step, one reading after the other, with nothing clever about it."""

    def __init__(self, options: AggregateOptions) -> None:
        self.options = options
        self.newest: dict[str, int] = {}
        self.closed: dict[str, int] = {}
        self.open: dict[tuple[str, int], list[tuple[DataPointId, float]]] = {}
        self.meters: list[str] = []
        """In the order in which they were first seen, which is that of their series."""
        self.outputs: list[Output] = []
        self.late: list[tuple[int, int]] = []
        """(record, position)"""

    def batch(self, sequence: int, readings: list[tuple[DataPointId, Reading]]) -> None:
        touched, full, before = set(), set(), dict(self.newest)
        for position, (point, (meter, timestamp, value)) in enumerate(readings):
            start = timestamp // WINDOW_MS * WINDOW_MS
            limit = before.get(meter, NEVER) - WINDOW_MS - 1000 * self.options.lateness_s
            if start < self.closed.get(meter, NEVER) or start <= limit:
                self.late.append((sequence, position))
                continue
            self.open.setdefault((meter, start), []).append((point, value))
            if len(self.open[meter, start]) >= self.options.inputs_max:
                full.add((meter, start))
            if meter not in self.meters:
                self.meters.append(meter)
            if timestamp > self.newest.get(meter, NEVER):
                self.newest[meter] = timestamp
                touched.add(meter)
        passed = {
            (meter, start)
            for meter, start in self.open
            if meter in touched and start + WINDOW_MS + 1000 * self.options.lateness_s <= self.newest[meter]
        }
        self.close(sorted(passed | full))
        excess = len(self.open) - self.options.windows_max
        self.close(sorted(self.open, key=lambda window: (window[1], self.meters.index(window[0])))[: max(excess, 0)])

    def close(self, windows: list[tuple[str, int]]) -> None:
        for meter, start in windows:
            held = self.open.pop((meter, start))
            points, values = zip(*held, strict=True)
            self.outputs.append(Output(meter, start, brute_force(self.options.function, list(values)), points))
            self.closed[meter] = max(self.closed.get(meter, NEVER), start + WINDOW_MS)


def brute_force(function: str, values: list[float]) -> float:
    """The aggregate by exact arithmetic."""
    match function:
        case "count":
            return float(len(values))
        case "last":
            return values[-1]
        case "min":
            return sorted(values)[0]
        case "max":
            return sorted(values)[-1]
    exact = sum(map(Fraction, values), Fraction())
    return float(exact) if function == "sum" else float(exact) / len(values)


# ---- runs ------------------------------------------------------------------------------------------------------------


def options(
    function: Function = "sum", lateness_s: int = 0, inputs_max: int = 100_000, windows_max: int = 100_000
) -> AggregateOptions:
    return AggregateOptions(
        function=function,
        window_s=WINDOW_MS // 1000,
        lateness_s=lateness_s,
        inputs_max=inputs_max,
        windows_max=windows_max,
    )


class Run:
    """A node with one step, the readings it took in, and the oracle beside it."""

    def __init__(self, step_options: AggregateOptions) -> None:
        self.end = End(1, steps=(step_options,))
        self.oracle = Oracle(step_options)
        self.step = self.end.chain()

    def batch(self, readings: list[Reading], first: int | None = None) -> None:
        log = self.end.log
        numbers = [log.define(SeriesKey(reading.meter, "power")) for reading in readings]
        number = log.state.positions.get(SOURCE, 0) + 1 if first is None else first
        record = self.end.core.batch(
            Kind.DATA,
            Origin(OriginKind.SOURCE, SOURCE, number),
            log.log,
            len(readings),
            payload(numbers, [reading.timestamp for reading in readings], [reading.value for reading in readings]),
            context=self.end.core.context(Run.batch),
            inputs=None,
            received_ms=START_MS,
            upstream=Position(SOURCE, number + len(readings) - 1) if first is None else None,
        )
        if first is None:
            stamp = decode_batch(record).stamp
            assert stamp is not None
            points = map(stamp.run.at, range(stamp.run.count))
            self.oracle.batch(record.sequence, list(zip(points, readings, strict=True)))
        log.commit()

    def close_all(self) -> None:
        self.end.log.append(Kind.TIME, TimeDecision(0, self.end.clock_ms))
        self.oracle.close(sorted(self.oracle.open))
        self.end.commit()

    def checkpoint(self) -> None:
        held = self.step.checkpoint()
        if held is not None:
            self.end.disk.replace(self.step.file, held)
            self.step.saved_as({self.step.file: held})

    def restart(self) -> None:
        self.end.restart()
        self.step = self.end.chain()

    def finish(self) -> None:
        while self.step.advance():
            self.end.commit()

    def outputs(self) -> list[Output]:
        return [made for batch in self.end.batches(Kind.OUT) for made in _outputs(self.end, batch)]

    def late(self) -> list[tuple[int, int]]:
        triggers = [batch.trigger for batch in self.end.batches(Kind.OUT) if batch.trigger is not None]
        return [(trigger.sequence, position) for trigger in triggers for position in trigger.late]

    def check(self) -> None:
        self.finish()
        assert sorted(self.outputs()) == sorted(self.oracle.outputs)
        assert sorted(self.late()) == self.oracle.late
        assert self.step.late == len(self.oracle.late)


def _outputs(end: End, batch: Batch) -> Iterator[Output]:
    assert batch.stamp is not None or batch.count == 0
    inputs = batch.stamp.inputs if batch.stamp is not None else None
    for position, (series, start, value) in enumerate(
        zip(*map(np.ndarray.tolist, codec.decode(batch.payload)), strict=True)
    ):
        assert isinstance(inputs, Lists)
        name = end.log.state.series[batch.entry, series]
        assert name.metric == f"power.{inputs.contribution}"
        yield Output(name.meter, start, value, tuple(input_ids(inputs.inputs[position])))


readings_of = st.builds(
    Reading,
    st.sampled_from(METERS),
    st.integers(0, 40_000).map(lambda at: at - at % 500),
    st.integers(-1000, 1000).map(lambda tenths: tenths / 8),
)
actions = st.lists(
    st.one_of(
        st.lists(readings_of, min_size=1, max_size=12),
        st.sampled_from(["advance", "advance", "checkpoint", "commit", "restart", "close"]),
    ),
    max_size=25,
)


def play(run: Run, steps: list[list[Reading] | str]) -> None:
    for action in steps:
        if isinstance(action, list):
            run.batch(action)
        elif action == "advance":
            run.step.advance(2)
        elif action == "close":
            run.close_all()
        elif action == "commit":
            run.end.commit()
        else:
            getattr(run, action)()


@given(
    function=st.sampled_from(get_args(Function)),
    lateness_s=st.sampled_from((0, 2, 9)),
    inputs_max=st.sampled_from((3, 100_000)),
    windows_max=st.sampled_from((2, 100_000)),
    steps=actions,
)
def test_aggregates_equal_a_brute_force_oracle_through_late_readings_and_restarts(
    function: Function, lateness_s: int, inputs_max: int, windows_max: int, steps: list[list[Reading] | str]
) -> None:
    run = Run(options(function, lateness_s=lateness_s, inputs_max=inputs_max, windows_max=windows_max))
    play(run, steps)
    run.check()
    run.restart()
    run.check()


# ---- what a window is ------------------------------------------------------------------------------------------------


def columns(*rows: tuple[int, int, float]) -> Columns:
    series, timestamps, values = zip(*rows, strict=True)
    return Columns(np.array(series, np.int64), np.array(timestamps, np.int64), np.array(values, np.float64))


def test_a_window_closes_once_its_watermark_has_passed_and_not_before() -> None:
    aggregate = Aggregate(options("count", lateness_s=2))

    assert aggregate.take(b"entry---", columns((1, 0, 1.0), (1, 5999, 1.0)), None) == ([], [])
    (closed,), late = aggregate.take(b"entry---", columns((1, 6000, 1.0)), None)

    assert (closed.window, closed.value, late) == ((b"entry---", 1, 0), 1.0, [])


def test_a_reading_from_the_far_future_leaves_no_window_open_behind_it() -> None:
    aggregate = Aggregate(options("count", lateness_s=2))
    aggregate.take(b"entry---", columns((1, 10**12, 1.0)), None)

    assert aggregate.take(b"entry---", columns((1, 0, 1.0), (1, 10**12 - 1, 1.0)), None) == ([], [0])
    assert aggregate.windows_open == 2


def test_in_one_batch_the_newest_reading_may_come_first() -> None:
    aggregate = Aggregate(options("count"))

    closed, late = aggregate.take(b"entry---", columns((1, 9000, 1.0), (1, 5000, 1.0), (1, 0, 1.0)), None)

    assert ([result.window[2] for result in closed], late) == ([0, 4000], [])


def test_each_series_has_a_watermark_of_its_own() -> None:
    aggregate = Aggregate(options("count"))

    closed, _ = aggregate.take(b"entry---", columns((1, 0, 1.0), (2, 90_000, 1.0)), None)

    assert closed == []


def test_readings_before_1970_have_windows_too() -> None:
    aggregate = Aggregate(options("count"))

    (closed,), _ = aggregate.take(b"entry---", columns((1, -1, 1.0), (1, 0, 1.0), (1, 3999, 1.0)), None)

    assert closed.window[2] == -4000


@pytest.mark.parametrize("timestamp", [NEVER, NEVER + 1, -NEVER - 1])
def test_the_ends_of_time_have_windows_too(timestamp: int) -> None:
    aggregate = Aggregate(options("last"))
    aggregate.take(b"entry---", columns((1, timestamp, 7.0)), None)

    (closed,) = aggregate.close_all()

    assert NEVER <= closed.window[2] <= timestamp
    assert closed.value == 7.0


def test_a_window_that_is_full_closes_and_what_comes_for_it_is_late() -> None:
    aggregate = Aggregate(options("count", inputs_max=2))

    (closed,), _ = aggregate.take(b"entry---", columns((1, 0, 1.0), (1, 1, 1.0)), None)
    more, late = aggregate.take(b"entry---", columns((1, 2, 1.0)), None)

    assert closed.value == 2.0
    assert (more, late) == ([], [0])


def test_no_more_windows_are_open_than_allowed_the_oldest_go_first() -> None:
    aggregate = Aggregate(options("count", windows_max=2, lateness_s=60))

    closed, _ = aggregate.take(b"entry---", columns((1, 8000, 1.0), (2, 0, 1.0), (3, 4000, 1.0)), None)

    assert [result.window[1] for result in closed] == [2]
    assert aggregate.windows_open == 2


def test_the_fold_between_two_records_survives_being_saved() -> None:
    aggregate = Aggregate(options("sum", lateness_s=9))
    aggregate.take(b"entry---", columns((1, 0, 0.1), (2, 500, 0.2)), IdRun(1, 7, 2))
    saved = msgspec.msgpack.decode(msgspec.msgpack.encode(aggregate.fold), type=Fold)

    resumed = Aggregate(aggregate.options, saved)

    assert resumed.windows_open == 2
    assert resumed.close_all() == aggregate.close_all()


# ---- what is made of the values --------------------------------------------------------------------------------------

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    ("values", "total"),
    [
        ([0.1] * 10, 1.0),
        ([1e308, 1e308, -1e308], 1e308),
        ([1e308, 1e308], INF),
        ([-1e308, -1e308], -INF),
        ([1e308, 1e308, INF], INF),
        ([INF, 1.0], INF),
        ([-INF, 1.0], -INF),
        ([1e16, 1.0, -1e16], 1.0),
    ],
)
def test_a_sum_is_the_exact_sum_rounded_once(values: list[float], total: float) -> None:
    assert exact_sum(values) == exact_sum(values[::-1]) == total


@pytest.mark.parametrize("values", [[INF, -INF], [NAN, 1.0], [1e308, 1e308, NAN], [1e308, 1e308, INF, -INF]])
def test_a_sum_that_has_no_value_is_none(values: list[float]) -> None:
    assert math.isnan(exact_sum(values))
    assert math.isnan(exact_sum(values[::-1]))


def test_an_average_is_no_infinity_when_only_the_sum_is_too_large() -> None:
    assert average([1.5e308, 1.5e308]) == 1.5e308
    assert average([INF, 1.0]) == INF


@pytest.mark.parametrize("function", ["min", "max", "sum", "average"])
def test_a_reading_that_is_no_number_shows_wherever_it_stands(function: str) -> None:
    for values in ([NAN, 1.0, 2.0], [1.0, NAN, 2.0], [1.0, 2.0, NAN]):
        assert math.isnan(FUNCTIONS[function](values))


def test_a_window_s_last_reading_is_the_last_of_the_log_not_of_event_time() -> None:
    aggregate = Aggregate(options("last", lateness_s=9))
    aggregate.take(b"entry---", columns((1, 3000, 1.0), (1, 100, 2.0)), None)

    assert [result.value for result in aggregate.close_all()] == [2.0]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_no_finite_readings_break_an_aggregate(values: list[float]) -> None:
    for function in FUNCTIONS.values():
        assert isinstance(function(values), float)
    assert min(values) <= average(values) <= max(values) or math.isclose(average(values), min(values), rel_tol=1e-15)
