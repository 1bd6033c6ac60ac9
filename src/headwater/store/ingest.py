"""What of a shipment goes into a store: checked, and laid out as rows. No I/O."""

from collections.abc import Iterator, Sequence

import msgspec

from headwater.model.errors import Rejected
from headwater.model.records import Definition
from headwater.model.shipment import ShippedStamp
from headwater.model.stamp import Inputs, Lists, stamp_fault
from headwater.store.batches import Ids, parent_spans
from headwater.store.columns import SERIES_BITS
from headwater.wire.codec import READINGS_MAX
from headwater.wire.spans import Spans, spans_of

LOG_BYTES = 8
STREAM_BYTES_MAX = 64
_INTEGER_MAX = (1 << 63) - 1 - READINGS_MAX

_encode = msgspec.msgpack.Encoder().encode


class PreparedBatch(msgspec.Struct, frozen=True, gc=False):
    """A stamp that can be stored, as far as it alone can tell."""

    node: int
    start: int
    count: int
    entry: bytes
    shipped: ShippedStamp
    """Without its keys."""
    body: bytes
    """The encoding of `shipped`."""
    keys: bytes | None
    spans: Spans | None
    """Series numbers and event times, when there are keys."""
    times: tuple[int | None, int | None]
    """The earliest and the latest event time."""
    parents: list[Ids]
    sent_ms: int | None

    @property
    def end(self) -> int:
        return self.start + self.count


def prepared(shipped: Sequence[ShippedStamp], node: int) -> Iterator[PreparedBatch]:
    """Stamps that a node has shipped, checked: Rejected, naming it, at the first that cannot be one."""
    read = iter(spans_of([one.keys for one in shipped if one.keys is not None]))
    for one in shipped:
        yield _prepared(one, node, None if one.keys is None else next(read))


def _prepared(shipped: ShippedStamp, node: int, read: Spans | Rejected | None) -> PreparedBatch:
    stamp = shipped.stamp
    if stamp.run.node != node:
        raise Rejected("unknown-node", f"{_name(shipped)} has ids of node {stamp.run.node:06x}, not of {node:06x}")
    fault = _fault(shipped)
    if fault is not None:
        raise Rejected("stamp", f"{_name(shipped)}: {fault}")
    spans = None if read is None else _fitting(shipped, read)
    bare = msgspec.structs.replace(shipped, keys=None)
    return PreparedBatch(
        node,
        stamp.run.start,
        stamp.run.count,
        shipped.entry,
        bare,
        _encode(bare),
        shipped.keys,
        spans,
        (None, None) if spans is None else (spans.first_ms, spans.last_ms),
        parent_spans(stamp.inputs, READINGS_MAX),
        stamp.sent_ms,
    )


def _name(shipped: ShippedStamp) -> str:
    return f"the stamp of record {shipped.sequence}"


def _fault(shipped: ShippedStamp) -> str | None:
    stamp, origin = shipped.stamp, shipped.origin
    if not 0 < stamp.run.count <= READINGS_MAX or _longest(stamp.inputs) > READINGS_MAX:
        return f"an id run is longer than the {READINGS_MAX} readings of a batch, or empty"
    if len(shipped.entry) != LOG_BYTES:
        return f"its entry log id has {len(shipped.entry)} bytes instead of {LOG_BYTES}"
    if len(origin.stream) > STREAM_BYTES_MAX:
        return f"its origin has more than {STREAM_BYTES_MAX} bytes"
    times = (stamp.received_ms, stamp.sent_ms or 0, stamp.clock_offset_ms or 0)
    numbers = (shipped.sequence, shipped.kind, origin.number, origin.kind, origin.step, origin.part)
    if min(times) < -_INTEGER_MAX or min(numbers) < 0 or max(*times, *numbers) > _INTEGER_MAX:
        return "a time, sequence or number is out of range"
    return stamp_fault(stamp)


def _longest(inputs: Inputs | None) -> int:
    if isinstance(inputs, Lists):
        return max((run.count for runs in inputs.inputs for run in runs), default=0)
    return 0 if inputs is None else inputs.run.count


def _fitting(shipped: ShippedStamp, read: Spans | Rejected) -> Spans:
    if isinstance(read, Rejected):
        raise Rejected(read.reason, f"{_name(shipped)}: {read.detail}") from read
    if read.shape.count != shipped.stamp.run.count:
        raise Rejected("payload", f"{_name(shipped)}: {shipped.stamp.run.count} ids, keys of {read.shape.count}")
    if read.shape.highest >> SERIES_BITS:
        raise Rejected("series", f"{_name(shipped)}: series number {read.shape.highest} is out of range")
    return read


def definition_fault(definition: Definition) -> str | None:
    """Why a definition from outside cannot be right, or None."""
    if len(definition.log) != LOG_BYTES:
        return f"the log id of a definition has {len(definition.log)} bytes instead of {LOG_BYTES}"
    if not 0 <= definition.number < 1 << SERIES_BITS:
        return f"series number {definition.number} is out of range"
    return None
