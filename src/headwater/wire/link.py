"""What travels on a link between two logs: the values inside the messages of `headwater.proto`."""

import msgspec

from headwater.model.errors import Rejected
from headwater.model.ids import IdRun, valid_run
from headwater.model.records import LOCAL_KINDS, Batch, Kind
from headwater.model.stamp import Origin, OriginKind
from headwater.wire import codec
from headwater.wire import headwater_pb2 as pb
from headwater.wire.records import FORMAT_VERSION, Record, decode_batch, known

LINK_VERSION = 1
WINDOW_BYTES = 4 << 20
"""What may be under way unacknowledged on a link; one record of any size always may (rule 9)."""
MESSAGE_BYTES_MAX = 96 << 20
"""The largest gRPC message taken: one record of any size, and what goes with it."""
READ_AHEAD_BYTES = 1 << 20
FRAME_BYTES_MAX = 1 << 16
GRPC_OPTIONS = [
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ("grpc.so_reuseport", 0),
    # Else what comes on a quiet connection is answered by pings that measure the way, which took a third of all that
    # passes between idle nodes. What they find out is said here instead.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", READ_AHEAD_BYTES),
    ("grpc.http2.max_frame_size", FRAME_BYTES_MAX),
]

_ORIGIN_KINDS = (OriginKind.SOURCE, OriginKind.ENTRY, OriginKind.STEP)
_NUMBER_MAX = (1 << 62) - 1


class Travel(msgspec.Struct, frozen=True, array_like=True):
    """A batch under way: what it keeps on every hop, and the ids its sender gave it."""

    origin: Origin
    entry: bytes
    count: int
    payload: bytes
    run: IdRun | None = None


_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Travel)


def forwarded(record: Record) -> bool:
    """Whether a record goes downstream."""
    return not record.stays and record.kind not in LOCAL_KINDS


def pack(record: Record, previous: int) -> pb.Record | None:
    """The message of a record that is sent behind the record `previous`; None when there is nothing to send.

    What a step made in the place of readings travels as readings.
    """
    body, kind = record.body, record.kind
    if known(record) and record.kind in (Kind.DATA, Kind.OUT):
        batch = decode_batch(record)
        if batch.count == 0:
            return None
        body = _encode(travel_of(batch))
        if batch.trigger is not None and batch.trigger.readings:
            kind = Kind.DATA
    distance = record.sequence - previous
    return pb.Record(
        sequence=record.sequence,
        previous=0 if distance == 1 else distance,
        kind=kind,
        version=0 if record.version == FORMAT_VERSION else record.version,
        body=body,
    )


def travel_of(batch: Batch) -> Travel:
    return Travel(batch.origin, batch.entry, batch.count, batch.payload, batch.stamp.run if batch.stamp else None)


def unpack(message: pb.Record, node: int) -> Travel:
    """The batch in a message from `node`; Rejected says what is wrong with it, without decoding its columns."""
    try:
        travel = _decoder.decode(message.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Rejected("batch", f"record {message.sequence} cannot be read: {error}") from error
    fault = _fault(travel, node)
    if fault is not None:
        raise Rejected(fault[0], f"record {message.sequence}: {fault[1]}")
    return travel


def announced(message: pb.Record) -> int:
    """How many readings a message says it has; 0 when that cannot be read or cannot be right."""
    try:
        count = _decoder.decode(message.body).count if message.kind in (Kind.DATA, Kind.OUT) else 0
    except (msgspec.DecodeError, UnicodeDecodeError):
        return 0
    return count if 0 < count <= codec.READINGS_MAX else 0


def _fault(travel: Travel, node: int) -> tuple[str, str] | None:
    origin, run = travel.origin, travel.run
    if not 0 < travel.count <= codec.READINGS_MAX:
        return "batch", f"{travel.count} readings, 1 to {codec.READINGS_MAX} are allowed"
    if codec.count(travel.payload) != travel.count:
        return "batch", f"the payload holds {codec.count(travel.payload)} readings, {travel.count} are announced"
    if len(travel.entry) != 8 or len(origin.stream) != 8 or origin.kind not in _ORIGIN_KINDS:
        return "batch", "entry or origin cannot be right"
    if not (0 <= origin.number <= _NUMBER_MAX and 0 <= origin.step < 1 << 16 and 0 <= origin.part < 1 << 16):
        return "batch", "its origin is out of range"
    if run is not None and (not valid_run(run) or run.count != travel.count):
        return "id-run", f"an id run of {run.count} for {travel.count} readings, from {run.start:x}"
    if run is not None and run.node != node:
        return "unknown-node", f"its ids are of node {run.node:06x}, the link is from node {node:06x}"
    return None
