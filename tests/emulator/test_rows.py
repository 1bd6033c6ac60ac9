"""Names have codes and bounds; numbers are finite decimals or missing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.emulator.rows import MISSING, Names, number, numbers
from headwater.model.errors import Rejected


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_a_number_is_read_to_the_last_bit(values: list[float]) -> None:
    texts = [repr(value) for value in values]
    found, missing = numbers(texts)
    assert missing is None
    assert [value.hex() for value in found.tolist()] == [value.hex() for value in values]


@given(st.lists(st.sampled_from([*MISSING, "1", "-2.5", "1_0", "inf", "x", " 3 ", " NaN "]), min_size=1))
def test_reading_numbers_at_once_is_reading_each(texts: list[str]) -> None:
    try:
        found, missing = numbers(texts)
    except ValueError:
        return
    gaps = [False] * len(texts) if missing is None else missing.tolist()
    together = [None if gap else value for value, gap in zip(found.tolist(), gaps, strict=True)]
    assert together == [number(text) for text in texts]


def test_names_keep_their_codes_and_spaces_make_no_new_name() -> None:
    names = Names("meter", 3)
    assert names.codes(["b", " a", "b ", "a"]).tolist() == [0, 1, 0, 1]
    assert names.known == ["b", "a"]


def test_names_are_bounded() -> None:
    names = Names("meter", 2)
    assert names.codes(["a", "b", *(f"a{' ' * n}" for n in range(100))]).tolist()[-1] == 0
    with pytest.raises(Rejected, match="'c' is one meter more than the limit of 2"):
        names.code("c")
    assert len(names._codes) <= 8
