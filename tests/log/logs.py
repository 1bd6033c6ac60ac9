"""What tests of the node log have in common: opening one, filling it, reading its files, and hurting it."""

import os
from collections.abc import Callable
from pathlib import Path

from headwater.log.disk import Disk, RealAppendFile, RealDisk
from headwater.log.explained import is_explained
from headwater.log.reader import LogReader
from headwater.log.recovery import MARK
from headwater.log.segments import read_segment, segment_name, segments
from headwater.log.writer import LogOptions, NodeLog
from headwater.model.records import Batch, Kind, Position
from headwater.model.stamp import Origin, OriginKind, Stamp
from headwater.wire.records import Record
from tests.simulation.disk import Crash, DiskError, Operation, SimDisk

NODE = 0xA1
NOW_MS = 1_700_000_000_000
UPSTREAM = b"upstream"


def open_log(disk: Disk, segment_bytes: int = 1 << 20, now_ms: Callable[[], int] = lambda: NOW_MS) -> NodeLog:
    return NodeLog(disk, NODE, now_ms, LogOptions(segment_bytes))


def put(log: NodeLog, count: int = 3, payload: bytes = b"payload") -> Record:
    """One stamped batch from upstream."""
    stamp = Stamp(log.allocate(count), None, b"contexts", NOW_MS)
    origin = Origin(OriginKind.ENTRY, log.log, log.state.sequence + 1)
    position = Position(UPSTREAM, log.state.positions.get(UPSTREAM, 0) + 1)
    return log.append(Kind.DATA, Batch(origin, log.log, count, payload, stamp), count, position)


def fill(log: NodeLog, records: int, payload: bytes = b"payload") -> list[Record]:
    """Batches, each committed on its own."""
    made = []
    for _ in range(records):
        made.append(put(log, payload=payload))
        log.commit()
    return made


def reader_elsewhere(disk: Disk, after: int = 0) -> LogReader:
    """A reader as another process has it."""
    return LogReader(disk, after, lambda: disk.load_word(MARK), lambda first, last: is_explained(disk, first, last))


def read_all(reader: LogReader) -> list[Record]:
    """All that a reader can read now; nothing may be missing and unnamed."""
    records: list[Record] = []
    while True:
        stretch = reader.read()
        assert stretch.damage is None, stretch.damage
        if not stretch.records:
            return records
        records += stretch.records


def sequences(records: list[Record]) -> list[int]:
    return [record.sequence for record in records]


def of_kind(records: list[Record], kind: Kind) -> list[Record]:
    return [record for record in records if record.kind == kind]


def places(disk: Disk) -> list[tuple[str, int, Record]]:
    """Every sound record on disk, snapshots included, with its file and offset."""
    return [
        (segment_name(first), offset, found)
        for first in segments(disk)
        for offset, found in read_segment(disk, first)
        if isinstance(found, Record)
    ]


def flip_record(disk: SimDisk, sequence: int, bit: int = 400) -> None:
    """Turn a bit of the record with a sequence around; bit 400 is in the body."""
    name, offset, _ = next(
        place for place in places(disk) if place[2].sequence == sequence and place[2].kind != Kind.SNAPSHOT
    )
    disk.flip(name, 8 * offset + bit)


class Watch:
    """Counts the steps of a disk, and lets one go wrong."""

    def __init__(self, disk: SimDisk, fault: Callable[[Operation], BaseException | None]) -> None:
        self.seen: list[Operation] = []
        self._fault = fault
        disk.on_operation = self._pass

    def _pass(self, operation: Operation) -> None:
        self.seen.append(operation)
        fault = self._fault(operation)
        if fault is not None:
            raise fault


def watch(disk: SimDisk) -> Watch:
    return Watch(disk, lambda _: None)


def crash_at(disk: SimDisk, step: int, written: int = 0) -> Watch:
    """The process dies at the given step, counted from 0."""
    watching = Watch(disk, lambda _: Crash(written=written) if len(watching.seen) > step else None)
    return watching


def refuse(disk: SimDisk, kind: str, ending: str = "", times: int = 1, written: int = 0) -> Watch:
    """The first so many steps of a kind fail, as if the disk were full."""
    left = [times]

    def fault(operation: Operation) -> BaseException | None:
        if operation.kind != kind or operation.done or not operation.name.endswith(ending) or not left[0]:
            return None
        left[0] -= 1
        return DiskError(28, "No space left on device", written)

    return Watch(disk, fault)


def refuse_step(disk: SimDisk, step: int) -> Watch:
    """The given step fails, counted from 0."""
    watching = Watch(
        disk, lambda _: DiskError(28, "No space left on device") if len(watching.seen) == step + 1 else None
    )
    return watching


class RecordingDisk(RealDisk):
    """A folder of the file system that notes in which order things are done to it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.steps: list[str] = []

    def create(self, name: str) -> "RecordingFile":
        self.steps.append(f"create {name}")
        return RecordingFile(self.folder / name, self.steps)

    def rename(self, name: str, to: str) -> None:
        self.steps.append(f"rename {to}")
        super().rename(name, to)

    def sync_folder(self) -> None:
        self.steps.append("sync_folder")
        super().sync_folder()


class RecordingFile(RealAppendFile):
    """A file of a `RecordingDisk`."""

    def __init__(self, path: Path, steps: list[str]) -> None:
        super().__init__(path, os.O_CREAT | os.O_TRUNC)
        self._steps = steps

    def write(self, data: bytes) -> None:
        self._steps.append("write")
        super().write(data)

    def datasync(self) -> None:
        self._steps.append("datasync")
        super().datasync()
