"""What a query's process and the one that started it say to each other: frames of a kind, a length and a body."""

import struct
from typing import NamedTuple

import msgspec

from headwater.store.options import SqliteOptions, StoreOptions

HEAD = struct.Struct("<cI")
FRAME_BYTES_MAX = 256 << 20

BEGUN, DATA, ENDED, FAULT, VALUES = b"B", b"D", b"E", b"X", b"V"
"""Begun: the columns, `Begun`. Data: bytes of the answer. Ended: `Ended`. Fault: `Fault`, nothing follows. Values: ids
whose values are asked for, answered with a frame of the same kind."""


class Request(msgspec.Struct, frozen=True, array_like=True):
    """A query to run, and its limits."""

    sql: str
    folder: str
    """Of the stores."""
    site: str
    store: StoreOptions = SqliteOptions()
    """Where that site's stamps are."""
    format: str = "json"
    values: bool = False
    stream: bool = False
    """Send the answer while it is worked out, however long it is."""
    of_2018: bool = False
    """Whatever relation is named first means the one of 2018."""
    rows_max: int = 10_000
    bytes_max: int = 32 << 20
    values_max: int = 1_000_000
    memory_bytes_max: int = 256 << 20
    cpu_s_max: int = 60
    threads: int = 1


class Begun(msgspec.Struct, frozen=True):
    """How an answer begins. Of a streamed one it is not known yet whether it is cut."""

    columns: list[str]
    types: list[str]
    truncated: str | None = None
    """What cut the answer: rows or bytes."""
    rows: int | None = None
    by_id: bool = False
    """It asks for data points by their ids."""


class Ended(msgspec.Struct, frozen=True):
    """How an answer ended."""

    rows: int
    read: int
    """Rows of the relation that were decoded."""


class Fault(msgspec.Struct, frozen=True):
    """Why there is no answer: a reason to count by, a sentence, and the place in the query when it is known."""

    reason: str
    detail: str
    line: int | None = None
    column: int | None = None


class Asked(NamedTuple):
    """Ids by node."""

    node: int
    ordinals: list[int]


encode = msgspec.msgpack.Encoder().encode


def frame(kind: bytes, body: bytes) -> bytes:
    return HEAD.pack(kind, len(body)) + body
