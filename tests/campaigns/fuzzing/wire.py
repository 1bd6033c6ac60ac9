"""Payloads and log records of any bytes: refused by name, or read as what would be written again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import numpy as np

from headwater.model.context import Context, Location
from headwater.model.errors import Rejected
from headwater.model.ids import IdRun
from headwater.model.records import Batch, Config, Definition, Jump, Kind, Loss, Position, TimeDecision
from headwater.model.stamp import Lists, Origin, Same, Select, Stamp
from headwater.wire import codec
from headwater.wire.columns import Integers
from headwater.wire.records import Body, Record, decode_body, encode_body, frame, known, read_body, read_header
from headwater.wire.spans import spans_of
from tests.campaigns.fuzzing.target import Check, changed
from tests.wire.examples import EXAMPLES, assert_same


@contextmanager
def payloads(folder: Path) -> Iterator[Check]:
    """Random readings come back bit for bit; anything else is refused, or holds as many readings as it says."""
    written = [codec.encode(*columns) for columns in EXAMPLES.values()]

    def check(random: Random) -> str:
        if random.random() < 0.2:
            columns = _readings(random)
            payload = codec.encode(*columns)
            assert_same(codec.decode(payload), columns)
        else:
            payload = random.choice(written)
        if random.random() < 0.05:
            payload = random.randbytes(random.randint(0, 300))
        made = changed(random, payload)
        _compare_spans(made)
        return _read(made)

    yield check


def _readings(random: Random) -> codec.Columns:
    count = random.choice([0, 1, 2, 15, 16, 17, random.randint(0, 400)])
    source = np.random.default_rng(random.getrandbits(64))
    series = np.sort(source.integers(0, random.choice([2, 50, 1 << 40]), count))
    timestamps = source.integers(-random.choice([1, 1 << 62]), random.choice([10, 1 << 41, (1 << 63) - 1]), count)
    bits = source.integers(0, 1 << 64, count, np.uint64, endpoint=False).view(np.float64)
    values = random.choice([bits, source.integers(0, 10_000, count) / 100, np.zeros(count)])
    return codec.Columns(series.astype(np.int64), timestamps.astype(np.int64), values.astype(np.float64))


def _read(payload: bytes) -> str:
    try:
        count = codec.count(payload)
        back = codec.decode(payload)
    except Rejected as refusal:
        return _refused(refusal, "payload")
    assert [len(column) for column in back] == [count] * 3
    assert count == 0 or int(back.series.min()) >= 0
    assert_same(codec.decode(codec.encode(*back)), back)
    return "read"


def _compare_spans(payload: bytes) -> None:
    """The spans of keys are those of their columns, and refused with the same words."""
    try:
        keys = codec.keys(payload)
    except Rejected:
        return
    (found,) = spans_of([keys])
    decoded = _decoded(keys)
    if isinstance(decoded, str) or isinstance(found, Rejected):
        assert str(found) == decoded or not codec.count(keys)
        return
    series, timestamps = decoded
    named = (found.shape.count, set(found.shape.series.tolist()), found.first_ms, found.last_ms)
    assert named == (len(series), set(series.tolist()), timestamps.min(), timestamps.max())


def _decoded(keys: bytes) -> tuple[Integers, Integers] | str:
    try:
        return codec.decode_keys(keys)
    except Rejected as refusal:
        return str(refusal)


@contextmanager
def records(folder: Path) -> Iterator[Check]:
    """A changed frame is noticed; a sound frame with any body is refused, or read as what would be written again."""
    bodies = _bodies()

    def check(random: Random) -> str:
        kind, body = random.choice(bodies)
        whole = encode_body(body)
        made = whole if random.random() < 0.3 else changed(random, whole)
        record = Record(
            kind if random.random() < 0.9 else random.randrange(256),
            1,
            random.getrandbits(64),
            random.getrandbits(64),
            random.getrandbits(64),
            random.choice([None, Position(random.randbytes(8), random.getrandbits(64))]),
            made,
            random.random() < 0.1,
        )
        framed = frame(record)
        assert _read_frame(framed) == record
        other = changed(random, framed)
        assert other == framed or _read_frame(other[: len(framed)]) in (None, record)
        return _read_body(record)

    yield check


def _refused(refusal: Rejected, reason: str) -> str:
    assert refusal.reason == reason, refusal
    return "refused"


def _read_frame(data: bytes) -> Record | None:
    header = read_header(data)
    return None if header is None else read_body(data, header)


def _read_body(record: Record) -> str:
    if not known(record):
        return "unknown"
    try:
        body = decode_body(record)
    except Rejected as refusal:
        return _refused(refusal, "record")
    again = record._replace(body=encode_body(body))
    assert encode_body(decode_body(again)) == again.body
    return "read"


def _bodies() -> list[tuple[int, Body]]:
    """One body of each kind, with stamps of each form."""
    run, origin = IdRun(1, 1 << 40, 3), Origin(2, b"log00001", 7, 1, 2)
    inputs = (None, Same(run), Select(run, b"\x05"), Lists("average", ((run,), (run.part(0, 1), run.part(2, 1)))))
    stamps = [Stamp(run, each, b"context1", 1_700_000_000_000, 5, -3, True) for each in inputs]
    payload = codec.encode(*EXAMPLES["rows"])
    batches: list[tuple[int, Body]] = [
        (Kind.DATA if each.inputs is None else Kind.OUT, Batch(origin, b"log00001", 3, payload, each))
        for each in stamps
    ]
    return [
        *batches,
        (Kind.DEFINITION, Definition(b"log00001", 4, "meter", "metric")),
        (Kind.CONTEXT, Context(location=Location("here", 1.0, 2.0), application="app", line=3)),
        (Kind.TIME, TimeDecision(1, 1_700_000_000_000)),
        (Kind.CONFIG, Config(1, "gateway", "127.0.0.1:50051", steps=("average(10s)",))),
        (Kind.LOSS, Loss("damaged", b"log00001", 1, 2, 3, (run,), ((1, 2),))),
        (Kind.JUMP, Jump(3, 9)),
    ]
