"""What the threads of a program share: the node log, the values that wait for it, and their ids."""

from collections.abc import Callable, Iterable
from itertools import groupby

import numpy as np

from headwater.capture.gathering import BATCHES_MAX, READINGS, Gathering, Maker, OpenBatch, Value
from headwater.capture.lease import Lease
from headwater.capture.levels import Level
from headwater.capture.options import RecorderOptions
from headwater.capture.policy import NOWHERE, Place, context_at
from headwater.log.cursors import load_cursor
from headwater.log.disk import Disk
from headwater.log.explained import take_reports
from headwater.log.retention import Readers, Retention, RetentionOptions
from headwater.log.standing import PROGRESS, RECEIVED, Counts, load_counts, save_counts
from headwater.log.writer import LogOptions, NodeLog
from headwater.model.context import Location
from headwater.model.errors import Rejected
from headwater.model.ids import IdRun
from headwater.model.reading import SeriesKey
from headwater.model.records import Batch, Config, Kind
from headwater.model.stamp import Inputs, Lists, Origin, OriginKind, Stamp, TraceRun
from headwater.wire import codec

UNSYNCED_BYTES_MAX = 8 << 20
CONTEXTS_MAX = 4096
IDS_LEFT_MIN = 2 * BATCHES_MAX * READINGS
"""What one value may cost: a block for each batch, before and after the present ones are sealed."""
ROUNDS_MS = 1_000
RAISED = "raised"
"""The reason under which exceptions of traced functions are counted."""
AGENT = "agent"
"""The one reader of a recorder's log."""

_Who = tuple[Kind, Place, str, str | None, Location | None]
"""Kind, place, contribution, application and location of values that have a maker in common."""


class Intake:
    """One node's log as a recorder writes it. Whoever calls holds the recorder's lock, but for `commit`."""

    def __init__(self, options: RecorderOptions, disk: Disk, now_ms: Callable[[], int]) -> None:
        """Open the log; ConfigError or Unavailable as NodeLog raises them."""
        self._options = options
        self._disk = disk
        self._now_ms = now_ms
        self.log = NodeLog(
            disk, options.node, now_ms, LogOptions(options.segment_bytes, options.log_bytes_max, options.new_log)
        )
        self._retention = Retention(
            self.log, RetentionOptions(options.storagetime_s * 1000, options.log_bytes_max), now_ms
        )
        self._lease = Lease(self.log)
        self._gathering = Gathering(self._lease.take, now_ms)
        self._makers: dict[_Who, Maker] = {}
        self.raised: dict[str, int] = {}
        """Exceptions of traced functions, by the function's name."""
        self._unsynced_max = min(UNSYNCED_BYTES_MAX, options.log_bytes_max // 8)
        self._fits = True
        self._counts = load_counts(disk)
        self._raised_before = self._counts.refused.get(RAISED, 0)
        self._rounds_ms = 0
        """When the last round was."""
        try:
            self._begin()
        except BaseException:
            self.log.close()
            raise

    def _begin(self) -> None:
        config = Config(self._options.node, self._options.name, provenance=self._options.provenance)
        if config != self.log.state.config:
            self.log.append_twice(Kind.CONFIG, config)
        self.prepare()
        self.commit()
        self.settle()

    # ---- taking values -----------------------------------------------------------------------------------------------

    @property
    def room(self) -> bool:
        """Whether one more value may be taken."""
        return self._fits and self.log.unsynced_bytes < self._unsynced_max and self._lease.left >= IDS_LEFT_MIN

    @property
    def idle(self) -> bool:
        """Whether everything taken is durable."""
        return self._gathering.empty and self.log.durable >= self.log.state.sequence

    def maker(self, kind: Kind, level: Level, contribution: str = "", *, found: bool = False) -> Maker:
        """Who makes a value; Rejected("context") when too many contexts are in use.

        A place that was only `found`, and not said, is left away then.
        """
        place = level.place or NOWHERE
        who = kind, place, contribution, level.application, level.location
        return self._makers.get(who) or self._new_maker(who, found)

    def _new_maker(self, who: "_Who", found: bool) -> Maker:
        kind, place, contribution, application, location = who
        options, known = self._options, self.log.state.contexts
        context = context_at(place, options.metrics, location or options.location, application or options.application)
        if len(known) >= CONTEXTS_MAX and context.id not in known:
            if found:
                return self._new_maker((kind, NOWHERE, contribution, application, location), False)
            raise Rejected(
                "context",
                f"{CONTEXTS_MAX} contexts are in use here; {place} in {context.application} would be one more: "
                "name fewer pieces of code, applications or locations",
            )
        if len(self._makers) >= CONTEXTS_MAX:
            self._makers.clear()
        made = self._makers[who] = Maker(kind, self.log.use_context(context), contribution)
        return made

    def count_raised(self, function: str) -> None:
        """Count a call of a traced function that ended in an exception."""
        known = function in self.raised or len(self.raised) < CONTEXTS_MAX
        name = function if known else "others"
        self.raised[name] = self.raised.get(name, 0) + 1

    def add(
        self,
        maker: Maker,
        key: SeriesKey,
        timestamp: int,
        double: float,
        inputs: tuple[IdRun, ...] = (),
        behind: int = 0,
        trace: bytes = b"",
    ) -> int:
        """Take a value made from ids of this node up to the ordinal `behind`; the ordinal of its id."""
        value = Value(self.log.define(key), timestamp, double, inputs, trace)
        ordinal = self._gathering.add(maker, value, behind)
        if ordinal is None:
            self.seal()
            ordinal = self._gathering.add(maker, value, behind)
        assert ordinal is not None
        return ordinal

    def given(self, ordinal: int) -> bool:
        """Whether an id of this node may have been given out: False for one that surely was not."""
        return ordinal < self._lease.next and self._gathering.given(ordinal)

    def seal(self) -> None:
        """Append everything that waits."""
        for batch in self._gathering.take():
            self._append(batch)

    def _append(self, batch: OpenBatch) -> None:
        log, count = self.log, len(batch.values)
        numbers, timestamps, values, inputs, traces = zip(*batch.values, strict=True)
        payload = codec.encode(
            np.array(numbers, np.int64), np.array(timestamps, np.int64), np.array(values, np.float64)
        )
        maker, stamp = batch.maker, None
        if self._options.provenance:
            made: Inputs | None = Lists(maker.contribution, inputs) if maker.kind == Kind.OUT else None
            stamp = Stamp(batch.run(log.state.node), made, maker.context, batch.received_ms, traces=trace_runs(traces))
        origin = Origin(OriginKind.ENTRY, log.log, log.state.sequence + 1)
        log.append(maker.kind, Batch(origin, log.log, count, payload, stamp), readings=count)

    # ---- committing --------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Before a commit: append what waits, and once a second do what else there is to do."""
        now_ms = self._now_ms()
        self.seal()
        self._lease.prepare(now_ms)
        if not self._fits or not 0 <= now_ms - self._rounds_ms < ROUNDS_MS:
            self._rounds_ms = now_ms
            self._retention.tick(Readers(agent=load_cursor(self._disk, AGENT).sequence))
            for missing in take_reports(self._disk):
                self.log.name_damage(missing)

    def commit(self) -> None:
        """Write and sync what was appended. Blocks; called without the lock. Unavailable when the disk refuses."""
        self.log.commit()
        self.log.sweep()
        self._disk.store_word(RECEIVED, self.log.state.count)
        self._disk.store_word(PROGRESS, self._now_ms())
        raised = self._raised_before + sum(self.raised.copy().values())
        counts = Counts({RAISED: raised} if raised else {}, dict(self.log.state.lost))
        if counts != self._counts:
            save_counts(self._disk, counts)
            self._counts = counts

    def settle(self) -> None:
        """After a commit that did not fail."""
        self._lease.settle()
        budget = self._retention.budget()
        self._fits = budget.used <= budget.most - budget.reserve


def trace_runs(traces: Iterable[bytes]) -> tuple[TraceRun, ...]:
    """The traces of the values of a batch as runs; nothing when no value has one."""
    runs = tuple(TraceRun(sum(1 for _ in same), trace) for trace, same in groupby(traces))
    return () if len(runs) == 1 and not runs[0].trace else runs
