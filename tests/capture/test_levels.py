"""Levels nest, are inherited by tasks, and are carried to threads when that is said."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from headwater.capture import DataPointId, Location, Point, Recorder, carried, within
from headwater.capture.levels import OUTERMOST, current_level
from headwater.model.context import Context
from headwater.model.errors import Rejected
from tests.capture.laboratory import simulated


class Device:
    """Something that code belongs to."""


def context_of(recorder: Recorder, point: DataPointId | Point) -> Context:
    held, _ = recorder._find(point)
    return recorder._intake.log.state.contexts[held.stamp.context]


def test_what_a_level_does_not_say_is_inherited() -> None:
    with simulated(application="recorder", location=Location("building")) as recorder:
        with within(application="network"):
            network = recorder.record("m", "x", 1)
            with within(location=Location("bench 3"), code=Device):
                device = recorder.record("m", "x", 1)
                with within(application="process"):
                    process = recorder.record("m", "x", 1)
                    made = recorder.traced(meter="m")(lambda: 1.0)()
                again = recorder.record("m", "x", 1)
        outside = recorder.record("m", "x", 1)
        here = f"{__name__}.Device"
        found = [context_of(recorder, point) for point in (network, device, process, again, outside)]
        assert [context.application for context in found] == ["network", "network", "process", "network", "recorder"]
        labels = [context.location.label if context.location else None for context in found]
        assert labels == ["building", "bench 3", "bench 3", "bench 3", "building"]
        assert [context.class_name for context in found] == [__name__, here, here, here, __name__]
        function = context_of(recorder, made)
        assert (function.application, function.location) == ("process", Location("bench 3"))
        assert function.class_name == f"{__name__}.test_what_a_level_does_not_say_is_inherited.<locals>"


def test_class_and_line_are_those_of_the_caller() -> None:
    with simulated() as recorder:

        class Meter:
            def read(self) -> DataPointId:
                return recorder.record("m", "x", 1)

        (listed,) = [recorder.record("m", "x", 1) for _ in range(1)]
        read, here = context_of(recorder, Meter().read()), context_of(recorder, listed)
        assert read.class_name == f"{__name__}.{Meter.__qualname__}"
        assert read.line == Meter.read.__code__.co_firstlineno
        assert here.class_name == __name__
        assert here.line == test_class_and_line_are_those_of_the_caller.__code__.co_firstlineno
        assert context_of(recorder, recorder.record("m", "x", 1, code=Device)).class_name == f"{__name__}.Device"


def test_more_places_than_there_may_be_contexts_cost_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headwater.capture.intake.CONTEXTS_MAX", 3)
    with simulated() as recorder:
        points = []
        for number in range(6):
            names = {"recorder": recorder}
            exec(f"def record_{number}(): return recorder.record('m', 'x', 1)\npoint = record_{number}()", names)
            points.append(names["point"])
            if number == 0:
                with within(code=Device):
                    recorder.record("m", "x", 1)
                recorder.record("m", "x", 1, code=None)
        assert len(set(points)) == 6
        with pytest.raises(Rejected, match="3 contexts are in use"), within(application="one more"):
            recorder.record("m", "x", 1, code=Device)


def test_tasks_inherit_the_levels_of_where_they_were_started_and_keep_their_own() -> None:
    async def work(recorder: Recorder, number: int) -> DataPointId:
        with within(location=Location(f"slot {number}")):
            await asyncio.sleep(0)
            return recorder.record("m", "x", number)

    async def run(recorder: Recorder) -> list[DataPointId]:
        with within(application="server"):
            tasks = [asyncio.create_task(work(recorder, number)) for number in range(20)]
        threaded = await asyncio.gather(*tasks)
        assert current_level() is OUTERMOST
        with within(application="thread"):
            return [*threaded, await asyncio.to_thread(recorder.record, "m", "x", 1)]

    with simulated() as recorder:
        *points, threaded = asyncio.run(run(recorder))
        found = [context_of(recorder, point) for point in points]
        assert {context.application for context in found} == {"server"}
        assert [context.location for context in found] == [Location(f"slot {number}") for number in range(20)]
        assert context_of(recorder, threaded).application == "thread"


def test_threads_begin_outside_unless_the_levels_are_carried_to_them() -> None:
    with simulated(application="recorder") as recorder, ThreadPoolExecutor(4) as pool:

        def work(number: int) -> DataPointId:
            return recorder.record("m", "x", number)

        with within(application="server"):
            lost = list(pool.map(work, range(8)))
            kept = list(pool.map(carried(work), range(8)))
            inside = carried(work)
        assert {context_of(recorder, point).application for point in lost} == {"recorder"}
        assert {context_of(recorder, point).application for point in kept} == {"server"}
        found: list[DataPointId] = []
        thread = threading.Thread(target=lambda: found.append(inside(1)))
        thread.start()
        thread.join()
        assert context_of(recorder, found[0]).application == "server"
        assert current_level() is OUTERMOST


def test_a_level_that_cannot_be_is_refused() -> None:
    with pytest.raises(Rejected, match="application is empty"):
        within(application="")
    with pytest.raises(Rejected, match="write Location"):
        within(location="bench 3")  # type: ignore[arg-type]
    with pytest.raises(Rejected, match="meter id"):
        within(meter="m" * 300)
