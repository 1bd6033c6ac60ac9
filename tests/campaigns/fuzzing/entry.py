"""What anyone may send as readings: messages of 2018, and payloads in JSON, NDJSON, SenML and CSV."""

import json
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from headwater.model.errors import Problem, Rejected
from headwater.model.reading import Reading, SeriesKey
from headwater.pipeline.collector import Collector
from headwater.pipeline.mapping import MappingOptions
from headwater.pipeline.payloads import Format, Payloads
from headwater.pipeline.server import parse
from headwater.wire import codec
from headwater.wire import provenance_system_pb2 as pb
from tests.campaigns.fuzzing.target import Check, changed
from tests.pipeline.ends import End

ID = "5a8b9c0000000100000a"
BATCH = 200
_DOUBLE = struct.Struct("<d")

PACKS: list[object] = [
    [{"bn": "urn:dev:ow:10e2073a01080063:", "bt": 1.3e9, "bu": "A", "v": 1.2}, {"n": "voltage", "u": "V", "v": 230.1}],
    [{"n": "meter/power", "v": 17.5, "t": -5}, {"n": "meter/label", "vs": "text"}, {"n": "x", "vb": True}],
    [{"bver": 10, "bn": "a", "bv": 3, "bs": 1}, {"n": "b", "s": 2.5}, {"t": 1e300, "n": "c", "v": -0.0}],
]
DOCUMENTS: list[object] = [
    {"meter": "m1", "metric": "power", "timestamp": 1769860800000, "value": 12.5},
    [{"meter": "m1", "metric": "power", "timestamp": "2026-01-31T12:00:00Z", "value": "12.5"}, {"meter": 1}],
    {"records": [{"value": 1e999}, {"value": None, "meter": "m"}], "meter": "é", "timestamp": 1e18},
]
TABLE = 'meter,metric,timestamp,value\nm1,power,1769860800000,12.5\n"m,2",power,2026-01-31T12:00:00Z,1e3\n,,x,\n'


@contextmanager
def messages(folder: Path) -> Iterator[Check]:
    """A message of 2018 is refused by name, or its reading is in the log to the last bit."""
    taken = _Taken()

    def check(random: Random) -> str:
        nonlocal taken
        message = _message(random)
        try:
            read = parse(changed(random, message) if random.random() < 0.5 else message)
        except Rejected as refusal:
            return refusal.reason
        taken.add(*read)
        if len(taken.wanted) >= BATCH:
            taken.compare()
            taken = _Taken()
        return "read"

    yield check


class _Taken:
    """A log, and what was put into it."""

    def __init__(self) -> None:
        self._end = End(1)
        self._collector = Collector(self._end.core, lambda: 0.0)
        self.wanted: list[tuple[int, int, bytes]] = []

    def add(self, key: SeriesKey, timestamp: int, value: float, parent: str) -> None:
        self._collector.add(key, timestamp, value, parent)
        self.wanted.append((self._end.log.define(key), timestamp, _DOUBLE.pack(value)))

    def compare(self) -> None:
        self._collector.flush()
        (batch,) = self._end.batches()
        series, timestamps, values = (column.tolist() for column in codec.decode(batch.payload))
        found = list(zip(series, timestamps, map(_DOUBLE.pack, values), strict=True))
        assert found == sorted(self.wanted, key=lambda reading: reading[0])


def _message(random: Random) -> bytes:
    measured = pb.measurement_message(
        meter_id=random.choice(["m1", "é" * 40, "", "x" * 256]),
        metric_id=random.choice(["power", "p", ""]),
        timestamp=random.choice([0, -1, (1 << 63) - 1, random.getrandbits(41)]),
        value=random.choice([0.0, -0.0, 1e308, 12.5, float("nan"), random.random()]),
    )
    data = pb.Grid_data(measurement=measured, prov_id=random.choice(["", ID, "no id"]), context="METER,METRIC")
    return b"" if random.random() < 0.02 else data.SerializeToString()


@contextmanager
def payloads(folder: Path) -> Iterator[Check]:
    """A payload of any bytes gives readings that can be logged, and problems that say what and where."""
    formats: tuple[Format, ...] = ("json", "ndjson", "senml", "csv")
    readers = {format: Payloads(format, MappingOptions()) for format in formats}

    def check(random: Random) -> str:
        format = random.choice(formats)
        payload = _payload(random, format)
        if random.random() < 0.9:
            payload = changed(random, payload)
        items = list(readers[format].read(payload, {"meter": "m", "metric": "p"}, 1_769_860_800_000))
        for item in items:
            _check_item(item)
        return f"{format} read" if any(isinstance(item, Reading) for item in items) else f"{format} refused"

    yield check


def _payload(random: Random, format: Format) -> bytes:
    if format == "csv":
        return TABLE.encode()
    if format == "senml":
        return json.dumps(random.choice(PACKS)).encode()
    if format == "json":
        return json.dumps(random.choice(DOCUMENTS)).encode()
    return b"\n".join(json.dumps(random.choice(DOCUMENTS)).encode() for _ in range(3))


def _check_item(item: Reading | Problem) -> None:
    if isinstance(item, Problem):
        assert item.place
        assert item.error.reason
        assert item.error.detail
        return
    assert item.meter
    assert item.metric
    assert -(1 << 63) <= item.timestamp < 1 << 63
    assert isinstance(item.value, float)
