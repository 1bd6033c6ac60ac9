"""`/v1/cluster/health` and `/v1/cluster/events`: who stands how, why, and what has changed."""

from pathlib import Path
from typing import Any

import httpx

from tests.api import grid
from tests.api.grid import NOW_MS
from tests.api.served import served


def test_everything_is_judged_with_its_reason(api: httpx.Client) -> None:
    health = api.get("/v1/cluster/health").json()

    assert (health["at"], health["lateLooks"]) == (NOW_MS, 2)
    nodes = {node["id"]: node for node in health["nodes"]}
    assert nodes["000001"]["node"] == {"health": "Green", "since": grid.JUDGED, "evidence": "it works"}
    dead = nodes["00000b"]
    assert (dead["node"]["health"], dead["node"]["doubt"], dead["node"]["alarm"]) == ("Red", "node or link", True)
    assert dead["pipeline"]["cause"] == dead["provenance"]["cause"] == {"part": "node", "node": "00000b"}


def test_what_one_failure_explains_is_one_alarm(api: httpx.Client) -> None:
    (alarm,) = api.get("/v1/cluster/health").json()["alarms"]

    assert alarm["subject"] == {"part": "node", "node": "00000b"}
    assert sorted(each["part"] for each in alarm["explains"]) == ["link", "pipeline", "provenance"]


def test_the_books_of_a_link_add_up(api: httpx.Client) -> None:
    links: list[dict[str, Any]] = api.get("/v1/cluster/health").json()["links"]

    (books,) = [link["account"] for link in links if link["source"] == "000001"]
    assert books == {
        "sent": 1060, "delivered": 1000, "buffered": 53, "dropped": {"dropped": 7}, "rate": 58.0, "oldestMs": 300,
    }  # fmt: skip
    assert books["sent"] == books["delivered"] + books["buffered"] + sum(books["dropped"].values())


def test_events_come_newest_first_page_by_page(api: httpx.Client) -> None:
    first = api.get("/v1/cluster/events?size=1")
    second = api.get(first.links["next"]["url"])

    (fell,), (found,) = first.json(), second.json()
    assert (fell["before"], fell["health"], fell["alarm"]) == ("Green", "Red", True)
    assert fell["number"] == found["number"] + 1
    assert "before" not in found


def test_events_of_one_node_are_those_of_its_links_too(api: httpx.Client) -> None:
    events = api.get("/v1/cluster/events?node=endpoint").json()

    assert {(event["subject"]["part"], event["subject"]["node"]) for event in events} == {
        ("node", "000004"), ("pipeline", "000004"), ("provenance", "000004"), ("link", "000003"),
    }  # fmt: skip


def test_a_judge_that_is_gone_has_no_say(tmp_path: Path) -> None:
    writer = grid.open_writer(tmp_path)
    grid.fill(writer, {})
    with served(lambda: grid.open_reader(tmp_path), lambda: NOW_MS + 5_000) as client:
        health = client.get("/v1/cluster/health").json()
    writer.close()

    assert {node["node"]["health"] for node in health["nodes"]} == {"Yellow"}
    assert health["nodes"][0]["node"]["evidence"] == "the judge has not looked for 5 s"
    assert health["alarms"] == []


def test_without_nodes_there_is_no_cluster(empty: httpx.Client) -> None:
    assert empty.get("/v1/cluster/health").status_code == 404
    assert empty.get("/v1/cluster/events").json() == []
    assert empty.get("/v1/cluster/events?node=nobody").status_code == 400
