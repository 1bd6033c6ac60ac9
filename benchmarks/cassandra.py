"""Stamps into one real Cassandra: ours beside the layout of 2018, written the way of 2018, in one run.

Run:  python -m benchmarks.cassandra [--report FILE] [--rounds 3] [--batches 1000] [--rows 10000]
Load: readings of 400 series with event times that are off by up to a second, which pass two nodes, so that each has two
data points. Ours: a row per batch of 1,000
(and of 100), in groups of 256 as agents ship them, through the store's own writer. 2018: a row per data point with all
nine metrics, statements as text, one logged batch per buffer of 10 (and of 100), one writer for each node. Rounds are
interleaved. Bytes are what Cassandra's tables take on its disk after it was stopped, which flushes them.
Then questions of a reader of its own: medians of many random ids.
"""

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import numpy as np
from cassandra.query import SimpleStatement
from msgspec.structs import replace

from benchmarks.store import (
    CONTEXT,
    FAN_IN,
    FIRST_ORDINAL,
    LINEAGE,
    SERIES,
    SITE,
    START_MS,
    Load,
    groups_of,
    log_of,
    now,
)
from headwater.model.errors import HeadwaterError
from headwater.model.ids import DataPointId
from headwater.model.reading import SeriesKey
from headwater.model.records import Definition
from headwater.model.shipment import Shipment
from headwater.services import cassandra as server
from headwater.services.catalogue import service
from headwater.services.needs import NotHere
from headwater.store.cassandra.connection import Connection, connected
from headwater.store.cassandra.options import CassandraOptions
from headwater.store.cassandra.reader import CassandraReader
from headwater.store.cassandra.writer import CassandraWriter
from headwater.wire import codec

NODES = (1, 2)
SIZES = (1_000, 100)
BUFFERS = (10, 100)
LOOKUPS = 300
OURS, THEIRS = "ours", "provenancekey"
TABLE_2018 = (
    "CREATE TABLE IF NOT EXISTS {keyspace}.provenancetable (id text, nodeid text, ctime timestamp,"
    " inputdps map<text, text>, time timeuuid, meterid text, metricid text, location text, latitude double,"
    " longitude double, line bigint, class text, app text, stime timestamp, rtime timestamp,"
    " PRIMARY KEY ((id), nodeid, ctime)) WITH CLUSTERING ORDER BY (nodeid DESC, ctime ASC)"
)
ROW_2018 = (
    "INSERT INTO {keyspace}.provenancetable (id, nodeid, ctime, inputdps, time, meterid, metricid, location, latitude,"
    " longitude, line, class, app, stime, rtime) VALUES ('{id}', '{node:06x}', {ctime}, {inputs}, now(),"
    " '{meter}', '{metric}', 'berlin', 52.5127, 13.3269, 185, 'gatewayServer', 'pushDataService', {stime}, {rtime});"
)


def keyspace_of(kind: str, size: int) -> str:
    return f"{kind}_{size}"


# ---- ours ------------------------------------------------------------------------------------------------------------


class Jittered(Load):
    """Sensors whose clocks do not agree: each event time is off by up to a second, so that no two batches are alike."""

    def __init__(self, n: int) -> None:
        super().__init__(n)
        self._random = np.random.default_rng(n)

    def keys(self, at: int, count: int) -> bytes:
        tick = np.arange(at, at + count)
        series = tick % self.series
        order = np.argsort(series, kind="stable")
        timestamps = START_MS + tick // self.series * self.tick_ms + self._random.integers(0, 1_000, count)
        return codec.keys(codec.encode(series[order], timestamps[order], np.zeros(count)))


class Ours:
    """One keyspace of ours that gets ever more batches of a size."""

    def __init__(self, options: CassandraOptions, folder: Path, size: int) -> None:
        self.load = Jittered(size)
        self.writer = CassandraWriter(options, folder, SITE, now)
        self.readings = 0
        for node in (*NODES, 11, 12, 13, 14):
            self.writer.hello(SITE, node, log_of(node), f"node{node}", "", now())
        definitions = tuple(
            Definition(log_of(1), number, f"meter{number // 8}", f"metric{number % 8}") for number in range(SERIES)
        )
        self.writer.add(log_of(1), [(1, Shipment((), definitions, (CONTEXT,)))])

    def prepared(self, batches: int) -> Callable[[], float]:
        """What stores so many more batches at both nodes, and answers the readings a second."""
        first, count = self.readings, batches * self.load.n
        stamps = [
            groups_of(1, list(self.load.first_stamps(1, first, first + count))),
            groups_of(2, list(self.load.same(2, 1, first, first + count))),
        ]
        self.readings += count

        def store() -> float:
            begun = time.perf_counter()
            for pair in zip(*stamps, strict=True):
                assert self.writer.add_all(list(pair)) == [None, None]
            return count / (time.perf_counter() - begun)

        return store


# ---- 2018 ------------------------------------------------------------------------------------------------------------


class Of2018:
    """The table of 2018 that gets ever more buffers of rows."""

    def __init__(self, connection: Connection, keyspace: str, buffer: int) -> None:
        self._session = connection.session
        self._keyspace = keyspace
        self._buffer = buffer
        self.readings = 0
        replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
        self._session.execute(f"CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = {replication}")
        self._session.execute(TABLE_2018.format(keyspace=keyspace), timeout=60)

    def prepared(self, readings: int) -> Callable[[], float]:
        """What stores so many more readings from both nodes, buffer by buffer, and answers how many a second."""
        batches = {node: [SimpleStatement(text) for text in self._batches(node, readings)] for node in NODES}
        self.readings += readings

        def store() -> float:
            begun = time.perf_counter()
            with ThreadPoolExecutor(len(NODES)) as threads:
                for done in [threads.submit(self._write, batches[node]) for node in NODES]:
                    done.result()
            return readings / (time.perf_counter() - begun)

        return store

    def _write(self, batches: list[SimpleStatement]) -> None:
        for batch in batches:
            self._session.execute(batch, timeout=60)

    def _batches(self, node: int, readings: int) -> Iterator[str]:
        for at in range(self.readings, self.readings + readings, self._buffer):
            rows = [self._row(node, number) for number in range(at, at + self._buffer)]
            yield f"BEGIN BATCH {' '.join(rows)} APPLY BATCH;"

    def _row(self, node: int, number: int) -> str:
        parent = DataPointId(node - 1, FIRST_ORDINAL + number)
        at_ms = START_MS + number
        return ROW_2018.format(
            keyspace=self._keyspace,
            id=DataPointId(node, FIRST_ORDINAL + number),
            node=node,
            ctime=at_ms,
            inputs=f"{{'{parent}': 'simple'}}" if node > 1 else "{}",
            meter=31_400_010_000_000_000 + number % SERIES // 8,
            metric=10_116_070_000 + number % 8,
            stime=at_ms + 2,
            rtime=at_ms,
        )


# ---- asking ----------------------------------------------------------------------------------------------------------


def asked(options: CassandraOptions, folder: Path, readings: int) -> dict[str, float]:
    """Milliseconds of one question, medians of many."""
    rng = random.Random(1)
    hour_ms = 3_600_000
    with closing(CassandraReader(options, folder, SITE)) as reader:

        def id_of(node: int) -> DataPointId:
            return DataPointId(node, FIRST_ORDINAL + rng.randrange(readings))

        questions: dict[str, Callable[[], object]] = {
            "id_first_stamp_ms": lambda: reader.points([id_of(1)]),
            "id_second_hop_ms": lambda: reader.points([id_of(2)]),
            "last_50_ms": lambda: reader.last_of(2, 50),
            "lineage_of_one_ms": lambda: reader.backward([id_of(2)]),
            "forward_of_one_ms": lambda: reader.forward([id_of(1)]),
            "find_minute_of_series_ms": lambda: list(
                reader.find(SeriesKey("meter7", "metric3"), START_MS, START_MS + hour_ms // 60, 10_000)
            ),
        }
        found = {}
        for name, question in questions.items():
            times = []
            for _ in range(LOOKUPS if not name.startswith("find") else 5):
                begun = time.perf_counter()
                question()
                times.append(time.perf_counter() - begun)
            found[name] = round(1000 * statistics.median(times), 3)
    return found


def lineage_ms(ours: Ours, options: CassandraOptions, folder: Path) -> float:
    """Milliseconds of a lineage of 11,111 data points over five levels, by readers that have not asked before."""
    for level, (node, parent) in enumerate(((11, 1), (12, 11), (13, 12), (14, 13))):
        for group in groups_of(node, list(ours.load.averages(node, parent, 1_000 // FAN_IN**level))):
            assert ours.writer.add_all([group]) == [None]
    times = []
    for _ in range(5):
        with closing(CassandraReader(options, folder, SITE)) as reader:
            begun = time.perf_counter()
            assert len(reader.backward([DataPointId(14, FIRST_ORDINAL)])) == LINEAGE
            times.append(time.perf_counter() - begun)
    return round(1000 * statistics.median(times), 1)


# ---- the whole -------------------------------------------------------------------------------------------------------


class Meter:
    """Processor time of Cassandra and of this process, by what was measured."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._spent: dict[str, list[float]] = {}

    def run(self, name: str, work: Callable[[], float], readings: int) -> float:
        """What some work answers, its time noted."""
        server_s, own_s = processor_s(self._pid), time.process_time()
        found = work()
        spent = self._spent.setdefault(name, [0.0, 0.0, 0.0])
        for at, more in enumerate((processor_s(self._pid) - server_s, time.process_time() - own_s, readings)):
            spent[at] += more
        return found

    def us_per_reading(self) -> dict[str, dict[str, float]]:
        return {
            name: {"cassandra": round(1e6 * server_s / readings, 2), "writer": round(1e6 * own_s / readings, 2)}
            for name, (server_s, own_s, readings) in self._spent.items()
        }


def processor_s(pid: int) -> float:
    """Seconds of processor time that a process took so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def bytes_of(folder: Path, keyspace: str) -> int:
    """What the tables of a keyspace take on disk."""
    return sum(file.stat().st_size for file in (folder / "data" / keyspace).rglob("*") if file.is_file())


def measured(options: CassandraOptions, folder: Path, pid: int, arguments: argparse.Namespace) -> dict[str, object]:
    """Everything but the bytes, by name; `pid` is Cassandra's process."""
    meter = Meter(pid)
    report: dict[str, object] = {}
    connection = connected(options)
    ours = {size: Ours(replace(options, keyspace=keyspace_of(OURS, size)), folder, size) for size in SIZES}
    theirs = {buffer: Of2018(connection, keyspace_of(THEIRS, buffer), buffer) for buffer in BUFFERS}
    rates: dict[str, list[float]] = {}
    try:
        for number in range(arguments.rounds):
            for buffer, of_2018 in theirs.items():
                name = f"2018_buffer_{buffer}"
                rate = meter.run(name, of_2018.prepared(arguments.rows), arguments.rows)
                rates.setdefault(name, []).append(rate)
            for size, one in ours.items():
                name = f"ours_n_{size}"
                rate = meter.run(name, one.prepared(arguments.batches), arguments.batches * size)
                rates.setdefault(name, []).append(rate)
            print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
        report["readings_per_s"] = {name: [round(rate) for rate in values] for name, values in rates.items()}
        report["processor_us_per_reading"] = meter.us_per_reading()
        for size in SIZES:
            for buffer in BUFFERS:
                pairs = zip(rates[f"ours_n_{size}"], rates[f"2018_buffer_{buffer}"], strict=True)
                ratios = sorted(mine / other for mine, other in pairs)
                report[f"times_2018_n_{size}_buffer_{buffer}"] = [round(ratio) for ratio in ratios]
        biggest = ours[SIZES[0]]
        asking = replace(options, keyspace=keyspace_of(OURS, SIZES[0]))
        report["asked"] = asked(asking, folder, biggest.readings)
        report["lineage_11111_ms"] = lineage_ms(biggest, asking, folder)
        report["readings"] = {
            **{keyspace_of(OURS, size): one.readings for size, one in ours.items()},
            **{keyspace_of(THEIRS, buffer): one.readings for buffer, one in theirs.items()},
        }
    finally:
        for one in ours.values():
            one.writer.close()
        connection.close()
    return report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--report", type=Path, metavar="FILE", help="write the figures there, as JSON")
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured (3)")
    parser.add_argument("--batches", type=int, default=1_000, help="batches of ours in a round, of each size (1000)")
    parser.add_argument("--rows", type=int, default=10_000, help="readings of 2018 in a round, for each buffer (10000)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as name:
        folder = Path(name)
        password = folder / "password"
        password.write_text(f"{server.PASSWORD}\n")
        node = service(server.NAME, folder / server.NAME)
        with node:
            options = CassandraOptions(
                hosts=(node.address,), user=server.USER, password_file=str(password), request_s=60
            )
            assert node.pid is not None
            report = measured(options, folder / "store", node.pid, arguments)
            node.stop()  # Which writes all that is in memory.
        readings = report.pop("readings")
        assert isinstance(readings, dict)
        sizes = {keyspace: bytes_of(node.folder, keyspace) for keyspace in readings}
        report["bytes_per_reading"] = {name: round(sizes[name] / count, 2) for name, count in readings.items()}
    text = json.dumps(report, indent=2)
    print(text)
    if arguments.report is not None:
        arguments.report.write_text(text + "\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except NotHere as lacking:
        print(f"cassandra: not measured: {lacking}")
    except HeadwaterError as error:
        sys.exit(f"cassandra: {error}")
