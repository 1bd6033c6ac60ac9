"""`/v1/folded/{id}`, its neighbours, and `/v1/points`: what is many stays few in an answer."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from headwater.api.options import ApiOptions
from tests.api import grid, wide
from tests.api.grid import A, B, C, E
from tests.api.served import served
from tests.api.wide import AVERAGE, DELIVERED, EACH, METERS, METRIC, entered


@pytest.fixture(scope="module")
def broad(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a store where one value is the average of 10,000."""
    folder = tmp_path_factory.mktemp("broad")
    writer = grid.open_writer(folder)
    wide.fill(writer, {})
    yield folder
    writer.close()


@pytest.fixture(scope="module")
def many(broad: Path) -> Iterator[httpx.Client]:
    with served(lambda: grid.open_reader(broad), lambda: grid.NOW_MS) as client:
        yield client


def test_an_average_of_10000_readings_is_five_cards(many: httpx.Client) -> None:
    answer = many.get(f"/v1/folded/{DELIVERED}").json()

    delivered, average, readings, *entries = answer["cards"]
    assert (answer["id"], answer["direction"]) == (str(DELIVERED), "backward")
    assert (delivered["point"]["id"], delivered["into"]) == (str(DELIVERED), [])
    assert average["point"]["step"] == "average(2s)"
    assert average["neighbours"] == readings["count"] == 10_000
    assert readings["into"] == [{"card": 1, "contribution": "average", "hop": {"least": 10, "most": 20}}]
    assert readings["group"]["nodes"] == [{"node": "000003", "count": 10_000, "name": "gatewayC"}]
    assert readings["group"]["seriesCount"] == 8
    assert {one["meter"] for one in readings["group"]["series"]} == {*METERS[A], *METERS[B]}
    assert {one["count"] for one in readings["group"]["series"]} == {1250}
    assert readings["group"]["timestamps"] == {"least": grid.T0, "most": grid.T0 + 100 * (EACH - 1)}
    assert [(card["count"], card["group"]["nodes"][0]["name"]) for card in entries] == [
        (EACH, "gatewayA"),
        (EACH, "gatewayB"),
    ]
    assert not any(card["further"] for card in answer["cards"])


def test_the_inputs_come_by_meter_then_by_page_then_one_by_one(many: httpx.Client) -> None:
    path = f"/v1/folded/{AVERAGE}/neighbours"
    meters = many.get(path).json()
    third = meters["parts"][2]
    pages = many.get(f"{path}?first={third['first']}&last={third['last']}").json()["parts"]
    page = many.get(f"{path}?first={pages[1]['first']}&last={pages[1]['last']}").json()["parts"]

    assert (meters["count"], len(meters["parts"]), third["group"]["series"]) == (
        10_000,
        8,
        [{"meter": "meter-3", "metric": METRIC, "count": 1250}],
    )
    assert [one["last"] - one["first"] for one in pages] == [40] * 31 + [10]
    times = [one["point"]["context"]["timestamp"] for one in page]
    assert len(times) == 40
    assert times == sorted(times)
    assert {one["point"]["context"]["meterId"] for one in page} == {"meter-3"}
    assert {one["neighbours"] for one in page} == {1}


def test_depth_bounds_what_is_looked_at(many: httpx.Client) -> None:
    cards = many.get(f"/v1/folded/{DELIVERED}?depth=1").json()["cards"]

    assert [(card["count"], card["further"]) for card in cards] == [(1, False), (1, True)]


def test_where_there_are_enough_cards_none_leads_on(many: httpx.Client) -> None:
    cards = many.get(f"/v1/folded/{DELIVERED}?cards=3").json()["cards"]

    assert [(card["count"], card["further"]) for card in cards] == [(1, False), (1, False), (10_000, True)]


def test_more_than_can_be_looked_at_is_counted_and_told_to_go_on(broad: Path) -> None:
    with served(lambda: grid.open_reader(broad), lambda: grid.NOW_MS, ApiOptions(points_max=6_000)) as api:
        average = api.get(f"/v1/folded/{AVERAGE}").json()["cards"][0]
        refused = api.get(f"/v1/folded/{AVERAGE}/neighbours")

    assert (average["neighbours"], average["further"]) == (10_000, True)
    assert refused.status_code == 400
    assert refused.json()["type"].endswith("too-large")


def test_forward_leads_to_what_a_reading_went_into(many: httpx.Client) -> None:
    cards = many.get(f"/v1/folded/{entered(A, 7)}?direction=forward").json()["cards"]
    into = many.get(f"/v1/folded/{entered(A, 7)}/neighbours?direction=forward").json()

    assert [card["point"]["node"] for card in cards] == ["gatewayA", "gatewayC", "gatewayC", "endpoint"]
    assert [card["into"][0]["hop"]["least"] for card in cards[1:]] == [10, 20, 10]
    assert (into["direction"], into["count"], into["parts"][0]["point"]["node"]) == ("forward", 1, "gatewayC")


def test_what_is_not_stored_is_named_with_its_reason(api: httpx.Client) -> None:
    cards = api.get(f"/v1/folded/{grid.point(E, 9)}").json()["cards"]
    outside = api.get(f"/v1/folded/{grid.point(grid.B, 0)}").json()["cards"]

    assert cards[-1]["point"]["missing"] == "damaged"
    assert outside[1]["point"]["outside"] is True


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/v1/folded/xyz", 400, "20 hexadecimal digits"),
        (f"/v1/folded/{grid.point(E, 99)}", 404, "no data point of this id"),
        (f"/v1/folded/{grid.point(E, 99)}/neighbours", 404, "no data point of this id"),
        (f"/v1/folded/{grid.point(E, 0)}?depth=201", 400, "depth = '201'"),
        (f"/v1/folded/{grid.point(E, 0)}?fan=0", 400, "fan = '0'"),
        (f"/v1/folded/{grid.point(E, 0)}?direction=up", 400, "backward or forward"),
        (f"/v1/folded/{grid.point(E, 0)}/neighbours?first=x", 400, "first = 'x'"),
    ],
)
def test_a_question_that_is_wrong_is_told_why(api: httpx.Client, path: str, status: int, says: str) -> None:
    answer = api.get(path)

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert says in answer.json()["detail"]


def test_points_come_in_the_order_asked_with_values_or_why_there_are_none(api: httpx.Client) -> None:
    ids = [str(grid.point(E, 0)), str(grid.point(E, 99)), str(grid.point(C, 0)), str(grid.point(E, 1))]

    first, unknown, unreachable, expired = api.post(
        "/v1/points", json={"ids": ids, "detail": True, "values": True}
    ).json()

    assert [first["id"], unknown["id"], unreachable["id"], expired["id"]] == ids
    assert (first["value"], first["node"]) == (1.5, "endpoint")
    assert "inputDatapoints" not in first
    assert (unknown["missing"], "context" in unknown) == ("unknown", False)
    assert (unreachable["valueState"], expired["valueState"]) == ("unreachable", "expired")


def test_a_question_for_points_that_is_wrong_is_told_where(narrow: httpx.Client) -> None:
    wrong: tuple[tuple[dict[str, list[str]], str], ...] = (
        ({"ids": ["x"]}, "ids[0]"),
        ({"id": []}, "id"),
        ({"ids": [str(grid.point(E, 0))] * 4}, "at most 3"),
    )
    for question, says in wrong:
        answer = narrow.post("/v1/points", json=question)

        assert answer.status_code == 400
        assert says in answer.json()["detail"]
