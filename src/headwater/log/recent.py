"""The newest records, kept in memory for readers in the writer's process."""

from bisect import bisect_right
from operator import attrgetter

from headwater.wire.records import Record

RECORD_BYTES = 350
"""What a record takes in memory beside its bytes: a tuple, its numbers and its position."""

_sequence = attrgetter("sequence")


class Recent:
    """Records in order, about `bytes_max` of memory and always those that are not durable."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._records: list[Record] = []
        self._after: int | None = None
        """The sequence behind which all records are here."""

    def add(self, record: Record, durable: int) -> None:
        if self._after is None:
            self._after = record.sequence - 1
        self._records.append(record)
        self._bytes += _taken(record)
        if self._bytes > self._bytes_max:
            self._forget(durable)

    def _forget(self, durable: int) -> None:
        """Forget the older half of what is allowed, so that this is seldom done."""
        count = 0
        while self._bytes > self._bytes_max // 2 and self._records[count].sequence <= durable:
            self._bytes -= _taken(self._records[count])
            self._after = self._records[count].sequence
            count += 1
        del self._records[:count]

    def remove(self, first: int, last: int) -> None:
        """Forget records that are named dropped."""
        start, end = self._index(first - 1), self._index(last)
        self._bytes -= sum(_taken(record) for record in self._records[start:end])
        del self._records[start:end]

    def after(self, sequence: int, durable: int, most: int) -> list[Record] | None:
        """Up to `most` records behind a sequence and not behind `durable`; None when not all of them are here."""
        if self._after is None or sequence < self._after:
            return None
        start = self._index(sequence)
        return self._records[start : min(start + most, self._index(durable))]

    def _index(self, sequence: int) -> int:
        return bisect_right(self._records, sequence, key=_sequence)


def _taken(record: Record) -> int:
    return record.size + RECORD_BYTES
