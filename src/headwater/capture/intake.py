"""What the threads of a program share: the node log, the values that wait for it, and their ids."""

from collections.abc import Callable

import numpy as np

from headwater.capture.gathering import BATCHES_MAX, READINGS, Gathering, Maker, OpenBatch, Value
from headwater.capture.lease import Lease
from headwater.capture.options import RecorderOptions
from headwater.capture.policy import NOWHERE, Code, Place, context_at, place_of
from headwater.log.cursors import load_cursor
from headwater.log.disk import Disk
from headwater.log.explained import take_reports
from headwater.log.retention import Readers, Retention, RetentionOptions
from headwater.log.standing import PROGRESS, RECEIVED, Counts, save_counts
from headwater.log.writer import LogOptions, NodeLog
from headwater.model.errors import Rejected
from headwater.model.ids import IdRun
from headwater.model.reading import SeriesKey
from headwater.model.records import Batch, Config, Kind
from headwater.model.stamp import Inputs, Lists, Origin, OriginKind, Stamp
from headwater.wire import codec

UNSYNCED_BYTES_MAX = 8 << 20
CONTEXTS_MAX = 4096
IDS_LEFT_MIN = 2 * BATCHES_MAX * READINGS
"""What one value may cost: a block for each batch, before and after the present ones are sealed."""
ROUNDS_MS = 1_000
AGENT = "agent"
"""The one reader of a recorder's log."""


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
        self._makers: dict[tuple[Kind, Place, str], Maker] = {}
        self._unsynced_max = min(UNSYNCED_BYTES_MAX, options.log_bytes_max // 8)
        self._fits = True
        self._counts = Counts()
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

    def maker(self, kind: Kind, code: Code | None, contribution: str = "") -> Maker:
        """Who makes a value; Rejected("context") when too many pieces of code do."""
        place = NOWHERE if code is None else place_of(code)
        made = self._makers.get((kind, place, contribution))
        if made is None:
            options = self._options
            context = context_at(place, options.metrics, options.location, options.application)
            if len(self.log.state.contexts) >= CONTEXTS_MAX and context.id not in self.log.state.contexts:
                raise Rejected(
                    "context", f"{CONTEXTS_MAX} pieces of code have recorded here; {place} would be one more"
                )
            if len(self._makers) >= CONTEXTS_MAX:
                self._makers.clear()
            made = self._makers[kind, place, contribution] = Maker(kind, self.log.use_context(context), contribution)
        return made

    def add(
        self,
        maker: Maker,
        key: SeriesKey,
        timestamp: int,
        double: float,
        inputs: tuple[IdRun, ...] = (),
        behind: int = 0,
    ) -> int:
        """Take a value made from ids of this node up to the ordinal `behind`; the ordinal of its id."""
        value = Value(self.log.define(key), timestamp, double, inputs)
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
        numbers, timestamps, values, inputs = zip(*batch.values, strict=True)
        payload = codec.encode(
            np.array(numbers, np.int64), np.array(timestamps, np.int64), np.array(values, np.float64)
        )
        maker, stamp = batch.maker, None
        if self._options.provenance:
            made: Inputs | None = Lists(maker.contribution, inputs) if maker.kind == Kind.OUT else None
            stamp = Stamp(batch.run(log.state.node), made, maker.context, batch.received_ms)
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
        counts = Counts({}, dict(self.log.state.lost))
        if counts != self._counts:
            save_counts(self._disk, counts)
            self._counts = counts

    def settle(self) -> None:
        """After a commit that did not fail."""
        self._lease.settle()
        budget = self._retention.budget()
        self._fits = budget.used <= budget.most - budget.reserve
