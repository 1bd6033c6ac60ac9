"""How a node stood when a data point was made: in the API's detail, in SQL, and in `headwater trace`."""

from collections.abc import Iterator
from contextlib import closing

import httpx
import msgspec
import pytest
from rich.console import Console

from headwater.api.options import ApiOptions
from headwater.cli.trace import drawn
from headwater.client import Datapoint
from headwater.model.health import Change, Health, Part, Subject, Verdict
from headwater.store.health import HealthWriter
from headwater.store.port import Standing
from tests.api import grid
from tests.api.grid import T0, A, C, E, point
from tests.api.served import served

CHANGES = [
    Change(1, None, Verdict(Subject(Part.NODE, C), Health.GREEN, T0, "")),
    Change(2, None, Verdict(Subject(Part.LINK, C, E), Health.GREEN, T0, "")),
    Change(3, Health.GREEN, Verdict(Subject(Part.LINK, C, E), Health.RED, T0 + 20, "")),
    Change(4, Health.RED, Verdict(Subject(Part.LINK, C, E), Health.YELLOW, T0 + 21, "")),
    Change(5, None, Verdict(Subject(Part.PIPELINE, C), Health.GREEN, T0 + 22, "")),
]
"""C received its batches at T0 + 20, 21 and 22."""


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("judged")
    writer = grid.open_writer(folder)
    grid.fill(writer, {})
    writer.files.health.unlink()
    with closing(HealthWriter(writer.files)) as health:
        health.keep(Standing(grid.NOW_MS, 0, []), CHANGES)
    options = ApiOptions(folder=str(folder), site=grid.SITE)
    with served(lambda: grid.open_reader(folder), lambda: grid.NOW_MS, options) as client:
        yield client
    writer.close()


def test_detail_says_how_the_node_stood_then(judged: httpx.Client) -> None:
    newest = judged.get("/v1/cluster/000003/provenance?size=10&detail=true&values=false").json()

    assert [one["health"] for one in newest[:3:2]] == [
        {"node": "Green", "link": "Yellow", "pipeline": "Green"},
        {"node": "Green", "link": "Yellow"},
    ]
    assert newest[-1]["health"] == {"node": "Green", "link": "Red"}


def test_what_nobody_had_judged_has_no_word(judged: httpx.Client) -> None:
    (first, *_) = judged.get(f"/v1/provenance/{point(A, 0)}?structure=linear&detail=true&values=false").json()

    assert "health" not in first


def test_sql_selects_by_it(judged: httpx.Client) -> None:
    query = "SELECT DISTINCT node, link_health FROM provenance WHERE node_health = 'Green' ORDER BY link_health"

    rows = judged.post("/v1/query", json={"query": query}).json()["rows"]

    assert rows == [["000003", "Red"], ["000003", "Yellow"]]


def test_trace_shows_what_was_not_well(judged: httpx.Client) -> None:
    body = judged.get(f"/v1/provenance/{point(E, 0)}?structure=recursive&detail=true&values=false").content
    console = Console(width=300, color_system=None)

    with console.capture() as captured:
        console.print(drawn(msgspec.json.decode(body, type=Datapoint), forward=False))

    shown = captured.get()
    assert shown.count("link was Red") == 1
    assert "node was" not in shown
