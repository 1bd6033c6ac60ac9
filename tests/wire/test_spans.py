"""The spans of keys are those of their columns, and what cannot be decoded is refused with the same words."""

import struct

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headwater.model.errors import Rejected
from headwater.wire import codec, spans
from headwater.wire.codec import Columns
from headwater.wire.spans import Spans, spans_of
from tests.wire.examples import EXAMPLES, INT64_MAX, INT64_MIN, columns_of
from tests.wire.test_codec import readings

Told = tuple[int, int, int, dict[int, tuple[int, int]]]
"""Readings, first and last timestamp, and between which timestamps each series lies."""


def told_by_columns(keys: bytes) -> Told | str:
    try:
        series, timestamps = codec.decode_keys(keys)
    except Rejected as refusal:
        return str(refusal)
    if not len(series):
        return "payload: keys: no reading"
    found: dict[int, tuple[int, int]] = {}
    for number, time in zip(series.tolist(), timestamps.tolist(), strict=True):
        low, high = found.get(number, (time, time))
        found[number] = min(low, time), max(high, time)
    return len(series), int(timestamps.min()), int(timestamps.max()), found


def told_by_spans(one: Spans | Rejected) -> Told | str:
    if isinstance(one, Rejected):
        return str(one)
    found: dict[int, tuple[int, int]] = {}
    low, high = one.low.take(one.shape.patterns).tolist(), one.high.take(one.shape.patterns).tolist()
    for number, first, last in zip(one.shape.series.tolist(), low, high, strict=True):
        before = found.get(number, (first, last))
        found[number] = min(first, before[0]), max(last, before[1])
    assert one.shape.highest == max(found)
    return one.shape.count, one.first_ms, one.last_ms, found


def keys_of(columns: Columns) -> bytes:
    return codec.keys(codec.encode(*columns))


def stretched(columns: Columns) -> Columns:
    """The same 30 times over, so that they are laid out in runs."""
    return Columns(columns.series.repeat(30), columns.timestamps.repeat(30), columns.values.repeat(30))


@given(st.lists(readings(), max_size=6))
@example([EXAMPLES["runs far apart"]])
@example([stretched(EXAMPLES["runs far apart"])])
@example([columns_of([0, INT64_MAX] * 20, [INT64_MIN, INT64_MAX] * 20, [0.0] * 40)])
@example(list(EXAMPLES.values()))
def test_spans_are_those_of_the_columns(many: list[Columns]) -> None:
    keys = [keys_of(columns) for columns in many]

    assert [told_by_spans(one) for one in spans_of(keys)] == [told_by_columns(one) for one in keys]


@given(
    st.integers(0, 2**32), st.integers(1, 40), st.integers(2, 400), st.sampled_from([0, 1, 250, 70_000, 2**40, 2**61])
)
def test_keys_of_one_shape_are_read_together_as_alone(seed: int, batches: int, size: int, spread: int) -> None:
    random = np.random.default_rng(seed)
    series = np.sort(random.integers(0, 1 + size // 3, size))
    shared = random.integers(0, 2, 1 + size // 3).take(series) * 7
    keys = []
    for at in range(batches):
        times = 1_700_000_000_000 + 1000 * at + shared + random.integers(0, spread, size, endpoint=True)
        keys.append(keys_of(Columns(series, times, np.zeros(size))))

    together = spans_of(keys)

    assert [told_by_spans(one) for one in together] == [told_by_columns(one) for one in keys]
    assert [told_by_spans(one) for one in together] == [told_by_spans(spans_of([one])[0]) for one in keys]


@given(
    st.sampled_from(sorted(EXAMPLES)),
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=4),
    st.integers(0, 12),
    st.integers(0, 2),
)
def test_damaged_keys_are_refused_as_when_they_are_decoded(
    name: str, longer: bool, changes: list[tuple[int, int]], cut: int, more: int
) -> None:
    """The body lies open, so that every change meets what is laid out and none a zstd frame."""
    columns = stretched(EXAMPLES[name]) if longer else EXAMPLES[name]
    whole, count, is_runs = codec.key_body(keys_of(columns))
    body = bytearray(whole[: max(0, len(whole) - cut)] + bytes(more))
    for place, byte in changes if body else []:
        body[place % len(body)] = byte
    keys = struct.pack("<BBHHB", 1, 4 * (not is_runs), count, len(body) & 0xFFFF, len(body) >> 16) + body

    (found,) = spans_of([keys])

    assert told_by_spans(found) == told_by_columns(keys)


@given(st.integers(0, 5), st.integers(0, 60), st.binary(max_size=120))
def test_random_bodies_are_refused_as_when_they_are_decoded(flags: int, count: int, body: bytes) -> None:
    keys = struct.pack("<BBHHB", 1, flags, count, len(body), 0) + body

    (found,) = spans_of([keys])

    assert told_by_spans(found) == told_by_columns(keys)


@pytest.mark.parametrize("place", [2, 4, 6, 9, 11, 13])
@pytest.mark.parametrize("size", [0, 1, 8, 9, 15])
def test_integers_of_any_size_are_refused_as_when_they_are_decoded(place: int, size: int) -> None:
    """Of one run of one reading: each integer in turn, with as many bytes as it claims."""
    whole = bytearray.fromhex("0100 0105 0100 0101 00 0109 0100 0100")
    whole[place : place + 2] = bytes([size, 1, *bytes(7)][: size + 1])
    keys = struct.pack("<BBHHB", 1, 0, 1, len(whole), 0) + whole

    assert told_by_spans(spans_of([keys])[0]) == told_by_columns(keys)


def test_keys_that_claim_another_count_are_refused_although_their_shape_is_known() -> None:
    keys = keys_of(EXAMPLES["runs of decimals"])
    body, count, _ = codec.key_body(keys)
    for claimed in (count, count - 1, count + 1):
        other = struct.pack("<BBHHB", 1, 0, claimed, len(body), 0) + body
        assert told_by_spans(spans_of([other])[0]) == told_by_columns(other)


def test_one_malformed_payload_costs_only_itself() -> None:
    good = keys_of(EXAMPLES["runs of decimals"])

    before, refused, after = spans_of([good, good[:-1], good])

    assert told_by_spans(before) == told_by_spans(after) == told_by_columns(good)
    assert isinstance(refused, Rejected)
    with pytest.raises(Rejected, match="keys"):
        spans.spans(good[:-1])


def test_keys_that_differ_in_their_times_share_what_is_known_of_their_series() -> None:
    columns = EXAMPLES["runs of decimals"]
    later = columns._replace(timestamps=columns.timestamps + 1_000_000)

    first, second = spans.spans(keys_of(columns)), spans.spans(keys_of(later))

    assert first.shape is second.shape
    assert second.first_ms == first.first_ms + 1_000_000


def test_what_is_remembered_of_shapes_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "_HELD_MAX", 100)
    for first in range(50):
        keys = keys_of(columns_of(range(first, first + 30), range(30), [0.5] * 30))
        assert told_by_spans(spans.spans(keys)) == told_by_columns(keys)
        assert sum(shape.count for shape in spans._known.shapes.values()) <= 100


def test_no_more_timestamps_are_read_together_than_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spans, "_TOGETHER_MAX", 100)
    keys = [keys_of(columns_of([1] * 40, range(at, at + 40), [0.5] * 40)) for at in range(7)]

    assert [told_by_spans(one) for one in spans_of(keys)] == [told_by_columns(one) for one in keys]
