"""Readings by id: finds the batch in the node log that an id belongs to, as long as the log holds it."""

import contextlib
from collections import OrderedDict
from collections.abc import Iterable

import msgspec

from headwater.log.disk import Disk
from headwater.log.index import DAMAGED, EXPIRED, UNKNOWN, SegmentIndex, Series
from headwater.log.recovery import MARK
from headwater.log.segments import read_segment, segments
from headwater.log.state import Head
from headwater.model.errors import NotFound, Rejected
from headwater.model.ids import IdRun
from headwater.model.reading import Reading
from headwater.model.records import Batch, Kind
from headwater.wire import codec
from headwater.wire.records import Record

SEGMENTS_HELD_MAX = 4
BATCHES_HELD_MAX = 64

OK = "ok"

Found = tuple[str, list[Reading]]
"""ok | unknown | expired | damaged, and the readings when ok."""


class Readings:
    """Answers for ids of this node."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._mark = 0
        self._firsts: list[int] = []
        self._ordinals: dict[int, int | None] = {}
        """First sequence of a segment -> no id in it has a lower ordinal; None when its snapshots cannot be read."""
        self._held: OrderedDict[int, SegmentIndex] = OrderedDict()
        self._batches: OrderedDict[int, tuple[int, list[Reading]]] = OrderedDict()
        """Start of the run -> its end and the decoded readings."""

    def find_all(self, runs: Iterable[IdRun]) -> list[Found]:
        """The readings of runs, of each all of them or none, as the log is now."""
        self._look()
        return [self._find(run) for run in runs]

    def _look(self) -> None:
        """See which segments there are, and how far the log is durable."""
        self._mark = self._disk.load_word(MARK)
        self._firsts = segments(self._disk)
        self._ordinals = {
            first: self._ordinals[first] if first in self._ordinals else _lowest_ordinal(self._disk, first)
            for first in self._firsts
        }

    def _find(self, run: IdRun) -> Found:
        found: list[Reading] = []
        ordinal = run.start
        while ordinal < run.end:
            held = self._around(ordinal)
            if isinstance(held, str):
                return held, []
            start, readings = held
            found += readings[ordinal - start : run.end - start]
            ordinal = start + len(readings)
        return OK, found

    def _around(self, ordinal: int) -> tuple[int, list[Reading]] | str:
        """The batch around an id: its first ordinal and its readings; or why there is none."""
        for start, (end, readings) in reversed(self._batches.items()):
            if start <= ordinal < end:
                return start, readings
        try:
            return self._search(ordinal)
        except NotFound:  # A segment went since the last look.
            self._look()
        try:
            return self._search(ordinal)
        except NotFound:
            return EXPIRED

    def _search(self, ordinal: int) -> tuple[int, list[Reading]] | str:
        why = UNKNOWN if self._firsts[:1] == [1] else EXPIRED
        for at in range(len(self._firsts) - 1, -1, -1):
            lowest = self._ordinals[self._firsts[at]]
            if lowest is not None and lowest > ordinal:
                continue
            is_last = at + 1 == len(self._firsts)
            upto = self._mark if is_last else self._firsts[at + 1] - 1
            index = self._index(self._firsts[at], upto)
            batch = index.batch(ordinal, upto, is_last)
            if isinstance(batch, Batch):
                return self._decoded(batch, index.series)
            why = batch
            if lowest is not None:
                break
        return why

    def _index(self, first: int, upto: int) -> SegmentIndex:
        index = self._held.pop(first, None) or SegmentIndex(self._disk, first)
        index.grow(upto)
        self._held[first] = index
        while len(self._held) > SEGMENTS_HELD_MAX:
            self._held.popitem(last=False)
        return index

    def _decoded(self, batch: Batch, series: Series) -> tuple[int, list[Reading]] | str:
        """The readings of a batch; a series whose definition is lost has empty names."""
        try:
            numbers, timestamps, values = codec.decode(batch.payload)
        except Rejected:
            return DAMAGED
        rows = zip(numbers.tolist(), timestamps.tolist(), values.tolist(), strict=True)
        names = {number: self._names((batch.entry, number), series) for number in set(numbers.tolist())}
        readings = [Reading(*names[number], timestamp, value) for number, timestamp, value in rows]
        run = batch.stamp.run if batch.stamp is not None else IdRun(0, 0, 0)
        self._batches[run.start] = (run.end, readings)
        while len(self._batches) > BATCHES_HELD_MAX:
            self._batches.popitem(last=False)
        return run.start, readings

    def _names(self, name: tuple[bytes, int], series: Series) -> tuple[str, str]:
        """What a series is called; a later segment knows it too when this one's snapshots are lost."""
        held = series.get(name) or self._index(self._firsts[-1], self._mark).series.get(name)
        return (held.meter, held.metric) if held is not None else ("", "")


def _lowest_ordinal(disk: Disk, first: int) -> int | None:
    """No id in a segment has a lower ordinal; None when neither snapshot can be read, or the segment is gone."""
    with contextlib.suppress(NotFound):
        for _, found in read_segment(disk, first):
            if isinstance(found, Record):
                if found.kind != Kind.SNAPSHOT:
                    break
                with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
                    return msgspec.msgpack.decode(found.body, type=Head).ordinal
    return None
