"""Pages: whatever the list, its cursors lead through all of it, and only through it."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from headwater.api.pages import Question
from headwater.model.errors import Rejected
from headwater.model.records import Loss
from headwater.model.shipment import Shipment
from tests.api import grid
from tests.api.grid import A, log_of, run
from tests.api.served import served

LISTS = ("/v1/losses", "/v1/alarms", "/v1/find?order=oldest", "/v1/cluster/000001/provenance")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which every list is several pages long."""
    folder = tmp_path_factory.mktemp("store")
    writer = grid.open_writer(folder)
    grid.fill(writer, {})
    for at in range(10, 15):
        loss = Loss("dropped", log_of(A), at, at, 1, (run(A, at, 1),))
        writer.add(log_of(A), [(at, Shipment((), (), (), (), ((at, loss),)))])
        with pytest.raises(Rejected):
            writer.hello(grid.SITE, A, b"log%05d" % at, "other", "", grid.NOW_MS)
    writer.close()
    return folder


def asked(api: httpx.Client, path: str) -> tuple[list[Any], str | None]:
    answer = api.get(path)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return body["points"] if isinstance(body, dict) else body, answer.links.get("next", {}).get("url")


@pytest.mark.parametrize("path", LISTS)
def test_links_lead_through_the_whole_list(folder: Path, path: str) -> None:
    sized = path + ("&" if "?" in path else "?") + "size="
    with served(lambda: grid.open_reader(folder), lambda: grid.NOW_MS) as api:
        whole, rest = asked(api, sized + "1000")
        assert len(whole) >= 4
        assert rest is None
        for size in (1, 2, 3, len(whole)):
            listed, link = asked(api, f"{sized}{size}")
            while link is not None:
                assert len(listed) % size == 0
                page, link = asked(api, link)
                listed += page
            assert listed == whole


@pytest.mark.parametrize("path", LISTS)
def test_a_cursor_of_another_question_is_refused(folder: Path, path: str) -> None:
    with served(lambda: grid.open_reader(folder), lambda: grid.NOW_MS) as api:
        sized = path + ("&" if "?" in path else "?") + "size=1"
        cursor = httpx.URL(asked(api, sized)[1] or "").params["cursor"]
        for other in {*LISTS, "/v1/losses?node=000003", "/v1/find?meter=x", "/v1/cluster/000003/provenance"} - {path}:
            answer = api.get(other, params={"size": "2", "cursor": cursor, **httpx.URL(other).params})
            assert answer.status_code == 400, (other, answer.text)
            assert "of another question" in answer.json()["detail"]
            assert answer.json()["type"] == "urn:headwater:problem:cursor"


@pytest.mark.parametrize("cursor", ["", "x", "é", "AAAA", "=", "a" * 300, "k5M"])
def test_what_is_no_cursor_is_refused(folder: Path, cursor: str) -> None:
    with served(lambda: grid.open_reader(folder), lambda: grid.NOW_MS) as api:
        answer = api.get("/v1/losses", params={"cursor": cursor})
    assert answer.status_code == 400
    assert "is not a cursor" in answer.json()["detail"]


def test_a_cursor_with_a_place_that_cannot_be_is_refused() -> None:
    question = Question("losses", (None,))
    for place in ((1 << 63,), (1, 2), ()):
        with pytest.raises(Rejected, match="is not a cursor"):
            question.place(question.cursor(place), 1)
