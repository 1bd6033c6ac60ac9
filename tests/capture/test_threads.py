"""One recorder in many threads."""

import contextlib
import threading
from collections.abc import Callable

from headwater.capture import DataPointId, Recorder
from headwater.model.errors import Unavailable
from tests.capture.laboratory import simulated

THREADS = 6
VALUES = 400


def in_threads(work: Callable[[int], None]) -> None:
    """Run in several threads at once; what one of them raises is raised."""
    failures: list[BaseException] = []

    def guarded(thread: int) -> None:
        try:
            work(thread)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def test_every_value_has_an_id_of_its_own_and_what_one_thread_records_stays_in_its_order() -> None:
    with simulated() as recorder:
        given: list[list[DataPointId]] = [[] for _ in range(THREADS)]
        made: list[list[DataPointId]] = [[] for _ in range(THREADS)]

        def work(thread: int) -> None:
            for value in range(VALUES):
                given[thread].append(recorder.record(f"m{thread}", "x", value))
                if value % 7 == 0:
                    inputs = given[thread][-3:]
                    made[thread].append(recorder.derive(f"m{thread}", "y", value, inputs=inputs, contribution="sum"))
                if value % 100 == 50:
                    recorder.flush()

        in_threads(work)
        every = [point for points in (*given, *made) for point in points]
        assert len(set(every)) == len(every)
        for thread, points in enumerate(given):
            assert points == sorted(points)
            found = [recorder.reading(point) for point in points]
            assert [reading.value for reading in found] == list(range(VALUES))
            assert {reading.meter for reading in found} == {f"m{thread}"}
            for at, point in enumerate(made[thread]):
                assert recorder.inputs(point) == tuple(points[max(0, 7 * at - 2) : 7 * at + 1])


def test_closing_while_others_record_loses_nothing_that_was_taken() -> None:
    for _ in range(5):
        recorder, taken = simulated(), list[DataPointId]()
        disk = recorder._disk

        def work(thread: int, recorder: Recorder = recorder, taken: list[DataPointId] = taken) -> None:
            if thread == 0:
                recorder.close()
                return
            with contextlib.suppress(Unavailable):
                for value in range(VALUES):
                    taken.append(recorder.record("m", "x", value))
            assert recorder.closed or value == VALUES - 1

        in_threads(work)
        with simulated(disk) as again:
            for point in taken:
                again.reading(point)
