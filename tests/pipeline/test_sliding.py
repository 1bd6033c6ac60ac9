"""Sliding windows are what a brute-force oracle makes of the log, through late readings, restarts and bounds."""

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from headwater.model.ids import DataPointId
from headwater.model.reading import Reading
from headwater.model.records import Kind
from headwater.pipeline.step_options import AggregateOptions
from headwater.pipeline.steps.sliding import Sliding
from headwater.wire import codec
from tests.pipeline.chains import log_readings, outputs_of, raw, run
from tests.pipeline.ends import End, payload
from tests.pipeline.stepping import close_all, late

MS = 1000


class Window(NamedTuple):
    meter: str
    start_s: int
    value: float
    inputs: list[float]


class Oracle:
    """The definition, one window after the other: it keeps every reading for ever, and asks each window for its own."""

    def __init__(self, options: AggregateOptions) -> None:
        assert options.slide_s is not None
        self.options = options
        self.window_s, self.slide_s = options.window_s, options.slide_s
        self.readings: dict[str, list[tuple[int, float]]] = {}
        self.newest: dict[str, int] = {}
        self.following: dict[str, int] = {}
        """The beginning of the first window that is not closed."""
        self.made: list[Window] = []
        self.late = 0

    def batch(self, readings: list[Reading]) -> None:
        touched, before = set(), dict(self.newest)
        for reading in readings:
            at_s, meter = reading.timestamp // MS, reading.meter
            pane = at_s // self.slide_s * self.slide_s
            passed = before.get(meter, -(10**9)) - self.window_s - self.options.lateness_s
            if pane < self.following.get(meter, -(10**9)) or pane <= passed:
                self.late += 1
                continue
            self.readings.setdefault(meter, []).append((at_s, reading.value))
            self.newest[meter] = max(self.newest.get(meter, -(10**9)), at_s)
            touched.add(meter)
        for meter in sorted(touched):
            passed = self.newest[meter] - self.window_s - self.options.lateness_s
            full = [start for start in self.starts(meter) if len(self.inside(meter, start)) >= self.options.inputs_max]
            self.close(meter, max([passed, *full]))
        while len(panes := self.panes()) > self.options.windows_max:
            excess = len(panes) - self.options.windows_max
            for start, meter in sorted(panes)[:excess]:
                self.close(meter, start)

    def panes(self) -> set[tuple[int, str]]:
        """The stretches with readings that a window which is not closed needs."""
        return {
            (pane, meter)
            for meter, held in self.readings.items()
            for at_s, _ in held
            if (pane := at_s // self.slide_s * self.slide_s) >= self.following.get(meter, -(10**9))
        }

    def starts(self, meter: str) -> list[int]:
        """The windows that have readings and are not closed."""
        found = set()
        for at_s, _ in self.readings.get(meter, []):
            newest = at_s // self.slide_s * self.slide_s
            found |= set(range(newest - self.window_s + self.slide_s, newest + 1, self.slide_s))
        return sorted(start for start in found if start >= self.following.get(meter, -(10**9)))

    def inside(self, meter: str, start: int) -> list[float]:
        found = [(at_s, value) for at_s, value in self.readings[meter] if start <= at_s < start + self.window_s]
        return [value for at_s, value in sorted(found, key=lambda one: one[0] // self.slide_s)]

    def close(self, meter: str, last: int) -> None:
        for start in self.starts(meter):
            if start <= last:
                inputs = self.inside(meter, start)
                self.made.append(Window(meter, start, sum(inputs), inputs))
                self.following[meter] = start + self.slide_s

    def close_all(self) -> None:
        for meter in sorted(self.readings):
            self.close(meter, 10**9)


options = st.builds(
    AggregateOptions,
    function=st.just("sum"),
    window_s=st.just(6),
    slide_s=st.sampled_from([1, 2, 3, 6]),
    lateness_s=st.sampled_from([0, 2]),
    inputs_max=st.sampled_from([4, 100]),
    windows_max=st.sampled_from([3, 100]),
)
batches = st.lists(st.tuples(st.sampled_from("ab"), st.integers(-8, 30)), min_size=1, max_size=6).map(
    lambda rows: sorted(rows, key=lambda row: row[0])
)
turns = st.lists(st.one_of(batches, st.sampled_from(["run", "save", "kill", "all"])), max_size=14)


@given(options, turns)
def test_sliding_windows_are_what_brute_force_makes_of_the_log(
    options: AggregateOptions, turns: list[list[tuple[str, int]] | str]
) -> None:
    end, oracle, value = End(1, steps=(options,)), Oracle(options), 1.0
    log_readings(end, [Reading("a", "power", 0, 0.0), Reading("b", "power", 0, 0.0)])
    oracle.batch([Reading("a", "power", 0, 0.0), Reading("b", "power", 0, 0.0)])
    for turn in turns:
        if isinstance(turn, list):
            batch = [Reading(meter, "power", MS * at_s, value + at) for at, (meter, at_s) in enumerate(turn)]
            value += len(batch)
            log_readings(end, batch)
            oracle.batch(batch)
        elif turn == "kill":
            end.restart()
        elif turn == "all":
            close_all(end)
            oracle.close_all()
        else:
            run(end, checkpoint=turn == "save", most=1)
    run(end)

    held = raw(end)
    made = [
        Window(one.reading.meter, one.reading.timestamp // MS, one.reading.value, [held[id].value for id in one.inputs])
        for one in outputs_of(end, 0)
    ]
    assert sorted(made) == sorted(oracle.made)
    assert [sorted(window for window in made if window.meter == meter) for meter in "ab"] == [
        [window for window in made if window.meter == meter] for meter in "ab"
    ]
    assert len(late(end)) == oracle.late


def test_a_reading_is_kept_once_however_many_windows_it_is_in() -> None:
    step = Sliding(AggregateOptions(function="sum", window_s=1500, slide_s=1))
    columns = codec.Columns(*codec.decode(_payload(range(0, 1_000_000, 1000))))
    step.take(b"a log id", columns, None)
    assert sum(len(pane.values) for panes in step.fold.open.values() for pane in panes.values()) == 1000


def test_windows_at_the_ends_of_time_hold_what_is_there() -> None:
    step = Sliding(AggregateOptions(function="count", window_s=6, slide_s=3))
    times = [-(1 << 63), -(1 << 63) + 5000, (1 << 63) - 1]
    closed, behind = step.take(b"a log id", codec.decode(_payload(times)), None)
    assert not behind
    assert sum(result.value for result in closed + step.close_all()) >= len(times)


def _payload(times: "range | list[int]") -> bytes:
    return payload([1] * len(times), list(times), [1.0] * len(times))


def test_an_output_in_the_log_is_a_window_closed_there() -> None:
    end = End(1, steps=(AggregateOptions(function="sum", window_s=4, slide_s=2),))
    log_readings(end, [Reading("m", "power", MS * at, float(at)) for at in range(8)])
    run(end)

    triggers = [batch.trigger for batch in end.batches(Kind.OUT) if batch.trigger is not None]
    assert [start for trigger in triggers for _, _, start in trigger.closed] == [-2000, 0, 2000]
    assert [point.reading.value for point in outputs_of(end, 0)] == [1, 6, 14]
    assert all(isinstance(id, DataPointId) for point in outputs_of(end, 0) for id in point.inputs)
