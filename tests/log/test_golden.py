"""A log in format 1, kept as hex: every later version reads it. To see how it was made: `make_golden`."""

from pathlib import Path

import pytest

from headwater.log.cursors import Cursor, load_cursor, save_cursor
from headwater.log.disk import Disk
from headwater.log.explained import is_explained
from headwater.log.manifest import Manifest, load_manifest, save_manifest
from headwater.log.recovery import MARK
from headwater.log.segments import segment_name
from headwater.log.state import State
from headwater.log.survey import body_of
from headwater.log.writer import NodeLog
from headwater.model.context import Context, Location
from headwater.model.ids import IdRun
from headwater.model.records import (
    Batch,
    Config,
    Definition,
    Jump,
    Kind,
    Loss,
    Position,
    TimeDecision,
    Trigger,
    Why,
)
from headwater.model.stamp import Lists, Origin, OriginKind, Same, Select, Stamp
from headwater.wire.records import Body, Record, decode_body, frame, known
from tests.log.logs import places, read_all
from tests.simulation.disk import SimDisk

FOLDER = Path(__file__).parents[1] / "golden" / "log"
NODE, LOG, NOW_MS = 0x0000A1, bytes.fromhex("00112233445566aa"), 1_700_000_000_000
MANIFEST = Manifest(1, "0000a1", LOG.hex(), 1, 1_700_000_000)
START = IdRun(NODE, 1_700_000_000 << 24, 3)

CONTEXT = Context(("meterid", "loc"), Location("TU-MAR", 52.51, 13.32), "app", "Class", 7, "average(900 s)")
LOSS = Loss(
    Why.DROPPED, LOG, 1, 2, 5, (START,), ((1, 2),), ((2, 2),), (Loss(Why.GAP, b"upstream", 4, 6, 9),), whole=(1, 2)
)
BODIES: list[tuple[int, Body, int, Position | None]] = [
    (Kind.DEFINITION, Definition(LOG, 1, "mètre", "power"), 0, None),
    (Kind.DEFINITION, Definition(b"upstream", 9, "", "", damaged=True), 0, Position(b"upstream", 9)),
    (Kind.CONTEXT, CONTEXT, 0, None),
    (
        Kind.CONFIG,
        Config(NODE, "gatewayA", "host:50051", 0xC, steps=("average(900 s)",), when_full="drop_oldest"),
        0,
        None,
    ),
    (
        Kind.DATA,
        Batch(Origin(OriginKind.SOURCE, b"a source", 7), LOG, 3, b"payload", Stamp(START, None, CONTEXT.id, NOW_MS)),
        3,
        Position(b"a source", 9),
    ),
    (
        Kind.DATA,
        Batch(
            Origin(OriginKind.ENTRY, b"upstream", 8),
            b"upstream",
            2,
            b"p",
            Stamp(START.part(3, 2), Select(IdRun(0xB, 5, 9), b"\x81\x00"), CONTEXT.id, NOW_MS, NOW_MS - 5, -3, True),
        ),
        2,
        Position(b"upstream", 10),
    ),
    (
        Kind.OUT,
        Batch(
            Origin(OriginKind.STEP, LOG, 5, 1, 2),
            LOG,
            1,
            b"",
            Stamp(START.part(5, 1), Lists("average", ((START, IdRun(0xB, 1, 1)),)), CONTEXT.id, NOW_MS),
            Trigger(1, 5, (0, 2), ((LOG, 1, 900_000),)),
        ),
        1,
        None,
    ),
    (Kind.OUT, Batch(Origin(OriginKind.STEP, LOG, 6), LOG, 1, b"", Stamp(START, Same(START), b"contexts", 0)), 1, None),
    (Kind.TIME, TimeDecision(1, NOW_MS, False), 0, None),
    (Kind.LOSS, LOSS, 0, None),
    (Kind.JUMP, Jump(3, 4), 0, None),
]


def append_all(log: NodeLog) -> list[Record]:
    made = [log.append(kind, body, readings, upstream) for kind, body, readings, upstream in BODIES]
    made.append(log.append(Kind.REFUSED, None, upstream=Position(b"upstream", 11)))
    made.append(log.append(200, None, raw=b"of a later version", version=9))
    return made


def make_golden(disk: Disk) -> list[Record]:
    """All kinds of record, a segment that holds their state in its snapshots, and the small files."""
    save_manifest(disk, MANIFEST)
    log = NodeLog(disk, NODE, lambda: NOW_MS)
    made = append_all(log)
    log.roll()
    log.commit()
    save_cursor(disk, "agent", Cursor(7, 70))
    return made


def write_golden() -> None:
    """Once for each format; a landed format is never written again."""
    disk = SimDisk()
    make_golden(disk)
    for name in disk.names():
        (FOLDER / f"format_1-{name}.hex").write_text(disk.read(name, 0, disk.size(name)).hex("\n", 48) + "\n")


@pytest.fixture
def golden() -> SimDisk:
    disk = SimDisk()
    for path in FOLDER.glob("format_1-*.hex"):
        disk.replace(path.name.removeprefix("format_1-").removesuffix(".hex"), bytes.fromhex(path.read_text()))
    return disk


def test_records_of_format_1_are_read_and_written_as_ever(golden: SimDisk) -> None:
    found = [(name, offset, record) for name, offset, record in places(golden) if record.kind != Kind.SNAPSHOT]
    assert all(golden.read(name, offset, record.size) == frame(record) for name, offset, record in found)
    records = [record for _, _, record in found]
    assert [decode_body(record) for record in records if known(record)] == [body for _, body, _, _ in BODIES]
    # A later version may append fields to bodies; the rest is as it was.
    made = make_golden(SimDisk())
    assert [record._replace(body=b"") for record in records] == [record._replace(body=b"") for record in made]


def test_a_log_of_format_1_goes_on(golden: SimDisk) -> None:
    golden.store_word(MARK, 13)
    log = NodeLog(golden, NODE, lambda: NOW_MS)
    assert log.durable == 13
    assert len(read_all(log.reader(0))) == 13
    assert log.state.positions == {b"a source": 9, b"upstream": 11}
    assert log.state.place == (13, 7, START.start + 6)
    assert log.state.numbers == {("mètre", "power"): 1}
    assert log.state.contexts == {CONTEXT.id: CONTEXT}
    assert log.state.config == BODIES[3][1]
    assert log.state.heard[OriginKind.SOURCE, b"a source", 0] == 10
    assert log.state.lost == {"dropped": 5}


def test_snapshots_of_format_1_are_read(golden: SimDisk) -> None:
    name = segment_name(14)
    heads = [record for at, _, record in places(golden) if at == name]
    by_records = State(NODE, LOG)
    by_records.ordinal = START.start
    for _, _, record in places(golden):
        if record.kind != Kind.SNAPSHOT:
            by_records.apply(record.kind, record.sequence, record.total, record.upstream, body_of(record), record.stays)
    # Not counted then: everything is taken to have come in, and to go on.
    by_records.received = by_records.outgoing = by_records.count
    assert [vars(State.restore(head.body)) for head in heads] == [vars(by_records)] * 2


def test_the_small_files_of_format_1_are_read(golden: SimDisk) -> None:
    assert load_manifest(golden) == Manifest(1, "0000a1", LOG.hex(), 65_549, 1_700_000_000)
    assert load_cursor(golden, "agent") == Cursor(7, 70)
    assert is_explained(golden, 1, 4)
