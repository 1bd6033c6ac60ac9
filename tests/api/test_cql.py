"""`/v1/cql` over a real Cassandra: rows, bounds, what is refused; and that it is absent with another store."""

import json
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.api.options import ApiOptions
from headwater.cli.main import main
from headwater.client import Client
from headwater.model.ids import parse_id
from headwater.store.cassandra.options import CassandraOptions
from headwater.store.cassandra2018.reader import Cassandra2018Reader
from headwater.store.query.options import QueryOptions
from tests.api.served import impatient, served
from tests.api.test_query import until
from tests.services.fixtures import CassandraNode
from tests.store.cql.statements import mutated
from tests.store.grids import log_of
from tests.store.keyspaces_2018 import make_tables, options_2018
from tests.store.stores import Store, chain, new_store

ROWS = 5


@pytest.fixture(scope="module")
def store(store_keyspace: CassandraOptions) -> Iterator[Store]:
    """Nodes with three readings each, and some without any."""
    with new_store("cassandra") as store:
        for node in range(20, 30):
            store.hello(node)
        chain(store)
        yield store


@pytest.fixture(scope="module")
def cql(store: Store) -> Iterator[httpx.Client]:
    """The API over it, with few rows and bytes at once."""
    sql = QueryOptions(rows=3, rows_max=ROWS, bytes_max=2_000)
    options = ApiOptions(folder=str(store.folder), site=store.site, store=store.options, sql=sql)
    with served(store.open_reader, lambda: 0, options) as client:
        yield client


def ask(cql: httpx.Client, query: str, **more: Any) -> httpx.Response:
    return cql.post("/v1/cql", json={"query": query} | more)


def is_refused(answer: httpx.Response, status: int, reason: str) -> bool:
    said = (answer.status_code, answer.headers["content-type"], answer.json()["type"])
    return said == (status, "application/problem+json", f"urn:headwater:problem:{reason}")


def test_rows_are_answered_as_sql_answers_are(cql: httpx.Client, store: Store) -> None:
    answer = ask(cql, f"SELECT id, name, log FROM node WHERE site = '{store.site}' LIMIT 2", id="mine")

    assert answer.status_code == 200
    assert answer.json() == {
        "query": "mine",
        "columns": [{"name": "id", "type": "int"}, {"name": "name", "type": "text"}, {"name": "log", "type": "blob"}],
        "rows": [[node, f"node{node}", f"0x{log_of(node).hex()}"] for node in (1, 2)],
        "count": 2,
        "truncated": False,
    }
    assert (answer.headers["headwater-query"], answer.headers["headwater-rows"]) == ("mine", "2")
    counted = ask(cql, f"SELECT count(*) FROM stores.node WHERE site = '{store.site}'").json()
    assert counted["rows"] == [[len(cql.get("/v1/cluster/topology").json())]]


def test_an_answer_is_cut_at_its_bounds_and_says_so(cql: httpx.Client, store: Store) -> None:
    text = f"SELECT id FROM node WHERE site = '{store.site}'"
    for asked, expected in ((ask(cql, text), 3), (ask(cql, f"{text} LIMIT 1000", rows=ROWS), ROWS)):
        answer = asked.json()
        assert (len(answer["rows"]), answer["count"], answer["truncated"]) == (expected, expected, True)
        assert asked.headers["headwater-truncated"] == "rows"
        assert "compare a clustering column" in answer["next"]
    assert is_refused(ask(cql, text, rows=ROWS + 1), 400, "rows")


def test_an_answer_of_too_many_bytes_is_cut(store: Store) -> None:
    options = ApiOptions(folder=str(store.folder), site=store.site, store=store.options, sql=QueryOptions(bytes_max=30))
    with served(store.open_reader, lambda: 0, options) as client:
        answer = ask(client, f"SELECT id, name, address FROM node WHERE site = '{store.site}'")
    assert answer.headers["headwater-truncated"] == "bytes"
    assert len(answer.json()["rows"]) == 1


def test_a_refusal_has_its_place(cql: httpx.Client, store: Store) -> None:
    answer = ask(cql, "SELECT *\nFROM stored_batch WHERE node = 1")
    assert is_refused(answer, 400, "cql")
    assert (answer.json()["line"], answer.json()["column"]) == (2, 33)
    assert "site and bucket are missing" in answer.json()["detail"]
    assert is_refused(ask(cql, "SELECT * FROM node WHERE site = 'elsewhere'"), 400, "cql")
    assert is_refused(cql.post("/v1/cql", content=b"{}"), 400, "question")
    # What the grammar takes and Cassandra does not is a refusal too.
    answer = ask(cql, f"SELECT * FROM node WHERE site = '{store.site}' ORDER BY name")
    assert is_refused(answer, 400, "cql")
    assert "Cassandra does not answer this" in answer.json()["detail"]


def test_what_may_be_asked_is_listed(cql: httpx.Client) -> None:
    answer = cql.get("/v1/cql").json()
    assert answer["keyspace"] == "stores"
    (node,) = [each for each in answer["tables"] if each["name"] == "node_bucket"]
    assert (node["partition"], node["clustering"]) == (["site", "node"], ["bucket"])
    assert [each["name"] for each in node["columns"]] == ["site", "node", "bucket"]


def test_no_statement_is_answered_beyond_its_bounds_or_with_a_failure(cql: httpx.Client, store: Store) -> None:
    """Statements that are nearly right, also some that Cassandra itself has to refuse."""

    @settings(max_examples=150, suppress_health_check=list(HealthCheck))
    @given(mutated(), st.none() | st.integers(0, ROWS))
    def never(text: str, rows: int | None) -> None:
        answer = ask(cql, text.replace("'o''hara'", f"'{store.site}'"), rows=rows)
        assert answer.status_code in (200, 400), (text, answer.text)
        if answer.status_code == 200:
            assert len(answer.json()["rows"]) <= (3 if rows is None else rows)

    never()


def listed(client: httpx.Client) -> list[str]:
    """The ids of the queries that run or wait, in their order."""
    return [each["id"] for each in client.get("/v1/query").json()]


def test_queries_of_both_languages_wait_for_one_turn_and_are_listed(store: Store) -> None:
    sql = QueryOptions(at_once=1, waiting_max=1)
    options = ApiOptions(folder=str(store.folder), site=store.site, store=store.options, sql=sql)
    endless = "SELECT count(*) FROM range(1000000) a, range(1000000) b"
    answers: list[httpx.Response] = []
    with served(store.open_reader, lambda: 0, options) as client:
        asking = threading.Thread(target=lambda: client.post("/v1/query", json={"query": endless, "id": "long"}))
        asking.start()
        until(lambda: [each["running"] for each in client.get("/v1/query").json()] == [True])
        known = f"SELECT * FROM node WHERE site = '{store.site}'"
        with impatient(client, "/v1/cql", {"query": known, "id": "gone"}):
            until(lambda: listed(client) == ["long", "gone"])
        until(lambda: listed(client) == ["long"])  # Whoever goes away waits no longer.
        waiting = threading.Thread(target=lambda: answers.append(ask(client, known, id="waits")))
        waiting.start()
        until(lambda: listed(client) == ["long", "waits"])
        assert is_refused(ask(client, known), 503, "unavailable")
        assert client.delete("/v1/query/waits").status_code == 204
        waiting.join()
        assert is_refused(answers[0], 409, "cancelled")
        assert client.delete("/v1/query/long").status_code == 204
        asking.join()
        assert ask(client, f"SELECT * FROM node WHERE site = '{store.site}'").status_code == 200


def test_with_another_store_it_is_absent_and_says_so(tmp_path: Path) -> None:
    with served(lambda: pytest.fail("no store is asked"), lambda: 0, ApiOptions(folder=str(tmp_path))) as client:
        for answer in (client.get("/v1/cql"), client.post("/v1/cql", json={"query": "SELECT"}), client.put("/v1/cql")):
            assert is_refused(answer, 404, "not-found")
            assert "not on Cassandra" in answer.json()["detail"]
        assert "/v1/cql" not in client.get("/v1/openapi.json").json()["paths"]


def test_a_cassandra_that_is_away_is_unavailable(store: Store) -> None:
    away = msgspec.structs.replace(store.options, hosts=("127.0.0.1:1",), request_s=1)
    with served(store.open_reader, lambda: 0, ApiOptions(folder=str(store.folder), store=away)) as client:
        assert is_refused(ask(client, "SELECT * FROM node WHERE site = 'default'"), 503, "unavailable")


def test_tables_of_2018_are_asked_too(cassandra: CassandraNode, keyspace: str, tmp_path: Path) -> None:
    make_tables(cassandra, keyspace)
    ids = [f"5a7b9137{counter:06x}000001" for counter in (1, 2)]
    for id, inputs in zip(ids, ({}, {ids[0]: "it's"}), strict=True):
        cassandra.session.execute(
            f"INSERT INTO {keyspace}.provenancetable (id, nodeid, ctime, rtime, inputdps, time, latitude)"
            " VALUES (%s, '000001', 1000, 2000, %s, %s, 1.5)",
            [id, inputs, uuid.UUID("13019800-0c62-11e8-8003-c70000badfb2")],
        )
    options = options_2018(cassandra, tmp_path, keyspace)
    with served(
        lambda: Cassandra2018Reader(options, lambda: 0), lambda: 0, ApiOptions(folder=str(tmp_path), store=options)
    ) as client:
        shown = "id, inputdps, ctime, time, latitude, location"
        answer = ask(
            client, f"SELECT {shown} FROM provenancetable WHERE id = '{ids[1]}' AND ctime >= 0 AND nodeid = '000001'"
        )
        assert answer.json()["rows"] == [
            [ids[1], {ids[0]: "it's"}, 1000, "13019800-0c62-11e8-8003-c70000badfb2", 1.5, None]
        ]

        def pql(text: str) -> Any:
            said = client.post("/v1/provenance", json={"query": text})
            assert said.status_code == 201
            return said.json()

        lineage = client.get(f"/v1/provenance/{ids[1]}?structure=recursive").json()
        assert pql(f"select * from whatever where id = '{ids[1]}'") == {"error": False, "datapoints": [lineage]}
        (point,) = pql(f"select inputdps, ctime from t where id = '{ids[1]}'")["datapoints"]
        assert point["inputDatapoints"] == [{"dp": {"id": ids[0]}, "contribution": "it's"}]
        assert pql("drop table t")["message"] == "PQL only supports select type queries."
        assert "id is missing" in pql("select * from t where nodeid = '000001'")["message"]
        assert is_refused(client.post("/v1/query", json={"query": "SELECT * FROM provenance"}), 400, "store")
        assert parse_id(ids[0])


def test_the_command_line_and_the_client_ask_it(
    cql: httpx.Client, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"SELECT id, name FROM node WHERE site = '{store.site}'"
    server = ["--server", str(cql.base_url)]
    assert main(["sql", "--cql", text, *server]) == 0
    said = capsys.readouterr()
    assert [row.split() for row in said.out.splitlines()][:2] == [["id", "name"], ["1", "node1"]]
    assert "cut after 3 rows" in said.err
    assert main(["sql", "--cql", "--format", "json", f"{text} AND id = 2", *server]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == [[2, "node2"]]
    assert main(["sql", "--cql", "SELECT * FROM node", *server]) == 2
    assert "site is missing" in capsys.readouterr().err
    assert main(["sql", "--cql", text, "--all", "--format", "json", *server]) == 2
    with Client(str(cql.base_url)) as client:
        assert client.cql(text, rows=1).rows == ((1, "node1"),)
        assert "node" in [table.name for table in client.cql_tables().tables]
