"""Where the batches of a segment are, by the ids in them."""

import bisect
import contextlib

from headwater.log.disk import Disk
from headwater.log.segments import Invalid, SegmentCursor
from headwater.log.state import State
from headwater.model.errors import Rejected
from headwater.model.records import Batch, Definition, Kind
from headwater.wire.records import Record, decode_batch, decode_body, known

UNKNOWN, EXPIRED, DAMAGED = "unknown", "expired", "damaged"

Series = dict[tuple[bytes, int], Definition]


class SegmentIndex:
    """Where the batches of one segment are, by the ordinals of their ids; it grows with the segment."""

    def __init__(self, disk: Disk, first: int) -> None:
        self._disk = disk
        self._first = first
        self._cursor = SegmentCursor(disk, first)
        self._last = first - 1
        """The last sequence seen."""
        self._starts: list[int] = []
        self._offsets: list[int] = []
        self._holes: set[int] = set()
        """Positions in `_starts` before which records are missing."""
        self._ends_well = True
        """Whether what was read last is sound."""
        self.series: Series = {}

    def grow(self, upto: int) -> None:
        """Take in what there is up to a sequence: the durable one, or that before the next segment."""
        if self._last >= upto:
            return
        self._cursor.refresh()
        while True:
            offset, found = self._cursor.offset, self._cursor.next()
            if found is None:
                return
            self._ends_well = not isinstance(found, Invalid)
            if isinstance(found, Invalid):
                if self._cursor.offset == offset:
                    return
            elif found.kind == Kind.SNAPSHOT:
                self._begin(found)
            elif found.sequence > upto:
                self._cursor.seek(offset)
                return
            else:
                self._take(found, offset)

    def _begin(self, record: Record) -> None:
        with contextlib.suppress(Rejected):
            self.series |= State.restore(record.body).series

    def _take(self, record: Record, offset: int) -> None:
        if record.sequence > self._last + 1 and record.kind != Kind.JUMP:
            self._holes.add(len(self._starts))
        self._last = record.sequence
        if not known(record) or record.kind not in (Kind.DATA, Kind.OUT, Kind.DEFINITION):
            return
        body = decode_body(record)
        if isinstance(body, Batch) and body.stamp is not None:
            self._starts.append(body.stamp.run.start)
            self._offsets.append(offset)
        elif isinstance(body, Definition):
            self.series[body.log, body.number] = body

    def batch(self, ordinal: int, upto: int, is_last: bool) -> Batch | str:
        """The batch that holds an id, or why there is none; up to a sequence, records should be here or were."""
        at = bisect.bisect_right(self._starts, ordinal) - 1
        if at >= 0:
            held = self._read(self._offsets[at])
            if held is None:
                return DAMAGED
            if held.stamp is not None and ordinal < held.stamp.run.end:
                return held
        if at + 1 == len(self._starts) and self._last < upto:
            return EXPIRED if self._ends_well and not is_last else DAMAGED
        return DAMAGED if at + 1 in self._holes else UNKNOWN

    def _read(self, offset: int) -> Batch | None:
        cursor = SegmentCursor(self._disk, self._first)
        cursor.seek(offset)
        record = cursor.next()
        return decode_batch(record) if isinstance(record, Record) else None
