"""Bytes and microseconds a reading of the columnar payload, by batch size: `python -m benchmarks.codec`.

The real meters are measured when HEADWATER_TEST_DATA names the folder that holds them.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from headwater.wire import codec
from headwater.wire.codec import Columns
from tests.wire import loads

SIZES = (1, 10, 100, 1000, 5000)
READINGS = 100_000
BATCHES_MAX = 500
REPEATS = 5


def main() -> None:
    """Print the table."""
    print(f"{'load':<16}{'N':>6}{'B/reading':>11}{'keys B/rd':>11}", end="")
    print(f"{'encode us':>11}{'decode us':>11}{'enc us/rd':>11}{'dec us/rd':>11}")
    for name, load in _loads().items():
        for size in SIZES:
            print(f"{name:<16}{size:>6}{_row(load, size)}")


def _loads() -> dict[str, Columns]:
    found = {"generated": loads.generated(READINGS), "random doubles": loads.random_doubles(READINGS)}
    folder = os.environ.get("HEADWATER_TEST_DATA")
    if not folder:
        print("HEADWATER_TEST_DATA is not set: the real meters are left out")
        return found
    real = {"smart meters": loads.smart_meters(Path(folder)), "household power": loads.household_power(Path(folder))}
    return real | found


def _row(load: Columns, size: int) -> str:
    batches = list(loads.batches(load, size, min(READINGS, size * BATCHES_MAX)))
    payloads = [codec.encode(*batch) for batch in batches]
    for batch, payload in zip(batches, payloads, strict=True):
        back = codec.decode(payload)
        assert all(np.array_equal(*pair) for pair in zip(batch, back, strict=True))
    readings = size * len(batches)
    encode_us = _fastest_us(lambda: [codec.encode(*batch) for batch in batches]) / len(batches)
    decode_us = _fastest_us(lambda: [codec.decode(payload) for payload in payloads]) / len(batches)
    payload_bytes = sum(len(payload) for payload in payloads) / readings
    key_bytes = sum(len(codec.keys(payload)) for payload in payloads) / readings
    batch_columns = f"{payload_bytes:>11.3f}{key_bytes:>11.3f}{encode_us:>11.1f}{decode_us:>11.1f}"
    return f"{batch_columns}{encode_us / size:>11.3f}{decode_us / size:>11.3f}"


def _fastest_us(work: Callable[[], object]) -> float:
    """The shortest of some runs: what the work costs when nothing else takes the processor."""
    taken = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return min(taken) * 1e6


if __name__ == "__main__":
    main()
