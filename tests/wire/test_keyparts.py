"""The keys of some readings are those that decoding all of them gives."""

import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.model.errors import Rejected
from headwater.wire import codec
from headwater.wire.keyparts import Keys
from headwater.wire.keysearch import SeriesSought
from tests.wire.examples import EXAMPLES, INT64_MAX, INT64_MIN, assert_same

instants = st.one_of(st.integers(0, 5_000), st.integers(INT64_MIN, INT64_MAX))
runs = st.lists(
    st.tuples(st.one_of(st.integers(0, 9), st.integers(0, INT64_MAX)), st.lists(instants, min_size=1, max_size=9)),
    min_size=1,
    max_size=20,
)


def check(keys: bytes) -> None:
    """Where all keys can be decoded, some of them alone are the same; else they are refused, or anything."""
    try:
        series, timestamps = codec.decode_keys(keys)
    except Rejected:
        with suppress(Rejected):
            look_at(Keys(keys), codec.count(keys))
        return
    count = len(series)
    opened = Keys(keys)
    assert [opened.at(position) for position in range(count)] == list(
        zip(series.tolist(), timestamps.tolist(), strict=True)
    )
    for first, end in ((0, count), (count // 3, count // 2), (count // 2, count // 2 + 1), (count - 1, count)):
        if 0 <= first < end <= count:
            assert_same(opened.between(first, end), (series[first:end], timestamps[first:end]))
    for wanted in (series[:1], series[-2:], np.unique(series)[::2], np.array([INT64_MAX - 7])):
        if len(wanted):
            positions = np.isin(series, wanted).nonzero()[0]
            sought = SeriesSought(wanted)
            for _ in range(2):
                found = sought.find([keys])
                assert_same(found[1:], (positions, series[positions], timestamps[positions]))


def look_at(opened: Keys, count: int) -> None:
    for position in (0, count // 2, count - 1):
        opened.at(position)
    opened.between(0, count)


def encoded(runs: list[tuple[int, list[int]]]) -> bytes:
    series = np.array([number for number, times in runs for _ in times], np.int64)
    timestamps = np.array([at for _, times in runs for at in times], np.int64)
    return codec.keys(codec.encode(series, timestamps, np.zeros(len(series))))


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_keys_of_some_readings_of_each_layout_are_those_among_all(name: str) -> None:
    check(codec.keys(codec.encode(*EXAMPLES[name])))


@given(runs)
def test_the_keys_of_some_readings_are_those_among_all(runs: list[tuple[int, list[int]]]) -> None:
    check(encoded(runs))


@given(runs, st.integers(2, 6))
def test_runs_that_share_their_timestamps_do_so_alone_too(runs: list[tuple[int, list[int]]], times: int) -> None:
    check(encoded([(number // 8 + at, instants) for number, instants in runs for at in range(times)]))


@given(st.sampled_from(sorted(EXAMPLES)), st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=4))
def test_changed_keys_are_refused_or_those_among_all(name: str, changes: list[tuple[int, int]]) -> None:
    keys = bytearray(codec.keys(codec.encode(*EXAMPLES[name])))
    for place, byte in changes:
        keys[place % len(keys)] = byte
    if len(keys) == 7 + (keys[4] | keys[5] << 8 | keys[6] << 16):
        check(bytes(keys))


@given(st.integers(1, 60), st.binary(max_size=120))
def test_random_keys_are_refused_or_those_among_all(count: int, body: bytes) -> None:
    check(struct.pack("<BBHHB", 1, 0, count, len(body), 0) + body)
