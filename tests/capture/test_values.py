"""What a programmer may hand in, and how the rest is refused."""

import math
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import count

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.capture.values import INPUTS_MAX, input_points, milliseconds, number, point_of, runs_of
from headwater.model.errors import Rejected
from headwater.model.ids import DataPointId
from headwater.model.reading import check_name
from headwater.model.stamp import input_ids
from headwater.wire.codec import READINGS_MAX
from tests.capture.laboratory import bits

ONE = DataPointId(1, 5 << 24)


@pytest.mark.parametrize(
    "value", [3, True, -0.0, 2**53, -(2**1000), Fraction(1, 3), Decimal("0.1"), np.float32(0.1), np.int64(7), math.inf]
)
def test_any_number_is_taken_as_the_double_it_is(value: float) -> None:
    assert bits(number(value)) == bits(float(value))


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: number("1.5"), "value: '1.5' is not a number"),  # type: ignore[arg-type]
        (lambda: number(None), "value: None is not a number"),  # type: ignore[arg-type]
        (lambda: number(1j), "value: 1j is not a number"),  # type: ignore[arg-type]
        (lambda: number(10**400), "value: 10+ is not a number"),
        (lambda: number(10**5000), "value: int is not a number"),
        (lambda: number(2**53 + 1), "value: 9007199254740993 would be changed to 9007199254740992.0"),
        (lambda: milliseconds(1.5), "timestamp: 1.5 is no time: whole milliseconds"),  # type: ignore[arg-type]
        (lambda: milliseconds("1"), "timestamp: '1' is no time"),  # type: ignore[arg-type]
        (lambda: milliseconds(1 << 63), "timestamp: 9223372036854775808 ms are more than 64 bits hold"),
        (lambda: check_name("meter id", ""), "empty-id: the meter id is empty"),
        (lambda: check_name("meter id", 5), "id: the meter id is 5: a string is needed"),
        (lambda: check_name("metric id", "x" * 257), "long-id: the metric id 'x+'… has 257 characters, 256 at most"),
        (lambda: check_name("meter id", "a\ud800"), "id: the meter id 'a.ud800' holds half a surrogate pair"),
        (lambda: point_of("5a7b"), "id: '5a7b' is not a data point id"),
        (lambda: point_of(DataPointId(-1, 5)), "id: .* is not a data point id"),
        (lambda: point_of(17), "id: 17 is not a data point id"),  # type: ignore[arg-type]
        (lambda: input_points([]), "inputs: a derived value without inputs"),
        (lambda: input_points(str(ONE)), "inputs: inputs = 00000005000000000001: a list of ids is needed"),
        (lambda: input_points(ONE), "inputs: .* a list of ids is needed"),  # type: ignore[arg-type]
    ],
)
def test_what_is_wrong_is_told_with_what_would_be_right(call: Callable[[], object], told: str) -> None:
    with pytest.raises(Rejected, match=f"^{told}"):
        call()


def test_endless_inputs_are_refused_before_they_fill_the_memory() -> None:
    def endless() -> Iterator[DataPointId]:
        yield from (DataPointId(1, ordinal) for ordinal in count())

    with pytest.raises(Rejected, match=f"more than {INPUTS_MAX} inputs"):
        input_points(endless())


@given(st.lists(st.builds(DataPointId, st.integers(0, 2), st.integers(0, 20)), max_size=60))
def test_runs_hold_exactly_the_ids_in_their_order(points: list[DataPointId]) -> None:
    assert list(input_ids(runs_of(points))) == points


def test_no_run_is_longer_than_a_batch() -> None:
    points = [DataPointId(1, ordinal) for ordinal in range(2 * READINGS_MAX + 1)]
    runs = runs_of(points)
    assert [run.count for run in runs] == [READINGS_MAX, READINGS_MAX, 1]
    assert list(input_ids(runs)) == points
