"""The demo's judge, a process of its own: compares what was delivered, and the lineage that the API gives, with the
journals of the sensors. Run as `python -m headwater.cli.demo_check CHECK.json`; prints the findings as JSON."""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from msgspec import UNSET, UnsetType
from numpy.typing import NDArray

from headwater.cli.client import asking
from headwater.cli.demo_answers import Answer, Point, json_value, leads_to, leaves, reading_of, said, same
from headwater.cli.demo_redis import Hash, found_in, message
from headwater.client.calls import posted, reading
from headwater.emulator.journal import journal_entries
from headwater.log.disk import RealDisk
from headwater.log.manifest import load_manifest
from headwater.log.reader import LogReader
from headwater.log.recovery import MARK
from headwater.model.errors import ConfigError
from headwater.model.ids import IdRun
from headwater.model.records import Batch, Kind, Loss
from headwater.model.stamp import OriginKind
from headwater.pipeline.steps.aggregate import FUNCTIONS
from headwater.wire import codec
from headwater.wire.records import Record, decode_batch, decode_body

LINEAGE_MAX = 100_000
IDS_A_REQUEST = 5_000
AGGREGATES_A_REQUEST = 64


class StepPlan(msgspec.Struct, frozen=True):
    """A step whose outputs are checked."""

    node_log: Path
    function: str
    window_ms: int


class Check(msgspec.Struct, frozen=True):
    """What to compare."""

    api: str
    endpoint_log: Path
    journals: dict[str, Path]
    """Name of a group of sensors -> its journal."""
    hops: dict[str, list[str]]
    """Name of a group of sensors -> ids of the nodes that its readings pass, the endpoint first."""
    steps: list[StepPlan]
    arrivals: Path
    redis: dict[str, str] = {}
    """Id of a node -> the URL of its Redis, where readings must be found too."""


class Arrival(msgspec.Struct, frozen=True, array_like=True):
    """A batch seen durable at the endpoint."""

    source: str
    first: int
    count: int
    seen_ms: float


class Findings(msgspec.Struct, kw_only=True):
    """What the demo's report says of the readings."""

    readings_sent: int = 0
    readings_delivered: int = 0
    readings_dropped: int = 0
    readings_duplicated: int = 0
    lineage_checked: int = 0
    lineage_exact: int = 0
    aggregates_checked: int = 0
    aggregates_exact: int = 0
    p50_ms: float | None = None
    p95_ms: float | None = None
    redis_checked: int | UnsetType = UNSET
    """Data points looked up by id in the Redis of their node; only with one."""
    redis_exact: int | UnsetType = UNSET
    """Those that are there as the journal has them."""
    example: str | None = None
    """A delivered reading, for whoever wants to trace one."""
    example_aggregate: str | None = None


class Source:
    """All that one group of sensors sent, by number."""

    def __init__(self, hops: list[str], folder: Path) -> None:
        self.hops = hops
        disk = RealDisk(folder)
        self.id = str(msgspec.json.decode(disk.read("source", 0, 4096))["source"])
        self.keys: dict[int, tuple[str, str]] = {}
        series, timestamps, values, sent = [], [], [], []
        for entry in journal_entries(disk):
            self.keys.update({number: (meter, metric) for number, meter, metric in entry.series})
            columns = codec.decode(entry.payload)
            series.append(columns.series)
            timestamps.append(columns.timestamps)
            values.append(columns.values)
            sent.append(np.full(entry.count, entry.sent_ms))
        nothing = np.empty(0, np.int64)
        self.series: NDArray[np.int64] = np.concatenate([nothing, *series])
        self.timestamps: NDArray[np.int64] = np.concatenate([nothing, *timestamps])
        self.values: NDArray[np.float64] = np.concatenate([np.empty(0), *values])
        self.sent_ms: NDArray[np.int64] = np.concatenate([nothing, *sent])

    def reading(self, number: int) -> tuple[str, str, int, float]:
        """Meter, metric, time in ms and value of the reading with a number, from 1 on."""
        at = number - 1
        return (*self.keys[int(self.series[at])], int(self.timestamps[at]), float(self.values[at]))


class Delivered(NamedTuple):
    """A batch of readings in the endpoint's log."""

    source: str
    first: int
    run: IdRun | None
    columns: codec.Columns


def log_records(folder: Path) -> Iterator[Record]:
    """All durable records of a log."""
    disk = RealDisk(folder)
    reader = LogReader(disk, 0, lambda: disk.load_word(MARK), lambda first, last: True)
    while (stretch := reader.read()).records:
        yield from stretch.records


class Judge:
    """Compares, and counts what it finds."""

    def __init__(self, check: Check) -> None:
        self.check = check
        self.found = Findings()
        sources = [Source(check.hops[name], folder) for name, folder in check.journals.items()]
        self.sources = {source.id: source for source in sources}
        self.delivered: list[Delivered] = []
        self.outputs: list[tuple[IdRun, codec.Columns, str]] = []
        self.messages: dict[str, list[tuple[str, Hash]]] = defaultdict(list)
        """Id of a node -> ids of readings with what its Redis must have of them."""

    def judge(self) -> Findings:
        self.found.readings_sent = sum(len(source.series) for source in self.sources.values())
        self.read_endpoint()
        self.check_lineage()
        self.check_aggregates()
        self.check_redis()
        self.measure_latency()
        return self.found

    def read_endpoint(self) -> None:
        """What arrived, once or more, and what was named lost."""
        seen: dict[str, Counter[int]] = defaultdict(Counter)
        lost: dict[tuple[str, bytes, int, int], int] = {}
        for record in log_records(self.check.endpoint_log):
            if record.kind == Kind.DATA:
                self._delivered(decode_batch(record), seen)
            elif record.kind == Kind.OUT:
                batch = decode_batch(record)
                if batch.stamp is not None:
                    self.outputs.append((batch.stamp.run, codec.decode(batch.payload), batch.origin.stream.hex()))
            elif record.kind == Kind.LOSS:
                body = decode_body(record)
                if isinstance(body, Loss):  # Logged twice on every hop: the copies say the same.
                    lost[body.why, body.log, body.first, body.last] = body.readings
        self.found.readings_dropped = sum(lost.values())
        self.found.readings_delivered = sum(len(counts) for counts in seen.values())
        self.found.readings_duplicated = sum(sum(counts.values()) - len(counts) for counts in seen.values())

    def _delivered(self, batch: Batch, seen: dict[str, Counter[int]]) -> None:
        source = batch.origin.stream.hex()
        if batch.origin.kind == OriginKind.SOURCE and source in self.sources:
            run = batch.stamp.run if batch.stamp is not None else None
            self.delivered.append(Delivered(source, batch.origin.number, run, codec.decode(batch.payload)))
            seen[source].update(range(batch.origin.number, batch.origin.number + batch.count))

    def check_lineage(self) -> None:
        """Every delivered reading, or as many as are asked for, must lead to the reading that the journal has."""
        wanted = self._sample()
        for start in range(0, len(wanted), IDS_A_REQUEST):
            part = wanted[start : start + IDS_A_REQUEST]
            for (_, source, number, value), answer in zip(
                part, self._ask([one[0] for one in part], "linear"), strict=True
            ):
                self.found.lineage_checked += 1
                self.found.lineage_exact += self._exact(answer, self.sources[source], number, value)
                self._expect_messages(answer, self.sources[source].reading(number))
        self.found.example = wanted[-1][0] if wanted else None

    def _sample(self) -> list[tuple[str, str, int, float]]:
        """(id, source, number, value) of all delivered readings, or of the most that are checked, evenly spread."""
        stamped = [(held, held.run) for held in self.delivered if held.run is not None]
        total = sum(run.count for _, run in stamped)
        chosen = np.linspace(0, total - 1, min(total, LINEAGE_MAX)).astype(np.int64) if total else np.empty(0, np.int64)
        wanted: list[tuple[str, str, int, float]] = []
        before = 0
        for held, run in stamped:
            low, high = np.searchsorted(chosen, (before, before + run.count))
            for at in (chosen[low:high] - before).tolist():
                wanted.append((str(run.at(at)), held.source, held.first + at, float(held.columns.values[at])))
            before += run.count
        return wanted

    def _exact(self, answer: Answer, source: Source, number: int, value: float) -> bool:
        """Whether all points of a lineage are the one reading, on the one path."""
        expected = source.reading(number)
        points = answer.points
        return (
            answer.found
            and [str(point.context.get("hostId")) for point in points] == source.hops
            and all(reading_of(point) == said(*expected) for point in points)
            and all(leads_to(point, source.id, number) for point in points)
            and same(value, expected[3])
        )

    def _ask(self, ids: list[str], structure: str) -> list[Answer]:
        question = {"ids": ids, "structure": structure, "detail": True, "values": True}
        with asking(self.check.api) as client:
            return client.ask(posted("/v1/lineage", question, reading(list[Answer])))

    # ---- aggregates --------------------------------------------------------------------------------------------------

    def check_aggregates(self) -> None:
        """Every window that the journals fill must have come out once, of exactly its readings."""
        for step in self.check.steps:
            expected = self._expected(step)
            made = self._made(step)
            self.found.aggregates_checked += len(expected.keys() | made.keys())
            for window, outputs in made.items():
                numbers = expected.get(window)
                if len(outputs) == 1 and numbers is not None:
                    self.found.aggregates_exact += self._aggregate_exact(step, outputs[0], window[0], numbers)
                self.found.example_aggregate = outputs[0].id

    def _expected(self, step: StepPlan) -> dict[tuple[str, str, str, int], list[int]]:
        """(source, meter, metric, window start) -> the numbers of its readings in order."""
        late = late_readings(step.node_log)
        windows: dict[tuple[str, str, str, int], list[int]] = defaultdict(list)
        for source in self.sources.values():
            starts = source.timestamps - source.timestamps % step.window_ms
            for at, (series, start) in enumerate(zip(source.series.tolist(), starts.tolist(), strict=True)):
                if (source.id, at + 1) not in late:
                    windows[(source.id, *source.keys[series], start)].append(at + 1)
        return windows

    def _made(self, step: StepPlan) -> dict[tuple[str, str, str, int], list[Point]]:
        """The outputs of a step by the window that they say they are."""
        log = _log_id(step.node_log)
        ids = [str(run.at(at)) for run, _, stream in self.outputs if stream == log for at in range(run.count)]
        made: dict[tuple[str, str, str, int], list[Point]] = defaultdict(list)
        for start in range(0, len(ids), AGGREGATES_A_REQUEST):
            for answer in self._ask_smaller(ids[start : start + AGGREGATES_A_REQUEST]):
                if answer.found and answer.points:
                    point = answer.points[0]
                    leaf = next(iter(leaves(point)), point)
                    metric = str(point.context.get("metricId", "")).removesuffix(f".{step.function}")
                    time_ms = int(str(point.context.get("timestamp", 0)))
                    window = (str(leaf.origin.get("stream")), str(point.context.get("meterId")), metric, time_ms)
                    made[window].append(point)
        return made

    def _ask_smaller(self, ids: list[str]) -> list[Answer]:
        """Ask; when the answer would be too large, ask in halves."""
        try:
            return self._ask(ids, "recursive")
        except ConfigError:
            if len(ids) == 1:
                raise
            half = len(ids) // 2
            return self._ask_smaller(ids[:half]) + self._ask_smaller(ids[half:])

    def _aggregate_exact(self, step: StepPlan, point: Point, source_id: str, numbers: list[int]) -> bool:
        source = self.sources[source_id]
        ends = leaves(point)
        origins = sorted(int(str(leaf.origin.get("number"))) for leaf in ends)
        value = FUNCTIONS[step.function]([source.reading(number)[3] for number in numbers])
        return (
            origins == numbers
            and all(leads_to(leaf, source_id, int(str(leaf.origin.get("number")))) for leaf in ends)
            and all(reading_of(leaf) == said(*source.reading(int(str(leaf.origin.get("number"))))) for leaf in ends)
            and json_value(value) == point.value
        )

    # ---- Redis -------------------------------------------------------------------------------------------------------

    def _expect_messages(self, answer: Answer, reading: tuple[str, str, int, float]) -> None:
        """On every node of its path with a Redis, a reading must be found by the id that its lineage names."""
        parents = [*(point.id for point in answer.points[1:]), None]
        for point, parent in zip(answer.points, parents, strict=False):
            node = str(point.context.get("hostId"))
            if node in self.check.redis:
                self.messages[node].append((point.id, message(*reading, parent)))

    def check_redis(self) -> None:
        if self.check.redis:
            self.found.redis_checked = sum(map(len, self.messages.values()))
            self.found.redis_exact = sum(
                found_in(self.check.redis[node], wanted) for node, wanted in self.messages.items()
            )

    # ---- latency -----------------------------------------------------------------------------------------------------

    def measure_latency(self) -> None:
        """From the sensors' clock before their own sync to when the batch was seen durable at the endpoint."""
        arrivals = msgspec.json.decode(self.check.arrivals.read_bytes(), type=list[Arrival])
        delays = [
            arrival.seen_ms
            - self.sources[arrival.source].sent_ms[arrival.first - 1 : arrival.first - 1 + arrival.count]
            for arrival in arrivals
            if arrival.source in self.sources
        ]
        if delays:
            p50, p95 = np.percentile(np.concatenate(delays), (50, 95))
            self.found.p50_ms, self.found.p95_ms = round(float(p50), 2), round(float(p95), 2)


def late_readings(folder: Path) -> set[tuple[str, int]]:
    """(source, number) of the readings that steps of a log declared late."""
    late: dict[int, tuple[int, ...]] = {}
    for record in log_records(folder):
        if record.kind == Kind.OUT and record.upstream is None:
            trigger = decode_batch(record).trigger
            if trigger is not None and trigger.late:
                late[trigger.sequence] = trigger.late
    found: set[tuple[str, int]] = set()
    for record in log_records(folder) if late else ():
        if record.sequence in late:
            origin = decode_batch(record).origin
            found |= {(origin.stream.hex(), origin.number + position) for position in late[record.sequence]}
    return found


def _log_id(folder: Path) -> str:
    manifest = load_manifest(RealDisk(folder))
    assert manifest is not None
    return manifest.log


def main() -> int:
    check = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Check, dec_hook=lambda kind, text: kind(text))
    sys.stdout.buffer.write(msgspec.json.encode(Judge(check).judge()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
