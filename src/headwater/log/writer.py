"""The one writer of a node log: append in memory, commit in a thread, and only then is anything true.

`append` is cheap and may be called while a `commit` runs in another thread; everything appended until a commit begins
is written and synced by it. Readers and acknowledgements go by `durable`, which rises only after a sync.
"""

import itertools
import secrets
import threading
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from headwater.log.cursors import PREFIX as CURSOR_PREFIX
from headwater.log.disk import AppendFile, Disk
from headwater.log.explained import EXPLAINED, save_explained
from headwater.log.manifest import (
    FORMAT_VERSION as MANIFEST_VERSION,
)
from headwater.log.manifest import (
    LOG_ID_BYTES,
    Manifest,
    check_node,
    load_manifest,
    save_manifest,
)
from headwater.log.recovery import MARK, Missing, Recovered, recover, recover_until
from headwater.log.segments import SUFFIX, segment_name, segments
from headwater.model.context import Context
from headwater.model.errors import ConfigError, Rejected, Unavailable
from headwater.model.ids import IdRun, first_ordinal, format_node
from headwater.model.reading import SeriesKey
from headwater.model.records import (
    SERIES_MAX,
    Definition,
    Jump,
    Kind,
    Loss,
    Position,
    Why,
)
from headwater.wire.records import FORMAT_VERSION, Body, Record, encode_body, frame

SEQUENCES_AHEAD = 1 << 16
SECONDS_AHEAD = 20
RECENT_BYTES_MAX = 8 << 20


class LogOptions(NamedTuple):
    """How a log is kept."""

    segment_bytes: int = 64 << 20
    log_bytes_max: int = 1 << 30
    new_log: bool = False


class _Roll(NamedTuple):
    """A segment begins here."""

    first: int
    snapshot: bytes


class NodeLog:
    """A log opened for writing. Opening recovers it; what was found damaged is named before anything else."""

    def __init__(self, disk: Disk, node: int, now_ms: Callable[[], int], options: LogOptions | None = None) -> None:
        self._disk = disk
        self._now_ms = now_ms
        self.options = options or LogOptions()
        self._lock = threading.Lock()
        self._work: list[bytes | _Roll] = []
        self._work_bytes = 0
        self._failed: list[bytes | _Roll] = []
        """What a commit took and could not sync; the next commit starts with it, in a new segment."""
        self._file: AppendFile | None = None
        self._recent: deque[Record] = deque()
        self._recent_bytes = 0
        self.manifest = self._identify(node)
        self.log = bytes.fromhex(self.manifest.log)
        found = recover(disk, node, self.log)
        self.state = found.state
        self._finish_drops(found)
        self.durable = self.state.sequence
        self.durable_positions: dict[bytes, int] = {}
        self._segment_first = self._segment_written = self._segment_head = 0
        self.sizes = {first: disk.size(segment_name(first)) for first in segments(disk)}
        self._begin(found)

    # ---- opening -------------------------------------------------------------------------------------------------

    def _identify(self, node: int) -> Manifest:
        manifest = None if self.options.new_log else load_manifest(self._disk)
        if manifest is None:
            firsts = segments(self._disk)
            if firsts and not self.options.new_log:
                raise ConfigError(
                    "the log's manifest is lost, so numbers could be used twice: restore it, or start with --new-log"
                )
            self._clear()
            log = secrets.token_bytes(LOG_ID_BYTES)
            manifest = Manifest(MANIFEST_VERSION, format_node(node), log.hex(), 1, self._now_ms() // 1000)
            save_manifest(self._disk, manifest)
        check_node(manifest, node)
        return manifest

    def _clear(self) -> None:
        """Set a log aside that is not to be continued."""
        for name in self._disk.names():
            if name.endswith(SUFFIX) or name.startswith((CURSOR_PREFIX, "checkpoint.")) or name == EXPLAINED:
                self._disk.unlink(name)
        self._disk.store_word(MARK, 0)

    def _finish_drops(self, found: Recovered) -> None:
        """Unlink what a drop named before the process died (rule 4)."""
        firsts = segments(self._disk)
        for first, following in itertools.pairwise(firsts):
            if any(low <= first and following - 1 <= high for low, high in self.state.explained) and first < following:
                self._disk.unlink(segment_name(first))

    def _begin(self, found: Recovered) -> None:
        """Name what is missing, jump over what was cut, sync what is kept (rules 3, 4)."""
        state = self.state
        state.ordinal = max(state.ordinal, first_ordinal(self.manifest.second))
        cut = found.cut is not None and self.manifest.sequence > found.cut
        if cut:
            state.sequence = max(state.sequence, self.manifest.sequence - 1)
        firsts = sorted(self.sizes)
        if found.clean and firsts:
            self._segment_first = firsts[-1]
            self._file = self._disk.reopen(segment_name(firsts[-1]))
            self._segment_written = self._file.size
            self._file.datasync()
            self._disk.sync_folder()
        else:
            self._roll(state.sequence + 1)
        if cut and found.cut is not None:
            self.append(Kind.JUMP, Jump(found.cut, state.sequence))
        for missing in found.missing:
            self.name_damage(missing)
        self._explained_saved: list[tuple[int, int]] | None = None
        self.commit()

    # ---- appending -----------------------------------------------------------------------------------------------

    def allocate(self, count: int) -> IdRun:
        """The next `count` ids. The second orders allocation; it may run ahead of the clock (DESIGN section 2)."""
        start = max(self.state.ordinal, first_ordinal(self._now_ms() // 1000))
        self.state.ordinal = start + count
        return IdRun(self.state.node, start, count)

    def append(
        self,
        kind: int,
        body: Body | None,
        readings: int = 0,
        upstream: Position | None = None,
        raw: bytes = b"",
        version: int = FORMAT_VERSION,
    ) -> Record:
        """Add a record; it counts for nothing until `durable` has reached its sequence.

        `raw` is the body of a kind that this code does not know.
        """
        if self._segment_written - self._segment_head >= self.options.segment_bytes:
            with self._lock:
                self._roll(self.state.sequence + 1)
        record = Record(
            kind,
            version,
            self.state.sequence + 1,
            self.state.count + readings,
            self.durable,
            upstream,
            raw if body is None else encode_body(body),
        )
        data = frame(record)
        with self._lock:
            self._work.append(data)
            self._work_bytes += len(data)
            self._segment_written += len(data)
            self.sizes[self._segment_first] = self._segment_written
            self._remember(record)
            self.state.apply(kind, record.sequence, record.total, upstream, body)
        return record

    def append_twice(self, kind: int, body: Body, upstream: Position | None = None) -> Record:
        """Add a record that others depend on: one flipped bit must not take it (rule 5)."""
        first = self.append(kind, body, upstream=upstream)
        self.append(kind, body, upstream=upstream)
        return first

    def define(self, key: SeriesKey) -> int:
        """The number of a series of this log, defining it if it is new; Rejected("series") when there are too many."""
        number = self.state.numbers.get(key)
        if number is None:
            if len(self.state.series) >= SERIES_MAX:
                raise Rejected("series", f"{SERIES_MAX} series are defined here already; {key} would be one more")
            number = self.state.sequence + 1
            self.append_twice(Kind.DEFINITION, Definition(self.log, number, *key))
        return number

    def use_context(self, context: Context) -> bytes:
        """The name of a context, logging it if it is new."""
        name = context.id
        if name not in self.state.contexts:
            self.append_twice(Kind.CONTEXT, context)
        return name

    def name_damage(self, missing: Missing) -> None:
        """Log that records are damaged; readers pass over them once this is durable (rule 6)."""
        if self.state.is_explained(missing.first, missing.last):
            return
        self.append_twice(
            Kind.LOSS,
            Loss(
                Why.DAMAGED,
                self.log,
                missing.first,
                missing.last,
                missing.readings,
                link=((missing.first, missing.last),),
                stamps=((missing.first, missing.last),),
            ),
        )

    def _remember(self, record: Record) -> None:
        self._recent.append(record)
        self._recent_bytes += record.size
        while self._recent_bytes > RECENT_BYTES_MAX and self._recent[0].sequence <= self.durable:
            self._recent_bytes -= self._recent.popleft().size

    def recent(self, after: int) -> list[Record] | None:
        """The durable records behind a sequence, None when memory no longer holds all of them."""
        with self._lock:
            if not self._recent or self._recent[0].sequence > after + 1:
                return None
            start = after + 1 - self._recent[0].sequence
            if self._recent[-1].sequence - self._recent[0].sequence + 1 == len(self._recent):
                held = [self._recent[at] for at in range(max(0, start), len(self._recent))]
            else:  # A jump lies within.
                held = [record for record in self._recent if record.sequence > after]
            return [record for record in held if record.sequence <= self.durable]

    def _roll(self, first: int) -> None:
        """Begin a segment with two copies of the snapshot; the caller holds the lock or is alone."""
        body = self.state.snapshot(FORMAT_VERSION, self._now_ms())
        head = Record(Kind.SNAPSHOT, FORMAT_VERSION, first - 1, self.state.count, self.durable, None, body)
        snapshot = frame(head) * 2
        self._work.append(_Roll(first, snapshot))
        self._segment_first = first
        self.sizes[first] = self._segment_written = self._segment_head = len(snapshot)

    # ---- committing ----------------------------------------------------------------------------------------------

    @property
    def unsynced_bytes(self) -> int:
        return self._work_bytes

    def commit(self) -> int:
        """Write and sync what was appended so far; the durable sequence. Blocks; one call at a time.

        Unavailable when the disk refuses: nothing is lost or forgotten, the next call tries again in a new segment.
        """
        with self._lock:
            work, self._work = self._failed + self._work, []
            failed, self._failed = bool(self._failed), []
            taken, self._work_bytes = self._work_bytes, 0
            sequence, ordinal, positions = self.state.sequence, self.state.ordinal, dict(self.state.positions)
            explained = list(self.state.explained)
        if work:
            try:
                self._reserve(sequence, ordinal)
                self._write(self._sealed(work) if failed else work)
            except OSError as error:
                with self._lock:
                    self._failed, self._work_bytes = work, self._work_bytes + taken
                raise Unavailable(f"the log cannot be written: {error}") from error
        self._save_explained(explained)
        self.durable, self.durable_positions = sequence, positions
        self._disk.store_word(MARK, sequence)
        return sequence

    def _save_explained(self, explained: list[tuple[int, int]]) -> None:
        """Tell readers in other processes what is named missing, before they come to it."""
        if explained != self._explained_saved:
            save_explained(self._disk, explained)
            self._explained_saved = explained

    def _reserve(self, sequence: int, ordinal: int) -> None:
        held, second = self.manifest, (ordinal >> 24) + 1
        if sequence < held.sequence and second <= held.second:
            return
        self.manifest = Manifest(
            held.version,
            held.node,
            held.log,
            held.sequence if sequence < held.sequence else sequence + SEQUENCES_AHEAD,
            held.second if second <= held.second else second + SECONDS_AHEAD,
        )
        save_manifest(self._disk, self.manifest)

    def _write(self, work: list[bytes | _Roll]) -> None:
        chunk: list[bytes] = []
        for item in work:
            if isinstance(item, _Roll):
                self._flush(chunk)
                self._create(item)
            else:
                chunk.append(item)
        self._flush(chunk)

    def _create(self, roll: _Roll) -> None:
        """A new segment appears with its snapshot durable, or not at all."""
        if self._file is not None:
            self._file.close()
        name = segment_name(roll.first)
        self._file = self._disk.create(name + ".tmp")
        self._file.write(roll.snapshot)
        self._file.datasync()
        self._disk.rename(name + ".tmp", name)

    def _flush(self, chunk: list[bytes]) -> None:
        if self._file is None:
            return
        if chunk:
            self._file.write(b"".join(chunk))
            chunk.clear()
        self._file.datasync()

    def _sealed(self, work: list[bytes | _Roll]) -> list[bytes | _Roll]:
        """The same work behind the start of a new segment: what a failed sync left behind is not trusted (rule 1)."""
        if isinstance(work[0], _Roll):
            return work
        replayed = recover_until(self._disk, self.state.node, self.log, self.durable)
        body = replayed.snapshot(FORMAT_VERSION, self._now_ms())
        head = Record(Kind.SNAPSHOT, FORMAT_VERSION, self.durable, replayed.count, self.durable, None, body)
        with self._lock:
            if not any(isinstance(item, _Roll) for item in (*work, *self._work)):
                self._segment_first = self.durable + 1
            self.sizes[self.durable + 1] = sum(len(item) for item in work if isinstance(item, bytes))
        return [_Roll(self.durable + 1, frame(head) * 2), *work]
