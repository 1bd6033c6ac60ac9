"""`/v1/find`: what it finds, and what it says of values that nobody could check."""

from typing import Any

import httpx
import pytest

from tests.api import grid
from tests.api.grid import METER, T0, A, B, C, point


def found(api: httpx.Client, **asked: object) -> dict[str, Any]:
    answer = api.get("/v1/find", params={name.rstrip("_"): str(value) for name, value in asked.items()})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def ids(body: dict[str, Any]) -> list[str]:
    return [one["id"] for one in body["points"]]


def test_each_value_is_found_once_where_it_entered_or_was_made(api: httpx.Client) -> None:
    entered = [str(point(A, position)) for position in range(4)]
    averaged = [str(point(C, 4)), str(point(C, 5))]
    other = [str(point(B, 0)), str(point(B, 1))]

    assert sorted(ids(found(api))) == sorted([*entered, *averaged, *other])
    assert ids(found(api, meter=METER, metric=grid.METRIC, order="oldest")) == entered
    assert ids(found(api, meter=METER, metric=grid.METRIC)) == entered[::-1]
    assert sorted(ids(found(api, meter=METER))) == sorted([*entered, *averaged])
    assert ids(found(api, metric="01", from_=T0, to=T0 + 1)) == other[:1]


@pytest.mark.parametrize("node", ["000003", "gatewayC"])
def test_a_node_may_be_named_or_numbered(api: httpx.Client, node: str) -> None:
    assert ids(found(api, node=node, order="oldest")) == [str(point(C, 4)), str(point(C, 5))]


def test_a_range_of_values_leaves_out_the_others_and_what_nobody_could_tell(api: httpx.Client) -> None:
    body = found(api, metric=grid.METRIC, min=-1, max=1.5)

    assert [(one["id"], one["value"]) for one in body["points"]] == [(str(point(A, 1)), 0.0), (str(point(A, 0)), 1.5)]
    assert (body["examined"], body["unchecked"]) == (4, {})
    unreachable = found(api, node="gatewayC", max=9)
    assert (unreachable["points"], unreachable["unchecked"]) == ([], {"unreachable": 2})


def test_pages_of_values_in_a_range_end_where_the_values_do(api: httpx.Client) -> None:
    first = found(api, metric=grid.METRIC, min=0, size=1)
    second = found(api, metric=grid.METRIC, min=0, size=1, cursor=first["next"])
    third = found(api, metric=grid.METRIC, min=0, size=9, cursor=first["next"])

    assert [ids(first), ids(second)] == [[str(point(A, 1))], [str(point(A, 0))]]
    assert ids(third) == ids(second)
    assert "next" not in third


def test_values_are_asked_for_when_wanted_only(api: httpx.Client) -> None:
    assert "value" not in found(api, metric=grid.METRIC, size=1)["points"][0]
    assert found(api, metric=grid.METRIC, size=1, values="true")["points"][0]["value"] == "-Infinity"
    assert found(api, metric=grid.METRIC, size=1, detail="true")["points"][0]["node"] == "gatewayA"


def test_nothing_is_found_where_nothing_is(api: httpx.Client) -> None:
    for asked in ({"meter": "nobody"}, {"from_": T0 + 9_999_999}, {"from_": 5, "to": 5}, {"size": 0}):
        assert found(api, **asked)["points"] == []
