"""`/v1/provenance/{id}`: the 2018 shapes, what is shown beyond them, and where lineage ends."""

import httpx
import pytest

from tests.api.grid import AVERAGED, METER, METRIC, T0, UNSEEN, A, B, C, E, point

BERLIN = {"lable": "berlin", "latitude": 52.4, "longitude": 8.1}
CONTEXT_A = {
    "loc": BERLIN,
    "lineNo": 185,
    "appName": "pushDataService",
    "className": "gatewayServer",
    "timestamp": T0,
    "sendTime": T0 + 12,
    "receiveTime": T0 + 10,
    "meterId": METER,
    "metricId": METRIC,
    "hostId": "000001",
}
CONTEXT_C = CONTEXT_A | {"sendTime": T0 + 25, "receiveTime": T0 + 20, "hostId": "000003"}
CONTEXT_E = {
    "loc": {"lable": "somewhere", "latitude": 0.0, "longitude": 0.0},
    "timestamp": T0,
    "receiveTime": T0 + 30,
    "meterId": METER,
    "metricId": METRIC,
    "hostId": "000004",
}


def test_recursive_nests_inputs_to_the_origin_in_the_shape_of_2018(api: httpx.Client) -> None:
    answer = api.get(f"/v1/provenance/{point(E, 0)}?structure=recursive")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    origin = {"id": str(point(A, 0)), "context": CONTEXT_A}
    hop = {
        "id": str(point(C, 0)),
        "inputDatapoints": [{"dp": origin, "contribution": "simple"}],
        "context": CONTEXT_C,
    }
    assert answer.json() == {
        "id": str(point(E, 0)),
        "inputDatapoints": [{"dp": hop, "contribution": "simple"}],
        "context": CONTEXT_E,
    }


def test_linear_lists_breadth_first_with_the_host_that_consumed_each(api: httpx.Client) -> None:
    answer = api.get(f"/v1/provenance/{point(E, 0)}?structure=linear")

    assert answer.status_code == 200
    assert answer.json() == [
        {"id": str(point(E, 0)), "context": CONTEXT_E},
        {"id": str(point(C, 0)), "successor": "000004", "context": CONTEXT_C},
        {"id": str(point(A, 0)), "successor": "000003", "context": CONTEXT_A},
    ]


def test_structure_is_read_in_any_case(api: httpx.Client) -> None:
    answer = api.get(f"/v1/provenance/{str(point(E, 0)).upper()}?structure=LiNear")

    assert [one["id"] for one in answer.json()] == [str(point(E, 0)), str(point(C, 0)), str(point(A, 0))]


def test_linear_shows_every_point_once_though_many_lead_to_it(api: httpx.Client) -> None:
    average = f"/v1/provenance/{point(C, 4)}?structure=linear"

    assert [one["id"] for one in api.get(average).json()] == [
        str(id) for id in (point(C, 4), point(C, 0), point(C, 1), point(A, 0), point(A, 1))
    ]


def test_a_derived_value_names_its_contribution_and_its_window_start(api: httpx.Client) -> None:
    answer = api.get(f"/v1/provenance/{point(C, 5)}?structure=recursive").json()

    assert [(one["dp"]["id"], one["contribution"]) for one in answer["inputDatapoints"]] == [
        (str(point(C, 2)), "average"),
        (str(point(C, 3)), "average"),
    ]
    assert answer["context"]["timestamp"] == T0 + 2000
    assert answer["context"]["metricId"] == f"{METRIC}.average"


def test_static_recursive_is_the_same_as_an_indented_attachment(api: httpx.Client) -> None:
    path = f"/v1/provenance/{point(E, 4)}"

    answer = api.get(f"{path}/static?structure=recursive")

    assert answer.headers["content-disposition"] == 'attachment; filename="provenance.json"'
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == api.get(f"{path}?structure=recursive").json()
    assert '\n  "id": ' in answer.text


def test_static_linear_lists_points_whose_inputs_are_stubs(api: httpx.Client) -> None:
    answer = api.get(f"/v1/provenance/{point(E, 0)}/static?structure=linear")

    assert answer.headers["content-disposition"] == 'attachment; filename="provenance.json"'
    assert answer.json() == [
        {
            "id": str(point(E, 0)),
            "inputDatapoints": [{"dp": {"id": str(point(C, 0))}, "contribution": "simple"}],
            "context": CONTEXT_E,
        },
        {
            "id": str(point(C, 0)),
            "inputDatapoints": [{"dp": {"id": str(point(A, 0))}, "contribution": "simple"}],
            "context": CONTEXT_C,
        },
        {"id": str(point(A, 0)), "context": CONTEXT_A},
    ]


def test_what_a_node_does_not_record_is_absent(api: httpx.Client) -> None:
    answer = api.get(f"/v1/provenance/{point(B, 0)}?structure=recursive").json()

    assert answer["context"] == {"timestamp": T0, "hostId": "00000b"}


def test_inputs_named_by_a_2018_client_are_stubs(api: httpx.Client) -> None:
    path = f"/v1/provenance/{point(B, 1)}"
    theirs = str(point(0xABCDEF, 1))

    plain = api.get(f"{path}?structure=recursive").json()
    detail = api.get(f"{path}?structure=recursive&detail=true").json()
    linear = api.get(f"{path}?structure=linear&detail=true").json()

    assert plain["inputDatapoints"] == [{"dp": {"id": theirs}, "contribution": "simple"}]
    assert detail["inputDatapoints"] == [{"dp": {"id": theirs, "outside": True}, "contribution": "simple"}]
    assert linear[1] == {"id": theirs, "successor": "00000b", "outside": True}


@pytest.mark.parametrize(("position", "reason"), [(0, "unknown"), (1, "damaged")])
def test_a_missing_parent_is_a_stub_whose_detail_says_why(api: httpx.Client, position: int, reason: str) -> None:
    path = f"/v1/provenance/{point(C, 8 + position)}"
    parent = str(point(UNSEEN, position))

    plain = api.get(f"{path}?structure=recursive").json()
    detail = api.get(f"{path}?structure=recursive&detail=true").json()
    linear = api.get(f"{path}?structure=linear&detail=true").json()

    assert plain["inputDatapoints"] == [{"dp": {"id": parent}, "contribution": "simple"}]
    assert detail["inputDatapoints"] == [{"dp": {"id": parent, "missing": reason}, "contribution": "simple"}]
    assert linear[1] == {"id": parent, "successor": "000003", "missing": reason}


def test_forward_shows_everything_a_point_went_into(api: httpx.Client) -> None:
    answer = api.get(f"/v1/provenance/{point(A, 0)}/forward?structure=recursive").json()

    [hop] = answer["outputDatapoints"]
    outputs = {one["dp"]["id"]: one for one in hop["dp"]["outputDatapoints"]}
    assert "inputDatapoints" not in answer
    assert answer["context"] == CONTEXT_A
    assert (hop["dp"]["id"], hop["contribution"]) == (str(point(C, 0)), "simple")
    assert {id: one["contribution"] for id, one in outputs.items()} == {
        str(point(E, 0)): "simple",
        str(point(C, 4)): "average",
    }
    [delivered] = outputs[str(point(C, 4))]["dp"]["outputDatapoints"]
    assert (delivered["dp"]["id"], delivered["contribution"]) == (str(point(E, 4)), "simple")


def test_forward_linear_names_the_host_each_point_came_from(api: httpx.Client) -> None:
    answer = api.get(f"/v1/provenance/{point(A, 0)}/forward?structure=linear").json()

    assert {one["id"]: one.get("predecessor") for one in answer} == {
        str(point(A, 0)): None,
        str(point(C, 0)): "000001",
        str(point(E, 0)): "000003",
        str(point(C, 4)): "000003",
        str(point(E, 4)): "000003",
    }


def test_forward_goes_on_from_what_a_2018_client_sent(api: httpx.Client) -> None:
    answer = api.get(f"/v1/provenance/{point(B, 1)}/forward?structure=linear&detail=true").json()

    assert [one["id"] for one in answer] == [str(point(B, 1)), str(point(C, 7)), str(point(E, 7))]
    assert not any("outside" in one for one in answer)


def test_detail_adds_node_origin_step_and_what_is_recorded(api: httpx.Client) -> None:
    answer = api.get(f"/v1/provenance/{point(C, 4)}?structure=linear&detail=true&values=false").json()

    derived, first = answer[0], answer[3]
    assert {name: derived[name] for name in ("node", "kind", "step", "origin")} == {
        "node": "gatewayC",
        "kind": "out",
        "step": AVERAGED.step,
        "origin": {"kind": "step", "stream": "0000000000000003", "number": 4},
    }
    assert first["origin"] == {"kind": "source", "stream": b"sensors1".hex(), "number": 100}
    assert first["kind"] == "data"
    assert first["metrics"] == ["meterid", "metricid", "loc", "line", "class", "app", "ctime", "stime", "rtime"]
    assert [one["dp"]["id"] for one in derived["inputDatapoints"]] == [str(point(C, 0)), str(point(C, 1))]
    assert not any("value" in one or "valueState" in one for one in answer)


def test_detail_asks_each_node_for_its_values_and_says_why_there_are_none(api: httpx.Client) -> None:
    answer = api.get(f"/v1/provenance/{point(E, 1)}?structure=linear&detail=true").json()

    assert [(one.get("value"), one.get("valueState")) for one in answer] == [
        (None, "expired"),
        (None, "unreachable"),
        (-0.0, None),
    ]


@pytest.mark.parametrize(("position", "value"), [(0, 1.5), (2, "NaN"), (3, "-Infinity")])
def test_values_that_json_has_no_number_for_are_words(api: httpx.Client, position: int, value: float | str) -> None:
    answer = api.get(f"/v1/provenance/{point(A, position)}?structure=recursive&detail=true").json()

    assert answer["value"] == value


@pytest.mark.parametrize("id", [str(point(E, 999)), str(point(UNSEEN, 0)), "5a7b9137", "not-an-id", "%20"])
@pytest.mark.parametrize("path", ["", "/static", "/forward"])
def test_an_id_without_provenance_is_answered_with_bare_text(api: httpx.Client, path: str, id: str) -> None:
    answer = api.get(f"/v1/provenance/{id}{path}?structure=linear")

    assert (answer.status_code, answer.text) == (404, "No provenance is available.")
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("query", ["", "?structure=", "?structure=tree", "?structure=linear%20"])
@pytest.mark.parametrize("path", ["", "/static", "/forward"])
def test_another_structure_is_answered_with_a_quoted_string(api: httpx.Client, path: str, query: str) -> None:
    answer = api.get(f"/v1/provenance/{point(E, 0)}{path}{query}")

    assert answer.status_code == 400
    assert answer.text == '"Invalid structure (Supported structures are linear and recursive.)."'
    assert answer.headers["content-type"] == "application/json"


def test_a_lineage_that_is_too_large_or_too_deep_is_refused_as_a_problem(narrow: httpx.Client) -> None:
    large = narrow.get(f"/v1/provenance/{point(E, 4)}?structure=linear")
    deep = narrow.get(f"/v1/provenance/{point(E, 0)}?structure=recursive")

    assert large.status_code == deep.status_code == 400
    assert large.headers["content-type"] == deep.headers["content-type"] == "application/problem+json"
    assert large.json()["type"] == deep.json()["type"] == "urn:headwater:problem:too-large"
    assert "2 hops" in deep.json()["detail"]
    assert narrow.get(f"/v1/provenance/{point(E, 0)}?structure=linear").status_code == 200
