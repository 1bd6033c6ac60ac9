"""The end of a log as a crash left it, made good before anything else is read.

Up to the durable mark an unsound record is damage: it stays, is passed over and named. Beyond the mark the first
unsound record and everything behind it was never acknowledged: it is cut (PROTOCOL rule 3). Only the last segment can
hold anything beyond the mark, for a segment is synced before the next is created (rule 5).
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from headwater.log.checked import read_checked, replace_checked
from headwater.log.disk import TEMPORARY, AppendFile, Disk
from headwater.log.segments import SUFFIX, Invalid, read_segment, segment_name, segments
from headwater.model.errors import NotFound
from headwater.model.records import Kind
from headwater.wire.records import Record

MARK = "mark"
"""The shared word that holds the durable sequence (rule 2)."""
SYNCED = "synced"
"""The file that holds a sequence known to be durable, since segments were removed on the strength of it."""


class Tail(NamedTuple):
    """What of the last segment stays."""

    mark: int
    """The last sequence known to have been durable."""
    synced: int
    """The offset up to which the segment is known to be durable."""
    kept: int
    """The offset where the first unsound record beyond the mark begins, or the end."""
    cut: int | None
    """The first sequence that is cut, None when nothing is."""


class Repaired(NamedTuple):
    """A log whose end is sound and synced."""

    mark: int
    file: AppendFile | None
    """The last segment, None when a new one has to be begun."""


def save_synced(disk: Disk, sequence: int) -> None:
    """Everything up to a sequence is durable, whatever the mark says after a power loss."""
    replace_checked(disk, SYNCED, b"%d" % sequence)


def load_synced(disk: Disk) -> int:
    """A sequence that is durable for certain, 0 when none is known."""
    try:
        return int(read_checked(disk, SYNCED) or 0)
    except (NotFound, ValueError):
        return 0


def repair(disk: Disk, before_cut: Callable[[], None]) -> Repaired:
    """Cut what has to be cut and sync what is kept (rules 3, 4); `before_cut` is called before anything is cut."""
    for name in disk.names():
        if name.endswith(SUFFIX + TEMPORARY):
            disk.unlink(name)
    mark, firsts = max(disk.load_word(MARK), load_synced(disk)), segments(disk)
    if not firsts:
        return Repaired(mark, None)
    name = segment_name(firsts[-1])
    tail = inspect(disk, firsts[-1], mark)
    if tail.cut is not None:
        before_cut()
    if tail.kept == 0:
        disk.unlink(name)
        return Repaired(tail.mark, None)
    if tail.kept < disk.size(name):
        disk.truncate(name, tail.kept)
    disk.rewrite(name, tail.synced)
    return Repaired(tail.mark, disk.reopen(name))


def inspect(disk: Disk, first: int, mark: int) -> Tail:
    """What of a last segment is durable, what is sound, and what has to be cut; `mark` is what readers were told."""
    size = disk.size(segment_name(first))
    mark, last, unsound_from, end = max(mark, first - 1), first - 1, -1, 0
    places: list[tuple[int, int]] = []
    gaps: list[tuple[int, int, int]] = []
    for offset, found in read_segment(disk, first):
        header = found.header if isinstance(found, Invalid) else found
        mark = mark if header is None else max(mark, header.mark)
        behind = size + 1 if header is None else offset + header.size
        if header is None or behind > size:
            unsound_from = offset if unsound_from < 0 else unsound_from
            continue
        if header.kind != Kind.SNAPSHOT:
            if unsound_from >= 0 and header.sequence > last + 1:
                gaps.append((unsound_from, last + 1, header.sequence - 1))
            last = header.sequence
            places.append((offset, last))
            if isinstance(found, Invalid):
                gaps.append((offset, last, last))
        end, unsound_from = behind, -1
    if unsound_from >= 0:
        end = unsound_from
        gaps.append((unsound_from, last + 1, mark + 1))
    kept, cut = next(((offset, max(low, mark + 1)) for offset, low, high in gaps if high > mark), (end, None))
    synced = next((offset for offset, sequence in places if sequence > mark), kept)
    return Tail(mark, min(synced, kept), kept, cut)


def records(disk: Disk, firsts: list[int]) -> Iterator[tuple[int, Record | Invalid]]:
    """Everything in the segments in order, each with its segment's first sequence.

    Records that a later segment holds too are left out: a segment sealed by a sync error ends with such (rule 1).
    """
    for at, first in enumerate(firsts):
        end = firsts[at + 1] if at + 1 < len(firsts) else None
        for _, found in read_segment(disk, first):
            if isinstance(found, Invalid) or found.kind == Kind.SNAPSHOT or end is None or found.sequence < end:
                yield first, found
