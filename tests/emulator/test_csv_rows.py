"""Rows become readings alike at once and one by one, and a bad row costs only itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.emulator.csv_columns import ColumnOptions, plan_columns
from headwater.emulator.csv_rows import RowParser
from headwater.emulator.lines import LINE_BYTES_MAX, Block, Refusal
from headwater.emulator.rows import Names, Rows

HEADER = b"meter,time,metric,value"
WIDE = b"time,power,voltage"
TIMES = ("2012-02-10T08:00:00", "2012-02-30T08:00:00", "now")
NUMBERS = ("5", "-0.5", "1e3", "1_0", "inf", "NaN", "?", "1,5")
CELLS = st.sampled_from(
    ["m1", " m2", "", *TIMES, *NUMBERS, '"a,b"', '"', '"a', 'a"b', "\r", "\x00", "\u2028", "x" * 70_000]
)


class Parsed:
    """What a parser made of a text, by name instead of code."""

    def __init__(self, header: bytes, text: bytes, options: ColumnOptions | None = None) -> None:
        plan = plan_columns(
            [header, b",".join([b"2012-01-01"] * (header.count(b",") + 1))], options or _OPTIONS[header]
        )
        meters, metrics = Names("meter", 1000), Names("metric", 1000)
        self.rows: Rows = RowParser(plan, meters, metrics).parse(Block(1, header + b"\n" + text))
        codes = [0] * len(self.rows.times) if self.rows.meters is None else self.rows.meters.tolist()
        self.readings = [
            (meters.known[meter] if meters.known else "", metrics.known[metric], time, value)
            for meter, metric, time, value in zip(
                codes,
                self.rows.metrics.tolist(),
                self.rows.times.tolist(),
                self.rows.values.tolist(),
                strict=True,
            )
        ]
        self.reasons = [(refusal.line, refusal.reason) for refusal in self.rows.refusals]


_OPTIONS = {
    HEADER: ColumnOptions(value="value", time_format="iso"),
    WIDE: ColumnOptions(value=("power", "voltage"), time_format="iso"),
}


@given(st.lists(st.lists(CELLS, min_size=2, max_size=4).map(",".join), max_size=6), st.sampled_from([HEADER, WIDE]))
def test_reading_rows_at_once_is_reading_each(lines: list[str], header: bytes) -> None:
    text = "".join(f"{line}\n" for line in lines).encode()
    together = Parsed(header, text)
    readings, reasons, empty = [], [], 0
    for number, line in enumerate(text.split(b"\n")[:-1], 2):
        alone = Parsed(header, line + b"\n")
        readings += alone.readings
        reasons += [(number, reason) for _, reason in alone.reasons]
        empty += alone.rows.empty
    assert (together.readings, together.reasons, together.rows.empty) == (readings, reasons, empty)


def test_readings_keep_the_order_of_rows_and_columns() -> None:
    parsed = Parsed(WIDE, b"2012-01-01,1,2\r\n2012-01-01 00:01,3,4")
    first = 1325376000000
    assert parsed.readings == [
        ("", "power", first, 1.0),
        ("", "voltage", first, 2.0),
        ("", "power", first + 60_000, 3.0),
        ("", "voltage", first + 60_000, 4.0),
    ]


def test_a_missing_value_costs_only_its_own_reading() -> None:
    parsed = Parsed(WIDE, b"2012-01-01,,2\n2012-01-02,NA,?\n2012-01-03,3,4\n")
    assert [(metric, value) for _, metric, _, value in parsed.readings] == [
        ("voltage", 2.0),
        ("power", 3.0),
        ("voltage", 4.0),
    ]
    assert (parsed.rows.empty, parsed.reasons) == (3, [])


@pytest.mark.parametrize(
    ("line", "reason", "detail"),
    [
        (b"m,2012-01-01,p", "fields", "3 fields where the header has 4"),
        (b"m,2012-01-01,p,1,", "fields", "5 fields where the header has 4"),
        (b"m,01/02/2012,p,1", "time", "'01/02/2012' is not a time (iso)"),
        (b"m,2012-01-01,p,12V", "value", "'12V' is not a finite decimal number"),
        (b'm,2012-01-01,p,"1,5"', "value", "'1,5' is not a finite decimal number: write a decimal point, not a comma"),
        (b"m,2012-01-01,p,1e999", "value", "'1e999' is not a finite decimal number"),
        (b" ,2012-01-01,p,1", "meter", "the meter is empty"),
        (b"m,2012-01-01,,1", "metric", "the metric is empty"),
        (b'm,2012-01-01,"p,1', "quotes", "unexpected end of data"),
        (b"m,2012-01-01,\xff,1", "encoding", "byte 14 is not UTF-8: convert the file to UTF-8"),
    ],
)
def test_a_row_that_does_not_parse_is_named_and_costs_only_itself(line: bytes, reason: str, detail: str) -> None:
    good = [b"m,2012-01-0%d,p,%d" % (day, day) for day in range(1, 5)]
    parsed = Parsed(HEADER, b"\n".join([*good[:2], line, *good[2:]]))
    assert list(parsed.rows.refusals) == [Refusal(4, reason, detail)]
    assert parsed.readings == Parsed(HEADER, b"\n".join(good)).readings


def test_an_open_quote_does_not_swallow_the_rows_after_it() -> None:
    parsed = Parsed(HEADER, b'"m,2012-01-01,p,1\nm,2012-01-02,p,2\nm,2012-01-03,p",3\nm,2012-01-04,p,4\n')
    assert [value for *_, value in parsed.readings] == [2.0, 3.0, 4.0]
    assert parsed.reasons == [(2, "quotes")]


def test_a_quoted_field_does_not_join_two_lines() -> None:
    parsed = Parsed(HEADER, b'"m\nm",2012-01-01,p,1\n')
    assert parsed.reasons == [(2, "quotes")]
    assert [meter for meter, *_ in parsed.readings] == ['m"']


def test_a_line_too_long_is_refused_however_it_was_cut() -> None:
    long = b"m" * LINE_BYTES_MAX
    assert Parsed(HEADER, long + b",2012-01-01,p,1\n").reasons == [(2, "length")]
