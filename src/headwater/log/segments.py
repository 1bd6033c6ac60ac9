"""Segment files: their names, and reading one record by record past damage."""

from typing import NamedTuple

from headwater.log.disk import Disk
from headwater.wire.records import (
    HEADER_BYTES,
    Header,
    Record,
    frame_bytes,
    next_magic,
    read_body,
    read_header,
)

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
    marked: int
    """The durable mark in the header, when at least the header is sound; otherwise 0."""


class SegmentCursor:
    """Reads one segment forward, in chunks; what is appended later is found on the next call."""

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

        `Invalid` stands once for each stretch of bytes that is none; the following call goes on behind it. A last record that is cut short is `Invalid`, and the cursor stays before it."""
        header = self._header()
        if header is None:
            return self._resync() if self._ensure(1) else None
        if not self._ensure(frame_bytes(header)):
            return Invalid(self.offset, header.mark)
        record = read_body(self._buffer, header, self._at)
        if record is None:
            return self._skip_damaged(header)
        self._advance(frame_bytes(header))
        return record

    def seek(self, offset: int) -> None:
        """Go on reading at an offset where a record begins."""
        self.offset, self._buffer, self._at = offset, b"", 0

    def refresh(self) -> None:
        """Forget what was read ahead: it may have been written since."""
        self._buffer, self._at = b"", 0

    def _skip_damaged(self, header: Header) -> Invalid:
        found = Invalid(self.offset, header.mark)
        self._advance(frame_bytes(header))
        return found

    def _header(self) -> Header | None:
        return read_header(self._buffer, self._at) if self._ensure(HEADER_BYTES) else None

    def _resync(self) -> Invalid:
        """Go to the next sound header. When there is none the cursor stays, for bytes may still be written here."""
        start, probe = self.offset, 1
        while True:
            have = len(self._buffer) - self._at
            found = next_magic(self._buffer, self._at + probe)
            if found >= 0:
                probe = found - self._at
                if not self._ensure(probe + HEADER_BYTES):
                    return Invalid(start, 0)
                if read_header(self._buffer, self._at + probe) is not None:
                    self._advance(probe)
                    return Invalid(start, 0)
                probe += 1
            else:
                probe = max(probe, have - 3)
                if not self._ensure(have + 1):
                    return Invalid(start, 0)

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
