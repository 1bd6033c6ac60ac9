"""What a start remembers of the readings that came without numbers: their repetitions are refused as before."""

import struct

from headwater.log.survey import Segment
from headwater.log.writer import NodeLog
from headwater.model.records import Kind
from headwater.model.stamp import OriginKind
from headwater.wire import codec
from headwater.wire.records import Record, decode_batch

_MARK = struct.Struct("<qqd")


def mark(number: int, timestamp: int, value: float) -> bytes:
    """What tells a reading of this log from others: its series number, its timestamp and every bit of its value."""
    return _MARK.pack(number, timestamp, value)


def latest(log: NodeLog, count: int) -> list[bytes]:
    """The marks of the last readings that entered here without numbers, oldest first: `count` of them or some more.

    Fewer when the log holds fewer. Reads the log from its end, as far as it takes.
    """
    parts: list[list[bytes]] = []
    found = 0
    for segment in reversed(log.segments) if count else ():
        parts.append(_entered(log, segment))
        found += len(parts[-1])
        if found >= count:
            break
    return [each for part in reversed(parts) for each in part]


def _entered(log: NodeLog, segment: Segment) -> list[bytes]:
    """The marks of one segment."""
    reader = log.reader(segment.first - 1)
    marks: list[bytes] = []
    while reader.after < min(segment.last, log.durable):
        before = reader.after
        for record in reader.read().records:
            if record.kind == Kind.DATA and record.sequence <= segment.last:
                marks += _marks(log, record)
        if reader.after == before:
            break
    return marks


def _marks(log: NodeLog, record: Record) -> list[bytes]:
    batch = decode_batch(record)
    if batch.origin.kind != OriginKind.ENTRY or batch.entry != log.log:
        return []
    columns = codec.decode(batch.payload)
    return list(map(mark, columns.series.tolist(), columns.timestamps.tolist(), columns.values.tolist()))
