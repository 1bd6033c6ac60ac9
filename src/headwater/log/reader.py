"""Reading a log from a position on, in any process, never past the durable mark (PROTOCOL rules 2, 6)."""

from collections.abc import Callable
from typing import NamedTuple

from headwater.log.disk import Disk
from headwater.log.recovery import Missing
from headwater.log.segments import Invalid, SegmentCursor, segments
from headwater.model.errors import NotFound
from headwater.model.records import Kind
from headwater.wire.records import Record


class Stretch(NamedTuple):
    """Records in order, and what came after them if that is damage nobody has named yet."""

    records: list[Record]
    damage: Missing | None


class LogReader:
    """A position in a log. It passes damage once `explained` says that it is named."""

    def __init__(
        self,
        disk: Disk,
        after: int,
        mark: Callable[[], int],
        explained: Callable[[int, int], bool],
        recent: Callable[[int], list[Record] | None] | None = None,
    ) -> None:
        self._disk = disk
        self._mark = mark
        self._explained = explained
        self._recent = recent
        self.after = after
        """The last sequence read or passed."""
        self._cursor: SegmentCursor | None = None
        self._unsound = False

    def read(self, most: int = 256, bytes_max: int = 1 << 20) -> Stretch:
        """The next records: up to `most` of them or about `bytes_max`."""
        mark = self._mark()
        if self.after >= mark:
            return Stretch([], None)
        held = self._recent(self.after) if self._recent is not None else None
        if held:
            return Stretch(self._take(held, most, bytes_max), None)
        try:
            return self._read_files(mark, most, bytes_max)
        except NotFound:
            self._cursor = None  # The segment went while it was read: the next one is found from the position.
            return Stretch([], None)

    def rewind(self, after: int) -> None:
        """Go on behind another sequence."""
        self.after, self._cursor, self._unsound = after, None, False

    def _take(self, held: list[Record], most: int, bytes_max: int) -> list[Record]:
        taken, size = [], 0
        for record in held[:most]:
            taken.append(record)
            size += record.size
            if size >= bytes_max:
                break
        self.rewind(taken[-1].sequence)
        return taken

    def _read_files(self, mark: int, most: int, bytes_max: int) -> Stretch:
        records: list[Record] = []
        size = 0
        while len(records) < most and size < bytes_max and self.after < mark:
            cursor = self._cursor or self._open()
            if cursor is None:
                break
            offset, found = cursor.offset, cursor.next()
            if found is None or (isinstance(found, Invalid) and cursor.offset == offset):
                following = self._following(cursor)
                if following is None:
                    cursor.refresh()
                    return Stretch(records, self._tail_damage(cursor, mark))
                self._unsound = self._unsound or found is not None
                self._cursor = SegmentCursor(self._disk, following)
            elif isinstance(found, Invalid):
                self._unsound = True
            elif found.kind != Kind.SNAPSHOT and found.sequence > self.after:
                if found.sequence > mark:
                    cursor.seek(offset)
                    return Stretch(records, self._damage(mark) if self._unsound else None)
                if found.sequence > self.after + 1 and self._unsound:
                    damage = self._damage(found.sequence - 1)
                    if damage is not None:
                        cursor.seek(offset)
                        return Stretch(records, damage)
                self._unsound = False
                self.after = found.sequence
                records.append(found)
                size += found.size
        return Stretch(records, None)

    def _open(self) -> SegmentCursor | None:
        firsts = segments(self._disk)
        if not firsts:
            return None
        first = max((first for first in firsts if first <= self.after + 1), default=firsts[0])
        self._cursor, self._unsound = SegmentCursor(self._disk, first), False
        return self._cursor

    def _following(self, cursor: SegmentCursor) -> int | None:
        return min((first for first in segments(self._disk) if first > cursor.first), default=None)

    def _tail_damage(self, cursor: SegmentCursor, mark: int) -> Missing | None:
        """At the end of the last segment although the mark says that there is more: look again, then call it damage."""
        offset, found = cursor.offset, cursor.next()
        cursor.seek(offset)
        if isinstance(found, Record):
            return None
        return self._damage(mark)

    def _damage(self, last: int) -> Missing | None:
        """What is missing up to `last`; None when that is named, and then it is passed."""
        missing = Missing(self.after + 1, last, 0)
        if not self._explained(missing.first, missing.last):
            return missing
        self.after, self._unsound = last, False
        return None
