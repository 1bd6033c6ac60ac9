"""A framed record is read back as it was, or not at all."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.model.errors import Rejected
from headwater.model.records import Jump, Kind, Loss, Position, TimeDecision, Why
from headwater.wire.records import (
    HEADER_BYTES,
    Record,
    decode_batch,
    decode_body,
    encode_body,
    frame,
    known,
    next_magic,
    read_body,
    read_header,
    records_in,
)

u64 = st.integers(0, 2**64 - 1)
positions = st.none() | st.builds(Position, st.binary(min_size=8, max_size=8), u64)
records = st.builds(Record, st.integers(0, 255), st.integers(0, 255), u64, u64, u64, positions, st.binary(max_size=200))

EXAMPLE = Record(Kind.DATA, 1, 2, 30, 1, Position(b"upstream", 9), b"a body")
GOLDEN = bytes.fromhex(
    "485772b1010101001600000002000000000000001e000000000000000100000000000000691365c1"
    "757073747265616d09000000000000006120626f6479ca3d8e3d"
)


@given(records, st.binary(max_size=20))
def test_a_record_is_read_back_as_it_was(record: Record, before: bytes) -> None:
    data = before + frame(record) + b"behind"
    header = read_header(data, len(before))
    assert header is not None
    assert read_body(data, header, len(before)) == record
    assert header.size == len(frame(record)) == record.size


@given(records, st.data())
def test_one_flipped_bit_is_noticed(record: Record, data: st.DataObject) -> None:
    framed = bytearray(frame(record))
    bit = data.draw(st.integers(0, 8 * len(framed) - 1))
    framed[bit >> 3] ^= 1 << (bit & 7)
    header = read_header(bytes(framed))
    assert header is None or read_body(bytes(framed), header) is None
    assert (header is None) == (bit < 8 * HEADER_BYTES)


def test_a_record_cut_short_anywhere_is_none() -> None:
    data = frame(EXAMPLE)
    for length in range(len(data)):
        header = read_header(data[:length])
        assert (header is None) == (length < HEADER_BYTES)
        assert header is None or read_body(data[:length], header) is None


def test_a_body_does_not_pass_under_another_header() -> None:
    one, two = frame(EXAMPLE), frame(EXAMPLE._replace(sequence=3))
    mixed = two[:HEADER_BYTES] + one[HEADER_BYTES:]
    header = read_header(mixed)
    assert header is not None
    assert read_body(mixed, header) is None


def test_the_frame_of_format_1_is_these_bytes() -> None:
    assert frame(EXAMPLE) == GOLDEN
    assert list(records_in(GOLDEN)) == [EXAMPLE]


def test_records_are_read_until_the_first_that_is_not_sound() -> None:
    data = frame(EXAMPLE) * 3
    assert list(records_in(data[:-1])) == [EXAMPLE, EXAMPLE]
    assert next_magic(data, 1) == len(frame(EXAMPLE))


def test_a_body_means_what_it_meant() -> None:
    loss = Loss(Why.DROPPED, b"some log", 3, 9, 70, restated=(Loss(Why.GAP, b"upstream", 1, 2),), whole=(3, 9))
    for kind, body in ((Kind.LOSS, loss), (Kind.JUMP, Jump(5, 70)), (Kind.TIME, TimeDecision(0, 1_000))):
        record = EXAMPLE._replace(kind=kind, body=encode_body(body))
        assert known(record)
        assert decode_body(record) == body


def test_a_body_with_fields_of_a_later_version_is_read_without_them() -> None:
    assert decode_body(EXAMPLE._replace(kind=Kind.JUMP, body=msgspec.msgpack.encode([5, 70, "new"]))) == Jump(5, 70)


def test_what_is_not_known_is_not_guessed() -> None:
    assert not known(EXAMPLE._replace(kind=200))
    assert not known(EXAMPLE._replace(version=2))
    with pytest.raises(Rejected, match="record 2 of kind 200 cannot be read"):
        decode_body(EXAMPLE._replace(kind=200))


@pytest.mark.parametrize("body", [b"", b"\x93", msgspec.msgpack.encode(["no", "numbers"]), b"\x91" * 100_000])
@pytest.mark.parametrize("kind", [Kind.JUMP, Kind.LOSS, Kind.DATA])
def test_a_body_that_is_not_what_its_kind_says_is_rejected(kind: Kind, body: bytes) -> None:
    with pytest.raises(Rejected, match="record 2 of kind"):
        decode_body(EXAMPLE._replace(kind=kind, body=body))


def test_losses_nested_too_deep_are_rejected() -> None:
    with pytest.raises(Rejected, match="record 2 of kind"):
        decode_body(EXAMPLE._replace(kind=Kind.LOSS, body=deep(5_000)))


def deep(depth: int) -> bytes:
    """The bytes of a loss that restates one that restates one, and so on."""
    level = msgspec.msgpack.encode(["dropped", b"some log", 1, 2, 0, [], [], []])[1:]
    return (b"\x99" + level + b"\x91") * depth + b"\x98" + level


def test_a_record_of_another_kind_is_no_batch() -> None:
    with pytest.raises(Rejected, match="no batch"):
        decode_batch(EXAMPLE._replace(kind=Kind.JUMP, body=encode_body(Jump(1, 2))))
