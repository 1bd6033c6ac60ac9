"""A disk in memory that forgets what was not synced, for whoever says when the power goes.

`Storage` is what a machine has, `SimDisk` is one process's view of it: the same folder opened by two processes is two
views of one storage. `kill` ends one process and `power_loss` all of them; both return a view for the next process.
"""

import random
from collections.abc import Callable
from typing import NamedTuple

from headwater.log.disk import TEMPORARY
from headwater.model.errors import NotFound, Unavailable

PAGE_BYTES = 512


class Crash(BaseException):
    """The process died here. `written` bytes of a write were done before it."""

    def __init__(self, message: str = "crash", written: int = 0) -> None:
        super().__init__(message)
        self.written = written


class DiskError(OSError):
    """An error to be injected. `written` bytes of a write are done in spite of it."""

    def __init__(self, number: int, message: str, written: int = 0) -> None:
        super().__init__(number, message)
        self.written = written


class Operation(NamedTuple):
    """One step of what is done to a disk; seen before it has its effect, and again after."""

    kind: str
    """create, write, datasync, truncate, rewrite, rename, unlink, sync_folder or word"""
    name: str
    done: bool


class _File:
    """Contents, of which the first `durable` bytes survive, apart from `volatile` stretches (offset, length)."""

    def __init__(self, data: bytes = b"") -> None:
        self.data = bytearray(data)
        self.durable = len(data)
        self.poisoned: list[tuple[int, int]] = []
        """Stretches whose sync failed: they look written and are not, and later syncs leave them out."""
        self.pending: list[tuple[int, int]] = []

    def surviving(self, rng: random.Random) -> "_File":
        """What is found after a power loss: any part of what was not synced may be there, the rest is zeros."""
        volatile = self.pending + self.poisoned
        if not volatile:
            return _File(bytes(self.data))
        data = bytearray(self.data)
        for offset, length in volatile:
            data[offset : offset + length] = _torn(rng, bytes(data[offset : offset + length]))
        if self.durable < len(data):
            del data[rng.choice((self.durable, rng.randint(self.durable, len(data)), len(data))) :]
        return _File(bytes(data))


def _torn(rng: random.Random, data: bytes) -> bytes:
    """All of a write, nothing, its beginning, or some of its pages."""
    fate = rng.randrange(4)
    if fate == 0:
        return data
    if fate == 1:
        return bytes(len(data))
    if fate == 2:
        kept = rng.randint(0, len(data))
        return data[:kept] + bytes(len(data) - kept)
    pages = [data[at : at + PAGE_BYTES] for at in range(0, len(data), PAGE_BYTES)]
    return b"".join(page if rng.random() < 0.5 else bytes(len(page)) for page in pages)


class Storage:
    """The folder as the kernel has it, and what of it is on the platter."""

    def __init__(self) -> None:
        self.files: dict[str, _File] = {}
        self.synced_names: dict[str, _File] = {}
        self.changed_names: list[dict[str, _File | None]] = []
        """Changes of names since the folder was synced; what one change says holds whole or not at all."""
        self.words: dict[str, list[int]] = {}
        self.notes: dict[str, bytes] = {}
        """The last values of each shared number, any of which may be found after a power loss."""
        self.writer: SimDisk | None = None
        self.views: list[SimDisk] = []

    def change(self, names: dict[str, _File | None]) -> None:
        self.changed_names.append(names)
        _apply(self.files, names)

    def power_loss(self, rng: random.Random) -> None:
        """The machine stops: every process is gone, and so is any part of what was not synced."""
        for view in self.views:
            view.alive = False
        self.writer, self.views = None, []
        for names in self.changed_names:
            if rng.random() < 0.5:
                _apply(self.synced_names, names)
        survivors = {id(file): file.surviving(rng) for file in self.synced_names.values()}
        self.files = {name: survivors[id(file)] for name, file in self.synced_names.items()}
        self.synced_names, self.changed_names = dict(self.files), []
        self.words = {name: [rng.choice(values)] for name, values in self.words.items()}
        self.notes = {}


def _apply(files: dict[str, _File], names: dict[str, _File | None]) -> None:
    for name, file in names.items():
        if file is None:
            files.pop(name, None)
        else:
            files[name] = file


class SimDisk:
    """A `headwater.log.disk.Disk` in memory."""

    def __init__(self, storage: Storage | None = None) -> None:
        self.storage = storage or Storage()
        self.storage.views.append(self)
        self.on_operation: Callable[[Operation], None] | None = None
        """Sees every step; what it raises is what happens there: Crash, or an OSError such as DiskError."""
        self.alive = True

    def kill(self) -> "SimDisk":
        """The process that has this view dies: what it wrote is in the kernel's hands and stays."""
        self.alive = False
        self.storage.views.remove(self)
        self.close()
        return SimDisk(self.storage)

    def power_loss(self, rng: random.Random) -> "SimDisk":
        """The machine stops."""
        self.storage.power_loss(rng)
        return SimDisk(self.storage)

    def flip(self, name: str, bit: int) -> None:
        """Turn one bit of a file around."""
        self._file(name).data[bit >> 3] ^= 1 << (bit & 7)

    # ---- Disk ----------------------------------------------------------------------------------------------------

    def names(self) -> list[str]:
        return sorted(self.storage.files)

    def size(self, name: str) -> int:
        return len(self._file(name).data)

    def read(self, name: str, offset: int, length: int) -> bytes:
        return bytes(self._file(name).data[offset : offset + length])

    def create(self, name: str) -> "SimFile":
        self.step("create", name)
        file = _File()
        self.storage.change({name: file})
        self.step("create", name, done=True)
        return SimFile(self, name, file)

    def reopen(self, name: str) -> "SimFile":
        self._check()
        return SimFile(self, name, self._file(name))

    def truncate(self, name: str, size: int) -> None:
        self.step("truncate", name)
        file = self._file(name)
        del file.data[size:]
        file.durable = min(file.durable, size)
        self.step("truncate", name, done=True)
        file.durable = size

    def rewrite(self, name: str, offset: int) -> None:
        self.step("rewrite", name)
        file = self._file(name)
        file.poisoned = [piece for piece in file.poisoned if sum(piece) <= offset]
        file.pending, file.durable = [], len(file.data)
        self.step("rewrite", name, done=True)

    def replace(self, name: str, data: bytes) -> None:
        file = self.create(name + TEMPORARY)
        file.write(data)
        file.datasync()
        self.rename(name + TEMPORARY, name)

    def rename(self, name: str, to: str) -> None:
        self.step("rename", to)
        self.storage.change({name: None, to: self._file(name)})
        self.step("rename", to, done=True)
        self.sync_folder()

    def unlink(self, name: str) -> None:
        self.step("unlink", name)
        self.storage.change({name: None})
        self.step("unlink", name, done=True)
        self.sync_folder()

    def sync_folder(self) -> None:
        self.step("sync_folder", "")
        self.storage.synced_names, self.storage.changed_names = dict(self.storage.files), []
        self.step("sync_folder", "", done=True)

    def store_word(self, name: str, value: int) -> None:
        self.step("word", name)
        self.storage.words[name] = [*self.storage.words.get(name, [0])[-2:], value]
        self.step("word", name, done=True)

    def load_word(self, name: str) -> int:
        return self.storage.words.get(name, [0])[-1]

    def store_note(self, name: str, text: bytes) -> None:
        self.storage.notes[name] = text

    def load_note(self, name: str) -> bytes:
        return self.storage.notes.get(name, b"")

    def lock(self) -> None:
        self._check()
        if self.storage.writer not in (None, self):
            raise Unavailable("the folder already has a writer")
        self.storage.writer = self

    def close(self) -> None:
        if self.storage.writer is self:
            self.storage.writer = None

    def step(self, kind: str, name: str, done: bool = False) -> None:
        """Pass one step by whoever watches."""
        self._check()
        if self.on_operation is not None:
            self.on_operation(Operation(kind, name, done))

    def _check(self) -> None:
        if not self.alive:
            raise Crash("the process is dead")

    def _file(self, name: str) -> _File:
        try:
            return self.storage.files[name]
        except KeyError:
            raise NotFound(f"{name} is gone") from None


class SimFile:
    """An open file of a `SimDisk`."""

    def __init__(self, disk: SimDisk, name: str, file: _File) -> None:
        self._disk = disk
        self._name = name
        self._file = file

    @property
    def size(self) -> int:
        return len(self._file.data)

    def write(self, data: bytes) -> None:
        try:
            self._disk.step("write", self._name)
        except (Crash, DiskError) as fault:
            self._append(data[: fault.written])
            raise
        self._append(data)
        self._disk.step("write", self._name, done=True)

    def _append(self, data: bytes) -> None:
        if data:
            self._file.pending.append((len(self._file.data), len(data)))
            self._file.data += data

    def datasync(self) -> None:
        file = self._file
        try:
            self._disk.step("datasync", self._name)
        except OSError:
            file.poisoned += file.pending
            file.pending = []
            raise
        file.pending, file.durable = [], len(file.data)
        self._disk.step("datasync", self._name, done=True)

    def close(self) -> None:
        """Nothing is lost by it."""
