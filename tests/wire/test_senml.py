"""SenML packs (RFC 8428)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.model.errors import Problem, Rejected
from headwater.wire.senml import Entry, resolve

NOW_MS = 1_700_000_000_000


def entries(*pack: Any) -> list[Entry]:
    found = list(resolve(list(pack), NOW_MS))
    assert not [each for each in found if isinstance(each, Problem)], found
    return [each for each in found if isinstance(each, Entry)]


def problem(*pack: Any) -> Problem:
    (found,) = [each for each in resolve(list(pack), NOW_MS) if isinstance(each, Problem)]
    return found


def test_base_values_hold_from_their_record_on() -> None:
    """The multiple-datapoints example of RFC 8428, 5.1.3, shortened, with a base value added."""
    found = entries(
        {"bn": "urn:dev:ow:10e2073a01080063:", "bt": 1.320067464e9, "bu": "%RH", "v": 21.2, "n": "humidity"},
        {"n": "longitude", "u": "lon", "v": 24.30621},
        {"n": "humidity", "t": 60, "v": 20.7},
        {"bn": "urn:dev:other:", "bv": 100, "n": "level", "t": -0.5, "v": 1},
    )
    assert [(each.name, each.unit, each.timestamp, each.value) for each in found] == [
        ("urn:dev:ow:10e2073a01080063:humidity", "%RH", 1_320_067_464_000, 21.2),
        ("urn:dev:ow:10e2073a01080063:longitude", "lon", 1_320_067_464_000, 24.30621),
        ("urn:dev:ow:10e2073a01080063:humidity", "%RH", 1_320_067_524_000, 20.7),
        ("urn:dev:other:level", "%RH", 1_320_067_463_500, 101.0),
    ]


@pytest.mark.parametrize(("time", "expected"), [(None, 0), (0, 0), (-5, -5000), (0.25, 250), (2**28 - 1, 268435455000)])
def test_a_small_time_counts_from_now(time: float | None, expected: int) -> None:
    (found,) = entries({"n": "a:b", "v": 1} | ({} if time is None else {"t": time}))
    assert found.timestamp == NOW_MS + expected


def test_a_record_of_base_values_only_is_no_reading_and_no_problem() -> None:
    assert [each.name for each in entries({"bn": "m:", "bt": 1.7e9}, {"n": "power", "v": 1})] == ["m:power"]


WRONG: list[tuple[list[Any], str, str, str]] = [
    ([{"v": 1}], "record 1", "name", "no base name"),
    ([{"n": "a", "v": 1}, {"n": "_b", "v": 1}], "record 2", "name", "no SenML name"),
    ([{"n": "a"}], "record 1", "value", "no value"),
    ([{"n": "a", "s": 5}], "record 1", "value", "a sum"),
    ([{"n": "a", "vs": "on"}], "record 1", "value", "is text"),
    ([{"n": "a", "vb": True}], "record 1", "value", "a truth value"),
    ([{"n": "a", "vd": "aGk"}], "record 1", "value", "is data"),
    ([{"n": "a", "v": 1, "vs": "x"}], "record 1", "value", "v and vs"),
    ([{"n": "a", "v": "1"}], "record 1", "senml", "v is text"),
    ([{"n": "a", "v": True}], "record 1", "senml", "v is a truth value"),
    ([{"n": "a", "v": 10**400}], "record 1", "senml", "beyond"),
    ([{"n": "a", "bv": 1.7e308, "v": 1.7e308}], "record 1", "value", "finite"),
    ([{"n": "a", "t": 1e300, "v": 1}], "record 1", "timestamp", "seconds"),
    ([{"bn": 7, "n": "a", "v": 1}], "record 1", "senml", "bn is a number"),
    (["text"], "record 1", "senml", "text where a record"),
]


@pytest.mark.parametrize(("pack", "place", "reason", "said"), WRONG)
def test_a_wrong_record_is_named_and_costs_only_itself(pack: list[Any], place: str, reason: str, said: str) -> None:
    found = problem(*pack, {"bn": "m:", "bv": 0, "bt": 0, "n": "good", "v": 2})
    assert (found.place, found.error.reason) == (place, reason)
    assert said in found.error.detail


@pytest.mark.parametrize(
    ("pack", "said"),
    [
        ({"n": "a", "v": 1}, "an array"),
        ([{"bver": 11, "n": "a", "v": 1}], "version"),
        ([{"n": "a", "v": 1, "new_": 1}], "understood"),
    ],
)
def test_a_pack_that_cannot_be_understood_is_refused_as_a_whole(pack: Any, said: str) -> None:
    with pytest.raises(Rejected, match=said):
        list(resolve(pack, NOW_MS))


def test_unknown_fields_are_ignored() -> None:
    assert entries({"n": "a:b", "v": 1, "x": {"deep": 1}})[0].value == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=10,
)
FIELDS = st.sampled_from(["bn", "bt", "bu", "bv", "bs", "bver", "n", "u", "v", "vs", "vb", "vd", "s", "t", "ut", "x_"])
RECORDS = st.dictionaries(FIELDS, JSON, max_size=6) | JSON


@given(st.lists(RECORDS, max_size=6) | JSON)
def test_nothing_but_rejected_is_ever_raised(pack: Any) -> None:
    try:
        found = list(resolve(pack, NOW_MS))
    except Rejected:
        return
    assert len(found) <= len(pack)
