"""What a log on disk amounts to: its state, what is missing in it, and what has to be cut.

Up to the durable mark an unsound record is damage: it stays, is passed over and named. Beyond the mark the first
unsound record and everything behind it was never acknowledged: it is cut (PROTOCOL rule 3). Only the last segment can
hold anything beyond the mark, for a segment is synced before the next is created (rule 5).
"""

from collections.abc import Iterator
from typing import NamedTuple

from headwater.log.disk import Disk
from headwater.log.segments import Invalid, SegmentCursor, segment_name, segments
from headwater.log.state import State, body_needed
from headwater.model.errors import Rejected
from headwater.model.records import Batch, Jump, Kind
from headwater.wire.records import Body, Record, decode_body, known

MARK = "mark"


class Missing(NamedTuple):
    """Sequences that the log should hold and does not, with the readings that went with them."""

    first: int
    last: int
    readings: int


class Recovered(NamedTuple):
    """A log as found, after the cut."""

    state: State
    mark: int
    """The last sequence known to have been durable before the start."""
    missing: list[Missing]
    """What is missing and not named yet."""
    cut: int | None
    """The first sequence that was cut, None when nothing was."""
    clean: bool
    """Whether the last segment ends with a sound record, so that it can be appended to."""


def body_of(record: Record) -> Body | None:
    """What a record says, None when it says nothing that changes the state, or cannot be understood."""
    if not known(record) or not body_needed(record.kind):
        return None
    try:
        return decode_body(record)
    except Rejected:
        return None


def recover(disk: Disk, node: int, log: bytes) -> Recovered:
    """Cut what has to be cut, and read the rest through."""
    mark = disk.load_word(MARK)
    firsts, cut = segments(disk), None
    while firsts and cut is None:
        mark, place = _find_cut(disk, firsts[-1], mark)
        if place is None:
            break
        offset, cut = place
        if offset:
            disk.truncate(segment_name(firsts[-1]), offset)
        else:
            disk.unlink(segment_name(firsts.pop()))
    state, fold_from = _newest_snapshot(disk, firsts, node, log)
    missing, last, clean = _fold(disk, firsts, state, fold_from)
    if last < mark:
        missing.append(Missing(last + 1, mark, 0))
        clean = False
    state.sequence = max(state.sequence, mark)
    left = [found for found in missing if not state.is_explained(found.first, found.last)]
    return Recovered(state, mark, left, cut, clean and bool(firsts))


def recover_until(disk: Disk, node: int, log: bytes, last: int) -> State:
    """The state of a log at a sequence, from what is on disk."""
    firsts = [first for first in segments(disk) if first <= last + 1]
    state, fold_from = _newest_snapshot(disk, firsts, node, log)
    for first, found in records(disk, firsts):
        if isinstance(found, Record) and first >= fold_from and state.sequence < found.sequence <= last:
            state.apply(found.kind, found.sequence, found.total, found.upstream, body_of(found))
    return state


def _find_cut(disk: Disk, first: int, mark: int) -> tuple[int, tuple[int, int] | None]:
    """The mark, and (offset, first sequence) of what is to be cut from the last segment, None for nothing."""
    cursor, last, snapshots = SegmentCursor(disk, first), first - 1, 0
    places: list[tuple[int, int]] = []
    while True:
        offset, found = cursor.offset, cursor.next()
        if found is None:
            break
        if isinstance(found, Invalid):
            mark = max(mark, found.marked)
            places.append((offset, last + 1))
            if cursor.offset == offset:
                break
        else:
            mark = max(mark, found.mark)
            snapshots += found.kind == Kind.SNAPSHOT
            if places and places[-1][1] > last and found.sequence <= last + 1:
                places.pop()  # Nothing is missing: what is unsound was a copy of the snapshot.
            last = max(last, found.sequence)
    if last < first and not snapshots:
        return mark, (0, first) if first > mark else None
    return mark, next((place for place in places if place[1] > mark), None)


def _newest_snapshot(disk: Disk, firsts: list[int], node: int, log: bytes) -> tuple[State, int]:
    """The newest state that can be read, and the segment it heads; a fresh state when there is none."""
    for first in reversed(firsts):
        cursor = SegmentCursor(disk, first)
        for _ in range(2):
            found = cursor.next()
            if isinstance(found, Record) and found.kind == Kind.SNAPSHOT:
                try:
                    return State.restore(found.body), first
                except Rejected:
                    continue
    return State(node, log), 0


def records(disk: Disk, firsts: list[int]) -> Iterator[tuple[int, Record | Invalid]]:
    """Everything in the segments in order, each with its segment's first sequence.

    Records that a later segment holds too are left out: a segment sealed by a sync error ends with such.
    """
    for at, first in enumerate(firsts):
        cursor = SegmentCursor(disk, first)
        before = firsts[at + 1] if at + 1 < len(firsts) else None
        while True:
            offset, found = cursor.offset, cursor.next()
            if found is None:
                break
            if isinstance(found, Invalid) or found.kind == Kind.SNAPSHOT or before is None or found.sequence < before:
                yield first, found
            if cursor.offset == offset:
                break


def _fold(disk: Disk, firsts: list[int], state: State, fold_from: int) -> tuple[list[Missing], int, bool]:
    """Apply what comes behind the snapshot; what is missing anywhere, the last sequence, and whether it ends clean."""
    missing: list[Missing] = []
    last, count, clean = firsts[0] - 1 if firsts else state.sequence, 0, True
    for first, found in records(disk, firsts):
        if isinstance(found, Invalid):
            clean = False
            continue
        clean = True
        if found.kind == Kind.SNAPSHOT:
            count = count or found.total
        elif found.sequence > last:
            if found.sequence != last + 1:
                missing += _gap(found, last, count)
            last, count = found.sequence, found.total
            if first >= fold_from and found.sequence > state.sequence:
                state.apply(found.kind, found.sequence, found.total, found.upstream, body_of(found))
    return missing, max(last, 0), clean


def _gap(record: Record, last: int, count: int) -> list[Missing]:
    """What is missing between sequence `last` and a record that does not follow it."""
    body = body_of(record)
    if isinstance(body, Jump) and body.first <= last + 1 and body.last == record.sequence - 1:
        return []
    own = body.count if isinstance(body, Batch) else 0
    return [Missing(last + 1, record.sequence - 1, max(0, record.total - own - count))]
