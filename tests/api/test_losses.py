"""`/v1/losses`, `/v1/alarms` and `/v1/totals`: losses, alarms and counts as the store has them."""

from pathlib import Path

import httpx
import pytest

from headwater.model.errors import Rejected
from tests.api import grid
from tests.api.grid import UNSEEN, A, point
from tests.api.served import served


def test_losses_are_shown_with_the_ids_that_went(api: httpx.Client) -> None:
    newest, first = api.get("/v1/losses").json()

    assert (newest["node"], newest["why"]) == ("000004", "gap")
    assert first == {
        "node": "000003",
        "sequence": 7,
        "why": "damaged",
        "log": "000000000000000f",
        "first": 3,
        "last": 3,
        "readings": 1,
        "runs": [{"first": str(point(UNSEEN, 1)), "count": 1}],
        "link": [[3, 3]],
        "stamps": [],
    }


@pytest.mark.parametrize("query", ["?node=000001", "?size=0"])
def test_losses_can_be_narrowed(api: httpx.Client, query: str) -> None:
    assert api.get(f"/v1/losses{query}").json() == []
    assert api.get("/v1/alarms?size=0").json() == []


def test_totals_count_data_points_and_batches(api: httpx.Client) -> None:
    totals = api.get("/v1/totals").json()

    assert totals.pop("bytes") > 0
    assert totals == {"stamps": 26, "batches": 10, "conflicts": 0, "expired": 0, "refused": {}}


def test_two_nodes_with_one_id_are_an_alarm(tmp_path: Path) -> None:
    writer = grid.open_writer(tmp_path)
    writer.hello(grid.SITE, A, b"log one.", "one", "", grid.NOW_MS)
    with pytest.raises(Rejected):
        writer.hello(grid.SITE, A, b"log two.", "two", "", grid.NOW_MS)
    with served(lambda: grid.open_reader(tmp_path), lambda: grid.NOW_MS) as client:
        [alarm] = client.get("/v1/alarms").json()
        totals = client.get("/v1/totals").json()
    writer.close()

    assert (alarm["reason"], alarm["node"], alarm["at"]) == ("node-conflict", "000001", grid.NOW_MS)
    assert alarm["log"] == b"log two.".hex()
    assert totals["refused"] == {"node-conflict": 1}
