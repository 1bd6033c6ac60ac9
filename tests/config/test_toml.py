"""Values as TOML, and lines found again."""

import math
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.config.toml import explain, line_of, meant, toml_text
from headwater.emulator.options import SensorOptions

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
KEYS = st.from_regex(r"[A-Za-z0-9_-]{1,8}", fullmatch=True)
PLAIN = st.one_of(TEXT, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False))
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)
FILE = """\
a = 1
table = {inner = 2}
[other]
a = 3
[[item]]
a = 4
[[item.part]]
a = 5
[[item]]
[[item.part]]
b = 6
[[item.part]]
a = 7
"""


@given(VALUES)
def test_a_written_value_reads_as_the_same(value: object) -> None:
    assert tomllib.loads(f"key = {toml_text(value)}") == {"key": value}


def test_a_written_nan_reads_as_nan() -> None:
    assert math.isnan(tomllib.loads(f"key = {toml_text(math.nan)}")["key"])


def test_a_key_is_found_in_its_own_table() -> None:
    assert line_of(FILE, (), "a") == 1
    assert line_of(FILE, (("other", 0),), "a") == 4
    assert line_of(FILE, (("item", 1),), "a") == 6
    assert line_of(FILE, (("item", 1), ("part", 1)), "a") == 8
    assert line_of(FILE, (("item", 2), ("part", 2)), "a") == 13


def test_a_key_that_is_not_there_is_at_its_table() -> None:
    assert line_of(FILE, (("item", 2), ("part", 1)), "a") == 10
    assert line_of(FILE, (("table", 0),), "inner") == 2
    assert line_of(FILE, (), "missing") is None


def test_a_near_word_is_suggested_and_otherwise_all_are_told() -> None:
    assert meant("lisen", ["listen", "data"]) == 'did you mean "listen"?'
    assert meant("x", ["listen", "data"]) == "there are data, listen"


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("W is a unit of power, kg one of mass", "W is a unit of power, kg one of mass"),
        ("Expected `int`, got `str` - at `$.rate`", "expected int, got str"),
    ],
)
def test_names_at_the_beginning_of_a_sentence_keep_their_case(fault: str, told: str) -> None:
    assert explain(SensorOptions, fault)[1] == told
