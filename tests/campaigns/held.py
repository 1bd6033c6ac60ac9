"""What the folders of a run hold: journals and node logs, read as they lie there."""

import contextlib
import struct
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from headwater.emulator.journal import PREFIX as JOURNAL_PREFIX
from headwater.emulator.journal import SOURCE, Identity, read_entries
from headwater.log.disk import RealDisk
from headwater.log.manifest import load_manifest
from headwater.log.segments import Invalid, read_segment, segment_name, segments
from headwater.log.standing import PROGRESS, RECEIVED, SENT
from headwater.model.errors import NotFound
from headwater.model.reading import SeriesKey
from headwater.model.records import Batch, Definition, Kind
from headwater.model.stamp import OriginKind
from headwater.wire import codec
from headwater.wire.records import Body, Record, decode_body, known

_DOUBLE = struct.Struct("<d")


class Value(NamedTuple):
    """A reading as it is compared: its value by its bits."""

    meter: str
    metric: str
    timestamp: int
    bits: bytes

    @property
    def value(self) -> float:
        return float(_DOUBLE.unpack(self.bits)[0])


def bits_of(value: float) -> bytes:
    return _DOUBLE.pack(value)


class Journal(NamedTuple):
    """All readings of one source; number n is `values[n - 1]`."""

    source: bytes
    values: list[Value]


class Row(NamedTuple):
    """A record of a log with what it says."""

    record: Record
    body: Body | None


class Log(NamedTuple):
    """A node log as it lies there."""

    id: bytes
    node: int
    rows: list[Row]
    series: dict[tuple[bytes, int], SeriesKey]
    unsound: int
    """Stretches that are no record."""

    @property
    def batches(self) -> list[tuple[Record, Batch]]:
        return [(row.record, row.body) for row in self.rows if isinstance(row.body, Batch)]

    def values(self, batch: Batch) -> list[Value]:
        """The readings of a batch; an unknown series has a name that nothing has."""
        series, timestamps, values = codec.decode(batch.payload)
        rows = zip(series.tolist(), timestamps.tolist(), values.tolist(), strict=True)
        return [Value(*self._key(batch.entry, number), time, bits_of(value)) for number, time, value in rows]

    def _key(self, entry: bytes, number: int) -> SeriesKey:
        return self.series.get((entry, number), SeriesKey(f"undefined {entry.hex()}", str(number)))

    def counts(self) -> Counter[Kind]:
        """Readings, by whether they were received (DATA) or made by a step (OUT) somewhere."""
        counted: Counter[Kind] = Counter()
        for _, batch in self.batches:
            counted[Kind.OUT if batch.origin.kind == OriginKind.STEP else Kind.DATA] += batch.count
        return counted


def read_journal(folder: Path) -> Journal:
    """The journal of an emulator that keeps it."""
    disk = RealDisk(folder)
    values: list[Value] = []
    names: dict[int, SeriesKey] = {}
    for name in sorted(name for name in disk.names() if name.startswith(JOURNAL_PREFIX)):
        for entry in read_entries(disk, name):
            names.update({number: SeriesKey(meter, metric) for number, meter, metric in entry.series})
            if entry.first != len(values) + 1:
                raise AssertionError(f"{folder.name}: entry {entry.first} follows reading {len(values)}")
            series, timestamps, numbers = codec.decode(entry.payload)
            rows = zip(series.tolist(), timestamps.tolist(), numbers.tolist(), strict=True)
            values += [Value(*names[number], time, bits_of(value)) for number, time, value in rows]
    return Journal(read_source(folder), values)


def read_source(folder: Path) -> bytes:
    """The id under which an emulator numbers its readings."""
    return bytes.fromhex(msgspec.json.decode((folder / SOURCE).read_bytes(), type=Identity).source)


def sent_by(source: bytes, log: Log) -> Journal:
    """The readings of a source in a log, by their numbers."""
    numbered = {
        batch.origin.number + at: value
        for _, batch in log.batches
        if batch.origin.kind == OriginKind.SOURCE and batch.origin.stream == source
        for at, value in enumerate(log.values(batch))
    }
    if sorted(numbered) != list(range(1, len(numbered) + 1)):
        raise AssertionError(f"the numbers of source {source.hex()} have holes: {sorted(numbered)}")
    return Journal(source, [numbered[number] for number in sorted(numbered)])


class Shown(NamedTuple):
    """What a pipeline daemon shows its agent."""

    progress_ms: int
    """When it did so last, by its own clock."""
    received: int
    sent: int


def read_shown(folder: Path) -> Shown:
    """What the daemon of a log showed last; zeros before it did."""
    disk = RealDisk(folder)
    try:
        return Shown(*(disk.load_word(name) for name in (PROGRESS, RECEIVED, SENT)))
    finally:
        disk.close()


def read_log(folder: Path) -> Log:
    """A node log; of a live one, what is there at the moment."""
    disk = RealDisk(folder)
    while True:
        with contextlib.suppress(NotFound):  # A segment went meanwhile.
            return _read_log(disk)


def _read_log(disk: RealDisk) -> Log:
    manifest = load_manifest(disk)
    if manifest is None:
        return Log(b"", 0, [], {}, 0)
    rows, series, unsound = [], {}, 0
    for found in _records(disk):
        if isinstance(found, Invalid):
            unsound += 1
            continue
        body = decode_body(found) if known(found) else None
        rows.append(Row(found, body))
        if isinstance(body, Definition):
            series[body.log, body.number] = SeriesKey(body.meter, body.metric)
    return Log(bytes.fromhex(manifest.log), int(manifest.node, 16), rows, series, unsound)


class Place(NamedTuple):
    """Where a record lies."""

    path: Path
    offset: int
    end: int
    kind: int
    sequence: int


def places(folder: Path) -> list[Place]:
    """Where the sound records of a log lie, snapshots left out."""
    disk = RealDisk(folder)
    return [
        Place(folder / segment_name(first), offset, offset + found.size, found.kind, found.sequence)
        for first in segments(disk)
        for offset, found in read_segment(disk, first)
        if isinstance(found, Record) and found.kind != Kind.SNAPSHOT
    ]


def _records(disk: RealDisk) -> Iterator[Record | Invalid]:
    """Records in order, each once; snapshots left out."""
    last, firsts = 0, segments(disk)
    for first, following in zip(firsts, [*firsts[1:], None], strict=True):
        for _, found in read_segment(disk, first):
            if isinstance(found, Invalid):
                yield found
            elif (
                found.kind != Kind.SNAPSHOT and found.sequence > last and (not following or found.sequence < following)
            ):
                last = found.sequence
                yield found
