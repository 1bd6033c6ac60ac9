"""The embedded store measured: inserts, then lookups and lineage while another process writes.

Run:  python -m benchmarks.store [--report FILE] [--batches 100000]
Load: first stamps at node 1 (50 meters with 8 metrics), the same readings at nodes 2 and 3, and averages of ten on
four levels above (nodes 11 to 14), so that the lineage of a top value has 11,111 data points. One synced commit per 256
batches, as agents ship them. Lookups are of random ids over everything stored; each figure is the median of many.
"_cpu" rates leave out what the process waited for, such as the disk and other processes. "_resolved": all is
known of each data point, and no object was made of it yet, which happens when an answer is looked into.

Large stores: so many batches of 1,000 first stamps and as many forwarded, of 1,000 series a minute each and of 400
series a second each. In them a random id is walked forward, and random hours of a series and of a meter are found, by
readers that have asked before ("_first": by one just opened). 100,000 batches need some minutes and 50 MB each.
"""

import argparse
import json
import multiprocessing
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.synchronize import Event
from pathlib import Path

import msgspec
import numpy as np
import zstandard

from headwater.model.context import Context
from headwater.model.ids import DataPointId, IdRun
from headwater.model.reading import SeriesKey
from headwater.model.records import Definition, Kind
from headwater.model.shipment import Shipment, ShippedStamp
from headwater.model.stamp import Inputs, Lists, Origin, OriginKind, Same, Stamp
from headwater.store.options import SqliteOptions
from headwater.store.port import DataPoint, Group, Search
from headwater.store.reader import SqliteReader
from headwater.store.sqlite import SqliteWriter
from headwater.wire import codec

SERIES = 400
GROUP_BATCHES = 256
FIRST_ORDINAL = 1_518_452_970 << 24
START_MS = 1_518_452_970_378
CONTEXT = Context(application="benchmark")
LEVELS = [200_000, 20_000, 2_000, 200, 20]
FAN_IN = 10
LINEAGE = 11_111
SITE = "default"
HOUR_MS = 3_600_000


def log_of(node: int) -> bytes:
    return b"bench%03d" % node


def now() -> int:
    return time.time_ns() // 1_000_000


class Load:
    """Batches of n readings of one node each, as agents ship them: every series once a tick."""

    def __init__(self, n: int, series: int = SERIES, tick_ms: int = 1000) -> None:
        self.n = n
        self.series = series
        self.tick_ms = tick_ms
        self.sequence = 0

    def first_stamps(self, node: int, first: int, end: int) -> Iterator[ShippedStamp]:
        """Readings `first` to `end`, sorted by series within a batch."""
        for at in range(first, end, self.n):
            count = min(self.n, end - at)
            yield self.stamp(node, at, count, None, self.keys(at, count))

    def same(self, node: int, parent: int, first: int, end: int) -> Iterator[ShippedStamp]:
        for at in range(first, end, self.n):
            count = min(self.n, end - at)
            yield self.stamp(node, at, count, Same(IdRun(parent, FIRST_ORDINAL + at, count)), None)

    def averages(self, node: int, parent: int, count: int) -> Iterator[ShippedStamp]:
        for at in range(0, count, self.n):
            size = min(self.n, count - at)
            runs = tuple((IdRun(parent, FIRST_ORDINAL + FAN_IN * (at + index), FAN_IN),) for index in range(size))
            yield self.stamp(node, at, size, Lists("average", runs), self.keys(at, size))

    def keys(self, at: int, count: int) -> bytes:
        tick = np.arange(at, at + count)
        series = tick % self.series
        order = np.argsort(series, kind="stable")
        timestamps = START_MS + tick // self.series * self.tick_ms + series // 8 * self.tick_ms // 50
        payload = codec.encode(series[order], timestamps[order], np.zeros(count))
        return codec.keys(payload)

    def stamp(self, node: int, at: int, count: int, inputs: Inputs | None, keys: bytes | None) -> ShippedStamp:
        self.sequence += 1
        sent = None if inputs is None or isinstance(inputs, Lists) else START_MS + at
        return ShippedStamp(
            self.sequence,
            Kind.OUT if isinstance(inputs, Lists) else Kind.DATA,
            Stamp(IdRun(node, FIRST_ORDINAL + at, count), inputs, CONTEXT.id, START_MS + at + 2, sent),
            Origin(OriginKind.SOURCE, b"sensors1", at),
            log_of(1),
            keys,
        )


def groups_of(node: int, stamps: list[ShippedStamp]) -> list[Group]:
    return [
        Group(log_of(node), stamps[at].sequence, Shipment(tuple(stamps[at : at + GROUP_BATCHES])))
        for at in range(0, len(stamps), GROUP_BATCHES)
    ]


def opened(folder: Path, series: int = SERIES) -> SqliteWriter:
    """A writer that knows all nodes and series."""
    writer = SqliteOptions().open_writer(folder, SITE, now)
    for node in (1, 2, 3, 11, 12, 13, 14):
        writer.hello(SITE, node, log_of(node), f"node{node}", "", now())
    definitions = tuple(
        Definition(log_of(1), number, f"meter{number // 8}", f"metric{number % 8}") for number in range(series)
    )
    writer.add(log_of(1), [(1, Shipment((), definitions, (CONTEXT,)))])
    return writer


def inserted(writer: SqliteWriter, groups: list[Group], readings: int) -> tuple[float, float]:
    """Data points a second, and a second of CPU."""
    begun, begun_cpu = time.perf_counter(), time.process_time()
    for group in groups:
        assert writer.add_all([group]) == [None]
    return readings / (time.perf_counter() - begun), readings / (time.process_time() - begun_cpu)


def ingested(writer: SqliteWriter, groups: list[Group], readings: int) -> float:
    """The same from what an agent sends: decompressed and decoded too."""
    bodies = [(group.log, group.last, zstandard.compress(msgspec.msgpack.encode(group.shipment))) for group in groups]
    begun = time.perf_counter()
    for log, last, body in bodies:
        shipment = msgspec.msgpack.decode(zstandard.decompress(body), type=Shipment)
        assert writer.add_all([Group(log, last, shipment)]) == [None]
    return readings / (time.perf_counter() - begun)


def write_on(folder: Path, n: int, first: int, ready: Event, stop: Event) -> None:
    """Another process that adds 50 synced groups a second until told to stop."""
    writer = SqliteOptions().open_writer(folder, SITE, now)
    load = Load(n)
    load.sequence = 1_000_000
    while not stop.is_set():
        stamps = list(load.first_stamps(1, first, first + 8 * n))
        writer.add_all([Group(log_of(1), load.sequence, Shipment(tuple(stamps)))])
        first += 8 * n
        ready.set()
        time.sleep(0.02)
    writer.close()


def median_us(ask: Callable[[int], object], repeats: int) -> float:
    times = []
    for index in range(repeats):
        begun = time.perf_counter()
        answer = ask(index)
        times.append(time.perf_counter() - begun)
        assert answer
    return statistics.median(times) * 1e6


def measured_reads(reader: SqliteReader, readings: int) -> dict[str, float]:
    pick = random.Random(7)
    ids = [[DataPointId(node, FIRST_ORDINAL + pick.randrange(readings))] for node in (1, 3) for _ in range(500)]
    top = [[DataPointId(14, FIRST_ORDINAL + at)] for at in range(20)]
    runs = [
        [DataPointId(3, FIRST_ORDINAL + at + index) for index in range(5_000)]
        for at in (pick.randrange(readings - 5_000) for _ in range(20))
    ]
    hour = START_MS + 10_000
    assert sum(part.end - part.first for part in reader.backward_parts(top[0])) == LINEAGE
    assert len(reader.backward(runs[0])) == 15_000
    return {
        "first_stamp_by_id_us": median_us(lambda at: reader.points(ids[at]), 500),
        "third_hop_by_id_us": median_us(lambda at: reader.points(ids[500 + at]), 500),
        "last_50_us": median_us(lambda _: reader.last_of(1, 50), 300),
        "lineage_ids_ms": median_us(lambda at: reader.backward_parts(top[at % 20]), 40) / 1e3,
        "lineage_resolved_ms": median_us(lambda at: reader.backward(top[at % 20]), 20) / 1e3,
        "lineage_points_ms": median_us(lambda at: reader.backward(top[at % 20]).values(), 20) / 1e3,
        "forward_us": median_us(lambda at: reader.forward(ids[at]), 300),
        "bulk_points_us_each": median_us(lambda at: reader.points(runs[at]), 20) / 5_000,
        "bulk_backward_us_each": median_us(lambda at: reader.backward(runs[at]).values(), 20) / 15_000,
        "find_ms": median_us(lambda _: list(reader.find(SeriesKey("meter7", "metric3"), hour, hour + 60_000, 1000)), 10)
        / 1e3,
    }


def measured(n: int, readings: int, folder: Path) -> dict[str, float]:
    load = Load(n)
    writer = opened(folder)
    rates = {}
    first = groups_of(1, list(load.first_stamps(1, 0, readings)))
    second = groups_of(2, list(load.same(2, 1, 0, readings)))
    third = groups_of(3, list(load.same(3, 2, 0, readings)))
    rates["first_stamps_per_s"], rates["first_stamps_per_s_cpu"] = inserted(writer, first, readings)
    rates["later_hops_per_s"], rates["later_hops_per_s_cpu"] = inserted(writer, second, readings)
    rates["later_hops_opened_per_s"] = ingested(writer, third, readings)
    for level, count in enumerate(LEVELS[1:], 1):
        stamps = list(load.averages(10 + level, 1 if level == 1 else 9 + level, count))
        assert not any(writer.add_all(groups_of(10 + level, stamps)))
    writer.close()
    reader = SqliteOptions().open_reader(folder, SITE)
    totals = reader.totals()
    rates["bytes_per_data_point"] = totals["bytes"] / totals["stamps"]
    context = multiprocessing.get_context("spawn")
    ready, stop = context.Event(), context.Event()
    process = context.Process(target=write_on, args=(folder, n, readings, ready, stop))
    process.start()
    try:
        assert ready.wait(30)
        rates |= measured_reads(reader, readings)
    finally:
        stop.set()
        process.join()
        reader.close()
    return rates


def filled(folder: Path, batches: int, load: Load) -> dict[str, float]:
    """Fill a large store, some groups at a time; how fast the writer took the first stamps."""
    writer = opened(folder, load.series)
    writing_s = writing_cpu_s = 0.0
    for first in range(0, batches * load.n, GROUP_BATCHES * load.n):
        end = min(first + GROUP_BATCHES * load.n, batches * load.n)
        groups = groups_of(1, list(load.first_stamps(1, first, end)))
        begun, begun_cpu = time.perf_counter(), time.process_time()
        assert not any(writer.add_all(groups))
        writing_s += time.perf_counter() - begun
        writing_cpu_s += time.process_time() - begun_cpu
        assert not any(writer.add_all(groups_of(2, list(load.same(2, 1, first, end)))))
    writer.close()
    readings = batches * load.n
    return {"first_stamps_per_s": readings / writing_s, "first_stamps_per_s_cpu": readings / writing_cpu_s}


def measured_large(folder: Path, batches: int, load: Load) -> dict[str, float]:
    figures = filled(folder, batches, load)
    pick = random.Random(5)
    hours = (batches * load.n // load.series) * load.tick_ms // HOUR_MS - 1
    reader = SqliteOptions().open_reader(folder, SITE)

    def found(meters: bool, size: int, asked: SqliteReader = reader) -> Sequence[DataPoint]:
        first_ms = START_MS + pick.randrange(max(hours, 1)) * HOUR_MS
        metric = None if meters else f"metric{pick.randrange(8)}"
        meter = f"meter{pick.randrange(load.series // 8)}"
        return asked.search(Search(first_ms, first_ms + HOUR_MS, meter, metric), size)

    def forward(asked: SqliteReader = reader) -> object:
        return asked.forward([DataPointId(1, FIRST_ORDINAL + pick.randrange(batches * load.n))])

    def afresh(ask: Callable[[SqliteReader], object]) -> float:
        times = []
        for _ in range(15):
            asked = SqliteOptions().open_reader(folder, SITE)
            asked.nodes()
            times.append(median_us(lambda _, asked=asked: ask(asked), 1))  # type: ignore[misc]
            asked.close()
        return statistics.median(times)

    figures["readings_of_a_series_in_the_hour"] = len(found(False, 100_000))
    figures["find_series_hour_ms"] = median_us(lambda _: list(found(False, 100_000)), 15) / 1e3
    figures["find_series_hour_first_ms"] = afresh(lambda asked: list(found(False, 100_000, asked))) / 1e3
    figures["find_series_hour_100_ms"] = median_us(lambda _: list(found(False, 100)), 15) / 1e3
    figures["find_meter_hour_ms"] = median_us(lambda _: list(found(True, 100_000)), 15) / 1e3
    figures["find_meter_hour_resolved_ms"] = median_us(lambda _: found(True, 100_000), 15) / 1e3
    figures["find_meter_hour_100_ms"] = median_us(lambda _: list(found(True, 100)), 15) / 1e3
    figures["forward_ms"] = median_us(lambda _: forward(), 300) / 1e3
    figures["forward_first_ms"] = afresh(forward) / 1e3
    reader.close()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", type=Path, help="write the figures as JSON")
    parser.add_argument("--batches", type=int, default=20_000, help="batches a node in the large stores")
    parser.add_argument("--readings", type=int, default=1_000_000, help="readings a node")
    arguments = parser.parse_args()
    figures = {}
    for n in (1000, 100, 20):
        readings = max(arguments.readings * n // 1000, LEVELS[0])
        with tempfile.TemporaryDirectory(prefix="headwater-store-") as folder:
            figures[n] = measured(n, readings, Path(folder))
    print(f"{'':28}" + "".join(f"{f'N={n:,}':>14}" for n in figures))
    for name in figures[1000]:
        print(f"{name:28}" + "".join(f"{rates[name]:14,.1f}" for rates in figures.values()))
    large = {}
    for name, load in (("a minute", Load(1000, 1000, 60_000)), ("a second", Load(1000))):
        with tempfile.TemporaryDirectory(prefix="headwater-store-") as folder:
            large[name] = measured_large(Path(folder), arguments.batches, load)
    print(f"{f'2 x {arguments.batches:,} batches':36}" + "".join(f"{name:>14}" for name in large))
    for name in large["a minute"]:
        print(f"{name:36}" + "".join(f"{rates[name]:14,.2f}" for rates in large.values()))
    if arguments.report:
        arguments.report.write_text(json.dumps({"small": figures, "large": large}, indent=1))


if __name__ == "__main__":
    main()
