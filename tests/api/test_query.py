"""SQL over HTTP: its formats and limits, what it says when it cannot answer, and how it is cancelled."""

import csv
import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow.ipc
import pyarrow.parquet
import pytest

from headwater.api.options import ApiOptions
from headwater.store.query.options import QueryOptions
from tests.api import grid
from tests.api.grid import T0, A, E, point
from tests.api.served import impatient, served
from tests.api.test_every_endpoint import is_problem

ENDLESS = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t"
SQL = f"SELECT id, rtime, inputs FROM provenance WHERE node = '{E:06x}' ORDER BY id LIMIT 2"
ROWS = [[str(point(E, at)), T0 + 30, [str(point(0x3, at))]] for at in range(2)]


def ask(api: httpx.Client, sql: str, **more: Any) -> httpx.Response:
    return api.post("/v1/query", json={"query": sql} | more)


@pytest.fixture(scope="module")
def strict(store: Path) -> Iterator[httpx.Client]:
    """One query at a time, one waiting, each within two seconds and 64 MiB."""
    sql = QueryOptions(at_once=1, waiting_max=1, time_s_max=2, memory_bytes_max=64 << 20, rows_max=50, bytes_max=4000)
    options = ApiOptions(folder=str(store), site=grid.SITE, sql=sql)
    with served(lambda: grid.open_reader(store), lambda: grid.NOW_MS, options) as client:
        yield client


@pytest.fixture(scope="module")
def few(store: Path) -> Iterator[httpx.Client]:
    """Answers of few rows and bytes, in all the time that a busy machine needs."""
    options = ApiOptions(folder=str(store), site=grid.SITE, sql=QueryOptions(rows_max=50, bytes_max=4000))
    with served(lambda: grid.open_reader(store), lambda: grid.NOW_MS, options) as client:
        yield client


def test_rows_are_answered_as_json(api: httpx.Client) -> None:
    answer = ask(api, SQL, id="mine").json()

    assert answer == {
        "query": "mine",
        "columns": [
            {"name": "id", "type": "VARCHAR"},
            {"name": "rtime", "type": "BIGINT"},
            {"name": "inputs", "type": "VARCHAR[]"},
        ],
        "rows": ROWS,
        "count": 2,
        "truncated": False,
    }


def as_csv(body: bytes) -> list[list[Any]]:
    header, *rows = csv.reader(io.StringIO(body.decode()))
    assert header == ["id", "rtime", "inputs"]
    return [[id, int(rtime), [inputs[2:-2]]] for id, rtime, inputs in rows]


def as_arrow(body: bytes) -> list[list[Any]]:
    return rows_of(pyarrow.ipc.open_stream(body).read_all())


def as_parquet(body: bytes) -> list[list[Any]]:
    return rows_of(pyarrow.parquet.read_table(io.BytesIO(body)))


def rows_of(table: pyarrow.Table) -> list[list[Any]]:
    return [list(row.values()) for row in table.to_pylist()]


@pytest.mark.parametrize(
    ("format", "media", "read"),
    [
        ("csv", "text/csv; charset=utf-8", as_csv),
        (
            "arrow",
            "application/vnd.apache.arrow.stream",
            lambda body: rows_of(pyarrow.ipc.open_stream(body).read_all()),
        ),
        (
            "parquet",
            "application/vnd.apache.parquet",
            lambda body: rows_of(pyarrow.parquet.read_table(io.BytesIO(body))),
        ),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_format_is_chosen_by_body_parameter_or_accept(
    api: httpx.Client, format: str, media: str, read: Callable[[bytes], list[list[Any]]], stream: bool
) -> None:
    body = {"query": SQL, "stream": stream}
    for answer in (
        api.post("/v1/query", json=body | {"format": format}),
        api.post(f"/v1/query?format={format}", json=body, headers={"Accept": "application/json"}),
        api.post("/v1/query", json=body, headers={"Accept": media.split(";", maxsplit=1)[0]}),
    ):
        assert (answer.status_code, answer.headers["content-type"]) == (200, media)
        assert read(answer.content) == ROWS
        assert answer.headers.get("headwater-rows") == (None if stream else "2")


def test_what_is_cut_says_so_and_what_to_do(few: httpx.Client) -> None:
    rows = ask(few, "SELECT id FROM provenance", rows=3)
    size = ask(few, "SELECT repeat('x', 1000) FROM range(40)")

    for answer, cut in ((rows, "rows"), (size, "bytes")):
        assert answer.headers["headwater-truncated"] == cut
        assert answer.json()["truncated"]
        assert "WHERE" in answer.json()["next"]
        assert answer.json()["count"] == len(answer.json()["rows"])
    assert rows.json()["count"] == 3
    assert ask(few, "SELECT id FROM provenance", rows=26).json()["truncated"] is False


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ('{"query": 5}', "not a query"),
        ("{", "not a query"),
        ('{"query": "SELECT 1", "rows": 51}', "0 to 50"),
        ('{"query": "SELECT 1", "rows": -1}', "0 to 50"),
        ('{"query": "SELECT 1", "format": "xml"}', "xml"),
        ('{"query": "SELECT 1", "id": "a b"}', "1 to 64"),
        ('{"query": "SELECT 1", "nothing": 1}', "nothing"),
        ('{"query": "SELECT \\ud800"}', "not a query"),
        ('{"query": "SELECT \\u0000 1"}', "zero"),
    ],
)
def test_a_question_that_is_none_is_a_problem(few: httpx.Client, body: str, says: str) -> None:
    answer = few.post("/v1/query", content=body)

    assert is_problem(answer, 400)
    assert says in answer.json()["detail"]


@pytest.mark.parametrize(
    ("sql", "line", "column", "says"),
    [
        ("SELECT\n  é FROM provenance", 2, 3, 'column "é" not found'),
        ("SELECT 'é', nope FROM provenance", 1, 13, 'column "nope" not found'),
        ("SELEC 1", 1, 1, "syntax error"),
        ("SELECT 1;\nSELECT * FROM somewhere", None, None, "2 statements"),
        ("SELECT *\nFROM somewhere", 2, 6, 'no relation "somewhere"'),
        ("SELECT getenv('HOME')", 1, 8, '"getenv" cannot be used'),
        ("SELECT CAST(meter || 'x' AS INT) FROM provenance", None, None, "Could not convert"),
        ("DROP TABLE provenance", None, None, "only SELECT"),
    ],
)
def test_a_fault_names_its_place(api: httpx.Client, sql: str, line: int | None, column: int | None, says: str) -> None:
    answer = ask(api, sql)
    body = answer.json()

    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert says in body["detail"]
    if line is not None:
        assert (body["line"], body["column"]) == (line, column)
        assert body["detail"].startswith(f"line {line}, column {column}: ")


def test_values_are_fetched_only_when_asked_for(api: httpx.Client) -> None:
    sql = f"SELECT value, value_state FROM provenance WHERE node = '{A:06x}' ORDER BY id"

    assert ask(api, sql).json()["rows"] == [[None, None]] * 4
    assert ask(api, sql, values=True).json()["rows"] == [[1.5, "ok"], [-0.0, "ok"], ["NaN", "ok"], ["-Infinity", "ok"]]
    summed = ask(api, f"SELECT max(value) FROM provenance WHERE id <= '{point(E, 1)}' AND value = 1.5", values=True)
    assert summed.json()["rows"] == [[1.5]]
    expired = ask(api, f"SELECT value_state FROM provenance WHERE id = '{point(E, 1)}'", values=True).json()
    assert expired["rows"] == [["expired"]]


def test_more_values_than_may_be_fetched_are_refused(store: Path) -> None:
    options = ApiOptions(folder=str(store), site=grid.SITE, sql=QueryOptions(values_max=3))
    with served(lambda: grid.open_reader(store), lambda: grid.NOW_MS, options) as client:
        answer = ask(client, "SELECT sum(value) FROM provenance", values=True)

    assert is_problem(answer, 400)
    assert answer.json()["type"].endswith(":values")


def test_what_never_ends_is_stopped(strict: httpx.Client) -> None:
    answer = ask(strict, ENDLESS)

    assert is_problem(answer, 400)
    assert answer.json()["type"].endswith(":time")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT length(repeat('x', 4000000000))",
        "SELECT count(DISTINCT a.range * 100000 + b.range) FROM range(9999) a, range(9999) b",
    ],
)
def test_what_needs_too_much_memory_is_stopped(strict: httpx.Client, sql: str) -> None:
    answer = ask(strict, sql)

    assert is_problem(answer, 400)
    assert answer.json()["type"].endswith((":memory", ":time"))


def under_way(api: httpx.Client, id: str) -> bool:
    return any(each["id"] == id and each["running"] for each in api.get("/v1/query").json())


def until(holds: Callable[[], bool]) -> None:
    gate = threading.Event()
    while not holds():
        gate.wait(0.01)


class Behind:
    """A question asked by a thread."""

    def __init__(self, api: httpx.Client, **body: Any) -> None:
        self.answers: list[httpx.Response] = []
        self._thread = threading.Thread(target=lambda: self.answers.append(api.post("/v1/query", json=body)))
        self._thread.start()

    def answer(self) -> httpx.Response:
        self._thread.join()
        return self.answers[0]


def test_a_query_is_listed_and_cancelled_by_its_id(api: httpx.Client) -> None:
    asking = Behind(api, query=ENDLESS, id="endless")
    until(lambda: under_way(api, "endless"))
    assert is_problem(ask(api, "SELECT 1", id="endless"), 409)

    assert api.delete("/v1/query/endless").status_code == 204

    answer = asking.answer()
    assert is_problem(answer, 409)
    assert "cancelled" in answer.json()["detail"]
    assert api.get("/v1/query").json() == []
    assert is_problem(api.delete("/v1/query/endless"), 404)


def test_who_goes_away_cancels(api: httpx.Client) -> None:
    with impatient(api, "/v1/query", {"query": ENDLESS, "id": "left"}):
        until(lambda: under_way(api, "left"))

    until(lambda: not api.get("/v1/query").json())
    assert ask(api, "SELECT 1").json()["rows"] == [[1]]


def test_too_many_are_told_to_come_again(store: Path) -> None:
    sql = QueryOptions(at_once=1, waiting_max=1)
    options = ApiOptions(folder=str(store), site=grid.SITE, sql=sql)
    with served(lambda: grid.open_reader(store), lambda: grid.NOW_MS, options) as client:
        first = Behind(client, query=ENDLESS, id="first")
        until(lambda: under_way(client, "first"))
        second = Behind(client, query="SELECT 2", id="second")
        until(lambda: len(client.get("/v1/query").json()) == 2)

        third = ask(client, "SELECT 3")
        client.delete("/v1/query/first")

        assert is_problem(third, 503)
        assert int(third.headers["retry-after"]) >= 1
        assert "1 queries run and 1 wait" in third.json()["detail"]
        assert second.answer().json()["rows"] == [[2]]
        assert first.answer().status_code == 409


def test_without_a_store_to_ask_it_is_a_problem(empty: httpx.Client) -> None:
    for answer in (ask(empty, "SELECT 1"), empty.get("/v1/query"), empty.delete("/v1/query/x")):
        assert is_problem(answer, 503)


def test_before_anything_was_stored_there_is_nothing(tmp_path: Path) -> None:
    options = ApiOptions(folder=str(tmp_path / "none"), site=grid.SITE)
    with served(lambda: grid.open_reader(tmp_path), lambda: grid.NOW_MS, options) as client:
        assert is_problem(ask(client, "SELECT * FROM provenance"), 503)
