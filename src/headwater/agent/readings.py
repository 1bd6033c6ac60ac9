"""Readings by id: finds the batch in the node log that an id belongs to, as long as the log holds it."""

import bisect
import contextlib
from collections import OrderedDict
from collections.abc import Callable

from headwater.log.disk import Disk
from headwater.log.recovery import MARK
from headwater.log.segments import Invalid, SegmentCursor, segments
from headwater.log.state import State
from headwater.model.errors import NotFound, Rejected
from headwater.model.ids import IdRun
from headwater.model.reading import Reading
from headwater.model.records import Batch, Definition, Kind
from headwater.wire import codec
from headwater.wire.records import Record, decode_batch, decode_body, known

SEGMENTS_HELD_MAX = 4
BATCHES_HELD_MAX = 64

Found = tuple[str, list[Reading]]
"""ok | unknown | expired | damaged, and the readings when ok."""


class SegmentIndex:
    """Where the batches of one segment are, by the ordinals of their ids; it grows with the segment."""

    def __init__(self, disk: Disk, first: int) -> None:
        self.first = first
        self._cursor = SegmentCursor(disk, first)
        self._disk = disk
        self.starts: list[int] = []
        self._offsets: list[int] = []
        self.damaged = False
        self._series: dict[tuple[bytes, int], Definition] = {}

    def grow(self, mark: int) -> None:
        """Take in what has become durable."""
        self._cursor.refresh()
        while True:
            offset, found = self._cursor.offset, self._cursor.next()
            if found is None or (isinstance(found, Invalid) and self._cursor.offset == offset):
                return
            if isinstance(found, Invalid):
                self.damaged = True
            elif found.kind == Kind.SNAPSHOT:
                self._begin(found)
            elif found.sequence > mark:
                self._cursor.seek(offset)
                return
            else:
                self._take(found, offset)

    def _begin(self, record: Record) -> None:
        try:
            state = State.restore(record.body)
        except Rejected:
            self.damaged = True
            return
        self._series = dict(state.series)

    def _take(self, record: Record, offset: int) -> None:
        if not known(record):
            return
        body = decode_body(record) if record.kind in (Kind.DATA, Kind.OUT, Kind.DEFINITION) else None
        if isinstance(body, Batch) and body.stamp is not None:
            self.starts.append(body.stamp.run.start)
            self._offsets.append(offset)
        elif isinstance(body, Definition):
            self._series[body.log, body.number] = body

    def batch(self, ordinal: int) -> Batch | None:
        """The batch that holds an id, if it is in this segment."""
        at = bisect.bisect_right(self.starts, ordinal) - 1
        if at < 0:
            return None
        cursor = SegmentCursor(self._disk, self.first)
        cursor.seek(self._offsets[at])
        record = cursor.next()
        if not isinstance(record, Record):
            return None
        batch = decode_batch(record)
        return batch if batch.stamp is not None and ordinal < batch.stamp.run.end else None

    def readings(self, batch: Batch) -> list[Reading]:
        """The readings of a batch; a series whose definition is lost has empty names."""
        series, timestamps, values = codec.decode(batch.payload)
        rows = zip(series.tolist(), timestamps.tolist(), values.tolist(), strict=True)
        return [Reading(*self._names(batch.entry, number), timestamp, value) for number, timestamp, value in rows]

    def _names(self, entry: bytes, number: int) -> tuple[str, str]:
        held = self._series.get((entry, number))
        return (held.meter, held.metric) if held is not None else ("", "")


def first_free_ordinal(disk: Disk, first: int) -> int:
    """The first ordinal that was free when a segment began; 0 when its snapshots cannot be read."""
    cursor = SegmentCursor(disk, first)
    for _ in range(2):
        found = cursor.next()
        if isinstance(found, Record) and found.kind == Kind.SNAPSHOT:
            with contextlib.suppress(Rejected):
                return State.restore(found.body).ordinal
    return 0


class Readings:
    """Answers for ids of this node."""

    def __init__(self, disk: Disk, node: int, damage_named: Callable[[], bool]) -> None:
        self._disk = disk
        self._node = node
        self._damage_named = damage_named
        self._held: OrderedDict[int, SegmentIndex] = OrderedDict()
        self._batches: OrderedDict[int, tuple[int, list[Reading]]] = OrderedDict()
        """Start of the run -> its end and the decoded readings."""
        self._ordinals: dict[int, int] = {}
        """First sequence of a segment -> the first ordinal that was free when it began."""

    def find(self, run: IdRun) -> Found:
        """The readings of a run, all of them or none."""
        found: list[Reading] = []
        ordinal = run.start
        while ordinal < run.end:
            try:
                held = self._around(ordinal)
            except (NotFound, Rejected):
                return "damaged", []
            if isinstance(held, str):
                return held, []
            start, readings = held
            found += readings[ordinal - start : run.end - start]
            ordinal = start + len(readings)
        return "ok", found

    def _around(self, ordinal: int) -> tuple[int, list[Reading]] | str:
        """The batch around an id: its first ordinal and its readings; or why there is none."""
        for start, (end, readings) in reversed(self._batches.items()):
            if start <= ordinal < end:
                return start, readings
        first = self._segment_of(ordinal)
        if first is None:
            return "expired"
        index = self._index(first, self._disk.load_word(MARK))
        batch = index.batch(ordinal)
        if batch is None or batch.stamp is None:
            return "damaged" if index.damaged or self._damage_named() else "unknown"
        return self._hold(batch.stamp.run, index.readings(batch))

    def _segment_of(self, ordinal: int) -> int | None:
        """The segment that ids of this ordinal were given in; None when it is no longer held."""
        firsts = segments(self._disk)
        self._ordinals = {first: held for first, held in self._ordinals.items() if first in firsts}
        for first in firsts:
            if first not in self._ordinals:
                self._ordinals[first] = first_free_ordinal(self._disk, first)
        return max((first for first, free in self._ordinals.items() if free <= ordinal), default=None)

    def _index(self, first: int, mark: int) -> SegmentIndex:
        index = self._held.pop(first, None) or SegmentIndex(self._disk, first)
        index.grow(mark)
        self._held[first] = index
        while len(self._held) > SEGMENTS_HELD_MAX:
            self._held.popitem(last=False)
        return index

    def _hold(self, run: IdRun, readings: list[Reading]) -> tuple[int, list[Reading]]:
        self._batches[run.start] = (run.end, readings)
        while len(self._batches) > BATCHES_HELD_MAX:
            self._batches.popitem(last=False)
        return run.start, readings
