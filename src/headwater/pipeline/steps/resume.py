"""Where a chain of steps goes on after a start: which steps held there, and what they knew."""

import msgspec

from headwater.log.disk import Disk
from headwater.log.segments import read_segment, segments
from headwater.log.state import State
from headwater.log.writer import NodeLog
from headwater.model.errors import NotFound, Rejected
from headwater.model.records import Config, Kind
from headwater.pipeline.step_options import AggregateOptions, StepOptions, decode_plan
from headwater.pipeline.steps import checkpoint
from headwater.wire.records import Record

NO_STEPS = "[]"


class Start(msgspec.Struct, frozen=True):
    """A position, and the steps with their states there."""

    sequence: int
    total: int
    plan: tuple[StepOptions, ...]
    heard: dict[bytes, int] = {}
    states: tuple[msgspec.Raw | None, ...] = ()
    ahead: tuple[int, ...] = ()
    """Of each step the sequence that it has passed already, where that is further."""
    idle: bool = False
    """There are no steps, and nothing that any would have to read."""


def find_start(disk: Disk, log: NodeLog, steps: tuple[StepOptions, ...]) -> Start:
    """Where to go on; `steps` are those configured now, which held in a log of before `config` records named them."""
    saved = checkpoint.load(disk, log.log)
    before, config = _first_config(disk)
    if saved is not None and saved.sequence >= before:
        return Start(saved.sequence, saved.total, decode_plan(saved.plan), saved.heard, saved.states)
    if config is not None and config.plan is None:
        return _version_1(disk, log, steps, before)
    plan = config.plan if config is not None and config.plan is not None else NO_STEPS
    held = log.state.config
    if not checkpoint.exists(disk) and plan == NO_STEPS and (held is None or held.plan == NO_STEPS):
        return Start(log.state.sequence, log.state.count, (), idle=True)  # With any steps there would be a file.
    return Start(before, 0, decode_plan(plan), saved.heard if saved is not None else {})


def _first_config(disk: Disk) -> tuple[int, Config | None]:
    """The sequence before the oldest segment, and what held there."""
    firsts = segments(disk)
    if not firsts:
        return 0, None
    try:
        for _, found in read_segment(disk, firsts[0]):
            if isinstance(found, Record) and found.kind == Kind.SNAPSHOT:
                return firsts[0] - 1, State.restore(found.body).config
    except (NotFound, Rejected):
        pass
    return firsts[0] - 1, None


def _version_1(disk: Disk, log: NodeLog, steps: tuple[StepOptions, ...], before: int) -> Start:
    """Each aggregate had a position of its own."""
    held = [
        checkpoint.load_version_1(disk, at, log.log, step.window_s) if isinstance(step, AggregateOptions) else None
        for at, step in enumerate(steps)
    ]
    positions = [found.sequence if found is not None else before for found in held]
    states = tuple(msgspec.Raw(msgspec.msgpack.encode(found.fold)) if found is not None else None for found in held)
    heard: dict[bytes, int] = {}
    for found in held:
        heard |= found.fold.heard if found is not None and found.sequence == min(positions) else {}
    total = min((found.total for found in held if found is not None), default=0)
    return Start(min(positions, default=before), total, steps, heard, states, tuple(positions))
