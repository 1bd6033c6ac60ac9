"""What traced functions promise: what they give is recorded, with its inputs, and nothing else about them changes."""

import asyncio
import contextvars
import functools
import gc
import inspect
import pickle
import types
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any, NamedTuple, assert_type

import pytest

from headwater import capture
from headwater.capture import DataPointId, Location, Made, Point, Reading, Recorder, within
from headwater.log.standing import RECEIVED, load_counts
from headwater.model.context import Context
from headwater.model.errors import ConfigError, Rejected
from headwater.model.ids import parse_id
from headwater.model.records import Kind
from headwater.model.stamp import contribution_of
from tests.capture.laboratory import NOW_MS, simulated


def context_of(recorder: Recorder, point: Point) -> Context:
    held, _ = recorder._find(point)
    return recorder._intake.log.state.contexts[held.stamp.context]


def half(values: list[Point]) -> float:
    return values[0] / 2


def given(recorder: Recorder, meter: str, value: float) -> Point:
    """A measured value."""
    return recorder.traced(meter=meter, metric="x")(lambda: value)()


def test_what_a_function_gives_is_a_float_that_knows_its_id_and_leads_to_its_inputs() -> None:
    with simulated() as recorder:

        @recorder.traced(meter="m", metric="power")
        def measure(value: float) -> float:
            return value

        @recorder.traced(contribution="average")
        def mean(*values: float, scale: float = 1.0) -> float:
            return scale * sum(values) / len(values)

        one, two = measure(3.0), measure(4.0)
        made = mean(one, 100.0, scale=two)
        assert_type(made, Point)
        assert (made, made.value, type(made.value)) == (4 * 103 / 2, 206.0, float)
        assert recorder.reading(made.id) == Reading("m", "mean", NOW_MS, 206.0)
        assert (made.meter, made.metric, made.timestamp) == ("m", "mean", NOW_MS)
        assert recorder.inputs(made) == (one.id, two.id)
        assert recorder.inputs(one) == ()
        assert contribution_of(recorder._find(made)[0].stamp) == "average"
        assert type(one + 1) is float


def test_inputs_are_found_one_level_deep_and_each_counts_once() -> None:
    class Pair(NamedTuple):
        low: float
        high: float

    with simulated() as recorder:
        points = [given(recorder, "m", number) for number in range(8)]

        @recorder.traced
        def total(*parts: object, **more: object) -> float:
            return 1.0

        a, b, c, d, e, f, g, h = points
        made = total([a, 2.0, b], (c, "x"), {"d": d}, Pair(e, 0.0), f.id, a, last={g}, nested=[[h]])
        assert recorder.inputs(made) == tuple(point.id for point in (a, b, c, d, e, f, g))


def test_a_result_may_say_what_it_is_itself() -> None:
    class Measurement(NamedTuple):
        meter: str
        metric: str
        value: float

    elsewhere = DataPointId(3, 77 << 24)
    with simulated() as recorder:

        @recorder.traced
        def give(result: Any) -> Reading | Measurement | Made | float:
            return result  # type: ignore[no-any-return]

        like = give(Measurement("m1", "x", 2.5))
        assert recorder.reading(like) == Reading("m1", "x", NOW_MS, 2.5)
        assert recorder.reading(give(Reading("m2", "y", 5, 1.0))) == Reading("m2", "y", 5, 1.0)
        said = Made(7, inputs=[like, str(elsewhere)], meter="m3", metric="z", timestamp=9, contribution="sum")
        made = give(said)
        assert recorder.reading(made) == Reading("m3", "z", 9, 7.0)
        assert recorder.inputs(made) == (like.id, elsewhere)
        assert contribution_of(recorder._find(made)[0].stamp) == "sum"
        measured = give(Made(1.0, inputs=(), meter="m4"))
        assert recorder.inputs(measured) == ()
        assert recorder._find(measured)[0].stamp.inputs is None


def test_a_function_that_gives_nothing_records_nothing() -> None:
    with simulated() as recorder:

        @recorder.traced(meter="m")
        def alarm(value: float) -> float | None:
            return value if value > 10 else None

        quiet, loud = alarm(1.0), alarm(11.0)
        assert_type(quiet, Point | None)
        assert quiet is None
        assert loud == 11.0
        recorder.flush()
        assert recorder._disk.load_word(RECEIVED) == 1


def test_methods_are_traced_with_their_class_and_line() -> None:
    class Meter:
        def __init__(self, name: str) -> None:
            self.name = name

        @capture.traced
        def power(self, watts: float) -> Made:
            """The power."""
            return Made(watts, meter=self.name)

        @classmethod
        @capture.traced(meter="all", application="fleet", location=Location("roof"))
        def limit(cls) -> float:
            return 9.0

    with pytest.raises(ConfigError, match="configure"):
        Meter("early").power(1.0)
    disk = simulated()
    try:
        capture.shared._open[:] = [disk]
        point, limit = Meter("m7").power(5.0), Meter.limit()
    finally:
        capture.shared._open.clear()
    with disk as recorder:
        assert recorder.reading(point) == Reading("m7", "power", NOW_MS, 5.0)
        context = context_of(recorder, point)
        assert context.class_name == f"{__name__}.{Meter.__qualname__}"
        assert context.line == inspect.unwrap(Meter.power).__code__.co_firstlineno
        assert Meter.power.__doc__ == "The power."
        fleet = context_of(recorder, limit)
        assert (fleet.application, fleet.location) == ("fleet", Location("roof"))


def test_coroutine_functions_are_traced() -> None:
    with simulated() as recorder:

        @recorder.traced(meter="m")
        async def measure(value: float) -> float:
            await asyncio.sleep(0)
            return value

        @recorder.traced
        async def both(one: float, two: float) -> float:
            return one + two

        async def run() -> Point:
            one, two = await asyncio.gather(measure(1.0), measure(2.0))
            made = await both(one, two)
            assert recorder.inputs(made) == (one.id, two.id)
            return made

        assert asyncio.run(run()) == 3.0
        assert inspect.iscoroutinefunction(measure)


def test_each_value_of_a_generator_is_recorded_and_the_generator_stays_one() -> None:
    closed: list[str] = []
    with simulated() as recorder:
        base = recorder.traced(meter="m", metric="base")(lambda: 10.0)()

        @recorder.traced
        def counted(start: float) -> Generator[float, float | None, str]:
            try:
                at = start
                while at < 13:
                    try:
                        at += (yield at) or 1
                    except KeyError:
                        at = 12.5
                return "end"
            finally:
                closed.append("closed")

        run = counted(base)
        assert_type(run, Generator[Point, float | None, str])
        first, second = next(run), run.send(0.5)
        assert [recorder.reading(point).value for point in (first, second)] == [10.0, 10.5]
        assert recorder.inputs(first) == recorder.inputs(second) == (base.id,)
        assert run.throw(KeyError()) == 12.5
        with pytest.raises(StopIteration, match="end"):
            next(run)
        left = counted(base)
        next(left)
        left.close()
        assert closed == ["closed"] * 2
        assert recorder.raised == {}


def test_each_value_of_an_asynchronous_generator_is_recorded() -> None:
    closed: list[str] = []
    with simulated() as recorder:

        @recorder.traced(meter="m")
        async def numbers(end: int) -> AsyncIterator[float]:
            try:
                for number in range(end):
                    await asyncio.sleep(0)
                    yield number
            finally:
                closed.append("closed")

        async def run() -> list[Point]:
            left = numbers(10)
            async for point in left:
                await left.aclose()  # type: ignore[attr-defined]
                assert point == 0.0
                break
            return [point async for point in numbers(3)]

        points = asyncio.run(run())
        assert [recorder.reading(point).value for point in points] == [0.0, 1.0, 2.0]
        assert closed == ["closed"] * 2


def test_exceptions_pass_through_untouched_and_are_counted() -> None:
    error = ValueError("mine")
    recorder = simulated()
    disk = recorder._disk
    with recorder:

        @recorder.traced(meter="m")
        def fails(error: Exception) -> float:
            raise error

        @recorder.traced(meter="m")
        async def fails_later() -> float:
            raise error

        @recorder.traced(meter="m")
        def fails_at_last() -> Iterator[float]:
            yield 1.0
            raise error

        for call in (lambda: fails(error), lambda: asyncio.run(fails_later()), lambda: list(fails_at_last())):
            with pytest.raises(ValueError, match="mine") as caught:
                call()
            assert caught.value is error
        with pytest.raises(KeyboardInterrupt):
            fails(KeyboardInterrupt())  # type: ignore[arg-type]
        here = f"{__name__}.{test_exceptions_pass_through_untouched_and_are_counted.__name__}.<locals>"
        assert recorder.raised == {f"{here}.{name}": 1 for name in ("fails", "fails_later", "fails_at_last")}
        recorder.flush()
    assert load_counts(disk).refused == {"raised": 3}
    with simulated(disk) as again:
        again.traced(meter="m")(lambda: 1.0)()
    assert load_counts(disk).refused == {"raised": 3}


def test_what_cannot_be_recorded_says_so() -> None:
    with simulated() as recorder:

        @recorder.traced
        def give(value: Any) -> float:
            return value  # type: ignore[no-any-return]

        with pytest.raises(Rejected, match="give gave is of no meter"):
            give(1.0)
        with pytest.raises(Rejected, match="'text' is not a number"):
            recorder.traced(meter="m")(give)("text")
        with pytest.raises(Rejected, match="of no meter"):
            recorder.traced(half)([given(recorder, "m1", 1.0), given(recorder, "m2", 2.0)])
        with within(meter="m"):
            assert recorder.reading(give(1.0)).meter == "m"
        with pytest.raises(ConfigError, match="not callable"):
            recorder.traced(staticmethod(len).__func__.__doc__)  # type: ignore[call-overload]
        with pytest.raises(Rejected, match="metric id is empty"):
            recorder.traced(metric="")(give)
        recorder.flush()


def test_what_is_recorded_in_a_traced_function_is_made_by_it() -> None:
    with simulated() as recorder:

        def helper() -> DataPointId:
            return recorder.record("m", "inner", 1.0)

        @recorder.traced(meter="m", application="boiler")
        def outer() -> Made:
            inner = helper()
            return Made(2.0, inputs=[inner])

        made = outer()
        (inner,) = recorder.inputs(made)
        held, _ = recorder._find(inner)
        assert recorder._intake.log.state.contexts[held.stamp.context] == context_of(recorder, made)
        assert (held.stamp.inputs, context_of(recorder, made).application) == (None, "boiler")


def test_a_point_goes_through_pickle_with_its_id() -> None:
    point = Point(2.5, parse_id("6b02349d0004000000a1"), "m", "x", 7)
    again = pickle.loads(pickle.dumps(point))
    assert type(again) is Point
    assert (again, again.id, again.meter, again.metric, again.timestamp) == (2.5, point.id, "m", "x", 7)
    assert (str(point), f"{point:.2f}", hash(point)) == ("2.5", "2.50", hash(2.5))


def test_partial_functions_and_callable_objects_are_traced() -> None:
    class Scale:
        def __call__(self, value: float) -> float:
            return 2 * value

    with simulated() as recorder:
        powered = recorder.traced(meter="m", metric="power")(functools.partial(pow, 2))
        scaled = recorder.traced(meter="m")(Scale())
        one = powered(3)
        two = scaled(one)
        assert (one, two, two.metric) == (8.0, 16.0, "Scale")
        assert recorder.inputs(two) == (one.id,)


@types.coroutine
def suspended() -> Generator[None, None, None]:
    yield


def test_a_coroutine_that_is_never_finished_leaves_no_level_behind() -> None:
    with simulated() as recorder:

        @recorder.traced(meter="m")
        async def waits() -> float:
            await suspended()
            return 1.0

        waiting = waits()
        contextvars.copy_context().run(waiting.send, None)
        del waiting
        gc.collect()
        assert recorder.traced(lambda: Made(1.0, meter="n"))().meter == "n"
        assert capture.levels.current_level() is capture.levels.OUTERMOST


def test_derived_values_are_of_kind_out_and_measured_ones_of_kind_data() -> None:
    with simulated() as recorder:
        recorder.traced(half)([given(recorder, "m", 1.0)])
        recorder.flush()
        kinds = [record.kind for record in recorder._intake.log.reader(0).read(1000).records]
        assert [kind for kind in kinds if kind in (Kind.DATA, Kind.OUT)] == [Kind.DATA, Kind.OUT]
