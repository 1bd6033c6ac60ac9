"""What arrives with text that is no UTF-8 is refused by name, like anything else that cannot be read."""

import pytest

from headwater.model.errors import Rejected
from headwater.model.records import Definition, Kind
from headwater.wire import headwater_pb2 as pb
from headwater.wire.link import announced, unpack
from headwater.wire.records import Record, decode_body, encode_body

NO_TEXT = encode_body(Definition(b"log00001", 4, "meter", "metric")).replace(b"meter", b"mete\xff")


def test_in_a_record() -> None:
    with pytest.raises(Rejected, match="record"):
        decode_body(Record(Kind.DEFINITION, 1, 1, 1, 1, None, NO_TEXT))


def test_in_a_batch_of_a_link() -> None:
    message = pb.Record(sequence=1, kind=Kind.DATA, body=b"\xa4mete\xff")
    assert announced(message) == 0
    with pytest.raises(Rejected, match="batch"):
        unpack(message, 1)
