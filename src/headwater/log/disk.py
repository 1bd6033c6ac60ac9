"""The file operations that a log needs, passed in so that a simulation can lose what was not synced."""

import contextlib
import fcntl
import mmap
import os
import struct
from pathlib import Path
from typing import Protocol

from headwater.model.errors import NotFound, Unavailable

_WORD = struct.Struct("<QQ")
_ALL_ONES = (1 << 64) - 1


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


class RealAppendFile:
    """A file descriptor opened for appending."""

    def __init__(self, path: Path, flags: int) -> None:
        self._fd = os.open(path, flags | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o644)
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
        os.close(self._fd)


class RealDisk:
    """A folder of the file system, made when it is missing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._words: dict[str, mmap.mmap] = {}
        self._lock_fd: int | None = None

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

    def replace(self, name: str, data: bytes) -> None:
        temporary = f"{name}.tmp"
        fd = os.open(self.folder / temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            os.write(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
        self.rename(temporary, name)

    def rename(self, name: str, to: str) -> None:
        os.replace(self.folder / name, self.folder / to)
        self.sync_folder()

    def unlink(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.folder / name)
        self.sync_folder()

    def sync_folder(self) -> None:
        fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def store_word(self, name: str, value: int) -> None:
        _WORD.pack_into(self._word(name), 0, value, value ^ _ALL_ONES)

    def load_word(self, name: str) -> int:
        if name not in self._words and not (self.folder / name).exists():
            return 0
        # The two halves may be seen at different moments of a store; the writer is done within microseconds.
        for _ in range(1000):
            value, inverse = _WORD.unpack_from(self._word(name), 0)
            if value ^ inverse == _ALL_ONES:
                return int(value)
        return 0

    def _word(self, name: str) -> mmap.mmap:
        if name not in self._words:
            fd = os.open(self.folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                if os.fstat(fd).st_size < _WORD.size:
                    os.truncate(fd, _WORD.size)
                    os.pwrite(fd, _WORD.pack(0, _ALL_ONES), 0)
                self._words[name] = mmap.mmap(fd, _WORD.size)
            finally:
                os.close(fd)
        return self._words[name]

    def lock(self) -> None:
        """Become the only writer of this folder; Unavailable when another process is."""
        fd = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise Unavailable(
                f"{self.folder} already has a writer: stop the other process, or give this one a folder of its own"
            ) from None
        self._lock_fd = fd

    def close(self) -> None:
        """Give up the lock and the shared words."""
        for word in self._words.values():
            word.close()
        self._words.clear()
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None
