"""The chain of a node's steps, a fold over the log: reads what is durable, writes what they make (PROTOCOL 16).

A record goes through all steps, in the order of the file, before the next one does. A step reads what the last step
with `output = "replace"` before it left, the record itself when there is none. Which steps hold is said by the last
`config` record before a record, so that a replay does what was done.
"""

import asyncio
import logging
from collections.abc import Generator
from concurrent.futures import wait
from typing import NamedTuple

import msgspec

from headwater.log.disk import Disk
from headwater.log.reader import LogReader
from headwater.model.errors import Rejected
from headwater.model.records import Batch, Config, Kind, TimeDecision, Trigger
from headwater.model.stamp import Origin, OriginKind, Stamp
from headwater.pipeline.core import Core
from headwater.pipeline.step_options import AggregateOptions, decode_plan, encode_plan, is_record_wise
from headwater.pipeline.steps import checkpoint
from headwater.pipeline.steps.build import build
from headwater.pipeline.steps.checkpoint import Checkpoint
from headwater.pipeline.steps.port import Step
from headwater.pipeline.steps.portion import NOTHING, Made, Portion, Recorded, some
from headwater.pipeline.steps.python import Call, Python
from headwater.pipeline.steps.resume import find_start
from headwater.pipeline.steps.windows import Windows
from headwater.wire import codec
from headwater.wire.records import Record, decode_batch, decode_body, known

Outputs = dict[int, list[Recorded]]
"""Of each step what it wrote for one record."""
Turns = Generator[Call, None, None]
"""Work that stops while a function of the user is called."""

_logger = logging.getLogger(__name__)
_encode = msgspec.msgpack.encode


class _Offer(NamedTuple):
    """A checkpoint made when it was due, to be given once its outputs are synced."""

    sequence: int
    last_output: int
    data: bytes


class Chain:
    """The steps of a node, at a position in its log."""

    file = checkpoint.FILE

    def __init__(self, core: Core, disk: Disk, reader: LogReader) -> None:
        """ConfigError when a step that still has something to do cannot do it any more."""
        self._core = core
        self._reader = reader
        start = find_start(disk, core.log, core.options.steps)
        self.plan = start.plan
        self.steps = [build(start.plan, at, core.log) for at in range(len(start.plan))]
        for step, state in zip(self.steps, start.states, strict=False):
            if state is not None:
                step.restore(state)
        self._heard = start.heard
        self._ahead = start.ahead
        self.sequence, self.total, self.idle = start.sequence, start.total, start.idle
        self.saved = self._changed = self.sequence
        """The position of the last checkpoint: segments behind it may go."""
        self._offered = self.sequence
        self._offer: _Offer | None = None
        self._due = False
        """A checkpoint was asked for in the middle of a record."""
        self.skipped = 0
        """Readings that could not be folded in: their payload cannot be read."""
        self._last_output = 0
        self._between_records = True
        """False when the fold has taken a part of a record: for good, if an error came in between."""
        self._recorded = {} if self.idle else self._outputs_behind()
        reader.rewind(self.sequence)

    # ---- replay ------------------------------------------------------------------------------------------------------

    def _outputs_behind(self) -> dict[int, Outputs]:
        """What the steps wrote for records behind the checkpoint: taken from the records, not computed again."""
        found: dict[int, Outputs] = {}
        self._reader.rewind(self.sequence)
        passed = -1
        while self._reader.after > passed:
            passed = self._reader.after
            for record in self._reader.read().records:
                batch = _own_output(record)
                if batch is not None and batch.trigger is not None and batch.trigger.sequence > self.sequence:
                    held = Recorded(record.sequence, batch.origin.part, batch.trigger)
                    found.setdefault(batch.trigger.sequence, {}).setdefault(batch.trigger.step, []).append(held)
                    self._last_output = record.sequence
        return dict(sorted(found.items()))

    def _read_back(self, recorded: list[Recorded]) -> list[Portion]:
        """The readings of outputs that are in the log."""
        found = []
        for held in recorded:
            records = self._core.log.reader(held.sequence - 1).read(1).records
            batch = _own_output(records[0]) if records and records[0].sequence == held.sequence else None
            if batch is not None and batch.count:
                run = batch.stamp.run if batch.stamp is not None else None
                columns = codec.decode(batch.payload)
                found.append(Portion(batch.entry, columns, run, held.trigger.readings, held.part))
        return found

    # ---- going on ----------------------------------------------------------------------------------------------------

    def advance(self, most: int = 32) -> bool:
        """Fold in the next records; whether there were any. Damage is named and passed like any reader does."""
        before = self.sequence
        for call in self._turns(most):
            wait([call.outcome], call.timeout_s)
        return self.sequence > before

    async def advancing(self, most: int = 32) -> bool:
        """As `advance`; others get their turn on the loop while a function of the user is called."""
        before = self.sequence
        for call in self._turns(most):
            await asyncio.wait([asyncio.wrap_future(call.outcome)], timeout=call.timeout_s)
        return self.sequence > before

    def _turns(self, most: int) -> Turns:
        if self.idle:
            return
        stretch = self._reader.read(most)
        for record in stretch.records:
            yield from self._take(record)
        if stretch.damage is not None:
            self._core.log.name_damage(stretch.damage)
            self._core.appended()
        elif not stretch.records and not self.steps:
            self.idle = self._reader.after >= self._core.log.state.sequence

    @property
    def late(self) -> int:
        """Readings that came when their window was closed."""
        return sum(step.late for step in self.steps if isinstance(step, Windows))

    @property
    def lag(self) -> int:
        """Readings in the log that have not gone through the steps."""
        return 0 if self.idle else self._core.log.state.count - self.total

    @property
    def caught_up(self) -> bool:
        """Whether every record of the log has gone through the steps."""
        return self.idle or (self._between_records and self.sequence == self._core.log.state.sequence)

    def wake(self) -> bytes | None:
        """There will be steps: the checkpoint to save before that is logged, None when the chain is at work already."""
        if not self.idle:
            return None
        log = self._core.log
        self.idle, self.saved = False, log.durable
        self.sequence, self.total = log.state.sequence, log.state.count
        self._reader.rewind(self.sequence)
        return checkpoint.encode(Checkpoint(checkpoint.VERSION, log.log, log.durable, self.total, "[]", {}, ()))

    def _take(self, record: Record) -> Turns:
        self._between_records = False
        yield from self._recall_before(record)
        recorded = self._recorded.pop(record.sequence, {})
        if known(record) and (record.kind == Kind.DATA or (record.kind == Kind.OUT and record.upstream is not None)):
            yield from self._through(record, self._entering(record), recorded)
        elif known(record) and record.kind == Kind.TIME:
            decision = decode_body(record)
            ending = {decision.step} if isinstance(decision, TimeDecision) else set()
            yield from self._through(record, [], recorded, ending)
        elif known(record) and record.kind == Kind.CONFIG:
            yield from self._change(record, recorded)
        elif recorded:
            yield from self._through(record, [], recorded)
        self.sequence, self.total = record.sequence, record.total
        self._between_records = True
        if self._due:
            self._due, self._offer = False, self._made_offer()

    def _recall_before(self, record: Record) -> Turns:
        """Do what outputs of earlier records say, also when such a record itself is damaged now."""
        while self._recorded and (earliest := next(iter(self._recorded))) < record.sequence:
            yield from self._through(record._replace(sequence=earliest), [], self._recorded.pop(earliest))

    def _entering(self, record: Record) -> list[Portion]:
        """The readings of a record that did not go through the steps before (rule 10)."""
        batch = decode_batch(record)
        skip = self._had(batch)
        try:
            columns = codec.decode(batch.payload)
        except Rejected as error:
            self._core.refuse(error, batch.count)
            self.skipped += batch.count
            return []
        if skip >= batch.count:
            return []
        run = batch.stamp.run if batch.stamp is not None else None
        if skip:
            columns = some(columns, slice(skip, None))
            run = run.part(skip, batch.count - skip) if run is not None else None
        return [Portion(batch.entry, columns, run, record.kind == Kind.DATA, 0, skip)]

    def _had(self, batch: Batch) -> int:
        """How many of the batch's first readings went through the steps before (rule 10)."""
        origin = batch.origin
        key = _encode(origin.key)
        rank = self._heard.get(key, 0)
        self._heard[key] = max(rank, origin.rank_end(batch.count))
        if origin.kind == OriginKind.SOURCE:
            return min(max(rank - origin.number, 0), batch.count)
        return batch.count if origin.rank < rank else 0

    # ---- through the steps -------------------------------------------------------------------------------------------

    def _through(
        self, record: Record, portions: list[Portion], recorded: Outputs, ending: set[int] | None = None
    ) -> Turns:
        """Take what a record brings through all steps; those that are `ending` give what they hold."""
        sequence = record.sequence
        for at, step in enumerate(self.steps):
            before = recorded.get(at, [])
            if (at < len(self._ahead) and sequence <= self._ahead[at]) or not (portions or before or ending):
                continue
            self._recall(step, before, portions)
            made = yield from self._step(step, portions, list(before), at in (ending or ()))
            is_last = at + 1 == len(self.steps)
            written = [self._write(at, sequence, one) for one in sorted(made, key=lambda one: one.part)]
            if step.options.output == "replace":
                passing = [p for p in portions if not p.readings] if isinstance(step, Windows) else []
                again = [] if is_last else self._read_back(before)
                portions = passing + again + [portion for portion in written if len(portion.columns.series)]

    def _step(
        self, step: Step, portions: list[Portion], known: list[Recorded], ending: bool
    ) -> Generator[Call, None, list[Made]]:
        made: list[Made] = []
        for portion in portions:
            new = (yield from step.turns(portion, known)) if isinstance(step, Python) else step.take(portion, known)
            known += [Recorded(0, one.part, Trigger(0, 0, (), one.closed)) for one in new]
            made += new
        return made + step.close_all(known) if ending else made

    def _recall(self, step: Step, before: list[Recorded], portions: list[Portion]) -> None:
        """Have a step take from its outputs what it cannot take from what they were made of."""
        for held in before:
            if all(portion.part != held.trigger.consumed for portion in portions):
                for portion in self._read_back([held]) or [_nothing(held)]:
                    step.recall(portion, held)

    def _write(self, at: int, sequence: int, made: Made) -> Portion:
        core, log, step = self._core, self._core.log, self.steps[at]
        count = len(made.columns.series)
        options = step.options
        context = core.context(step.code, options.called if isinstance(options, AggregateOptions) else str(options))
        run, stamp = None, None
        if core.options.provenance and count and made.inputs is not None:
            run = log.allocate(count)
            stamp = Stamp(run, made.inputs, context, core.now_ms())
        readings = made.readings and options.output == "replace"
        trigger = Trigger(at, sequence, made.late, made.closed, made.consumed, readings, made.renamed, made.fault)
        origin = Origin(OriginKind.STEP, log.log, sequence, at, made.part)
        body = Batch(origin, made.entry, count, codec.encode(*made.columns), stamp, trigger)
        stays = options.output == "replace" and self._consumed_behind(at, made.readings)
        self._last_output = log.append(Kind.OUT, body, readings=count, stays=stays).sequence
        core.appended()
        if made.fault:
            self._tell(made.fault)
        return Portion(made.entry, made.columns, run, made.readings, made.part)

    def _consumed_behind(self, at: int, readings: bool) -> bool:
        """Whether a later step puts something in the place of what a step made."""
        later = (step.options for step in self.steps[at + 1 :] if step.options.output == "replace")
        return any(readings or is_record_wise(options) for options in later)

    def _tell(self, fault: str) -> None:
        self._core.refuse(Rejected("step-function", fault))
        count = self._core.refused["step-function"]
        if count & (count - 1) == 0:  # The first, and ever fewer: a function that always fails must not fill the disk.
            _logger.warning("batch %d that a step could not treat: %s", count, fault)

    # ---- other steps -------------------------------------------------------------------------------------------------

    def _change(self, record: Record, recorded: Outputs) -> Turns:
        """From this record on other steps hold; one at the same place with the same options goes on as it was."""
        config = decode_body(record)
        plan = decode_plan(config.plan) if isinstance(config, Config) and config.plan is not None else self.plan
        if plan == self.plan:
            return
        same = {at for at, (old, new) in enumerate(zip(self.plan, plan, strict=False)) if old == new}
        yield from self._through(record, [], recorded, set(range(len(self.plan))) - same)
        steps = [build(plan, at, self._core.log) for at in range(len(plan))]
        for at in same:
            steps[at].restore(msgspec.Raw(_encode(self.steps[at].state())))
        self.plan, self.steps, self._ahead = plan, steps, ()
        self._changed = record.sequence

    # ---- checkpoints -------------------------------------------------------------------------------------------------

    @property
    def holds(self) -> bool:
        """Whether segments behind the checkpoint have to stay."""
        return not self.idle or self.saved < self._changed

    def checkpoint(self) -> bytes | None:
        """What to save of the fold; None when nothing is new, or not every output up to here is logged and synced."""
        durable = self._core.log.durable
        if not self._between_records:
            self._due = True  # One is made when the record is done: there may never be a moment between two.
        elif self._last_output <= durable and self.sequence != self.saved:
            self._offer = self._made_offer()
        offer = self._offer
        if offer is None or offer.last_output > durable or offer.sequence == self.saved:
            return None
        self._offer, self._offered = None, offer.sequence
        return offer.data

    def _made_offer(self) -> _Offer:
        log, plan = self._core.log.log, encode_plan(self.plan)
        states = tuple(msgspec.Raw(_encode(step.state())) for step in self.steps)
        held = Checkpoint(checkpoint.VERSION, log, self.sequence, self.total, plan, self._heard, states)
        return _Offer(self.sequence, self._last_output, checkpoint.encode(held))

    def saved_as(self, files: dict[str, bytes]) -> None:
        """The checkpoint given last is durable, if it is among these."""
        if self.file in files:
            self.saved = self._offered


def _own_output(record: Record) -> Batch | None:
    """What a step of this node wrote, None when a record is something else."""
    if record.kind != Kind.OUT or record.upstream is not None or not known(record):
        return None
    batch = decode_batch(record)
    return batch if batch.trigger is not None else None


def _nothing(held: Recorded) -> Portion:
    return Portion(b"", NOTHING, None, True, held.part)
