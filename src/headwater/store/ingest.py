"""What of a shipment goes into the embedded store: checked, and laid out as rows. No I/O."""

from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from headwater.model.errors import Rejected
from headwater.model.records import Definition
from headwater.model.shipment import ShippedStamp
from headwater.model.stamp import Inputs, Lists, stamp_fault
from headwater.store.batches import Ids, parent_spans
from headwater.store.columns import SERIES_BITS
from headwater.wire.codec import READINGS_MAX, decode_keys

Integers = NDArray[np.int64]
LOG_BYTES = 8
STREAM_BYTES_MAX = 64
_INTEGER_MAX = (1 << 63) - 1 - READINGS_MAX

_encode = msgspec.msgpack.Encoder().encode


class PreparedBatch(msgspec.Struct, frozen=True):
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
    columns: tuple[Integers, Integers] | None
    """Series numbers and event times, when there are keys."""
    times: tuple[int | None, int | None]
    """The earliest and the latest event time."""
    parents: list[Ids]
    sent_ms: int | None

    @property
    def end(self) -> int:
        return self.start + self.count


def prepared(shipped: ShippedStamp, node: int) -> PreparedBatch:
    """A stamp that a node has shipped, checked: Rejected, naming it, when it cannot be one."""
    stamp = shipped.stamp
    if stamp.run.node != node:
        raise Rejected("unknown-node", f"{_name(shipped)} has ids of node {stamp.run.node:06x}, not of {node:06x}")
    fault = _fault(shipped)
    if fault is not None:
        raise Rejected("stamp", f"{_name(shipped)}: {fault}")
    columns = None if shipped.keys is None else _columns(shipped, shipped.keys)
    bare = msgspec.structs.replace(shipped, keys=None)
    times = (None, None) if columns is None else (int(columns[1].min()), int(columns[1].max()))
    return PreparedBatch(
        node,
        stamp.run.start,
        stamp.run.count,
        shipped.entry,
        bare,
        _encode(bare),
        shipped.keys,
        columns,
        times,
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
    if any(abs(time) > _INTEGER_MAX for time in times) or any(not 0 <= at <= _INTEGER_MAX for at in numbers):
        return "a time, sequence or number is out of range"
    return stamp_fault(stamp)


def _longest(inputs: Inputs | None) -> int:
    if isinstance(inputs, Lists):
        return max((run.count for runs in inputs.inputs for run in runs), default=0)
    return 0 if inputs is None else inputs.run.count


def _columns(shipped: ShippedStamp, keys: bytes) -> tuple[Integers, Integers]:
    try:
        columns = decode_keys(keys)
    except Rejected as error:
        raise Rejected(error.reason, f"{_name(shipped)}: {error.detail}") from error
    if len(columns[0]) != shipped.stamp.run.count:
        raise Rejected("payload", f"{_name(shipped)}: {shipped.stamp.run.count} ids, keys of {len(columns[0])}")
    if int(columns[0].max()) >> SERIES_BITS:
        raise Rejected("series", f"{_name(shipped)}: series number {int(columns[0].max())} is out of range")
    return columns


def definition_fault(definition: Definition) -> str | None:
    """Why a definition from outside cannot be right, or None."""
    if len(definition.log) != LOG_BYTES:
        return f"the log id of a definition has {len(definition.log)} bytes instead of {LOG_BYTES}"
    if not 0 <= definition.number < 1 << SERIES_BITS:
        return f"series number {definition.number} is out of range"
    return None


class Postings(NamedTuple):
    """The rows of a block: (series, block, t_min, t_max) for each series in it, and the block's own."""

    rows: list[tuple[int, int, int, int]]
    block: tuple[int, int | None, int | None]


def postings(block: int, columns: list[tuple[Integers, Integers]]) -> Postings:
    """Which series have which event times in the batches of a block; series as codes with their entry."""
    if not columns:
        return Postings([], (block, None, None))
    codes = np.concatenate([series for series, _ in columns])
    times = np.concatenate([timestamps for _, timestamps in columns])
    order = np.argsort(codes, kind="stable")
    codes, times = codes[order], times[order]
    starts = np.flatnonzero(np.concatenate(([True], codes[1:] != codes[:-1])))
    low, high = np.minimum.reduceat(times, starts), np.maximum.reduceat(times, starts)
    rows = [
        (series, block, first, last)
        for series, first, last in zip(codes[starts].tolist(), low.tolist(), high.tolist(), strict=True)
    ]
    return Postings(rows, (block, int(low.min()), int(high.max())))
