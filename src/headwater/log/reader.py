"""Reading a log from a position on, in any process, never past the durable mark (PROTOCOL rules 2, 6)."""

from collections.abc import Callable
from typing import NamedTuple

from headwater.log.disk import Disk
from headwater.log.segments import SegmentCursor, segments
from headwater.log.survey import Missing
from headwater.model.errors import NotFound, Unavailable
from headwater.model.records import Kind
from headwater.wire.records import Record


class Stretch(NamedTuple):
    """Records in order, and what came after them if that is damage nobody has named yet."""

    records: list[Record]
    damage: Missing | None


class LogReader:
    """A position in a log. It passes what is missing once `explained` says that it is named.

    `mark` gives the durable sequence, `explained` whether all of a range is named missing. Only in the writer's
    process: `recent` gives what is in memory, `condemned` whether a record is about to be dropped.
    """

    def __init__(
        self,
        disk: Disk,
        after: int,
        mark: Callable[[], int],
        explained: Callable[[int, int], bool],
        recent: Callable[[int, int], list[Record] | None] | None = None,
        condemned: Callable[[int], bool] | None = None,
    ) -> None:
        self._disk = disk
        self._mark = mark
        self._explained = explained
        self._recent = recent
        self._condemned = condemned
        self._marked = 0
        self.after = after
        """The last sequence read or passed."""
        self._cursor: SegmentCursor | None = None
        self._place = (0, 0)
        """Segment and offset behind the last record passed, when there is a cursor."""

    def read(self, most: int = 256, bytes_max: int = 1 << 20) -> Stretch:
        """The next records: up to `most` of them or about `bytes_max`.

        Unavailable when another log was begun in this folder: open a new reader for it.
        """
        mark = self._mark()
        if mark < self._marked:
            raise Unavailable("the log was begun anew: this reader knows another")
        self._marked = mark
        if self.after >= mark:
            return Stretch([], None)
        held = self._recent(self.after, most) if self._recent is not None else None
        if held:
            return Stretch(self._take(held, bytes_max), None)
        records: list[Record] = []
        damage = self._read_files(records, mark, most, bytes_max)
        if self._condemned is not None:
            records = [record for record in records if not self._condemned(record.sequence)]
        return Stretch(records, damage)

    def rewind(self, after: int) -> None:
        """Go on behind another sequence."""
        self.after, self._cursor = after, None

    def _take(self, held: list[Record], bytes_max: int) -> list[Record]:
        size = 0
        for count, record in enumerate(held, 1):
            size += record.size
            if size >= bytes_max:
                del held[count:]
                break
        self.rewind(held[-1].sequence)
        return held

    def _read_files(self, records: list[Record], mark: int, most: int, bytes_max: int) -> Missing | None:
        """Add what can be read to `records`; what is missing behind them and not named, None if nothing is."""
        size, looked_again = 0, False
        while len(records) < most and size < bytes_max and self.after < mark:
            try:
                found = self._following()
            except NotFound:  # The segment went meanwhile: the next one is found from the position.
                self._cursor = None
                continue
            upto = mark if found is None else min(mark, found.sequence - 1)
            if upto > self.after and not self._explained(self.after + 1, upto):
                if looked_again:
                    self._go_back()
                    return Missing(self.after + 1, upto)
                # What was read ahead may be older than the mark, and a start may have cut a damaged end off and gone on
                # there: look again from the segment's beginning.
                looked_again, self._cursor = True, None
            elif found is None or found.sequence > mark:
                self.after = mark
                self._go_back()
            else:
                records.append(found)
                size += found.size
                self._pass(found)
                looked_again = False
        return None

    def _following(self) -> Record | None:
        """The next sound record in the files, None when there is none."""
        cursor = self._cursor or self._open()
        while cursor is not None:
            offset, found = cursor.offset, cursor.next()
            if isinstance(found, Record):
                if found.kind != Kind.SNAPSHOT and found.sequence > self.after:
                    return found
            elif found is None or cursor.offset == offset:
                later = [first for first in segments(self._disk) if first > cursor.first]
                if not later:
                    return None
                cursor = self._cursor = SegmentCursor(self._disk, later[0])
        return None

    def _open(self) -> SegmentCursor | None:
        """A cursor on the segment with the next record; what is older than the log is passed."""
        firsts = segments(self._disk)
        if not firsts:
            return None
        self.after = max(self.after, firsts[0] - 1)
        first = max(first for first in firsts if first <= self.after + 1)
        self._cursor, self._place = SegmentCursor(self._disk, first), (first, 0)
        return self._cursor

    def _pass(self, record: Record) -> None:
        self.after = record.sequence
        if self._cursor is not None:
            self._place = (self._cursor.first, self._cursor.offset)

    def _go_back(self) -> None:
        """Read anew, from the disk, what comes behind the last record passed."""
        if self._cursor is not None:
            first, offset = self._place
            self._cursor = SegmentCursor(self._disk, first)
            self._cursor.seek(offset)
