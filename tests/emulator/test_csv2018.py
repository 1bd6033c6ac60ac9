"""The 2018 format is read exactly, and a bad line costs only itself."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.emulator.csv2018 import Parser2018, is_2018, parse_value
from headwater.emulator.lines import Block
from headwater.emulator.rows import Names, Rows
from headwater.model.errors import Rejected

DIGITS_9 = st.integers(0, 10**9 - 1)


def write_value(value: float) -> str:
    """Write a value in the 2018 format, rounded to its nine digits."""
    mantissa, exponent = f"{value:+.8e}".split("e")
    return f"{mantissa.replace('.', '')}{int(exponent):+d}"


def parse(*lines: str, metrics: Names | None = None) -> Rows:
    return Parser2018(metrics or Names("metric", 100)).parse(Block(1, "".join(f"{line}\n" for line in lines).encode()))


def test_the_documented_example_is_its_documented_value() -> None:
    assert parse_value("+237530000+2") == 237.53
    assert list(parse("1486681200,010132070000,+237530000+2").values) == [237.53]


@given(DIGITS_9, st.integers(-300, 299), st.booleans())
def test_a_value_of_nine_digits_survives_writing_and_reading(digits: int, exponent: int, negative: bool) -> None:
    value = float(f"{'-' if negative else ''}{digits}e{exponent}")
    again = parse_value(write_value(value))
    assert (again, math.copysign(1, again)) == (value, math.copysign(1, value))


@given(st.lists(st.tuples(DIGITS_9, st.integers(-40, 40), st.sampled_from("+-")), min_size=1))
def test_reading_many_values_at_once_rounds_no_other_way_than_reading_the_decimal(
    parts: list[tuple[int, int, str]],
) -> None:
    rows = parse(*(f"7,010116070000,{sign}{digits:09d}{exponent:+d}" for digits, exponent, sign in parts))
    exact = [float(f"{sign}{digits // 10**8}.{digits % 10**8:08d}e{exponent}") for digits, exponent, sign in parts]
    assert [value.hex() for value in rows.values.tolist()] == [value.hex() for value in exact]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1486681200,010116070000", "fields"),
        ("1486681200,010116070000,+237530000+2,9", "fields"),
        ("14866x1200,010116070000,+237530000+2", "time"),
        ("-1,010116070000,+237530000+2", "time"),
        ("1486681200,01011607000,+237530000+2", "metric"),
        ("1486681200,010116070000,237.53", "value"),
        ("1486681200,010116070000,+23753000+2", "value"),
        ("1486681200,010116070000,+237530000+999", "value"),
        ("\x00\xff", "fields"),
    ],
)
def test_a_line_that_does_not_parse_costs_only_itself(line: str, reason: str) -> None:
    good = [f"{1486681200 + n},010116070000,+237530000+{n}" for n in range(4)]
    rows = parse(*good[:2], line, *good[2:])
    assert [(refusal.line, refusal.reason) for refusal in rows.refusals] == [(3, reason)]
    alone = parse(*good)
    assert rows.values.tolist() == alone.values.tolist()
    assert rows.times.tolist() == alone.times.tolist() == [1486681200_000 + 1000 * n for n in range(4)]


def test_missing_values_blank_lines_and_other_newlines_are_no_errors() -> None:
    rows = parse("1,010116070000,", "", "2,010116070000,+100000000+0\r")
    assert (rows.empty, list(rows.refusals), rows.values.tolist()) == (1, [], [1.0])


def test_more_metrics_than_allowed_are_refused() -> None:
    lines = [f"1,{metric:012d},+100000000+0" for metric in range(5)]
    rows = parse(*lines, metrics=Names("metric", 3))
    assert [(refusal.line, refusal.reason) for refusal in rows.refusals] == [(4, "metric"), (5, "metric")]
    assert rows.metrics.tolist() == [0, 1, 2]


def test_the_format_is_known_by_any_good_line() -> None:
    assert is_2018([b"damaged", b"1486681200,010132070000,+237530000+2\r"])
    assert not is_2018([b"meter,time,value", b"7,1486681200,237.5", b"1486681200,010132070000,237530000"])


def test_a_value_is_refused_with_what_it_should_look_like() -> None:
    with pytest.raises(Rejected, match=r"like \+237530000\+2"):
        parse_value("237,53")
