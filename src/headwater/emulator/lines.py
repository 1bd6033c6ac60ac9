"""A text file, plain or gzip, read in blocks of whole lines; no file stays open between two blocks."""

import zlib
from pathlib import Path
from typing import NamedTuple

from headwater.model.errors import ConfigError, Rejected

LINE_BYTES_MAX = 65_536
_RAW_BYTES = 65_536
_SAMPLE_BYTES = 32_768
_GZIP_MAGIC = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Refusal(NamedTuple):
    """A line that was not taken (line 1 is the first): a short reason to count by, and what is wrong."""

    line: int
    reason: str
    detail: str


class Block(NamedTuple):
    """Whole lines, newlines included (the last line of a file may lack it), and what was refused on the way."""

    first_line: int
    data: bytes
    refusals: tuple[Refusal, ...] = ()


class _Damaged(Exception):
    """The file cannot be read further; the reason and detail are its arguments."""


class LineFile:
    """Reads one file from its start to its end.

    Nothing is held open because a replay may read thousands of files side by side; a gzip file keeps about
    40 kB of state instead. A line of more than LINE_BYTES_MAX bytes is refused. A file that turns out to be
    damaged or unreadable ends there, with a refusal at the line reached; the lines before it are good.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ended = False
        self._offset = 0
        self._line = 1
        self._rest = b""
        self._inflater: _Inflater | None = None
        self._skipping = False

    def next_block(self, size: int) -> Block | None:
        """Read about `size` bytes (decompressed) and at least one line; None at the end of the file."""
        if self.ended:
            return None
        refusals: list[Refusal] = []
        while not self.ended:
            try:
                data = self._read(size)
            except _Damaged as damage:
                self.ended = True
                refusals.append(Refusal(self._line, *damage.args))
                return Block(self._line, b"", tuple(refusals))
            if lines := self._whole_lines(data, refusals):
                first_line, self._line = self._line, self._line + lines.count(b"\n")
                return Block(first_line, lines, tuple(refusals))
        return Block(self._line, b"", tuple(refusals)) if refusals else None

    def _whole_lines(self, data: bytes, refusals: list[Refusal]) -> bytes:
        """Give what ends in a newline and keep the rest; drop lines without end."""
        self.ended = not data
        if self._skipping:
            data = self._end_skipping(data)
        data = self._rest + data
        end = len(data) if self.ended else data.rfind(b"\n") + 1
        lines, self._rest = data[:end], data[end:]
        if len(self._rest) > LINE_BYTES_MAX:
            self._rest, self._skipping = b"", True
            line = self._line + lines.count(b"\n")
            refusals.append(Refusal(line, "length", f"the line is longer than {LINE_BYTES_MAX} bytes"))
        return lines

    def _end_skipping(self, data: bytes) -> bytes:
        end = data.find(b"\n") + 1
        if not end:
            return b""
        self._skipping = False
        self._line += 1
        return data[end:]

    def _read(self, size: int) -> bytes:
        if self._inflater is not None:
            return self._inflater.read(size)
        start = self._offset == 0
        data = self._read_raw(size)
        if start and data.startswith(_GZIP_MAGIC):
            self._inflater = _Inflater(self, data)
            data = self._inflater.read(size)
        return data.removeprefix(_BYTE_ORDER_MARK) if start else data

    def _read_raw(self, size: int = _RAW_BYTES) -> bytes:
        try:
            with self.path.open("rb", buffering=0) as file:
                file.seek(self._offset)
                data = file.read(size)
        except OSError as error:
            raise _Damaged("unreadable", error.strerror or str(error)) from error
        self._offset += len(data)
        return data


def first_lines(path: Path) -> Block:
    """Read the first whole lines of a file. Raises ConfigError when it cannot be read, Rejected when empty."""
    block = LineFile(path).next_block(_SAMPLE_BYTES)
    if block is None:
        raise Rejected("file", "the file is empty")
    if not block.data and block.refusals:
        refusal = block.refusals[0]
        if refusal.reason == "unreadable":
            raise ConfigError(f"{path} cannot be read ({refusal.detail}): check the file and its permissions")
        raise Rejected(refusal.reason, refusal.detail)
    return block


class _Inflater:
    """The bytes of a gzip file of any number of members, bounded per read; `data` is what was read already."""

    def __init__(self, file: LineFile, data: bytes) -> None:
        self._file = file
        self._pending = data
        self._member = zlib.decompressobj(wbits=31)
        self._in_member = True

    def read(self, size: int) -> bytes:
        """Give up to `size` bytes, none at the end."""
        while True:
            self._pending = self._pending or self._file._read_raw()
            at_end = not self._pending
            if at_end and not self._in_member:
                return b""
            if data := self._inflate(size):
                return data
            if at_end and self._in_member:
                raise _Damaged("gzip", "the compressed file ends too early")

    def _inflate(self, size: int) -> bytes:
        if not self._in_member:
            self._pending = self._pending.lstrip(b"\0")  # Zeros pad a file to the block size of a tape.
            if not self._pending:
                return b""
            self._member, self._in_member = zlib.decompressobj(wbits=31), True
        try:
            data = self._member.decompress(self._pending, size)
        except zlib.error as error:
            raise _Damaged("gzip", f"the compressed file is damaged ({error})") from error
        self._in_member = not self._member.eof
        self._pending = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
        return data
