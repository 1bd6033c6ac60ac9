"""Segment files: their names, and reading one record by record past damage."""

from collections.abc import Iterator
from typing import NamedTuple

from headwater.log.disk import Disk
from headwater.wire.records import HEADER_BYTES, Header, Record, next_magic, read_body, read_header

SUFFIX = ".seg"
CHUNK_BYTES = 1 << 20


def segment_name(first: int) -> str:
    """The file whose first record has this sequence."""
    return f"{first:020d}{SUFFIX}"


def segment_first(name: str) -> int:
    """The first sequence of a segment, from its file name."""
    return int(name.removesuffix(SUFFIX))


def segments(disk: Disk) -> list[int]:
    """The first sequences of all segments, rising."""
    return sorted(segment_first(name) for name in disk.names() if name.endswith(SUFFIX))


class Invalid(NamedTuple):
    """Bytes that are not a sound record. What they held is known only by what is missing before the next record."""

    offset: int
    header: Header | None
    """What the bytes claim to be, when at least a header is sound."""


class SegmentCursor:
    """Reads one segment forward, in chunks; what is appended later is found on the next call.

    Reading raises NotFound when the segment is gone.
    """

    def __init__(self, disk: Disk, first: int) -> None:
        self._disk = disk
        self._name = segment_name(first)
        self.first = first
        self.offset = 0
        """Where the next record begins."""
        self._buffer = b""
        self._at = 0

    def next(self) -> Record | Invalid | None:
        """The next record, or None at the present end.

        `Invalid` stands once for each stretch of bytes that is none; the following call goes on behind it. When
        nothing sound follows, the cursor stays before it, for bytes may still be written here.
        """
        header = read_header(self._buffer, self._at) if self._ensure(HEADER_BYTES) else None
        if header is None:
            return self._resync() if self._ensure(1) else None
        if not self._ensure(header.size):
            return Invalid(self.offset, header)
        record = read_body(self._buffer, header, self._at)
        found = Invalid(self.offset, header) if record is None else record
        self._advance(header.size)
        return found

    def seek(self, offset: int) -> None:
        """Go on at an offset where a record begins."""
        self.offset = offset
        self.refresh()

    def refresh(self) -> None:
        """Forget what was read ahead: it may have changed since."""
        self._buffer, self._at = b"", 0

    def _resync(self) -> Invalid:
        """Go to the next sound header, or stay."""
        found, probe = Invalid(self.offset, None), 1
        while self._ensure(probe + HEADER_BYTES):
            place = next_magic(self._buffer, self._at + probe)
            if place < 0:
                probe = len(self._buffer) - self._at - 3
                continue
            probe = place - self._at
            if self._ensure(probe + HEADER_BYTES) and read_header(self._buffer, self._at + probe) is not None:
                self._advance(probe)
                break
            probe += 1
        return found

    def _ensure(self, length: int) -> bool:
        """Whether `length` bytes are there from the cursor on, reading more if need be."""
        if len(self._buffer) - self._at >= length:
            return True
        self._buffer, self._at = self._buffer[self._at :], 0
        while len(self._buffer) < length:
            want = max(CHUNK_BYTES, length - len(self._buffer))
            more = self._disk.read(self._name, self.offset + len(self._buffer), want)
            if not more:
                return False
            self._buffer += more
        return True

    def _advance(self, length: int) -> None:
        self.offset += length
        self._at += length


def read_segment(disk: Disk, first: int) -> Iterator[tuple[int, Record | Invalid]]:
    """Everything in a segment as it is now, with the offset of each."""
    cursor = SegmentCursor(disk, first)
    while True:
        offset, found = cursor.offset, cursor.next()
        if found is None:
            return
        yield offset, found
        if cursor.offset == offset:
            return
