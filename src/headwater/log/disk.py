"""The file operations that a log needs, passed in so that a simulation can lose what was not synced.

What fails raises OSError, or NotFound and Unavailable where that is said.
"""

import contextlib
import fcntl
import mmap
import os
import struct
import weakref
from pathlib import Path
from typing import Any, Protocol

from headwater.log.shared import SharedNote
from headwater.model.errors import NotFound, Unavailable

TEMPORARY = ".tmp"
"""Ends the name of a file that is not whole yet."""
_WORD = struct.Struct("<QQ")
_WORD_COPIES = (0, _WORD.size)
_ALL_ONES = (1 << 64) - 1
_LOOKS = 1000
_COPY_BYTES = 1 << 20


class AppendFile(Protocol):
    """A file that only grows."""

    @property
    def size(self) -> int: ...

    def write(self, data: bytes) -> None:
        """Append all of it; OSError leaves an unknown part behind."""
        ...

    def datasync(self) -> None:
        """Everything written is durable when this returns; OSError says that nothing is known."""
        ...

    def close(self) -> None: ...


class Disk(Protocol):
    """One folder of files."""

    def names(self) -> list[str]: ...

    def size(self, name: str) -> int: ...

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Up to `length` bytes; NotFound when there is no such file."""
        ...

    def create(self, name: str) -> AppendFile:
        """A new file; what had this name before is gone."""
        ...

    def reopen(self, name: str) -> AppendFile:
        """An existing file, to be appended to."""
        ...

    def truncate(self, name: str, size: int) -> None:
        """Cut a file, durably."""
        ...

    def rewrite(self, name: str, offset: int) -> None:
        """Make what a file holds from `offset` on durable by writing it again, for a sync alone may not do so.

        After a failed sync the kernel takes what it has in memory for written.
        """
        ...

    def replace(self, name: str, data: bytes) -> None:
        """Put a small file in place of the old one, whole and durably."""
        ...

    def rename(self, name: str, to: str) -> None:
        """Give a synced file its final name, durably, in place of what had it."""
        ...

    def unlink(self, name: str) -> None:
        """Remove a file if it is there, durably."""
        ...

    def sync_folder(self) -> None:
        """Make new names durable."""
        ...

    def store_word(self, name: str, value: int) -> None:
        """Share a number with other processes; not durable."""
        ...

    def load_word(self, name: str) -> int:
        """The shared number, 0 when there is none."""
        ...

    def store_note(self, name: str, text: bytes) -> None:
        """Share a text with other processes; not durable. ValueError above `log.shared.NOTE_BYTES_MAX`."""
        ...

    def load_note(self, name: str) -> bytes:
        """The shared text, empty when there is none."""
        ...

    def lock(self) -> None:
        """Become the only writer of this folder, once; Unavailable when another process is."""
        ...

    def close(self) -> None:
        """Give up the lock, and what is shared."""
        ...


class RealAppendFile:
    """A file descriptor opened for appending; given back when the object goes, at the latest."""

    def __init__(self, path: Path, flags: int) -> None:
        self._fd = os.open(path, flags | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self._give_back = weakref.finalize(self, os.close, self._fd)
        self._size = os.fstat(self._fd).st_size

    @property
    def size(self) -> int:
        return self._size

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.write(self._fd, view)
            self._size += written
            view = view[written:]

    def datasync(self) -> None:
        os.fdatasync(self._fd)

    def close(self) -> None:
        self._give_back()


class RealDisk:
    """A folder of the file system, made when it is missing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        _make(folder)
        self._words: dict[str, mmap.mmap] = {}
        self._shared: dict[str, SharedNote] = {}
        self._unlock: weakref.finalize[[int], Any] | None = None

    def names(self) -> list[str]:
        return sorted(os.listdir(self.folder))

    def size(self, name: str) -> int:
        try:
            return os.stat(self.folder / name).st_size
        except FileNotFoundError:
            raise NotFound(f"{self.folder / name} is gone") from None

    def read(self, name: str, offset: int, length: int) -> bytes:
        try:
            fd = os.open(self.folder / name, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NotFound(f"{self.folder / name} is gone") from None
        try:
            return os.pread(fd, length, offset)
        finally:
            os.close(fd)

    def create(self, name: str) -> RealAppendFile:
        return RealAppendFile(self.folder / name, os.O_CREAT | os.O_TRUNC)

    def reopen(self, name: str) -> RealAppendFile:
        return RealAppendFile(self.folder / name, 0)

    def truncate(self, name: str, size: int) -> None:
        fd = os.open(self.folder / name, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.ftruncate(fd, size)
            os.fsync(fd)
        finally:
            os.close(fd)

    def rewrite(self, name: str, offset: int) -> None:
        fd = os.open(self.folder / name, os.O_RDWR | os.O_CLOEXEC)
        try:
            while data := os.pread(fd, _COPY_BYTES, offset):
                offset += os.pwrite(fd, data, offset)
            os.fdatasync(fd)
        finally:
            os.close(fd)

    def replace(self, name: str, data: bytes) -> None:
        temporary = name + TEMPORARY
        file = self.create(temporary)
        try:
            file.write(data)
            file.datasync()
        finally:
            file.close()
        self.rename(temporary, name)

    def rename(self, name: str, to: str) -> None:
        os.replace(self.folder / name, self.folder / to)
        self.sync_folder()

    def unlink(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.folder / name)
        self.sync_folder()

    def sync_folder(self) -> None:
        _sync_folder(self.folder)

    def store_word(self, name: str, value: int) -> None:
        word = self._word(name, os.O_CREAT)
        assert word is not None
        for copy in _WORD_COPIES:
            _WORD.pack_into(word, copy, value, value ^ _ALL_ONES)

    def load_word(self, name: str) -> int:
        word = self._word(name)
        if word is None:
            return 0
        # A store changes one copy after the other, so one is whole at any moment; a look may fall between two of them.
        for _ in range(_LOOKS):
            for copy in _WORD_COPIES:
                value, inverse = _WORD.unpack_from(word, copy)
                if value ^ inverse == _ALL_ONES:
                    return int(value)
        return 0

    def _word(self, name: str, create: int = 0) -> mmap.mmap | None:
        """The word's memory; None when it is to be loaded and nobody has stored it yet."""
        if name in self._words:
            return self._words[name]
        try:
            fd = os.open(self.folder / name, os.O_RDWR | os.O_CLOEXEC | create, 0o644)
        except FileNotFoundError:
            return None
        try:
            if os.fstat(fd).st_size < 2 * _WORD.size:
                if not create:
                    return None
                os.pwrite(fd, _WORD.pack(0, _ALL_ONES) * 2, 0)
            self._words[name] = mmap.mmap(fd, 2 * _WORD.size)
        finally:
            os.close(fd)
        return self._words[name]

    def store_note(self, name: str, text: bytes) -> None:
        if name not in self._shared:
            self._shared[name] = SharedNote(self.folder / name, create=True)
        self._shared[name].store(text)

    def load_note(self, name: str) -> bytes:
        if name not in self._shared:
            try:
                self._shared[name] = SharedNote(self.folder / name, create=False)
            except FileNotFoundError:
                return b""
        return self._shared[name].load()

    def lock(self) -> None:
        if self._unlock is not None:
            return
        fd = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise Unavailable(
                f"{self.folder} already has a writer: stop the other process, or give this one a folder of its own"
            ) from None
        self._unlock = weakref.finalize(self, os.close, fd)

    def close(self) -> None:
        for word in self._words.values():
            word.close()
        for note in self._shared.values():
            note.close()
        self._words.clear()
        self._shared.clear()
        if self._unlock is not None:
            self._unlock()
            self._unlock = None


def _make(folder: Path) -> None:
    """A folder that is still there after a power loss."""
    if folder.is_dir():
        return
    _make(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
