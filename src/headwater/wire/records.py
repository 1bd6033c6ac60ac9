"""The frame of a log record: a header with its own checksum, the body, and a checksum over both.

Format 1, little-endian, 40 bytes of header:
magic 4s | kind u8 | version u8 | flags u16 | body length u32 | sequence u64 | cumulative readings u64 | durable
mark u64 | CRC32 u32 of these, then the body, then CRC32 u32 of the header (without its checksum) and the body. With
flag 1 the body begins with the upstream position: log id 8s | sequence u64. With flag 2 the record does not travel.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from headwater.model.context import Context
from headwater.model.errors import Rejected
from headwater.model.records import (
    Batch,
    Config,
    Definition,
    Jump,
    Kind,
    Loss,
    Position,
    TimeDecision,
)

FORMAT_VERSION = 1
MAGIC = b"HWr\xb1"
UPSTREAM_FLAG = 1
STAYS_FLAG = 2
BODY_BYTES_MAX = 64 << 20
"""The longest body that may be appended; a snapshot may be longer."""
FRAME_BYTES_MAX = 1 << 30

_FIELDS = struct.Struct("<4sBBHIQQQ")
_HEADER = struct.Struct("<4sBBHIQQQI")
_POSITION = struct.Struct("<8sQ")
_CRC = struct.Struct("<I")
HEADER_BYTES = _HEADER.size
TRAILER_BYTES = _CRC.size


class Header(NamedTuple):
    """What a record says of itself before its body."""

    kind: int
    version: int
    flags: int
    length: int
    sequence: int
    total: int
    """Readings in this log up to and including this record."""
    mark: int
    """The durable sequence when this record was appended."""

    @property
    def size(self) -> int:
        """Bytes that the whole record takes."""
        return HEADER_BYTES + self.length + TRAILER_BYTES


class Record(NamedTuple):
    """A record as read: header fields, upstream position and the rest of the body."""

    kind: int
    version: int
    sequence: int
    total: int
    """Readings in this log up to and including this record."""
    mark: int
    upstream: Position | None
    body: bytes
    stays: bool = False
    """It goes no further, although its kind travels: a step's outputs stand for it, or a mask hides it."""

    @property
    def size(self) -> int:
        """Bytes in the log."""
        return HEADER_BYTES + TRAILER_BYTES + len(self.body) + (_POSITION.size if self.upstream else 0)


def frame(record: Record) -> bytes:
    """The bytes of a record."""
    kind, version, sequence, total, mark, upstream, body, stays = record
    flags = STAYS_FLAG if stays else 0
    if upstream is not None:
        flags, body = flags | UPSTREAM_FLAG, _POSITION.pack(*upstream) + body
    fields = _FIELDS.pack(MAGIC, kind, version, flags, len(body), sequence, total, mark)
    crc = zlib.crc32(fields)
    return b"".join((fields, _CRC.pack(crc), body, _CRC.pack(zlib.crc32(body, crc))))


def read_header(data: bytes, at: int = 0) -> Header | None:
    """The header at an offset, or None when there is none that is whole and sound."""
    if len(data) - at < HEADER_BYTES:
        return None
    magic, kind, version, flags, length, sequence, total, mark, crc = _HEADER.unpack_from(data, at)
    if magic != MAGIC or crc != zlib.crc32(data[at : at + _FIELDS.size]) or length > FRAME_BYTES_MAX:
        return None
    return Header(kind, version, flags, length, sequence, total, mark)


def read_body(data: bytes, header: Header, at: int = 0) -> Record | None:
    """The record whose header was read at an offset, or None when its body is cut short or its checksum is wrong."""
    start = at + HEADER_BYTES
    end = start + header.length
    if len(data) < end + TRAILER_BYTES:
        return None
    body = data[start:end]
    if _CRC.unpack_from(data, end)[0] != zlib.crc32(body, _CRC.unpack_from(data, start - _CRC.size)[0]):
        return None
    kind, version, flags, length, sequence, total, mark = header
    upstream = None
    if flags & UPSTREAM_FLAG:
        if length < _POSITION.size:
            return None
        upstream, body = Position(*_POSITION.unpack_from(body)), body[_POSITION.size :]
    return Record(kind, version, sequence, total, mark, upstream, body, bool(flags & STAYS_FLAG))


def next_magic(data: bytes, at: int) -> int:
    """The offset of the next place from `at` on where a record may begin, or -1."""
    return data.find(MAGIC, at)


Body = Batch | Definition | Context | TimeDecision | Config | Loss | Jump

_BODY_TYPES: dict[int, type[Body]] = {
    Kind.DATA: Batch,
    Kind.OUT: Batch,
    Kind.DEFINITION: Definition,
    Kind.CONTEXT: Context,
    Kind.TIME: TimeDecision,
    Kind.CONFIG: Config,
    Kind.LOSS: Loss,
    Kind.JUMP: Jump,
}
_DECODERS = {kind: msgspec.msgpack.Decoder(type_) for kind, type_ in _BODY_TYPES.items()}
_encode = msgspec.msgpack.Encoder().encode


def encode_body(body: Body) -> bytes:
    """The bytes of a body: a MessagePack array of its fields in order; new fields are only ever appended."""
    return _encode(body)


def known(record: Record) -> bool:
    """Whether this code understands the record: its kind and its version."""
    return record.kind in _DECODERS and record.version <= FORMAT_VERSION


def decode_body(record: Record) -> Body:
    """The body of a record of a known kind; Rejected("record") when it is not what the kind says."""
    try:
        return _DECODERS[record.kind].decode(record.body)
    except (KeyError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Rejected("record", f"record {record.sequence} of kind {record.kind} cannot be read: {error}") from error


def decode_batch(record: Record) -> Batch:
    """The batch of a `data` or `out` record; Rejected("record") when it is none."""
    body = decode_body(record)
    if not isinstance(body, Batch):
        raise Rejected("record", f"record {record.sequence} of kind {record.kind} is no batch")
    return body


def records_in(data: bytes) -> Iterator[Record]:
    """The sound records at the start of `data`, until the first that is not."""
    at = 0
    while (header := read_header(data, at)) is not None:
        record = read_body(data, header, at)
        if record is None:
            return
        yield record
        at += header.size
