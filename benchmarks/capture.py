"""What recording costs a program: microseconds of CPU a call, against the bare function.

CPU of all threads, that of the syncing thread too. Run: python -m benchmarks.capture
"""

import argparse
import math
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable

from headwater.capture import Recorder, within

Work = Callable[[], object]
MiB = 1 << 20


def half(value: float) -> float:
    return value / 2


def summed(values: list[float]) -> float:
    return math.fsum(values)


def works(recorder: Recorder) -> dict[str, Work]:
    """What is timed, by name; bare functions first."""
    measure = recorder.traced(meter="m", metric="x")(half)
    derive, summing = recorder.traced(half), recorder.traced(summed)
    point = measure(2.0)
    ten: list[float] = [measure(number) for number in range(10)]

    def nested() -> object:
        with within(application="inner"):
            return measure(2.0)

    return {
        "bare function": lambda: half(2.0),
        "bare function of a list of 10": lambda: summed(ten),
        "record": lambda: recorder.record("m", "x", 1.0),
        "derive from 1": lambda: recorder.derive("m", "y", 1.0, inputs=[point]),
        "traced, no inputs": lambda: measure(2.0),
        "traced, 1 input": lambda: derive(point),
        "traced, a list of 10 inputs": lambda: summing(ten),
        "traced, within a level": nested,
    }


def timed(work: Work, calls: int) -> float:
    """Microseconds of CPU a call."""
    began = time.process_time()
    for _ in range(calls):
        work()
    return (time.process_time() - began) / calls * 1e6


def many_threads(recorder: Recorder, threads: int, calls: int) -> float:
    """Calls a second of a traced function in so many threads at once."""
    measure = recorder.traced(meter="m", metric="x")(half)

    def work() -> None:
        for _ in range(calls):
            measure(2.0)

    running = [threading.Thread(target=work) for _ in range(threads)]
    began = time.perf_counter()
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return threads * calls / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    for provenance in (True, False):
        with (
            tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder,
            Recorder(folder, node="0000a1", provenance=provenance, log_bytes_max=512 * MiB) as recorder,
        ):
            print(f"-- provenance {'on' if provenance else 'off'}")
            found: dict[str, list[float]] = {}
            for _ in range(given.repeats):
                for name, work in works(recorder).items():
                    found.setdefault(name, []).append(timed(work, given.calls))
            for name, costs in found.items():
                low, high = min(costs), max(costs)
                print(f"{name:32} {statistics.median(costs):7.2f} us of CPU a call  ({low:.2f} to {high:.2f})")
            for threads in (1, 4, 16):
                print(f"{threads:3} threads: {many_threads(recorder, threads, given.calls // threads):10,.0f} calls/s")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
