"""What the API says of provenance that retention has deleted: expired, not unknown."""

from collections.abc import Iterator

import httpx
import pytest

from headwater.cli.main import main
from headwater.model.ids import DataPointId
from headwater.store.options import SqliteOptions
from tests.api import grid
from tests.api.grid import NOW_MS, A, B, C, E, point
from tests.api.served import served

DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The API over the grid after the period in which the gateways shipped was deleted: C and E came a day later."""
    folder = tmp_path_factory.mktemp("store")
    now_ms = [NOW_MS]
    writer = SqliteOptions().open_writer(folder, grid.SITE, lambda: now_ms[0])
    for node, shipment in grid.shipments().items():
        if node == C:
            now_ms[0] += DAY_MS
        writer.hello(grid.SITE, node, grid.log_of(node), grid.NAMES[node], "", now_ms[0])
        writer.add(grid.log_of(node), [(9, shipment)])
    writer.delete_period(1)
    with served(lambda: grid.open_reader(folder), lambda: NOW_MS) as client:
        yield client
    writer.close()


def lineage(api: httpx.Client, id: DataPointId, query: str) -> httpx.Response:
    return api.get(f"/v1/provenance/{id}?structure={query}")


@pytest.mark.parametrize("structure", ["linear", "recursive"])
def test_an_input_that_was_deleted_is_shown_as_expired(kept: httpx.Client, structure: str) -> None:
    answer = lineage(kept, point(C, 0), f"{structure}&detail=true&values=false")

    assert answer.status_code == 200
    assert f'{{"id":"{point(A, 0)}"' in answer.text
    assert '"missing":"expired"' in answer.text
    assert "unknown" not in answer.text


def test_an_input_that_was_never_there_is_still_unknown(kept: httpx.Client) -> None:
    answer = lineage(kept, point(C, 8), "linear&detail=true&values=false")

    assert [one.get("missing") for one in answer.json()] == [None, "unknown"]


@pytest.mark.parametrize("path", ["", "/static", "/forward"])
def test_a_deleted_data_point_is_answered_as_in_2018_and_in_detail_as_expired(kept: httpx.Client, path: str) -> None:
    plain = kept.get(f"/v1/provenance/{point(A, 0)}{path}?structure=linear")
    assert (plain.status_code, plain.text) == (404, "No provenance is available.")

    answer = kept.get(f"/v1/provenance/{point(A, 0)}{path}?structure=linear&detail=true")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    problem = answer.json()
    assert problem["type"] == "urn:headwater:problem:expired"
    assert problem["detail"].startswith(f"{point(A, 0)} has expired: its provenance was deleted; /v1/expired says")

    unknown = kept.get(f"/v1/provenance/{point(A, 99)}{path}?structure=linear&detail=true")
    assert (unknown.status_code, unknown.text) == (404, "No provenance is available.")


def test_many_lineages_at_once_say_which_have_expired(kept: httpx.Client) -> None:
    ids = [str(point(A, 0)), str(point(A, 99)), str(point(C, 0))]
    answers = kept.post("/v1/lineage", json={"ids": ids, "detail": True}).json()
    assert [(one["found"], one.get("missing")) for one in answers] == [
        (False, "expired"),
        (False, "unknown"),
        (True, None),
    ]
    assert all("missing" not in one for one in kept.post("/v1/lineage", json={"ids": ids}).json())


def test_what_is_held_and_what_was_deleted_is_listed_newest_first_page_by_page(kept: httpx.Client) -> None:
    (held,) = kept.get("/v1/periods").json()
    assert (held["number"], held["batches"], held["points"], "ended" in held) == (2, 8, 20, False)
    assert held["bytes"] > 0

    (gone,) = kept.get("/v1/expired?size=1").json()
    assert gone.pop("bytes") > 0
    assert gone == {
        "number": 1,
        "why": "asked",
        "at": NOW_MS + DAY_MS,
        "begun": NOW_MS,
        "ended": NOW_MS + DAY_MS,
        "batches": 2,
        "points": 6,
        "firstEvent": grid.T0,
        "lastEvent": grid.T0 + 3000,
        "runs": [{"first": str(point(A, 0)), "count": 4}, {"first": str(point(B, 0)), "count": 2}],
    }
    assert kept.get("/v1/totals").json()["expired"] == 6
    losses = kept.get("/v1/losses").json()
    assert [(lost["node"], lost["why"], lost["log"]) for lost in losses[:2]] == [
        ("00000b", "expired", ""),
        ("000001", "expired", ""),
    ]
    assert {lost["why"] for lost in losses} == {"expired", "gap", "damaged"}


def test_trace_draws_what_has_expired_and_says_so_of_a_value_that_has(
    kept: httpx.Client, capsys: pytest.CaptureFixture[str]
) -> None:
    server = str(kept.base_url)
    assert main(["trace", str(point(E, 0)), "--server", server]) == 0
    assert f"{point(A, 0)}  000001  expired" in capsys.readouterr().out
    for direction in ([], ["--forward"]):
        assert main(["trace", str(point(A, 0)), "--server", server, *direction]) != 0
        assert f"{point(A, 0)} has expired: its provenance was deleted" in capsys.readouterr().err


def test_status_shows_the_periods_held_and_deleted(kept: httpx.Client, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--store", "--server", str(kept.base_url)]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["period", "from", "to", "data", "points", "bytes", "state"]
    assert (lines[1][0], lines[1][2], lines[1][4]) == ("2", "20", "open")
    assert (lines[2][0], lines[2][3], lines[2][5:]) == ("1", "6", ["expired", "2018-02-08T23:52:33.000Z:", "asked"])
