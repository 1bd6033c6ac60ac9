"""The one writer of a node log: append in memory, commit in a thread, and only then is anything true.

One thread appends; `append` is cheap and may be called while another thread runs `commit`, which writes and syncs
everything appended until it begins. Readers and acknowledgements go by `durable`, which rises only after a sync.
"""

import threading
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import msgspec

from headwater.log.disk import Disk
from headwater.log.explained import save_explained
from headwater.log.identity import identify
from headwater.log.manifest import Manifest, save_manifest
from headwater.log.ranges import Ranges
from headwater.log.reader import LogReader
from headwater.log.recent import Recent
from headwater.log.recovery import MARK, repair, save_synced
from headwater.log.segments import segment_name, segments
from headwater.log.survey import Missing, Segment, find_missing, read_log
from headwater.log.tail import Group, Tail
from headwater.model.context import Context
from headwater.model.errors import NotFound, Rejected, Unavailable
from headwater.model.ids import IdRun, first_ordinal
from headwater.model.reading import SeriesKey
from headwater.model.records import SERIES_MAX, Definition, Jump, Kind, Loss, Position, Why
from headwater.wire.records import BODY_BYTES_MAX, FORMAT_VERSION, Body, Record, encode_body, frame

RECENT_BYTES_MAX = 4 << 20
SEGMENTS_MIN = 8
"""A segment is at most this part of the budget, so that there is always one to let go."""
CLOCK_S_MAX = 0xF000_0000
"""A clock that says more (the year 2097) is wrong, and ids do not follow it: there would soon be none left."""


class LogOptions(NamedTuple):
    """How a log is kept."""

    segment_bytes: int = 64 << 20
    log_bytes_max: int = 1 << 30
    new_log: bool = False
    """Begin another log when the manifest is lost."""


class NodeLog:
    """A log opened for writing. Opening recovers it; what was found damaged is named before anything else.

    Raises ConfigError when the folder's log cannot be continued, Unavailable when it has a writer already or the
    disk refuses.
    """

    def __init__(self, disk: Disk, node: int, now_ms: Callable[[], int], options: LogOptions | None = None) -> None:
        self._disk = disk
        self._now_ms = now_ms
        self.options = options or LogOptions()
        self.set_budget(self.options.segment_bytes, self.options.log_bytes_max)
        self._lock = threading.Lock()
        self._committing = threading.Lock()
        self._recent = Recent(RECENT_BYTES_MAX)
        self._work: list[Group] = [Group()]
        """What is appended and not yet committed."""
        self.unsynced_bytes = 0
        self.hides_names = False
        """Whether the names of series that come in are kept from the next hop."""
        self.failing = False
        """Whether the last commit failed."""
        self._explained_saved: Ranges | None = None
        self._synced_saved = 0
        disk.lock()
        try:
            self._open(node)
        except OSError as error:
            raise Unavailable(f"the log cannot be opened: {error}") from error

    def set_budget(self, segment_bytes: int, log_bytes_max: int) -> None:
        """How large a segment gets from the next on, and how much names may take."""
        self.options = self.options._replace(segment_bytes=segment_bytes, log_bytes_max=log_bytes_max)
        self.segment_bytes = min(segment_bytes, log_bytes_max // SEGMENTS_MIN)

    # ---- opening -------------------------------------------------------------------------------------------------

    def _open(self, node: int) -> None:
        """Recover: cut, sync, read, finish drops, name what is missing, jump over what was cut (rules 3, 4)."""
        self._disk.sync_folder()  # A name that is seen may still be one that a power loss takes back.
        self.manifest = identify(self._disk, node, self.options.new_log, self._now_ms())
        self.log = bytes.fromhex(self.manifest.log)
        mark, file = repair(self._disk, self._resume)
        self._next_ordinal = first_ordinal(self.manifest.second)
        found = read_log(self._disk, node, self.log, mark, self._next_ordinal)
        if found.last < mark or file is None:
            self._resume()
        self.state, self._segments = found.state, found.segments
        self._finish_drops()
        if not self._segments:
            self.state.ordinal = self._next_ordinal
        self._next_ordinal = max(self._next_ordinal, self.state.ordinal)
        self.durable = self.state.sequence
        self.durable_positions: dict[bytes, int] = {}
        self._snapshot_bytes, self._series_bytes = 0, 0
        cut = self.state.sequence + 1
        kept = self.state.place
        self.state.sequence = max(self.state.sequence, self.manifest.resume - 1)
        if file is None:
            self._tail = Tail(self._disk, None, self.state.place)
            self._roll()
        else:
            self._tail = Tail(self._disk, file, kept)
            self._snapshot_bytes = 2 * len(self.state.snapshot(self._now_ms(), 0))
            self._series_bytes = self.state.series_bytes
        if cut <= self.state.sequence:
            self.append(Kind.JUMP, Jump(cut, self.state.sequence))
        for missing in found.missing:
            self._name(missing)
        self.commit()

    def _resume(self) -> None:
        """Give no sequence below the reserved ones any more (rule 3)."""
        if self.manifest.resume < self.manifest.sequence:
            self._save_manifest(msgspec.structs.replace(self.manifest, resume=self.manifest.sequence))

    def _finish_drops(self) -> None:
        """Unlink what a drop named before the process died (rule 4)."""
        for first, following in pairwise(segments(self._disk)):
            if self.state.is_explained(first, following - 1):
                self._disk.unlink(segment_name(first))
                self._segments = [segment for segment in self._segments if segment.first != first]

    # ---- appending -----------------------------------------------------------------------------------------------

    def allocate(self, count: int) -> IdRun:
        """The next `count` ids. The second orders allocation; it may run ahead of the clock (DESIGN section 2)."""
        now_s = self._now_ms() // 1000
        start = max(self._next_ordinal, first_ordinal(now_s) if now_s <= CLOCK_S_MAX else 0)
        self._next_ordinal = start + count
        return IdRun(self.state.node, start, count)

    def append(
        self,
        kind: int,
        body: Body | None,
        readings: int = 0,
        upstream: Position | None = None,
        raw: bytes = b"",
        version: int = FORMAT_VERSION,
        stays: bool = False,
    ) -> Record:
        """Add a record; it counts for nothing until `durable` has reached its sequence.

        `raw` is the body of a kind that this code does not know; what `stays` does not go to the next hop.
        Rejected("record") when the body is too long.
        """
        state = self.state
        payload = raw if body is None else encode_body(body)
        if len(payload) > BODY_BYTES_MAX:
            raise Rejected("record", f"a body of {len(payload)} bytes is longer than {BODY_BYTES_MAX}")
        with self._lock:
            segment = self._segments[-1]
            if segment.bytes - segment.head_bytes >= self.segment_bytes:
                segment = self._roll()
            sequence, count = state.sequence + 1, state.count + readings
            record = Record(kind, version, sequence, count, self.durable, upstream, payload, stays)
            data = frame(record)
            self._work[-1].frames.append(data)
            self.unsynced_bytes += len(data)
            segment.bytes += len(data)
            segment.last = sequence
            segment.readings += readings
            if isinstance(body, Loss):
                segment.losses.append((sequence, body))
            state.apply(kind, sequence, count, upstream, body, stays)
            self._recent.add(record, self.durable)
        return record

    def append_twice(self, kind: int, body: Body, upstream: Position | None = None) -> Record:
        """Add a record that others depend on: one flipped bit must not take it (rule 5)."""
        stays = isinstance(body, Definition) and body.stays
        first = self.append(kind, body, upstream=upstream, stays=stays)
        self.append(kind, body, upstream=upstream, stays=stays)
        return first

    def define(self, key: SeriesKey, stays: bool | None = None) -> int:
        """The number of a series of this log, defining it if it is new; Rejected("series") when there are too many.

        `stays` says whether the name is kept from the next hop; None: as `hides_names` has it. One that was kept goes
        on as soon as it may.
        """
        stays = self.hides_names if stays is None else stays
        number = self.state.numbers.get(key)
        if number is not None and not stays and self.state.series[self.log, number].stays:
            self.append_twice(Kind.DEFINITION, Definition(self.log, number, *key))
        if number is None:
            if len(self.state.series) >= SERIES_MAX:
                raise Rejected("series", f"{SERIES_MAX} series are defined here already; {key} would be one more")
            if self.snapshot_bytes > self.options.log_bytes_max // SEGMENTS_MIN:
                raise Rejected(
                    "series",
                    f"the names of {len(self.state.series)} series fill the log's budget of "
                    f"{self.options.log_bytes_max} bytes; {key} would be one more: raise log_bytes_max",
                )
            number = self.state.sequence + 1
            self.append_twice(Kind.DEFINITION, Definition(self.log, number, *key, stays=stays))
        return number

    def use_context(self, context: Context) -> bytes:
        """The name of a context, logging it if it is new."""
        name = context.id
        if name not in self.state.contexts:
            self.append_twice(Kind.CONTEXT, context)
        return name

    def name_damage(self, missing: Missing) -> None:
        """Log what is damaged of a range that a reader could not read; it passes once that is durable (rule 6).

        Reads the segments around it, for what a reader says is not taken on trust.
        """
        last = min(missing.last, self.durable)
        if self.state.is_explained(missing.first, last):
            self._explained_saved = None  # The reader does not know: its file is written again by the next commit.
            return
        try:
            for found in find_missing(self._disk, self.state, missing.first, last, self._next_ordinal):
                holder = next((s for s in reversed(self._segments) if s.first <= found.first), self._segments[0])
                holder.readings = max(0, holder.readings - found.readings)
                self._name(found)
        except NotFound:
            return  # A segment went meanwhile; who still misses something will say so again.

    def _name(self, missing: Missing) -> None:
        first, last, readings, run = missing
        span = ((first, last),)
        runs = () if run is None else (run,)
        self.append_twice(Kind.LOSS, Loss(Why.DAMAGED, self.log, first, last, readings, runs, link=span, stamps=span))

    def roll(self) -> None:
        """Begin a new segment now."""
        with self._lock:
            self._roll()

    def _roll(self) -> Segment:
        """Begin a segment; the caller holds the lock or is alone."""
        place = self.state.place
        self._work[-1].end = place
        segment, head = self._head(place.sequence + 1, place.ordinal)
        self._segments.append(segment)
        self._work.append(Group(segment, [head]))
        return segment

    def _head(self, first: int, ordinal: int) -> tuple[Segment, bytes]:
        """A new segment, and two copies of the snapshot as it is now (rule 5)."""
        state, now_ms = self.state, self._now_ms()
        body = state.snapshot(now_ms, ordinal)
        head = 2 * frame(Record(Kind.SNAPSHOT, FORMAT_VERSION, state.sequence, state.count, self.durable, None, body))
        self._snapshot_bytes, self._series_bytes = len(head), state.series_bytes
        return Segment(first, now_ms, ordinal, first - 1, len(head), len(head), on_disk=False), head

    # ---- reading -------------------------------------------------------------------------------------------------

    def reader(self, after: int) -> LogReader:
        """A reader in this process, behind a sequence."""
        return LogReader(
            self._disk, after, lambda: self.durable, self.state.is_explained, self.recent, self.is_condemned
        )

    def recent(self, after: int, most: int = 256) -> list[Record] | None:
        """Up to `most` durable records behind a sequence, None when memory no longer holds all of them."""
        with self._lock:
            return self._recent.after(after, self.durable, most)

    # ---- budget --------------------------------------------------------------------------------------------------

    @property
    def segments(self) -> list[Segment]:
        """What is known of each segment, oldest first."""
        with self._lock:
            return list(self._segments)

    @property
    def used(self) -> int:
        """Bytes in all segments, those not yet written included."""
        with self._lock:
            return sum(segment.bytes for segment in self._segments)

    @property
    def snapshot_bytes(self) -> int:
        """What the next segment's snapshots take at most, about."""
        return self._snapshot_bytes + 2 * (self.state.series_bytes - self._series_bytes)

    def condemn(self, segment: Segment, after: int = 0) -> None:
        """Let `sweep` unlink a segment that is not the last, once a sequence is durable; nobody reads it any more."""
        with self._lock:
            segment.gone_after = after
            self._recent.remove(segment.first, segment.last)

    def is_condemned(self, sequence: int) -> bool:
        """Whether a record is in a segment that is about to go."""
        return any(s.gone_after is not None and s.first <= sequence <= s.last for s in self._segments)

    @property
    def sweepable(self) -> bool:
        """Whether `sweep` has something to do now."""
        return bool(self._doomed())

    def _doomed(self) -> list[Segment]:
        """What may be unlinked now: oldest first, and none before an older one that waits for its loss record."""
        doomed = []
        for segment in self.segments:
            if segment.gone_after is not None:
                if segment.gone_after > self.durable:
                    break
                doomed.append(segment)
        return doomed

    def sweep(self) -> int:
        """Unlink what is condemned; how many segments went. Blocks. Unavailable when the disk refuses."""
        with self._committing:
            doomed = self._doomed()
            for segment in doomed:
                try:
                    if segment.gone_after and self._synced_saved < segment.gone_after:
                        save_synced(self._disk, self.durable)  # No start may take the loss record for a torn end.
                        self._synced_saved = self.durable
                    self._disk.unlink(segment_name(segment.first))
                except OSError as error:
                    raise Unavailable(f"a segment cannot be removed: {error}") from error
                with self._lock:
                    self._segments = [kept for kept in self._segments if kept is not segment]
                    self.state.forget_before(self._segments[0].first)
            return len(doomed)

    # ---- committing ----------------------------------------------------------------------------------------------

    def commit(self) -> int:
        """Write and sync what was appended so far; the durable sequence. Blocks.

        Unavailable when the disk refuses: nothing is lost or forgotten, the next call tries again.
        """
        with self._committing:
            with self._lock:
                work = self._take()
                ordinal, explained = self._next_ordinal, self.state.explained
                positions = dict(self.state.positions)
            try:
                self._save_manifest(self.manifest.reserved(work[-1].end.sequence, ordinal))
                while work:
                    self._tail.put(work[0])
                    del work[0]
                if explained != self._explained_saved:
                    save_explained(self._disk, explained)
                    self._explained_saved = explained
                self._disk.store_word(MARK, self._tail.synced.sequence)
            except OSError as error:
                self._put_back(work)
                raise Unavailable(f"the log cannot be written: {error}") from error
            self.durable, self.durable_positions = self._tail.synced.sequence, positions
            self.failing = False
            return self.durable

    def _take(self) -> list[Group]:
        """Everything appended; in one new segment if what was written last could not be synced (rule 1)."""
        if self._tail.torn:
            self._seal()
        work, self._work = self._work, [Group()]
        self.unsynced_bytes, work[-1].end = 0, self.state.place
        return work

    def _put_back(self, work: list[Group]) -> None:
        with self._lock:
            self.failing = True
            self.unsynced_bytes += sum(len(data) for group in work for data in group.records)
            if work:
                last, following = work[-1], self._work[0]
                merged = Group(last.segment, [*last.frames, *following.frames], following.end)
                self._work = [*work[:-1], merged, *self._work[1:]]

    def _seal(self) -> None:
        """Give all unsynced records a segment of their own, and trust nothing that may be behind the synced ones."""
        synced = self._tail.synced
        frames = [data for group in self._work for data in group.records]
        kept = [segment for segment in self._segments if segment.first <= synced.sequence]
        moved = self._segments[len(kept) :]
        segment, head = self._head(synced.sequence + 1, synced.ordinal)
        segment.bytes += sum(map(len, frames))
        segment.last, segment.readings = self.state.sequence, self.state.count - synced.total
        segment.losses = [held for old in self._segments for held in old.losses if held[0] > synced.sequence]
        if kept and not any(old.on_disk for old in moved):
            torn = kept[-1]
            torn.last, torn.bytes = synced.sequence, self._tail.size
            torn.readings -= segment.readings - sum(old.readings for old in moved)
            torn.losses = [held for held in torn.losses if held[0] <= synced.sequence]
        self._segments, self._work = [*kept, segment], [Group(segment, [head, *frames])]

    def _save_manifest(self, manifest: Manifest) -> None:
        if manifest != self.manifest:
            save_manifest(self._disk, manifest)
            self.manifest = manifest

    def close(self) -> None:
        """Give the files up; what was not committed is lost."""
        self._tail.close()
