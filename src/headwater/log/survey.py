"""A log read through from its files: its state, what each segment holds, and what is missing between records."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from headwater.log.disk import Disk
from headwater.log.ranges import holes
from headwater.log.recovery import records
from headwater.log.segments import Invalid, read_segment, segment_name, segments
from headwater.log.state import Head, State, body_needed, read_head
from headwater.model.errors import Rejected
from headwater.model.ids import IdRun
from headwater.model.records import Batch, Kind, Loss
from headwater.wire.records import Body, Header, Record, decode_body, known


class Missing(NamedTuple):
    """Sequences that the log should hold and does not, with the readings and ids that went with them."""

    first: int
    last: int
    readings: int = 0
    run: IdRun | None = None
    """The ids between those of the records before and behind."""


@dataclass(slots=True)
class Segment:
    """What is known of a segment without reading it."""

    first: int
    created_ms: int
    ordinal: int
    """Ids of its records have this ordinal or a higher one."""
    last: int
    """Its last sequence."""
    bytes: int = 0
    head_bytes: int = 0
    """What of it is snapshots."""
    readings: int = 0
    """Readings in its sound records."""
    losses: list[tuple[int, Loss]] = field(default_factory=list)
    """The loss records in it, with their sequences."""
    on_disk: bool = True
    gone_after: int | None = None
    """It is to be unlinked once this sequence is durable."""


class Found(NamedTuple):
    """A log as found on disk."""

    state: State
    segments: list[Segment]
    missing: list[Missing]
    """What is missing and not named yet."""
    last: int
    """The last sequence that is there."""


def body_of(record: Record) -> Body | None:
    """What a record says, None when it says nothing that changes the state, or cannot be understood."""
    if not known(record) or not body_needed(record.kind):
        return None
    try:
        return decode_body(record)
    except Rejected:
        return None


def read_log(disk: Disk, node: int, log: bytes, mark: int, ordinal_end: int) -> Found:
    """Read a whole log; `ordinal_end` is the first id ordinal that was never given away.

    ConfigError when a segment is another log's, or newer than this code.
    """
    firsts = segments(disk)
    state, fold_from = _newest_state(disk, firsts, node, log)
    survey = _Survey(node, log, firsts[0] - 1 if firsts else state.sequence)
    for segment, found in survey.read(disk, firsts):
        if segment.first >= fold_from and found.sequence > state.sequence:
            state.apply(found.kind, found.sequence, found.total, found.upstream, body_of(found), found.stays)
    last = survey.last
    gaps = survey.end(mark, ordinal_end)
    state.sequence, state.count = max(state.sequence, survey.last), max(state.count, survey.count or 0)
    missing = [rest for gap in gaps for rest in _unexplained(gap, state)]
    return Found(state, survey.segments, missing, last)


def find_missing(disk: Disk, state: State, first: int, last: int, ordinal_end: int) -> list[Missing]:
    """What of a range is missing and not named, from the segments around it; an empty list when all is there."""
    firsts = segments(disk)
    start = max((at for at in firsts if at <= first), default=first)
    survey = _Survey(state.node, state.log, start - 1)
    for _, found in survey.read(disk, [at for at in firsts if at >= start]):
        if found.sequence > last and survey.settled:
            break
    return [
        rest
        for gap in survey.end(last, ordinal_end)
        if gap.first <= last and first <= gap.last
        for rest in _unexplained(gap, state)
    ]


def _unexplained(gap: Missing, state: State) -> Iterator[Missing]:
    for low, high in holes(state.explained, gap.first, gap.last):
        yield gap._replace(first=low, last=high)
        gap = gap._replace(readings=0, run=None)


def _newest_state(disk: Disk, firsts: list[int], node: int, log: bytes) -> tuple[State, int]:
    """The newest state that can be read, and the segment it heads; a fresh state when there is none."""
    for first in reversed(firsts):
        for _, found in read_segment(disk, first):
            if isinstance(found, Invalid):
                continue
            if found.kind != Kind.SNAPSHOT:
                break
            with contextlib.suppress(Rejected):
                if read_head(found.body, node, log) is not None:
                    return State.restore(found.body), first
    return State(node, log), 0


class _Survey:
    """Goes through segments in order and keeps what it sees."""

    def __init__(self, node: int, log: bytes, last: int) -> None:
        self.segments: list[Segment] = []
        self.last = last
        """The last sequence seen."""
        self.count: int | None = None
        """The readings up to there, None while that is not known."""
        self._node = node
        self._log = log
        self._gaps: list[Missing] = []
        self._open: list[Missing] = []
        """Gaps behind which no ids were seen yet; their runs are counted from the last ids before them."""
        self._ordinal = 0
        self._batch: Record | None = None
        self._claimed: Header | None = None

    def read(self, disk: Disk, firsts: list[int]) -> Iterator[tuple[Segment, Record]]:
        """Every sound record but snapshots, once, in order."""
        segment = None
        for first, found in records(disk, firsts):
            if segment is None or segment.first != first:
                segment = Segment(first, 0, 0, first - 1, disk.size(segment_name(first)))
                self.segments.append(segment)
            if isinstance(found, Invalid):
                self._claimed = found.header or self._claimed
            elif found.kind == Kind.SNAPSHOT:
                self._snapshot(segment, found)
            elif found.sequence > self.last:
                self._record(segment, found)
                yield segment, found

    def end(self, mark: int, ordinal_end: int) -> list[Missing]:
        """All gaps, with what is missing at the end, up to `mark`."""
        if self.last < mark:
            claimed = self._claimed
            known_end = claimed is not None and self.count is not None and self.last < claimed.sequence <= mark
            total = claimed.total if claimed is not None and known_end else self.count
            self._open_gap(mark, (total or 0) - (self.count or 0))
            self.last, self.count = mark, total
        self._close_gaps(ordinal_end)
        return self._gaps

    @property
    def settled(self) -> bool:
        """Whether all is known of the gaps so far."""
        return not self._open

    def _snapshot(self, segment: Segment, found: Record) -> None:
        segment.head_bytes += found.size
        head: Head | None = read_head(found.body, self._node, self._log)
        if head is not None:
            segment.created_ms, segment.ordinal = head.created_ms, head.ordinal
            self._close_gaps(head.ordinal)
            self._ordinal, self._batch = max(self._ordinal, head.ordinal), None
        if found.sequence == self.last:
            self.count = found.total

    def _record(self, segment: Segment, record: Record) -> None:
        contiguous = record.sequence == self.last + 1 and self.count is not None
        body = None if contiguous and record.kind != Kind.LOSS and not self._open else body_of(record)
        if contiguous:
            own = record.total - (self.count or 0)
        else:
            own = body.count if isinstance(body, Batch) else 0
        if record.sequence > self.last + 1:
            self._open_gap(record.sequence - 1, 0 if self.count is None else max(0, record.total - own - self.count))
        if isinstance(body, Batch) and body.stamp is not None:
            self._close_gaps(body.stamp.run.start)
        if isinstance(body, Loss):
            segment.losses.append((record.sequence, body))
        if record.kind in (Kind.DATA, Kind.OUT):
            self._batch = record
        self.last, self.count = record.sequence, record.total
        segment.last = record.sequence
        segment.readings += own

    def _open_gap(self, last: int, readings: int) -> None:
        body = None if self._batch is None else body_of(self._batch)
        if isinstance(body, Batch) and body.stamp is not None:
            self._ordinal = max(self._ordinal, body.stamp.run.end)
        self._open.append(Missing(self.last + 1, last, readings, IdRun(self._node, self._ordinal, 0)))

    def _close_gaps(self, ordinal: int) -> None:
        """Ids from `ordinal` on belong to what comes behind the open gaps."""
        for gap in self._open:
            assert gap.run is not None
            count = ordinal - gap.run.start
            self._gaps.append(gap._replace(run=gap.run.part(0, count) if count > 0 and gap.run.start else None))
        self._open = []
