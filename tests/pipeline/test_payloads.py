"""Payloads as readings, and what is refused of them."""

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.model.errors import Problem
from headwater.model.reading import Reading
from headwater.pipeline.mapping import MappingOptions, parse_path
from headwater.pipeline.payloads import Format, Payloads

NOW_MS = 1_700_000_000_000
TOPIC = {"meter": "m1", "metric": "power"}


def read(format: Format, payload: bytes | str, captures: dict[str, str] | None = None, **mapping: Any) -> list[Any]:
    """Readings as tuples, problems as (place, reason)."""
    data = payload.encode() if isinstance(payload, str) else payload
    found = Payloads(format, MappingOptions(**mapping)).read(data, captures or {}, NOW_MS)
    return [
        (each.meter, each.metric, each.timestamp, each.value)
        if isinstance(each, Reading)
        else (each.place, each.error.reason)
        for each in found
    ]


def said(format: Format, payload: bytes | str, **mapping: Any) -> str:
    data = payload.encode() if isinstance(payload, str) else payload
    (found,) = Payloads(format, MappingOptions(**mapping)).read(data, {}, NOW_MS)
    assert isinstance(found, Problem)
    return str(found.error)


def record(**more: Any) -> dict[str, Any]:
    return {"meter": "m", "metric": "power", "timestamp": 5, "value": 1.5, **more}


# ---- JSON -----------------------------------------------------------------------------------------------------------


def test_one_object_and_an_array_of_them() -> None:
    assert read("json", json.dumps(record())) == [("m", "power", 5, 1.5)]
    assert read("json", json.dumps([record(), record(meter=17)])) == [("m", "power", 5, 1.5), ("17", "power", 5, 1.5)]


def test_an_object_with_several_metrics() -> None:
    several = {"meter": "m", "timestamp": 5, "values": {"power": 1, "energy": 2, "absent": None}}
    assert read("json", json.dumps(several)) == [("m", "power", 5, 1), ("m", "energy", 5, 2)]


def test_metrics_by_name_at_paths_of_their_own() -> None:
    given = {"meter": "m", "timestamp": 5, "data": {"p": [7], "e": 8}}
    paths = {"power": "$.data.p[0]", "energy": "$.data.e", "other": "$.data.x"}
    assert read("json", json.dumps(given), values=paths) == [("m", "power", 5, 7), ("m", "energy", 5, 8)]


def test_a_mapping_finds_things_where_it_says() -> None:
    given = {"up": {"list": [{"dev eui": "a", "at": 1.5, "v": "2.5e1"}]}}
    mapping = {
        "records": "$.up.list",
        "meter": "$['dev eui']",
        "metric": "{kind}-raw",
        "timestamp": "$.at",
        "time": "s",
        "value": "$.v",
    }
    assert read("json", json.dumps(given), {"kind": "temperature"}, **mapping) == [("a", "temperature-raw", 1500, 25)]


def test_a_bare_number_named_by_its_topic_at_the_time_it_arrived() -> None:
    assert read("json", "21.5", TOPIC, timestamp="received", value="$") == [("m1", "power", NOW_MS, 21.5)]


@pytest.mark.parametrize(
    ("given", "unit", "expected"),
    [
        (1_700_000_000_123, "ms", 1_700_000_000_123),
        (1_700_000_000.5, "s", 1_700_000_000_500),
        ("1700000000", "s", 1_700_000_000_000),
        (1_700_000_000_000_000, "us", 1_700_000_000_000),
        (1_700_000_000_000_000_000, "ns", 1_700_000_000_000),
        ("2023-11-14T22:13:20.5Z", "s", 1_700_000_000_500),
        ("2023-11-14T23:13:20+01:00", "ms", 1_700_000_000_000),
        ("2023-11-14 22:13:20", "ms", 1_700_000_000_000),
        (-1, "ms", -1),
    ],
)
def test_times_in_every_unit_and_as_text(given: Any, unit: str, expected: int) -> None:
    assert read("json", json.dumps(record(timestamp=given)), time=unit) == [("m", "power", expected, 1.5)]


WRONG: dict[str, tuple[Any, str, str]] = {
    "no meter": ({"metric": "p", "timestamp": 1, "value": 1}, "meter", "nothing is at $.meter"),
    "a meter that is none": (record(meter=[1]), "meter", "an array"),
    "an empty meter": (record(meter=""), "empty-id", "empty"),
    "no metric": ({"meter": "m", "timestamp": 1, "value": 1}, "metric", "$.metric"),
    "no timestamp": ({"meter": "m", "metric": "p", "value": 1}, "timestamp", "$.timestamp"),
    "a timestamp that is none": (record(timestamp="soon"), "timestamp", "ISO 8601"),
    "a timestamp of another unit": (record(timestamp=1.7e18), "timestamp", "another unit"),
    "no value": ({"meter": "m", "metric": "p", "timestamp": 1}, "value", "$.value"),
    "text as value": (record(value="on"), "value", "not a number"),
    "truth as value": (record(value=True), "value", "not a number"),
    "an endless value": (record(value=10**400), "", ""),
    "values that are no object": ({"meter": "m", "timestamp": 1, "values": [1]}, "values", "an array"),
    "no values": ({"meter": "m", "timestamp": 1, "values": {}}, "values", "empty"),
    "no object": ("text", "meter", "nothing"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_record_is_named_and_costs_only_itself(case: str) -> None:
    wrong, reason, detail = WRONG[case]
    found = read("json", json.dumps([record(), wrong, record()]))
    assert [found[0], found[-1]] == [("m", "power", 5, 1.5)] * 2 or not reason
    if reason:
        assert found[1:-1] == [("record 2", reason)]
        assert detail in said("json", json.dumps([wrong]))


@pytest.mark.parametrize("payload", [b"", b"{", b"\xff", b"[" * 100_000, b'{"a": 1} x', b'"\\ud800"', b"nan"])
def test_what_is_no_json_is_refused_as_a_whole(payload: bytes) -> None:
    (found,) = read("json", payload)
    assert found[0] in ("payload", "record 1")


def test_records_that_are_not_there_are_said() -> None:
    assert "nothing is at $.up" in said("json", "{}", records="$.up")


def test_a_wrong_line_costs_only_itself() -> None:
    lines = [json.dumps(record()), "", "{", json.dumps([record(), {}]), json.dumps(record())]
    assert read("ndjson", "\r\n".join(lines)) == [
        ("m", "power", 5, 1.5),
        ("line 3", "json"),
        ("m", "power", 5, 1.5),
        ("line 4, record 2", "meter"),
        ("m", "power", 5, 1.5),
    ]


# ---- SenML ----------------------------------------------------------------------------------------------------------


def test_senml_names_the_meter_by_its_base_name() -> None:
    pack = [{"bn": "urn:dev:1:", "bt": 1.7e9, "n": "temp", "u": "Cel", "v": 1}, {"n": "hum", "v": 2}]
    assert read("senml", json.dumps(pack)) == [("urn:dev:1", "temp", NOW_MS, 1), ("urn:dev:1", "hum", NOW_MS, 2)]


def test_senml_without_a_base_name_is_cut_at_its_last_mark() -> None:
    pack = [{"n": "dev1/temp", "t": 1.7e9, "v": 1}, {"n": "temp", "v": 1}]
    assert read("senml", json.dumps(pack)) == [("dev1", "temp", NOW_MS, 1), ("record 2", "name")]


def test_senml_within_a_topic_is_named_by_both() -> None:
    pack = [{"n": "temp", "t": 1.7e9, "v": 1}]
    assert read("senml", json.dumps(pack), {"meter": "m1"}) == [("m1", "temp", NOW_MS, 1)]


def test_senml_names_can_be_put_together() -> None:
    pack = [{"bn": "a:", "bu": "Cel", "n": "t", "bt": 1.7e9, "v": 1}]
    assert read("senml", json.dumps(pack), meter="{name}", metric="{n} {unit}") == [("a:t", "t Cel", NOW_MS, 1)]


# ---- CSV ------------------------------------------------------------------------------------------------------------


def test_csv_by_its_header() -> None:
    text = 'timestamp,meter,metric,value\n5,m,power,1.5\r\n6,"m,2",power,2\n'
    assert read("csv", text) == [("m", "power", 5, 1.5), ("m,2", "power", 6, 2)]


def test_csv_without_a_value_column_has_a_metric_for_each_other_one() -> None:
    text = "meter;timestamp;power;energy\nm;5;1;2\nm;6;;3\nm;7;;\n"
    assert read("csv", text) == [
        ("m", "power", 5, 1),
        ("m", "energy", 5, 2),
        ("m", "energy", 6, 3),
        ("line 4", "values"),
    ]


def test_csv_columns_can_be_named() -> None:
    text = "wann,Zähler,kW h\n2023-11-14T22:13:20,z1,7\n"
    mapping: dict[str, Any] = {"timestamp": "$.wann", "meter": "$['Zähler']", "values": {"energy": "$['kW h']"}}
    assert read("csv", text, **mapping) == [("z1", "energy", NOW_MS, 7)]


def test_a_wrong_row_is_named_by_its_line() -> None:
    text = (
        b'\xef\xbb\xbfmeter,metric,timestamp,value\nm,p,1,1\nm,p,1\nm,p,x,1\nm,"p,1,1\nm,p,1,\xff\n\nm,p,1,nan\nm,p,2,2'
    )
    assert read("csv", text) == [
        ("m", "p", 1, 1),
        ("line 3", "csv"),
        ("line 4", "timestamp"),
        ("line 5", "csv"),
        ("line 6", "csv"),
        ("line 8", "value"),
        ("m", "p", 2, 2),
    ]


@pytest.mark.parametrize("text", ["", "\n\n", "meter,timestamp\n1,2", "a,a\n1,2"])
def test_a_csv_without_a_usable_header_is_refused_as_a_whole(text: str) -> None:
    assert read("csv", text) == [("payload", "csv")]


# ---- whatever comes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "a", "$a", "$.", "$..a", "$.a[", "$[x]", "$['']", "$.a b"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="is no path"):
        parse_path(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["meter", "metric", "timestamp", "value", "values", "n", "v", "bn", "t"]), inner, max_size=5
        )
    ),
    max_leaves=12,
)
PAYLOADS = st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode(errors="surrogatepass"))
DOCUMENTS = JSON.map(lambda thing: json.dumps(thing).encode())


@given(st.sampled_from(get_args(Format)), PAYLOADS | DOCUMENTS, st.sampled_from([{}, TOPIC]))
def test_reading_never_raises_and_gives_readings_that_can_be_logged(
    format: Format, payload: bytes, captures: dict[str, str]
) -> None:
    for each in Payloads(format, MappingOptions()).read(payload, captures, NOW_MS):
        if isinstance(each, Reading):
            assert each.value - each.value == 0
            assert -(2**63) <= each.timestamp < 2**63
            assert each.meter.encode()
            assert each.metric.encode()
        else:
            assert each.error.detail
            assert len(str(each.error)) < 600
