"""What is found of series in many payloads at once is what decoding each of them gives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.model.errors import Rejected
from headwater.wire import codec
from headwater.wire.keysearch import SeriesSought
from tests.wire.examples import EXAMPLES, INT64_MAX, INT64_MIN

layout = st.lists(st.tuples(st.integers(0, 6), st.integers(1, 9)), min_size=1, max_size=12)
steps = st.sampled_from([0, 1, 7, 300, 70_000, 2**40, 2**62])


def alike(runs: list[tuple[int, int]], step: int, start: int) -> bytes:
    """Keys whose series stand as in others of the same runs, with timestamps that need as many bytes as their step."""
    series = np.repeat([number for number, _ in runs], [count for _, count in runs])
    places = np.concatenate([np.arange(count) for _, count in runs])
    with np.errstate(over="ignore"):
        timestamps = start + places * places * step
    return codec.keys(codec.encode(series, timestamps, np.zeros(len(series))))


def found_in(payloads: list[bytes], wanted: list[int] | None) -> list[tuple[int, ...]]:
    found = SeriesSought(None if wanted is None else np.array(wanted)).find(payloads)
    return sorted(zip(*(column.tolist() for column in found), strict=True))


def expected_in(payloads: list[bytes], wanted: list[int] | None) -> list[tuple[int, ...]]:
    return [
        (which, position, series, timestamp)
        for which, keys in enumerate(payloads)
        for position, (series, timestamp) in enumerate(
            zip(*(column.tolist() for column in codec.decode_keys(keys)), strict=True)
        )
        if wanted is None or series in wanted
    ]


@given(
    layouts=st.lists(layout, min_size=1, max_size=3),
    payloads=st.lists(st.tuples(st.integers(0, 2), steps, st.integers(INT64_MIN, INT64_MAX)), max_size=8),
    wanted=st.one_of(st.none(), st.lists(st.integers(0, 6), min_size=1, max_size=4, unique=True)),
)
def test_readings_of_many_payloads_are_found_as_in_each(
    layouts: list[list[tuple[int, int]]], payloads: list[tuple[int, int, int]], wanted: list[int] | None
) -> None:
    keys = [alike(layouts[at % len(layouts)], step, start) for at, step, start in payloads]
    assert found_in(keys, wanted) == expected_in(keys, wanted)


def test_payloads_of_every_layout_are_searched_together() -> None:
    payloads = [codec.keys(codec.encode(*columns)) for columns in EXAMPLES.values()] * 2
    for wanted in ([4], [0, 2, INT64_MAX], None):
        assert found_in(payloads, wanted) == expected_in(payloads, wanted)


def test_keys_that_are_cut_are_refused_among_whole_ones() -> None:
    whole = alike([(1, 20), (2, 20)], 7, 0)
    for size in range(len(whole)):
        with pytest.raises(Rejected):
            SeriesSought(np.array([2])).find([whole, whole[:size]])
