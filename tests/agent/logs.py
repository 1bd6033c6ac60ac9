"""Logs that tests write by hand, and damage in their files."""

import random
from collections.abc import Iterator

import numpy as np

from headwater.capture.policy import context_for
from headwater.log.disk import RealDisk
from headwater.log.segments import SegmentCursor, read_segment, segment_name, segments
from headwater.log.survey import Missing
from headwater.log.writer import LogOptions, NodeLog
from headwater.model.ids import IdRun
from headwater.model.reading import Reading, SeriesKey
from headwater.model.records import Batch, Kind
from headwater.model.stamp import Origin, OriginKind, Stamp
from headwater.wire import codec
from headwater.wire.records import Record, decode_batch

NODE = 7
SEGMENT_BYTES = 4000


class Written:
    """A node log with stamped batches, and what is in them."""

    def __init__(self, disk: RealDisk) -> None:
        self.disk = disk
        self.clock_ms = 1_700_000_000_000
        self.log = NodeLog(disk, NODE, lambda: self.clock_ms, LogOptions(segment_bytes=SEGMENT_BYTES))
        self.batches: list[tuple[IdRun, list[Reading]]] = []
        self._rng = random.Random(1)

    def write(self, count: int, batches: int = 1, commit: bool = True) -> None:
        """Append batches of `count` readings each."""
        for _ in range(batches):
            self._write(count)
        if commit:
            self.log.commit()

    def _write(self, count: int) -> None:
        keys = sorted({SeriesKey(f"m{self._rng.randrange(20)}", "power") for _ in range(count)})
        readings = sorted(
            (Reading(*self._rng.choice(keys), self._rng.randrange(10**12), self._rng.random()) for _ in range(count)),
            key=lambda reading: self.log.define(SeriesKey(reading.meter, reading.metric)),
        )
        payload = codec.encode(
            np.array([self.log.define(SeriesKey(one.meter, one.metric)) for one in readings], np.int64),
            np.array([one.timestamp for one in readings], np.int64),
            np.array([one.value for one in readings], np.float64),
        )
        context = self.log.use_context(context_for(self.write))
        run = self.log.allocate(count)
        self.clock_ms += self._rng.choice((0, 0, 1500))
        origin = Origin(OriginKind.ENTRY, self.log.log, self.log.state.sequence + 1)
        body = Batch(origin, self.log.log, count, payload, Stamp(run, None, context, self.clock_ms))
        self.log.append(Kind.DATA, body, readings=count)
        self.batches.append((run, readings))

    @property
    def records(self) -> list[Record]:
        """All sound records in the files, once each."""
        found = {}
        for first in segments(self.disk):
            for _, record in read_segment(self.disk, first):
                if isinstance(record, Record) and record.kind != Kind.SNAPSHOT:
                    found[record.sequence] = record
        return [found[sequence] for sequence in sorted(found)]

    def damage(self, sequence: int) -> None:
        """Flip a bit in the body of a record."""
        for first in segments(self.disk):
            cursor = SegmentCursor(self.disk, first)
            offset = 0
            while (record := cursor.next()) is not None:
                if isinstance(record, Record) and record.kind != Kind.SNAPSHOT and record.sequence == sequence:
                    self._flip(segment_name(first), (offset + cursor.offset) // 2)
                    return
                offset = cursor.offset
        raise AssertionError(f"no record {sequence}")

    def damage_snapshots(self, first: int) -> None:
        """Flip a bit in each snapshot of a segment."""
        cursor = SegmentCursor(self.disk, first)
        offset = 0
        while isinstance(record := cursor.next(), Record) and record.kind == Kind.SNAPSHOT:
            self._flip(segment_name(first), (offset + cursor.offset) // 2)
            offset = cursor.offset

    def _flip(self, name: str, offset: int) -> None:
        with (self.disk.folder / name).open("r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes((byte ^ 0x10,)))

    def name_damage(self, missing: Missing) -> None:
        self.log.name_damage(missing)
        self.log.commit()

    def sequence_of(self, run: IdRun) -> int:
        """The record with a run of ids."""
        return next(sequence for sequence, batch in self._stamped() if batch.stamp and batch.stamp.run == run)

    def _stamped(self) -> Iterator[tuple[int, Batch]]:
        for record in self.records:
            if record.kind == Kind.DATA:
                yield record.sequence, decode_batch(record)

    def close(self) -> None:
        self.log.close()
        self.disk.close()
