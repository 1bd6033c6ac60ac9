"""The provenance of a batch: which data points it made, from which others, when and in which context.

A stamp maps output positions to inputs exactly, in one of three forms: `Same`, `Select`, `Lists`. A batch that came
from a sensor has no inputs; its stamp is the *first* stamp.
"""

from collections.abc import Iterator

import msgspec

from headwater.model.ids import DataPointId, IdRun, valid_run

SIMPLE = "simple"
PART_BITS = 16
TRACE_BYTES = 26
"""A W3C traceparent: version 1, trace id 16, parent id 8, flags 1."""


class Same(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=0):
    """Output i was made from input i."""

    run: IdRun


class Select(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=1):
    """Outputs were made from the inputs whose bit is set, in order (bit k of byte k // 8, least significant first)."""

    run: IdRun
    kept: bytes


class Lists(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=2):
    """For each output the runs it was made from; all with one contribution, such as `average`."""

    contribution: str
    inputs: tuple[tuple[IdRun, ...], ...]


Inputs = Same | Select | Lists


class OriginKind:
    """What numbers an origin (PROTOCOL rule 10)."""

    SOURCE = 0
    ENTRY = 1
    STEP = 2


class Origin(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where readings entered, kept by every hop, so that duplicates and first stamps are found without a walk.

    SOURCE: `stream` is the source id, `number` the number of the batch's first reading there.
    ENTRY: `stream` is the entry log id, `number` the record's sequence in it.
    STEP: `stream` is the step's log id, `number` the sequence of the record that triggered the output.
    """

    kind: int
    stream: bytes
    number: int
    step: int = 0
    part: int = 0
    """One trigger may close more windows than a batch holds: its outputs are then several batches."""

    @property
    def key(self) -> tuple[int, bytes, int]:
        """What `rank` rises in."""
        return (self.kind, self.stream, self.step)

    @property
    def rank(self) -> int:
        """Rises along every path, so the highest one seen tells what one has."""
        return self.number << PART_BITS | self.part if self.kind == OriginKind.STEP else self.number

    def rank_end(self, count: int) -> int:
        """The lowest rank that a batch of `count` readings with this origin leaves open."""
        return self.number + count if self.kind == OriginKind.SOURCE else self.rank + 1


class TraceRun(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """So many outputs in a row that belong to one W3C trace; `trace` is empty where there was none."""

    count: int
    trace: bytes


class Stamp(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A batch's provenance at one node: a function of its record, nothing is learned later (rule 17)."""

    run: IdRun
    inputs: Inputs | None
    context: bytes
    received_ms: int
    sent_ms: int | None = None
    """When the *upstream* sent the batch: the send time of the inputs, not of these data points."""
    clock_offset_ms: int | None = None
    outside: bool = False
    """The inputs were named by a client of the 2018 protocol and were never ours."""
    traces: tuple[TraceRun, ...] = ()
    """The traces of the outputs, in their order; empty when none has one."""


def inputs_of(stamp: Stamp, position: int) -> tuple[IdRun, ...]:
    """The inputs of the output at a position; empty for a first stamp."""
    made = stamp.inputs
    if made is None:
        return ()
    if isinstance(made, Lists):
        return made.inputs[position]
    if isinstance(made, Select):
        return (made.run.part(_nth_kept(made.kept, position), 1),)
    return (made.run.part(position, 1),)


def trace_of(stamp: Stamp, position: int) -> bytes:
    """The W3C trace that the output at a position belongs to; empty for none."""
    for run in stamp.traces:
        if position < run.count:
            return run.trace
        position -= run.count
    return b""


def format_traceparent(trace: bytes) -> str:
    """The 55 characters of the 26 bytes of a trace, as https://www.w3.org/TR/trace-context/ writes them."""
    digits = trace.hex()
    return f"{digits[:2]}-{digits[2:34]}-{digits[34:50]}-{digits[50:]}"


def contribution_of(stamp: Stamp) -> str:
    """What the inputs contributed: forwarding is `simple`, as 2018 clients expect."""
    return stamp.inputs.contribution if isinstance(stamp.inputs, Lists) else SIMPLE


def input_runs(stamp: Stamp) -> Iterator[IdRun]:
    """The runs that any output was made from; of a `Select` the whole run it selected from."""
    made = stamp.inputs
    if isinstance(made, Lists):
        for runs in made.inputs:
            yield from runs
    elif made is not None:
        yield made.run


def input_ids(runs: tuple[IdRun, ...]) -> Iterator[DataPointId]:
    for run in runs:
        for position in range(run.count):
            yield run.at(position)


def bitmap(kept: list[int], count: int) -> bytes:
    """The bitmap of `Select` for the kept positions out of `count`."""
    bits = bytearray((count + 7) // 8)
    for position in kept:
        bits[position >> 3] |= 1 << (position & 7)
    return bytes(bits)


def kept_positions(bits: bytes) -> list[int]:
    """The positions whose bit is set, rising."""
    return [8 * at + bit for at, byte in enumerate(bits) if byte for bit in range(8) if byte >> bit & 1]


def _nth_kept(bits: bytes, position: int) -> int:
    return kept_positions(bits)[position]


def stamp_fault(stamp: Stamp) -> str | None:
    """Why a stamp from outside cannot be right, or None."""
    made, count = stamp.inputs, stamp.run.count
    if not valid_run(stamp.run) or len(stamp.context) != 8 or not all(map(valid_run, input_runs(stamp))):
        return "an id run or context name is out of range"
    if stamp.traces and sum(run.count for run in stamp.traces) != count:
        return f"{count} outputs, traces for {sum(run.count for run in stamp.traces)}"
    if stamp.traces and any(run.count <= 0 or len(run.trace) not in (0, TRACE_BYTES) for run in stamp.traces):
        return "a trace is out of range"
    if isinstance(made, Same) and made.run.count != count:
        return f"{count} outputs from {made.run.count} inputs"
    if isinstance(made, Select) and (
        len(kept_positions(made.kept)) != count or len(made.kept) != (made.run.count + 7) // 8
    ):
        return f"{count} outputs from a bitmap that keeps {len(kept_positions(made.kept))} of {made.run.count}"
    if isinstance(made, Lists) and len(made.inputs) != count:
        return f"{count} outputs, inputs for {len(made.inputs)}"
    return None
