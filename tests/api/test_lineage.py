"""`POST /v1/lineage`: many lineages in one answer, the same as one by one."""

import httpx
import pytest

from headwater.model.ids import DataPointId
from tests.api.grid import UNSEEN, A, C, E, point


def test_answers_come_in_the_order_asked_and_are_those_of_single_questions(api: httpx.Client) -> None:
    ids = [str(point(E, 4)), str(point(UNSEEN, 0)), str(point(A, 1)), str(point(E, 4))]

    answer = api.post("/v1/lineage", json={"ids": ids})

    single = {id: api.get(f"/v1/provenance/{id}?structure=linear") for id in ids}
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == [
        {
            "id": id,
            "found": single[id].status_code == 200,
            "points": single[id].json() if single[id].status_code == 200 else [],
        }
        for id in ids
    ]


def test_recursive_answers_hold_one_nested_point(api: httpx.Client) -> None:
    id = str(point(E, 4))

    [answer] = api.post("/v1/lineage", json={"ids": [id], "structure": "recursive"}).json()

    assert answer["points"] == [api.get(f"/v1/provenance/{id}?structure=recursive").json()]


def test_forward_and_detail_are_those_of_single_questions(api: httpx.Client) -> None:
    id = str(point(A, 0))
    question = {"ids": [id], "direction": "forward", "detail": True, "values": True}

    [answer] = api.post("/v1/lineage", json=question).json()

    assert answer["points"] == api.get(f"/v1/provenance/{id}/forward?structure=linear&detail=true").json()


def test_values_come_without_the_rest_of_the_detail(api: httpx.Client) -> None:
    [answer] = api.post("/v1/lineage", json={"ids": [str(point(E, 0))], "values": True}).json()

    assert [one.get("value") for one in answer["points"]] == [1.5, None, 1.5]
    assert answer["points"][1]["valueState"] == "unreachable"
    assert "node" not in answer["points"][0]


def test_no_ids_have_no_lineages(api: httpx.Client) -> None:
    assert api.post("/v1/lineage", json={"ids": []}).json() == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "truncated"),
        (b"[]", "Expected `object`, got `array`"),
        (b"{}", "missing required field `ids`"),
        (b'{"ids": [1]}', "$.ids[0]"),
        (b'{"ids": [], "structure": "tree"}', "$.structure"),
        (b'{"ids": [], "depth": 3}', "depth"),
        (b'{"ids": ["5a7b91370003c6000003", "5a7b"]}', "ids[1]: '5a7b' is not a data point id"),
        (b"\xff\xfe", "not a lineage question"),
    ],
)
def test_a_question_that_is_wrong_is_answered_with_its_place(api: httpx.Client, body: bytes, says: str) -> None:
    answer = api.post("/v1/lineage", content=body)

    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert answer.json()["type"] == "urn:headwater:problem:question"
    assert says in answer.json()["detail"]


def test_too_many_ids_and_too_long_a_body_are_refused(narrow: httpx.Client) -> None:
    id = str(point(C, 0))

    many = narrow.post("/v1/lineage", json={"ids": [id] * 4})
    long = narrow.post("/v1/lineage", content=b" " * 201)
    endless = narrow.post("/v1/lineage", content=iter([b" " * 100] * 3))

    assert (many.status_code, many.json()["detail"]) == (400, "4 ids in one request: at most 3 are taken")
    assert long.status_code == endless.status_code == 413
    assert long.json()["type"] == "urn:headwater:problem:body"


@pytest.mark.parametrize(("structure", "id"), [("linear", point(E, 0)), ("recursive", point(C, 0))])
def test_repeated_ids_cannot_make_an_answer_larger_than_it_may_be(
    narrow: httpx.Client, structure: str, id: DataPointId
) -> None:
    answer = narrow.post("/v1/lineage", json={"ids": [str(id)] * 3, "structure": structure})

    assert (answer.status_code, answer.json()["type"]) == (400, "urn:headwater:problem:too-large")
