"""What of a log goes to Redis: records in, groups of messages in the layout of 2018 out; pure of connections."""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, repeat
from typing import NamedTuple

from headwater.log.cursors import Cursor
from headwater.log.disk import Disk
from headwater.log.explained import is_explained, report_damage
from headwater.log.index import SegmentIndex
from headwater.log.reader import LogReader
from headwater.log.recovery import MARK
from headwater.log.segments import segments
from headwater.model.errors import NotFound, Rejected
from headwater.model.ids import IdRun
from headwater.model.records import SERIES_MAX, Batch, Definition, Kind
from headwater.model.stamp import Inputs, Lists, Select, kept_positions
from headwater.wire import codec
from headwater.wire.records import Record, decode_body

REDIS = "redis"
"""The name of this reader among the readers of a log."""
GROUP_MAX = 512
"""The most messages that are written at once."""
RECORDS_MAX = 64
READ_BYTES = 1 << 20

Names = dict[tuple[bytes, int], tuple[str, str]]


class Message(NamedTuple):
    """A reading as a node of 2018 kept it: the fields of the hash under the data point's id."""

    id: str
    metric: str
    value: str
    meter: str
    timestamp: str
    parent: str
    """The data point it was made from; empty when there is none, or more than one."""
    expires_ms: int
    sequence: int
    """The record that it is of."""


class Group(NamedTuple):
    """Messages in log order, and how far the log is done with once they are kept."""

    messages: list[Message]
    upto: Cursor


class Counts(NamedTuple):
    """What became of the readings of a log, since the agent started."""

    kept: int = 0
    repeated: int = 0
    """Kept once more, because Redis had lost them."""
    expired: int = 0
    """Older than the storage time when their turn came."""
    missed: int = 0
    """The log had let them go before their turn came."""
    unreadable: int = 0
    failures: int = 0
    """Times that Redis was away, full or refused."""


class Messages:
    """A reader of the log that turns its readings into messages; it never passes the durable mark.

    Readings without an id, as they are without provenance, are passed: nobody could ask for them.
    """

    def __init__(self, disk: Disk, node: int, storage_ms: int, now_ms: Callable[[], int], done: Cursor) -> None:
        """`done` is how far this log was ever kept: what is missing behind it counts as missed."""
        self._disk = disk
        self._suffix = f"{node:06x}"
        self._storage_ms = storage_ms
        self._now_ms = now_ms
        self._reader = LogReader(
            disk, 0, lambda: disk.load_word(MARK), lambda first, last: is_explained(disk, first, last)
        )
        self._records: deque[Record] = deque()
        self._rest: list[Message] = []
        """Messages of the last record taken that did not fit into a group."""
        self._begun = Cursor(0, 0)
        """The last record taken; it is done when nothing of it is left."""
        self._ended = Cursor(0, 0)
        self._seen = done
        """The furthest record ever taken: what comes behind it is new."""
        self._names: Names = {}
        self.counts = Counts()

    def rewind(self, after: int) -> None:
        """Go on behind a sequence, at most the last durable one."""
        self._reader.rewind(min(after, self._disk.load_word(MARK)))
        self._records.clear()
        self._rest = []
        self._begun = self._ended = Cursor(self._reader.after, 0)

    @property
    def waiting(self) -> bool:
        """Whether the log is durable further than this reader is."""
        return bool(self._records or self._rest) or self._reader.after < self._disk.load_word(MARK)

    def group(self) -> Group | None:
        """The next group; None when there is nothing durable, or damage has to be named first."""
        messages, self._rest = self._rest[:GROUP_MAX], self._rest[GROUP_MAX:]
        before = self._ended
        if not self._records and not self._rest:
            self._read()
        while self._records and not self._rest and len(messages) < GROUP_MAX:
            self._ended = self._begun
            found = self._taken(self._records.popleft())
            room = GROUP_MAX - len(messages)
            messages += found[:room]
            self._rest = found[room:]
        if not self._rest:
            self._ended = self._begun
        return Group(messages, self._ended) if messages or self._ended != before else None

    def count(self, **more: int) -> None:
        """Add to the counts."""
        self.counts = self.counts._replace(**{name: getattr(self.counts, name) + by for name, by in more.items()})

    def _read(self) -> None:
        stretch = self._reader.read(RECORDS_MAX, READ_BYTES)
        if stretch.damage is not None:
            report_damage(self._disk, REDIS, stretch.damage)
        self._records.extend(stretch.records)

    def _taken(self, record: Record) -> list[Message]:
        """The messages of a record, which is counted."""
        batch = self._batch(record)
        is_new = record.sequence > self._seen.sequence
        if is_new:
            readings = 0 if batch is None else batch.count
            if self._seen.sequence:
                self.count(missed=max(0, record.total - readings - self._seen.total))
            self._seen = Cursor(record.sequence, record.total)
        self._begun = Cursor(record.sequence, record.total)
        if batch is None or batch.stamp is None:
            return []
        expires_ms = batch.stamp.received_ms + self._storage_ms
        if expires_ms <= self._now_ms():
            self.count(expired=batch.count if is_new else 0)
            return []
        return self._messages(record.sequence, batch, batch.stamp.run, batch.stamp.inputs, expires_ms)

    def _batch(self, record: Record) -> Batch | None:
        """The batch in a record; takes the name in a definition."""
        if record.kind not in (Kind.DATA, Kind.OUT, Kind.DEFINITION):
            return None
        try:
            body = decode_body(record)
        except Rejected:
            self.count(unreadable=1)
            return None
        if isinstance(body, Definition):
            self._names[body.log, body.number] = (body.meter, body.metric)
        return body if isinstance(body, Batch) else None

    def _messages(
        self, sequence: int, batch: Batch, run: IdRun, inputs: Inputs | None, expires_ms: int
    ) -> list[Message]:
        try:
            series, timestamps, values = codec.decode(batch.payload)
        except Rejected:
            self.count(unreadable=batch.count)
            return []
        numbers = series.tolist()
        names = {number: self._name((batch.entry, number), sequence) for number in set(numbers)}
        ordinals, made_from = range(run.start, run.end), parents(inputs)
        rows = zip(ordinals, numbers, timestamps.tolist(), values.tolist(), made_from, strict=False)
        return [
            Message(
                f"{ordinal:014x}{self._suffix}",
                names[number][1],
                value_text(value),
                names[number][0],
                str(timestamp),
                parent,
                expires_ms,
                sequence,
            )
            for ordinal, number, timestamp, value, parent in rows
        ]

    def _name(self, name: tuple[bytes, int], sequence: int) -> tuple[str, str]:
        """Meter and metric of a series; both empty when its definition is lost."""
        if name not in self._names:
            if len(self._names) >= SERIES_MAX:
                self._names.clear()
            self._names |= {key: (one.meter, one.metric) for key, one in self._series_before(sequence)}
        return self._names.setdefault(name, ("", ""))

    def _series_before(self, sequence: int) -> Iterable[tuple[tuple[bytes, int], Definition]]:
        """The series that the segment of a record names before it; none when it is gone meanwhile."""
        firsts = [first for first in segments(self._disk) if first <= sequence]
        if not firsts:
            return ()
        index = SegmentIndex(self._disk, firsts[-1])
        try:
            index.grow(sequence)
        except NotFound:
            return ()
        return index.series.items()


def parents(inputs: Inputs | None) -> Iterator[str]:
    """For each output the one data point it was made from, empty where there is none or more than one; without end."""
    if inputs is None:
        return repeat("")
    if isinstance(inputs, Lists):
        found = [str(runs[0].at(0)) if len(runs) == 1 and runs[0].count == 1 else "" for runs in inputs.inputs]
        return chain(found, repeat(""))
    positions = kept_positions(inputs.kept) if isinstance(inputs, Select) else range(inputs.run.count)
    start, suffix = inputs.run.start, f"{inputs.run.node:06x}"
    return chain((f"{start + at:014x}{suffix}" for at in positions), repeat(""))


def value_text(value: float) -> str:
    """A value as text that Python, Java and Redis read back to the same bits, NaN apart."""
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
