"""Whatever is not a payload is refused by name, at once, and with little memory."""

import struct
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from headwater.model.errors import Rejected
from headwater.wire import codec
from headwater.wire.codec import READINGS_MAX
from tests.wire.examples import EXAMPLES, assert_same, columns_of

one_of_each = pytest.mark.parametrize("name", EXAMPLES)


@one_of_each
def test_a_payload_cut_at_any_byte_is_refused(name: str) -> None:
    payload = codec.encode(*EXAMPLES[name])
    for size in range(len(payload)):
        with pytest.raises(Rejected) as refused:
            codec.decode(payload[:size])
        assert refused.value.reason == "payload"


@one_of_each
def test_bytes_behind_a_payload_are_refused(name: str) -> None:
    payload = codec.encode(*EXAMPLES[name])
    for more in (b"\0", b"\xff" * 9, payload):
        with pytest.raises(Rejected):
            codec.decode(payload + more)
        with pytest.raises(Rejected):
            codec.decode_keys(codec.keys(payload) + more)


def refused_or_well_formed(payload: bytes) -> None:
    try:
        count = codec.count(payload)
        back = codec.decode(payload)
    except Rejected:
        return
    assert [len(column) for column in back] == [count] * 3
    assert count == 0 or int(back.series.min()) >= 0
    assert_same(codec.decode(codec.encode(*back)), back)


@given(st.sampled_from(sorted(EXAMPLES)), st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), min_size=1))
def test_a_changed_payload_is_refused_or_another_well_formed_one(name: str, changes: list[tuple[int, int]]) -> None:
    payload = bytearray(codec.encode(*EXAMPLES[name]))
    for place, byte in changes:
        payload[place % len(payload)] = byte
    refused_or_well_formed(bytes(payload))


@given(st.sampled_from([0, 1, 2, 3, 4, 5, 6, 7]), st.integers(1, 60), st.binary(max_size=200), st.binary(max_size=200))
def test_random_bodies_are_refused_or_well_formed(flags: int, count: int, keys: bytes, values: bytes) -> None:
    refused_or_well_formed(struct.pack("<BBHHB", 1, flags, count, len(keys), 0) + keys + values)


@given(st.integers(1, 40), st.binary(max_size=80), st.binary(max_size=80), st.booleans())
def test_random_bodies_in_whole_frames_are_refused_or_well_formed(
    count: int, keys: bytes, values: bytes, rows: bool
) -> None:
    frame = frame_of(keys)
    refused_or_well_formed(struct.pack("<BBHHB", 1, 3 + 4 * rows, count, len(frame), 0) + frame + frame_of(values))


@given(st.binary(max_size=300))
def test_random_bytes_are_refused_or_well_formed(payload: bytes) -> None:
    refused_or_well_formed(payload)


def frame_of(body: bytes, **options: Any) -> bytes:
    parameters = zstandard.ZstdCompressionParameters(format=zstandard.FORMAT_ZSTD1_MAGICLESS, **options)
    return zstandard.ZstdCompressor(compression_params=parameters).compress(body)


def header(flags: int, count: int, key_bytes: int, version: int = 1) -> bytes:
    return struct.pack("<BBHHB", version, flags, count, key_bytes & 0xFFFF, key_bytes >> 16)


# Runs of one reading: 1 run, series 5, no steps, length 1, no repeat, timestamp 9, no steps.
RUN_KEYS = bytes.fromhex("0100 0105 0100 0101 00 0109 0100 0100")
RUN_VALUES = bytes.fromhex("01 0101 0107 0100")  # decimals, scale 1, first 7, no steps
ROW_KEYS = bytes.fromhex("0105 0109")  # series 5, timestamp 9
ROW_VALUES = bytes.fromhex("01 0107")  # scale 1, first 7
# Three readings in runs: series 5 at 9 and 10, then series 7 at 9.
TWO_RUNS = "0200 0105 0102 1101 0100 {mask} 0109 01ff 0101"


def test_the_smallest_payloads_are_what_the_layout_says() -> None:
    expected = columns_of([5], [9], [0.7])
    assert_same(codec.decode(header(0, 1, len(RUN_KEYS)) + RUN_KEYS + RUN_VALUES), expected)
    assert_same(codec.decode(header(4, 1, len(ROW_KEYS)) + ROW_KEYS + ROW_VALUES), expected)


@pytest.mark.parametrize(
    ("payload", "names"),
    [
        (b"", "header: 0 bytes"),
        (header(0, 1, 0, version=2), "version 2"),
        (header(8, 1, 0), "unknown flags 0x08"),
        (header(0, READINGS_MAX + 1, 0), "8193 readings"),
        (header(0, 0, 1) + b"\0", "without a reading"),
        (header(4, 0, 0), "without a reading"),
        (header(0, 0, 0) + b"\0", "values: 1 bytes without a reading"),
        (header(0, 1, 0xFFFFFF), "end at byte 16777222"),
    ],
)
def test_a_bad_header_is_refused_by_name(payload: bytes, names: str) -> None:
    with pytest.raises(Rejected, match=names):
        codec.decode(payload)


@pytest.mark.parametrize(
    ("count", "keys", "names"),
    [
        (1, "0000", "0 runs in 1 readings"),
        (1, "0200", "2 runs in 1 readings"),
        (1, "0100 00", "an integer of 0 bytes"),
        (1, "0100 0900", "an integer of 9 bytes"),
        (1, "0100 01ff 0100", "a negative series"),
        (1, "0100 0105 0100 0102", "do not add up to 1 reading"),
        (1, "0100 0105 0100 0100", "do not add up to 1 reading"),
        (1, "0100 0105 0100 0101 80 0109 0100 0100", "repeats one that is not there"),
        (1, "0100 0105 0100 0101 01", "bits set behind the end"),
        (3, "0200 0105 0102 110102 00 40", "do not add up to 3 reading"),
        (3, "0200 0105 0100 11000003 00 0109 0100 0101", "do not add up to 3 reading"),
        (5, "0300 0105 0102 8107 f8f800" + "ffff00" * 6 + "7f7f00", "do not add up to 5 reading"),
        (3, "0200 0105 0102 11010100 40", "has another length"),
        (3, "0300 0105 9100", "narrow integers of 9 bytes"),
        (3, "0300 0105 18ffffffffffffff7f 0001", "past 2"),
        (3, "0300 0105 8802000000000000 00" + "ff" * 16, "past 2"),
        (1, "0100 0105 0100 0101 00 0109 0100 0100 00", "1 bytes too many"),
    ],
)
def test_bad_keys_of_runs_are_refused_by_name(count: int, keys: str, names: str) -> None:
    body = bytes.fromhex(keys)
    with pytest.raises(Rejected, match=names) as refused:
        codec.decode_keys(header(0, count, len(body)) + body)
    assert "keys, byte" in refused.value.detail


@pytest.mark.parametrize(
    ("count", "keys", "names"),
    [
        (1, "01ff 0109", "outside 0 to"),
        (2, "08feffffffffffff7f 0102 0109 0100", "outside"),
        (2, "08ffffffffffffff7f 0101 0109 0100", "outside 0 to"),
        (2, "0105 0100 080000000000000080 01ff", "outside"),
        (2, "0105 5100", "form 5 in units of 1"),
        (2, "0105 9100 0100 01", "form 1 in units of 0"),
        (2, "0105 2100 01", "needs 2 bytes, 1 are left"),
        (1, "0105 0109 00", "1 bytes too many"),
    ],
)
def test_bad_keys_of_rows_are_refused_by_name(count: int, keys: str, names: str) -> None:
    body = bytes.fromhex(keys)
    with pytest.raises(Rejected, match=names) as refused:
        codec.decode_keys(header(4, count, len(body)) + body)
    assert "keys, byte" in refused.value.detail


@pytest.mark.parametrize(
    ("flags", "keys", "values", "names"),
    [
        (0, RUN_KEYS, "03", "unknown form 3"),
        (0, RUN_KEYS, "01 010a 0107 0100", "a scale outside 0 to 9"),
        (0, RUN_KEYS, "01 01ff 0107 0100", "a scale outside 0 to 9"),
        (0, RUN_KEYS, "02 0101 40", "bits set behind the end"),
        (0, RUN_KEYS, "02 0101 80", "needs 8 bytes, 0 are left"),
        (0, RUN_KEYS, "00 0000000000000000 00", "1 bytes too many"),
        (4, ROW_KEYS, "0a 0107", "a scale of 10"),
        (4, ROW_KEYS, "ff 00", "needs 8 bytes, 1 are left"),
        (4, ROW_KEYS, "01 0107 00", "1 bytes too many"),
    ],
)
def test_bad_values_are_refused_by_name(flags: int, keys: bytes, values: str, names: str) -> None:
    payload = header(flags, 1, len(keys)) + keys + bytes.fromhex(values)
    assert_same(codec.decode_keys(codec.keys(payload)), columns_of([5], [9], [0])[:2])
    with pytest.raises(Rejected, match=names) as refused:
        codec.decode(payload)
    assert "values, byte" in refused.value.detail


def keys_frame(frame: bytes) -> bytes:
    return header(1, 1, len(frame)) + frame + RUN_VALUES


def values_frame(frame: bytes) -> bytes:
    return header(2, 1, len(RUN_KEYS)) + RUN_KEYS + frame


@pytest.mark.parametrize("place", [keys_frame, values_frame])
def test_a_cut_frame_that_asks_for_a_large_window_is_refused(place: Callable[[bytes], bytes]) -> None:
    window_of_64_megabytes = bytes((0x80, (26 - 10) << 3))
    frame = window_of_64_megabytes + struct.pack("<I", 10) + bytes.fromhex("510000") + bytes(10)
    with pytest.raises(Rejected, match=r"not one whole zstd frame: .* memory"):
        codec.decode(place(frame[:-1]))


@pytest.mark.parametrize("place", [keys_frame, values_frame])
def test_a_frame_that_expands_to_too_much_is_refused_before_memory_is_taken(place: Callable[[bytes], bytes]) -> None:
    honest = frame_of(bytes(50_000_000))
    claims = bytes((0xE0,)) + struct.pack("<Q", 2**40) + bytes.fromhex("010000")
    unsized = frame_of(bytes(50_000_000), write_content_size=False)
    understated = frame_of(bytes(64)) + frame_of(bytes(64)) * 1000
    tracemalloc.start()
    try:
        for frame in (honest, claims, unsized, understated):
            with pytest.raises(Rejected, match=r"1 readings take at most 89|not one whole zstd frame"):
                codec.decode(place(frame))
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
