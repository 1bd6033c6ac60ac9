"""How fast a node log takes records in, reads them, and recovers. Run: python -m benchmarks.log [SECONDS]"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from headwater.log.disk import RealDisk
from headwater.log.writer import LogOptions, NodeLog
from headwater.model.reading import SeriesKey
from headwater.model.records import Batch, Kind, Position
from headwater.model.stamp import Origin, OriginKind, Stamp

UPSTREAM = b"upstream"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def put(log: NodeLog, payload: bytes, count: int) -> None:
    """One stamped batch, as a gateway appends it."""
    stamp = Stamp(log.allocate(count), None, b"contexts", now_ms())
    origin = Origin(OriginKind.SOURCE, b"sourceid", log.state.count)
    position = Position(UPSTREAM, log.state.count + count)
    log.append(Kind.DATA, Batch(origin, log.log, count, payload, stamp), count, position)


def timed(what: Callable[[], int], seconds: float) -> tuple[int, float]:
    """How often `what` did something, and the microseconds of CPU for each."""
    done, began, ends = 0, time.process_time(), time.monotonic() + seconds
    while time.monotonic() < ends:
        done += what()
    return done, (time.process_time() - began) / max(done, 1) * 1e6


def appending(folder: Path, payload_bytes: int, group: int, seconds: float) -> None:
    disk = RealDisk(folder)
    log = NodeLog(disk, 1, now_ms, LogOptions(log_bytes_max=16 << 30))
    payload = bytes(payload_bytes)

    def append_group() -> int:
        for _ in range(group):
            put(log, payload, 10)
        log.commit()
        return group

    began = time.monotonic()
    done, cpu_us = timed(append_group, seconds)
    rate = done / (time.monotonic() - began)
    print(f"append {payload_bytes:6} B, {group:5} a commit: {rate:9,.0f} records/s, {cpu_us:6.1f} us CPU each")
    log.close()
    disk.close()


def reading(folder: Path) -> None:
    began = time.monotonic()
    log = NodeLog(RealDisk(folder), 1, now_ms, LogOptions(log_bytes_max=16 << 30))
    opened_s = time.monotonic() - began
    reader = log.reader(0)
    count, began = 0, time.monotonic()
    while records := reader.read(1000, 4 << 20).records:
        count += len(records)
    read_s = time.monotonic() - began
    size = log.used >> 20
    print(
        f"open a log of {size} MiB, {count:,} records: {opened_s:.2f} s ({opened_s / max(count, 1) * 1e6:.1f} us each)"
    )
    print(f"read it: {read_s / max(count, 1) * 1e6:.1f} us a record")


def snapshots(folder: Path, series: int) -> None:
    log = NodeLog(RealDisk(folder), 1, now_ms, LogOptions(log_bytes_max=16 << 30))
    began = time.monotonic()
    for number in range(series):
        log.define(SeriesKey(f"{10**18 + number // 8}", f"metric.{number % 8}"))
    defined_s = time.monotonic() - began
    began = time.monotonic()
    log.roll()
    print(
        f"{series:,} series: {defined_s / series * 1e6:.1f} us to define one, a snapshot pair of "
        f"{log.segments[-1].head_bytes:,} bytes in {1e3 * (time.monotonic() - began):.0f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seconds", type=float, nargs="?", default=2.0)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as name:
        for payload_bytes, group in ((60, 1), (60, 100), (60, 1000), (2500, 1), (2500, 100)):
            appending(Path(name, f"{payload_bytes}-{group}"), payload_bytes, group, seconds)
        for kind in ("60-1000", "2500-100"):
            reading(Path(name, kind))
        snapshots(Path(name, "series"), 100_000)


if __name__ == "__main__":
    main()
