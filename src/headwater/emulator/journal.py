"""The journal of a numbered source: what it sends is synced here first, and forgotten once acknowledged (rule 11).

Each file begins with where the replay stood and with the names of all series, so that files before it may go.
"""

import contextlib
import secrets
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from headwater.log.disk import AppendFile, Disk
from headwater.model.errors import ConfigError, NotFound
from headwater.model.reading import SeriesKey
from headwater.wire.records import FORMAT_VERSION, Record, frame, records_in

SOURCE = "source"
PREFIX = "journal."
ENTRY_KIND = 128
HEAD_KIND = 129
FILE_BYTES = 8 << 20
VERSION = 1


class Identity(msgspec.Struct, frozen=True):
    """Who this source is: the id that its readings are numbered under."""

    version: int
    source: str
    """8 random bytes in hex."""
    begun_ms: int = 0
    """When the first replay began."""
    node: str = ""
    """The gateway that the readings go to, in hex; empty before the first."""
    before: int = 0
    """The last number that went to another gateway: this source's readings are numbered from behind it."""
    acknowledged: int = 0
    """At least so far everything is durable at the gateway."""


class Head(msgspec.Struct, frozen=True, array_like=True):
    """How it stood when a file began."""

    next_number: int
    next_tick: int
    series: tuple[tuple[int, str, str], ...]


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
    """The number of the last reading in it or before it."""
    headed: bool
    """Whether files before it may go."""


class _Pending(NamedTuple):
    """What is appended and not yet written, and how it stood before."""

    next_number: int
    next_tick: int
    frames: list[bytes]
    named: set[int]
    """The series that it is the first to use."""


class Journal:
    """Entries in files of a folder; `append` then `sync`, then an entry may be sent."""

    def __init__(self, disk: Disk, keep: bool, now_ms: Callable[[], int]) -> None:
        self._disk = disk
        self._keep = keep
        self._writing = threading.Lock()
        self._identity = self._identify(now_ms)
        self.acknowledged = self._identity.acknowledged
        """As far as it is known; a gateway may say more when it is met again."""
        self._files: deque[_File] = deque()
        self._open: AppendFile | None = None
        self._open_name = ""
        self._open_headed = False
        self.series: dict[int, SeriesKey] = {}
        self.entries: deque[Entry] = deque()
        """What is not known to be acknowledged, in order."""
        self.next_number = 1
        self.next_tick = 0
        self._load()
        self._pending = self._nothing_pending()
        self._synced = self.next_number - 1
        self.acknowledge(self.before)

    def _identify(self, now_ms: Callable[[], int]) -> Identity:
        try:
            return msgspec.json.decode(self._disk.read(SOURCE, 0, 4096), type=Identity)
        except NotFound:
            self._identify_as(Identity(VERSION, secrets.token_hex(8), now_ms()))
            return self._identity
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"the journal's file {SOURCE!r} cannot be read ({error}): choose another --journal"
            ) from error

    @property
    def source(self) -> bytes:
        """The id that a gateway knows this source by."""
        return bytes.fromhex(self._identity.source)

    @property
    def before(self) -> int:
        """What to take from a number of the journal for the number that the gateway knows the reading by."""
        return self._identity.before

    @property
    def begun_ms(self) -> int:
        return self._identity.begun_ms

    def meet(self, node: str) -> bool:
        """A gateway has said who it is; False when that is another one than before.

        Then a new source begins there with what is not known to be acknowledged: under the old id its readings could
        overtake those that the other gateway still holds, which would then look like repetitions.
        """
        held = self._identity
        if held.node == node:
            return True
        if not held.node:
            self._identify_as(msgspec.structs.replace(held, node=node))
            return True
        self.acknowledge(self.acknowledged)
        source, before = secrets.token_hex(8), self.first - 1
        self._identify_as(msgspec.structs.replace(held, source=source, node=node, before=before))
        return False

    def _identify_as(self, identity: Identity) -> None:
        self._disk.replace(SOURCE, msgspec.json.encode(identity))
        self._identity = identity

    def _load(self) -> None:
        """Read what is there; an entry cut short at the end was never sent, and is left behind.

        What a killed process wrote last may not be on the disk yet, so it is synced before any of it may be sent.
        """
        for name in _names(self._disk):
            self._disk.rewrite(name, 0)
            headed = False
            for record in _records(self._disk, name):
                self.acknowledged = max(self.acknowledged, record.mark)
                headed = headed or record.kind == HEAD_KIND
                for entry in _entries(record):
                    self._take(entry)
                self._resume(record)
            self._files.append(_File(name, self.next_number - 1, headed))
        self._disk.sync_folder()

    def _resume(self, record: Record) -> None:
        """Go on from the head of a file. What is missing before it can no longer be sent in order, nor what is left."""
        head = _head(record)
        if head is None:
            return
        self.series |= {number: SeriesKey(meter, metric) for number, meter, metric in head.series}
        if head.next_number > self.next_number:
            self.entries.clear()
            self.next_number, self.next_tick = head.next_number, head.next_tick

    def _take(self, entry: Entry) -> None:
        if entry.first < self.next_number:
            return
        if entry.first > self.next_number:
            self.entries.clear()
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
        record = Record(ENTRY_KIND, FORMAT_VERSION, first, last, self.acknowledged, None, body)
        self._pending.frames.append(frame(record))
        for entry in entries:
            self._pending.named.update(number for number, _, _ in entry.series)
            self._take(entry)

    def sync(self) -> None:
        """Make everything appended durable; may run in a thread."""
        with self._writing:
            self._sync()

    def _sync(self) -> None:
        pending, last = self._pending, self.next_number - 1
        if not pending.frames:
            return
        self._pending = self._nothing_pending()
        frames = pending.frames
        if self._open is None or self._open.size >= FILE_BYTES:
            self._begin_file(pending.next_number - 1)
            frames = [self._head(pending), *frames]
        assert self._open is not None
        self._open.write(b"".join(frames))
        self._open.datasync()
        self._open_headed = True
        self._synced = last

    def _nothing_pending(self) -> _Pending:
        return _Pending(self.next_number, self.next_tick, [], set())

    def _head(self, pending: _Pending) -> bytes:
        series = tuple((number, *key) for number, key in self.series.items() if number not in pending.named)
        body = msgspec.msgpack.encode(Head(pending.next_number, pending.next_tick, series))
        return frame(Record(HEAD_KIND, FORMAT_VERSION, pending.next_number, pending.next_number - 1, 0, None, body))

    def _begin_file(self, last: int) -> None:
        """A file of its own for each start: what a torn end holds is never appended to."""
        if self._open is not None:
            self._open.close()
            self._files.append(_File(self._open_name, last, self._open_headed))
        taken = [int(file.name.removeprefix(PREFIX)) for file in self._files]
        self._open_name = f"{PREFIX}{max(taken, default=0) + 1:012d}"
        self._open = self._disk.create(self._open_name)
        self._open_headed = False
        self._disk.sync_folder()

    def acknowledge(self, number: int) -> None:
        """Everything up to a reading is durable at the first hop."""
        self.acknowledged = max(self.acknowledged, number)
        while self.entries and self.entries[0].last <= number:
            self.entries.popleft()
        while not self._keep and self._files and self._files[0].last <= number and self._is_needless():
            self._disk.unlink(self._files.popleft().name)

    def _is_needless(self) -> bool:
        """Whether a later file says all that the first one does of series and position."""
        return self._open_headed or any(file.headed for file in list(self._files)[1:])

    def close(self) -> None:
        """Sync what is left, and note how far the first hop is."""
        with self._writing:
            self._sync()
            if self._open is not None:
                self._open.close()
        if self.acknowledged > self._identity.acknowledged:
            self._identify_as(msgspec.structs.replace(self._identity, acknowledged=self.acknowledged))


def read_entries(disk: Disk, name: str) -> Iterator[Entry]:
    """The entries of one journal file, up to the first that is not sound."""
    for record in _records(disk, name):
        yield from _entries(record)


def journal_entries(disk: Disk) -> Iterator[Entry]:
    """All entries that a folder still holds, in order."""
    for name in _names(disk):
        yield from read_entries(disk, name)


def _names(disk: Disk) -> list[str]:
    return sorted(name for name in disk.names() if name.startswith(PREFIX))


def _records(disk: Disk, name: str) -> Iterator[Record]:
    return records_in(disk.read(name, 0, disk.size(name)))


def _entries(record: Record) -> list[Entry]:
    if record.kind == ENTRY_KIND:
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
            return msgspec.msgpack.decode(record.body, type=list[Entry])
    return []


def _head(record: Record) -> Head | None:
    if record.kind == HEAD_KIND:
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
            return msgspec.msgpack.decode(record.body, type=Head)
    return None
