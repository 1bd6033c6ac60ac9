"""`POST /v1/provenance` as 2018 had it, its defects gone."""

from typing import Any

import httpx
import pytest

from tests.api.grid import METER, METRIC, T0, A, C, E, point
from tests.api.test_every_endpoint import is_problem


def ask(api: httpx.Client, sql: str) -> dict[str, Any]:
    answer = api.post("/v1/provenance", json={"query": sql})
    assert (answer.status_code, answer.headers["content-type"]) == (201, "application/json")
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize(
    "table", ["provenance", "provenancetable", "provenancekey.provenancetable", '"Any"."Name" AS x']
)
def test_rows_are_data_points_whatever_the_table_is_called(api: httpx.Client, table: str) -> None:
    answer = ask(api, f"select * from {table} where nodeid = '{A:06x}' order by ctime limit 1")

    assert answer == {
        "error": False,
        "datapoints": [
            {
                "id": str(point(A, 0)),
                "context": {
                    "loc": {"lable": "berlin", "latitude": 52.4, "longitude": 8.1},
                    "lineNo": 185,
                    "appName": "pushDataService",
                    "className": "gatewayServer",
                    "timestamp": T0,
                    "sendTime": T0 + 12,
                    "receiveTime": T0 + 10,
                    "meterId": METER,
                    "metricId": METRIC,
                    "hostId": f"{A:06x}",
                },
            }
        ],
    }


@pytest.mark.parametrize("where", ["where id =", "WHERE ID =", "Where x.id  =", "where\nnodeid = '000003' and id ="])
def test_a_query_by_id_answers_with_the_lineage(api: httpx.Client, where: str) -> None:
    id = str(point(C, 4))
    answer = ask(api, f"select * from provenancetable x {where} '{id}'")

    assert answer == {"error": False, "datapoints": [api.get(f"/v1/provenance/{id}?structure=recursive").json()]}


def test_inputs_are_shown_with_their_contribution(api: httpx.Client) -> None:
    (found,) = ask(
        api, f"select id, inputdps from t where nodeid = '000003' and metricid = '{METRIC}.average' limit 1"
    )["datapoints"]

    assert [one["contribution"] for one in found["inputDatapoints"]] == ["average"] * len(found["inputDatapoints"])
    assert found["context"] == {"hostId": f"{C:06x}"}


def test_what_2018_did_not_have_stands_beside_it(api: httpx.Client) -> None:
    assert ask(api, f"select count(*) as points from t where nodeid = '{E:06x}'")["datapoints"] == [{"points": 10}]


@pytest.mark.parametrize(
    "sql", ["delete from provenancetable", "drop table t", "insert into t values (1)", "update t set a = 1"]
)
def test_anything_but_select_is_told_so(api: httpx.Client, sql: str) -> None:
    assert ask(api, sql) == {"error": False, "message": "PQL only supports select type queries."}


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("select * from t where", "syntax error"),
        ("select nope from provenancetable", 'line 1, column 8: Referenced column "nope"'),
        ("select * from t; drop table t", "PQL only supports select"),
        ("select * from t where id = 'x' union select * from '/etc/passwd'", "/etc/passwd"),
        ("", "no statements"),
    ],
)
def test_a_query_that_fails_still_answers(api: httpx.Client, sql: str, says: str) -> None:
    answer = ask(api, sql)

    assert says in answer["message"]


@pytest.mark.parametrize("body", ["", "{}", '{"query": 1}', "[]"])
def test_a_body_that_is_no_query_is_a_problem(api: httpx.Client, body: str) -> None:
    assert is_problem(api.post("/v1/provenance", content=body), 400)
