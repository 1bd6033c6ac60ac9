"""The journal of a numbered source: what it sends is synced here first, and forgotten once acknowledged (rule 11)."""

import contextlib
import secrets
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from headwater.log.disk import AppendFile, Disk
from headwater.model.errors import ConfigError, NotFound
from headwater.model.reading import SeriesKey
from headwater.wire.records import FORMAT_VERSION, Record, frame, records_in

SOURCE = "source"
PREFIX = "journal."
ENTRY_KIND = 128
FILE_BYTES = 8 << 20
VERSION = 1


class Identity(msgspec.Struct, frozen=True):
    """Who this source is: the id that its readings are numbered under."""

    version: int
    source: str
    """8 random bytes in hex."""


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One message to the first hop."""

    first: int
    """Number of its first reading."""
    count: int
    next_tick: int
    """Where the replay goes on behind it."""
    payload: bytes
    series: tuple[tuple[int, str, str], ...]
    """The series that it is the first to use: number, meter, metric."""
    sent_ms: int

    @property
    def last(self) -> int:
        return self.first + self.count - 1


class _File(NamedTuple):
    name: str
    last: int


class Journal:
    """Entries in files of a folder; `append` then `sync`, then an entry may be sent."""

    def __init__(self, disk: Disk, keep: bool) -> None:
        self._disk = disk
        self._keep = keep
        self.source = self._identify()
        self._files: deque[_File] = deque()
        self._open: AppendFile | None = None
        self._open_name = ""
        self._pending: list[bytes] = []
        self.series: dict[int, SeriesKey] = {}
        self.entries: deque[Entry] = deque()
        """What is not known to be acknowledged, in order."""
        self.next_number = 1
        self.next_tick = 0
        self._load()
        self._synced = self.next_number - 1

    def _identify(self) -> bytes:
        try:
            held = msgspec.json.decode(self._disk.read(SOURCE, 0, 4096), type=Identity)
        except NotFound:
            held = Identity(VERSION, secrets.token_hex(8))
            self._disk.replace(SOURCE, msgspec.json.encode(held))
        except msgspec.DecodeError as error:
            raise ConfigError(
                f"the journal's file {SOURCE!r} cannot be read ({error}): choose another --journal"
            ) from error
        return bytes.fromhex(held.source)

    def _load(self) -> None:
        """Read what is there; an entry cut short at the end was never sent, and is left behind."""
        for name in sorted(name for name in self._disk.names() if name.startswith(PREFIX)):
            last = 0
            for entry in read_entries(self._disk, name):
                if entry.first == self.next_number or not self.entries:
                    self._take(entry)
                    last = entry.last
            self._files.append(_File(name, last))

    def _take(self, entry: Entry) -> None:
        for number, meter, metric in entry.series:
            self.series[number] = SeriesKey(meter, metric)
        self.entries.append(entry)
        self.next_number, self.next_tick = entry.last + 1, entry.next_tick

    @property
    def first(self) -> int:
        """The number of the first reading held."""
        return self.entries[0].first if self.entries else self.next_number

    @property
    def synced(self) -> list[Entry]:
        """What is held and durable, so that it may be sent."""
        return [entry for entry in self.entries if entry.last <= self._synced]

    @property
    def unacknowledged(self) -> int:
        """Readings held."""
        return self.next_number - self.first

    def append(self, entries: list[Entry]) -> None:
        """Add what goes together: after a crash all of it is there, or nothing."""
        body = msgspec.msgpack.encode(entries)
        first, last = entries[0].first, entries[-1].last
        self._pending.append(frame(Record(ENTRY_KIND, FORMAT_VERSION, first, last, 0, None, body)))
        for entry in entries:
            self._take(entry)

    def sync(self) -> None:
        """Make everything appended durable; may run in a thread."""
        pending, self._pending = self._pending, []
        last = self.next_number - 1
        if not pending:
            return
        if self._open is None or self._open.size >= FILE_BYTES:
            self._begin_file()
        assert self._open is not None
        self._open.write(b"".join(pending))
        self._open.datasync()
        self._synced = last

    def _begin_file(self) -> None:
        """A file of its own for each start: what a torn end holds is never appended to."""
        if self._open is not None:
            self._open.close()
            self._files.append(_File(self._open_name, self.next_number - 1))
        taken = [int(file.name.removeprefix(PREFIX)) for file in self._files]
        self._open_name = f"{PREFIX}{max(taken, default=0) + 1:012d}"
        self._open = self._disk.create(self._open_name)
        self._disk.sync_folder()

    def acknowledge(self, number: int) -> None:
        """Everything up to a reading is durable at the first hop."""
        while self.entries and self.entries[0].last <= number:
            self.entries.popleft()
        while self._files and not self._keep and self._files[0].last <= number and len(self._files) > 1:
            self._disk.unlink(self._files.popleft().name)

    def close(self) -> None:
        self.sync()
        if self._open is not None:
            self._open.close()


def read_entries(disk: Disk, name: str) -> Iterator[Entry]:
    """The entries of one journal file, up to the first that is not sound."""
    data = disk.read(name, 0, disk.size(name))
    for record in records_in(data):
        with contextlib.suppress(msgspec.DecodeError):
            yield from msgspec.msgpack.decode(record.body, type=list[Entry])


def journal_entries(disk: Disk) -> Iterator[Entry]:
    """All entries that a folder still holds, in order."""
    for name in sorted(name for name in disk.names() if name.startswith(PREFIX)):
        yield from read_entries(disk, name)
