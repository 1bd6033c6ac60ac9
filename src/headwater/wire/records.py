"""The frame of a log record: a header with its own checksum, the body, and a checksum over both.

Format 1, little-endian, 40 bytes of header:
magic 4s | kind u8 | version u8 | flags u16 | body length u32 | sequence u64 | cumulative readings u64 | durable
mark u64 | CRC32 u32, then the body, then CRC32 u32 of header and body. With flag 1 the body begins with the upstream
position: log id 8s | sequence u64.
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
BODY_BYTES_MAX = 64 << 20

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

    @property
    def size(self) -> int:
        """Bytes in the log."""
        return HEADER_BYTES + TRAILER_BYTES + len(self.body) + (_POSITION.size if self.upstream else 0)


def frame(record: Record) -> bytes:
    """The bytes of a record."""
    body = record.body if record.upstream is None else _POSITION.pack(*record.upstream) + record.body
    flags = 0 if record.upstream is None else UPSTREAM_FLAG
    head = struct.pack(
        "<4sBBHIQQQ",
        MAGIC,
        record.kind,
        record.version,
        flags,
        len(body),
        record.sequence,
        record.total,
        record.mark,
    )
    head += _CRC.pack(zlib.crc32(head))
    return b"".join((head, body, _CRC.pack(zlib.crc32(body, zlib.crc32(head)))))


def read_header(data: bytes | memoryview, at: int = 0) -> Header | None:
    """The header at an offset, or None when there is none that is whole and sound."""
    if len(data) - at < HEADER_BYTES:
        return None
    magic, kind, version, flags, length, sequence, total, mark, crc = _HEADER.unpack_from(data, at)
    if magic != MAGIC or crc != zlib.crc32(data[at : at + HEADER_BYTES - 4]) or length > BODY_BYTES_MAX:
        return None
    return Header(kind, version, flags, length, sequence, total, mark)


def frame_bytes(header: Header) -> int:
    """The bytes that the whole record takes."""
    return HEADER_BYTES + header.length + TRAILER_BYTES


def read_body(data: bytes | memoryview, header: Header, at: int = 0) -> Record | None:
    """The record whose header was read at an offset, or None when its body is cut short or its checksum is wrong."""
    end = at + HEADER_BYTES + header.length
    if len(data) < end + TRAILER_BYTES:
        return None
    (crc,) = _CRC.unpack_from(data, end)
    if crc != zlib.crc32(data[at:end]):
        return None
    upstream, start = None, at + HEADER_BYTES
    if header.flags & UPSTREAM_FLAG:
        if header.length < _POSITION.size:
            return None
        upstream, start = Position(*_POSITION.unpack_from(data, start)), start + _POSITION.size
    return Record(
        header.kind,
        header.version,
        header.sequence,
        header.total,
        header.mark,
        upstream,
        bytes(data[start:end]),
    )


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
    except (KeyError, msgspec.DecodeError) as error:
        raise Rejected("record", f"record {record.sequence} of kind {record.kind} cannot be read: {error}") from error


def decode_batch(record: Record) -> Batch:
    """The batch of a `data` or `out` record."""
    body = decode_body(record)
    assert isinstance(body, Batch)
    return body


def records_in(data: bytes) -> Iterator[Record]:
    """The sound records at the start of `data`, until the first that is not."""
    at = 0
    while (header := read_header(data, at)) is not None:
        record = read_body(data, header, at)
        if record is None:
            return
        yield record
        at += frame_bytes(header)
