"""Conditions of the step `filter`: what they mean, and what is refused with its position."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.pipeline.expression import LENGTH_MAX, Condition, Scope

ROWS = [
    ("roof-1", "power", 0, 5.0),
    ("roof-2", "power", 3_600_000, -1.5),
    ("cellar", "energy", 86_400_000, 100.0),
    ("cellar", "power", 90_000_000, math.nan),
    ("cellar", "power", -1, math.inf),
]
"""(meter, metric, timestamp, value)"""


def kept(text: str, rows: list[tuple[str, str, int, float]] = ROWS) -> list[int]:
    """The positions of the rows for which a condition holds."""
    keys = sorted({row[:2] for row in rows})
    series = np.array([keys.index(row[:2]) for row in rows], np.int64)
    times, values = np.array([row[2] for row in rows], np.int64), np.array([row[3] for row in rows], np.float64)
    scope = Scope([meter for meter, _ in keys], [metric for _, metric in keys], series, times, values)
    return np.flatnonzero(Condition(text).of(scope)).tolist()


@pytest.mark.parametrize(
    ("text", "positions"),
    [
        ("value > 0", [0, 2, 4]),
        ("0 < value <= 100", [0, 2]),
        ("not (value > 0)", [1, 3]),
        ('meter == "cellar" and metric == "power"', [3, 4]),
        ('metric in ("energy", "heat")', [2]),
        ('metric not in ["energy"]', [0, 1, 3, 4]),
        ('meter != "cellar" or value == 100', [0, 1, 2]),
        ('like(meter, "roof-?")', [0, 1]),
        ('meter.startswith("roof")', [0, 1]),
        ('meter.endswith("2")', [1]),
        ('"oof" in meter', [0, 1]),
        ("isnan(value)", [3]),
        ("isfinite(value)", [0, 1, 2]),
        ("abs(value) == 1.5", [1]),
        ("floor(value) == -2 or ceil(value) == -1", [1]),
        ("hour(timestamp) == 1", [1, 3]),
        ("weekday(timestamp) == 4", [2, 3]),
        ("timestamp < 0", [4]),
        ("value / 0 > 0", [0, 2, 4]),
        ("timestamp // 0 == 1", []),
        ("value % 2 == 1", [0]),
        ("-value > 1", [1]),
        ("2 + 3 * 4 - 14 == value - 5", [0]),
        ("True", [0, 1, 2, 3, 4]),
        ("1 > 2", []),
        ("value in (5, 100)", [0, 2]),
    ],
)
def test_a_condition_holds_for_exactly_the_readings_that_it_means(text: str, positions: list[int]) -> None:
    assert kept(text) == positions


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "position"),
        ("value >", "position 8"),
        ("value", "position 1: a condition is needed"),
        ("vaule > 1", 'position 1: "vaule" is not known'),
        ("1 < valu", 'position 5: "valu" is not known'),
        ('value == "a"', "position 10: a text and a number cannot be compared"),
        ("meter > 1", "position 9: a text and a number"),
        ("meter + 1 == 2", "position 1: a number is needed"),
        ("value ** 2 > 1", "position 1: this operator is not allowed"),
        ("value is 1", "`is` is not allowed"),
        ("__import__('os').system('true')", "this is not a function"),
        ("(lambda: True)()", "this is not a function"),
        ("open('x') == 1", 'there is no function "open"'),
        ("value.__class__ == 1", "an attribute is not allowed"),
        ("meter.upper() == 'A'", "this is not a function"),
        ("[x for x in (1, 2)] == 1", "a comprehension is not allowed"),
        ("True if value > 1 else False", "if is not allowed"),
        ("abs(value, 1) > 1", "abs takes one number"),
        ("abs(x=value) > 1", "arguments have no names"),
        ("like(meter) ", "like takes a text and a pattern"),
        ("like(meter, metric)", "the pattern of like is written out"),
        ("value in ()", "the list is empty"),
        ("value in 5", "a list in parentheses is needed"),
        ("value > 99999999999999999999", "the number is too large"),
        ("value > 1j", "1j is not allowed"),
        ("value and True", "position 1: a condition is needed here"),
        ("not value", "position 5: a condition is needed here"),
        ("~(value > 1)", "~ is not allowed"),
        ("value > 1; True", "position"),
        ("a := 1", "position"),
        ("f'{value}' == meter", "joinedstr is not allowed"),
        ("value > 1" + " and value > 1" * 400, f"at most {LENGTH_MAX}"),
        ("(" * 300 + "value" + ")" * 300 + " > 1", ""),
        ("-" * 300 + "value > 1", "nested more than"),
        ("value > 1\0", ""),
    ],
)
def test_what_is_no_condition_is_refused_with_its_position(text: str, told: str) -> None:
    with pytest.raises(ValueError, match="allowed") as refused:
        Condition(text)
    assert told in str(refused.value)
    assert "allowed" in str(refused.value)


numbers = st.one_of(
    st.integers(-5, 5).map(str), st.sampled_from(["value", "timestamp", "(value + 1)", "(2 * value)", "abs(value)"])
)
comparisons = st.builds(
    "{} {} {}".format, numbers, st.sampled_from(["<", "<=", "==", "!=", ">", ">="]), numbers
) | st.sampled_from(['meter == "roof-1"', '"power" == metric', '"e" in meter', 'like(metric, "p*")'])
conditions = st.recursive(
    comparisons,
    lambda inner: (
        st.builds("({}) {} ({})".format, inner, st.sampled_from(["and", "or"]), inner)
        | st.builds("not ({})".format, inner)
    ),
    max_leaves=6,
)
values = st.sampled_from([0.0, -1.0, 2.5, math.inf, math.nan])


@given(conditions, st.lists(st.tuples(st.sampled_from(["roof-1", "e"]), st.just("power"), st.integers(-5, 5), values)))
def test_a_condition_means_what_it_means_in_python(text: str, rows: list[tuple[str, str, int, float]]) -> None:
    def holds(row: tuple[str, str, int, float]) -> bool:
        names = dict(zip(("meter", "metric", "timestamp", "value"), row, strict=True))
        return bool(eval(text, {"abs": abs, "like": lambda whole, _: whole.startswith("p")}, names))

    assert kept(text, rows) == [at for at, row in enumerate(rows) if holds(row)]


@given(st.text("valuemtr<>=()[]+-*/%,.'\" 0123456789:and\0é", max_size=40))
def test_any_text_is_a_condition_or_is_refused(text: str) -> None:
    try:
        condition = Condition(text)
    except ValueError:
        return
    empty = np.empty(0, np.int64)
    assert condition.of(Scope([], [], empty, empty, np.empty(0, np.float64))).shape == (0,)
