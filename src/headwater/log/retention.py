"""How long segments live: what may go, what must go when the budget is used up, and whether there is room for more.

`decide` is the decision, a pure function; `Retention` carries it out. Segments that everyone is past go when they are
old, or when the budget needs it. Under pressure more goes, with a loss record that names it (PROTOCOL rules 14, 15):
what only other readers than the forwarder and the steps have yet to read, and, if so configured, what was never sent.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import msgspec

from headwater.log.ranges import union
from headwater.log.survey import Segment
from headwater.log.writer import NodeLog
from headwater.model.ids import IdRun
from headwater.model.records import Kind, Loss, Why

RESERVE_BYTES_MIN = 256 << 10
RESERVE_PART = 0.06
FULL_PART = 0.75
"""The part of the budget beyond which storage time no longer keeps a segment."""
STEP_LAG_PART = 0.25
"""The part of the budget that steps may have unread: the rest is for what they make of it."""
SEGMENT_AGE_PART = 0.25
SEGMENT_AGE_MS_MIN = 10_000


class RetentionOptions(NamedTuple):
    """What an operator decides."""

    storagetime_ms: int = 3_600_000
    log_bytes_max: int = 1 << 30
    drop_oldest: bool = False
    """When the budget is used up drop the oldest unsent records, instead of letting sources wait."""
    reserve_bytes_min: int = RESERVE_BYTES_MIN


class Readers(NamedTuple):
    """How far the readers are by their *synced* cursors and checkpoints; None where there is no such reader."""

    forward: int | None = None
    steps: int | None = None
    """The step that is furthest behind."""
    agent: int | None = None
    sent: int = 0
    """The last sequence that may have been sent to the next hop."""


class Budget(NamedTuple):
    """What a log takes and may take, in bytes."""

    used: int
    most: int
    reserve: int
    """Kept for what makes room: loss records, snapshots, outputs of what steps have not read."""
    segment: int

    @property
    def full(self) -> int:
        """From here on segments go that everyone is past."""
        return min(int(FULL_PART * self.most), self.pressed)

    @property
    def pressed(self) -> int:
        """From here on segments go with a loss record, so that a segment later there still is room."""
        return self.most - self.reserve - self.segment


class Plan(NamedTuple):
    """Segments that go."""

    passed: list[Segment]
    dropped: list[Segment]
    """These with a loss record."""
    roll: bool
    """The last segment is so old that a new one should begin."""


def decide(
    segments: Sequence[Segment], readers: Readers, budget: Budget, options: RetentionOptions, now_ms: int, failing: bool
) -> Plan:
    """What goes now, of segments none of which is going already. The last one on disk stays in any case (rule 5)."""
    used = budget.used
    passed: list[Segment] = []
    dropped: list[Segment] = []
    may_go = [(one, two.created_ms) for one, two in pairwise(segments) if two.on_disk]
    for segment, ended_ms in may_go:
        needless = failing or used > budget.full or now_ms - ended_ms >= options.storagetime_ms
        if not needless or not _passed_by_all(segment, readers):
            break
        passed.append(segment)
        used -= segment.bytes
    for segment, _ in may_go:
        if used <= budget.pressed or failing:
            break
        if segment not in passed and _may_be_dropped(segment, readers, options.drop_oldest):
            dropped.append(segment)
            used -= segment.bytes
    roll = used <= budget.full and _is_old(segments[-1], options, now_ms)
    return Plan(passed, dropped, roll)


def _is_old(segment: Segment, options: RetentionOptions, now_ms: int) -> bool:
    most_ms = max(int(SEGMENT_AGE_PART * options.storagetime_ms), SEGMENT_AGE_MS_MIN)
    return segment.bytes > segment.head_bytes and now_ms - segment.created_ms >= most_ms


def _passed_by_all(segment: Segment, readers: Readers) -> bool:
    return all(at is None or segment.last <= at for at in (readers.forward, readers.steps, readers.agent))


def _may_be_dropped(segment: Segment, readers: Readers, drop_oldest: bool) -> bool:
    """Whether the forwarder is past it or has never sent any of it, and the steps are past it."""
    if readers.steps is not None and segment.last > readers.steps:
        return False
    acknowledged = readers.forward is None or segment.last <= readers.forward
    return acknowledged or (drop_oldest and segment.first > readers.sent)


def loss_of(segment: Segment, held: Sequence[Segment], readers: Readers, node: int, log: bytes) -> Loss:
    """The record of a segment that is dropped, out of all that are held.

    It restates what the segment's loss records say, and all drops that are still on record, so that the latest one
    names them all as few ranges, however long the dropping goes on.
    """
    ordinal_end = next(other.ordinal for other in held if other.first > segment.first)
    losses = [
        loss
        for other in held
        for _, loss in other.losses
        if other is segment or (loss.log, loss.why) == (log, Why.DROPPED)
    ]
    first, last = segment.first, segment.last
    unsent = readers.forward is not None and last > readers.forward
    unshipped = readers.agent is not None and last > readers.agent
    ids = ordinal_end - segment.ordinal
    return Loss(
        Why.DROPPED,
        log,
        first,
        last,
        segment.readings if unsent else 0,
        (IdRun(node, segment.ordinal, ids),) if ids > 0 and segment.ordinal else (),
        link=((first, last),) if unsent else (),
        stamps=((max(first, (readers.agent or 0) + 1), last),) if unshipped else (),
        restated=restated(losses),
        whole=(first, last),
    )


def restated(losses: Sequence[Loss]) -> tuple[Loss, ...]:
    """The losses, and those that they restate, each once; drops that follow each other in a log become one."""
    kept: list[Loss] = []
    flat = [plain for loss in losses for plain in (*loss.restated, msgspec.structs.replace(loss, restated=()))]
    for loss in sorted(flat, key=lambda loss: (loss.log, loss.why, loss.first, -loss.last)):
        loss = msgspec.structs.replace(loss, whole=None)
        before = kept[-1] if kept else None
        if before is not None and (before.log, before.why) == (loss.log, loss.why):
            if before.first <= loss.first and loss.last <= before.last:
                continue
            if loss.why == Why.DROPPED and loss.first == before.last + 1:
                kept[-1] = _joined(before, loss)
                continue
        kept.append(loss)
    return tuple(kept)


def _joined(one: Loss, two: Loss) -> Loss:
    runs = list(one.runs)
    for run in two.runs:
        if runs and (runs[-1].node, runs[-1].end) == (run.node, run.start):
            runs[-1] = IdRun(run.node, runs[-1].start, runs[-1].count + run.count)
        else:
            runs.append(run)
    return Loss(
        one.why,
        one.log,
        one.first,
        two.last,
        one.readings + two.readings,
        tuple(runs),
        union(one.link + two.link),
        union(one.stamps + two.stamps),
    )


class Retention:
    """The budget of one log. `tick` belongs to the thread that appends; `sweep` of the log does what blocks."""

    def __init__(self, log: NodeLog, options: RetentionOptions, now_ms: Callable[[], int]) -> None:
        self._log = log
        self.options = options
        self._now_ms = now_ms
        self.readers = Readers()

    def budget(self) -> Budget:
        """What is used, and what of the budget is for what."""
        log, most = self._log, self.options.log_bytes_max
        reserve = max(2 * log.snapshot_bytes + self.options.reserve_bytes_min, int(RESERVE_PART * most))
        return Budget(log.used, most, reserve, log.segment_bytes)

    def room(self, extra_bytes: int = 0, steps_at: int | None = None) -> bool:
        """Whether that much more may be taken in; `steps_at` is how far the step furthest behind has read by now."""
        budget = self.budget()
        return (
            not self._log.failing
            and budget.used + extra_bytes <= budget.most - budget.reserve
            and self._unread(self.readers.steps if steps_at is None else steps_at) <= STEP_LAG_PART * budget.most
        )

    def room_for_step(self, extra_bytes: int = 0) -> bool:
        """Whether a step may log that much: outputs may go into the reserve, so that steps always get on.

        Where the oldest segment waits for the steps they may in any case, for nothing else makes room.
        """
        budget, steps = self.budget(), self.readers.steps
        waited_for = steps is not None and self._log.segments[0].last > steps
        return waited_for or budget.used + extra_bytes <= budget.most - budget.reserve // 2

    def _unread(self, at: int | None) -> int:
        return 0 if at is None else sum(_behind(segment, at) for segment in self._log.segments)

    def tick(self, readers: Readers) -> bool:
        """Decide what goes, given where the readers are, and say so in the log; whether there is work for `sweep`.

        What is dropped goes only after the next commit: its record has to be durable (rule 14).
        """
        log, now_ms = self._log, self._now_ms()
        self.readers = readers
        standing = [segment for segment in log.segments if segment.gone_after is None]
        budget = self.budget()
        going = budget.used - sum(segment.bytes for segment in standing)
        plan = decide(standing, readers, budget._replace(used=budget.used - going), self.options, now_ms, log.failing)
        for segment in plan.passed:
            log.condemn(segment)
        for segment in plan.dropped:
            self._drop(segment, readers)
        if plan.roll:
            log.roll()
        return log.sweepable

    def _drop(self, segment: Segment, readers: Readers) -> None:
        log = self._log
        loss = loss_of(segment, log.segments, readers, log.state.node, log.log)
        log.condemn(segment, after=log.append_twice(Kind.LOSS, loss).sequence + 1)


def _behind(segment: Segment, at: int) -> int:
    """About how many of a segment's bytes are records behind a sequence."""
    count = segment.last - segment.first + 1
    unread = min(segment.last - at, count)
    return 0 if unread <= 0 else (segment.bytes - segment.head_bytes) * unread // count
