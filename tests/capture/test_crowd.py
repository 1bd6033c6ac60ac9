"""Many threads of many tasks record into one log at once: every id once, every order kept, every input exact."""

import asyncio
import threading
from typing import NamedTuple

from headwater.capture import Location, Point, Recorder, within
from tests.capture.laboratory import simulated

THREADS = 8
TASKS = 25
ROUNDS = 12


class Made(NamedTuple):
    """What one task was given, in its order."""

    measured: list[Point]
    means: list[Point]


async def work(recorder: Recorder, name: str) -> Made:
    """Measure and derive, and let others go between any two steps."""

    @recorder.traced
    async def measure(value: float) -> float:
        await asyncio.sleep(0)
        return value

    @recorder.traced
    def mean(values: list[Point]) -> float:
        return sum(values) / len(values)

    made = Made([], [])
    with within(meter=name, location=Location(name), traceparent=trace_of(name)):
        for number in range(ROUNDS):
            made.measured.append(await measure(number))
            made.means.append(mean(made.measured[-3:]))
            await asyncio.sleep(0)
    return made


def trace_of(name: str) -> str:
    return f"00-{int(name) + 1:032x}-{int(name) + 1:016x}-01"


def crowd(recorder: Recorder) -> dict[str, Made]:
    made: dict[str, Made] = {}

    async def tasks(thread: int) -> None:
        names = [str(thread * TASKS + task) for task in range(TASKS)]
        results = await asyncio.gather(*(work(recorder, name) for name in names))
        made.update(zip(names, results, strict=True))

    threads = [threading.Thread(target=lambda at=at: asyncio.run(tasks(at))) for at in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return made


def test_many_threads_of_many_tasks_are_told_apart_exactly() -> None:
    with simulated() as recorder:
        made = crowd(recorder)
        assert len(made) == THREADS * TASKS
        every = [point.id for one in made.values() for points in one for point in points]
        assert len(set(every)) == len(every) == THREADS * TASKS * ROUNDS * 2
        contexts = recorder._intake.log.state.contexts
        for name, (measured, means) in made.items():
            assert [point.id for point in measured] == sorted(point.id for point in measured)
            assert [recorder.reading(point).value for point in measured] == list(range(ROUNDS))
            assert {(recorder.reading(point).meter, recorder.traceparent(point)) for point in (*measured, *means)} == {
                (name, trace_of(name))
            }
            for number, point in enumerate(means):
                assert recorder.inputs(point) == tuple(each.id for each in measured[max(0, number - 2) : number + 1])
                held, _ = recorder._find(point)
                assert contexts[held.stamp.context].location == Location(name)
