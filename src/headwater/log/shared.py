"""Memory that processes share through a file: one writes, any number look; nothing of it is durable."""

import mmap
import os
import struct
import zlib
from pathlib import Path

NOTE_BYTES_MAX = 256 << 10
"""The longest note."""
_HEAD = struct.Struct("<QII")
_SLOT = _HEAD.size + NOTE_BYTES_MAX
_LOOKS = 100


class SharedNote:
    """A note in two slots, written in turn, so that one of them is whole at any moment.

    A slot: number of the note u64 | length u32 | CRC32 u32 | text. The CRC is of number and text, so that a new number
    over what was there before is no note. The highest whole number counts.
    """

    def __init__(self, path: Path, create: bool) -> None:
        """FileNotFoundError when nobody has made it yet and this one may not."""
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0), 0o644)
        try:
            if os.fstat(fd).st_size < 2 * _SLOT:
                if not create:
                    raise FileNotFoundError(path)
                os.ftruncate(fd, 2 * _SLOT)
            self._memory = mmap.mmap(fd, 2 * _SLOT)
        finally:
            os.close(fd)

    def store(self, text: bytes) -> None:
        """Put a note in place of the last; ValueError when it is longer than NOTE_BYTES_MAX."""
        if len(text) > NOTE_BYTES_MAX:
            raise ValueError(f"a note of {len(text)} bytes, {NOTE_BYTES_MAX} are the most")
        numbers = [self._number(slot) for slot in (0, 1)]
        slot = numbers.index(min(numbers))
        at, number = slot * _SLOT, max(numbers) + 1
        self._memory[at + _HEAD.size : at + _HEAD.size + len(text)] = text
        _HEAD.pack_into(self._memory, at, number, len(text), _crc(number, text))

    def load(self) -> bytes:
        """The last note; empty before the first."""
        for _ in range(_LOOKS):
            for slot in sorted((0, 1), key=self._number, reverse=True):
                number, length, crc = _HEAD.unpack_from(self._memory, slot * _SLOT)
                at = slot * _SLOT + _HEAD.size
                text = self._memory[at : at + min(length, NOTE_BYTES_MAX)]
                if number and _crc(number, text) == crc:
                    return text
        return b""

    def close(self) -> None:
        self._memory.close()

    def _number(self, slot: int) -> int:
        return int(_HEAD.unpack_from(self._memory, slot * _SLOT)[0])


def _crc(number: int, text: bytes) -> int:
    return zlib.crc32(text, zlib.crc32(number.to_bytes(8, "little")))
