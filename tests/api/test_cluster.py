"""`/v1/cluster`: topology, stats and the newest data points, as 2018 documented them and with what we add."""

from pathlib import Path

import httpx
import pytest

from tests.api import grid
from tests.api.grid import NOW_MS, T0, B, C, E, point
from tests.api.served import served
from tests.api.test_provenance import CONTEXT_E


def test_topology_lists_nodes_with_their_successors(api: httpx.Client) -> None:
    answer = api.get("/v1/cluster/topology")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == [
        {"id": "000001", "name": "gatewayA", "successor": "000003"},
        {"id": "000003", "name": "gatewayC", "successor": "000004"},
        {"id": "000004", "name": "endpoint"},
        {"id": "00000b", "name": "gatewayB", "successor": "000003"},
    ]


def test_topology_in_detail_shows_logs_addresses_and_steps(api: httpx.Client) -> None:
    first, hop, last, second = api.get("/v1/cluster/topology?detail=true").json()

    assert (first["log"], first["next"], first["listen"]) == ("0000000000000001", "10.0.0.3:50051", "0.0.0.0:50051")
    assert (hop["protocol"], hop["whenFull"], hop["provenance"]) == ("push_batches", "block", True)
    assert hop["steps"] == ["average(2s)"]
    assert "next" not in last
    assert last["agent"].startswith("127.0.0.1:")
    assert first["location"] == {"label": "TU-MAR", "latitude": 52.51, "longitude": 0.0}
    assert second["location"] == {"label": "roof"}
    assert "location" not in hop


def test_stats_shows_every_node_though_one_has_never_reported(api: httpx.Client) -> None:
    answer = api.get("/v1/cluster/stats")

    green = {"nodeHealth": "Green", "provenanceDaemonHealth": "Green", "pipelineDaemonHealth": "Green"}
    red = dict.fromkeys(green, "Red")
    assert answer.status_code == 200
    assert answer.json() == [
        {"id": "000001", **green, "outgoingChannelHealth": "Green", "sendRate": 58.0, "receiveRate": 60.0},
        {"id": "000003", **green, "outgoingChannelHealth": "Green", "sendRate": 58.0, "receiveRate": 60.0},
        {"id": "000004", **green, "sendRate": 58.0, "receiveRate": 60.0},
        {"id": "00000b", **red, "outgoingChannelHealth": "Red", "sendRate": 0.0, "receiveRate": 0.0},
    ]


def test_stats_in_detail_shows_the_last_report(api: httpx.Client) -> None:
    first, _, last, silent = api.get("/v1/cluster/stats?detail=true").json()

    assert {name: first[name] for name in ("name", "reported", "received", "sent", "durable", "acknowledged")} == {
        "name": "gatewayA",
        "reported": NOW_MS,
        "received": 60,
        "sent": 60,
        "durable": 9,
        "acknowledged": 9,
    }
    assert (first["shipped"], first["unshipped"], first["backlog"]) == (8, 1, 0)
    assert (first["refused"], first["dropped"]) == ({"malformed": 2}, {"dropped": 7, "gap": 2})
    assert "backlog" not in last
    assert "received" not in silent


def test_what_the_judge_found_long_ago_is_not_how_things_stand(tmp_path: Path) -> None:
    writer = grid.open_writer(tmp_path)
    grid.fill(writer, {})
    clock = [NOW_MS]
    with served(lambda: grid.open_reader(tmp_path), lambda: clock[0]) as client:
        seen = []
        for age_ms in (0, 3_000, 3_001):
            clock[0] = NOW_MS + age_ms
            first = client.get("/v1/cluster/stats").json()[0]
            seen.append((first["nodeHealth"], first["outgoingChannelHealth"], first["sendRate"]))
    writer.close()

    assert seen == [("Green", "Green", 58.0), ("Green", "Green", 58.0), ("Yellow", "Yellow", 0.0)]


def test_the_newest_points_of_a_node_come_without_their_inputs(api: httpx.Client) -> None:
    answer = api.get("/v1/cluster/000004/provenance?size=10")

    newest = answer.json()
    assert answer.status_code == 200
    assert [one["id"] for one in newest] == [str(point(E, position)) for position in range(9, -1, -1)]
    assert newest[-1] == {"id": str(point(E, 0)), "context": CONTEXT_E}


def test_size_bounds_the_newest_points(api: httpx.Client) -> None:
    answer = api.get("/v1/cluster/000003/provenance?size=3").json()

    assert [one["id"] for one in answer] == [str(point(C, position)) for position in (9, 8, 7)]


def test_the_newest_points_in_detail_have_values(api: httpx.Client) -> None:
    newest = api.get("/v1/cluster/000001/provenance?size=1000&detail=true").json()

    assert [one["value"] for one in newest] == ["-Infinity", "NaN", -0.0, 1.5]
    assert {one["node"] for one in newest} == {"gatewayA"}


def test_a_node_that_records_little_shows_little(api: httpx.Client) -> None:
    [newest] = api.get("/v1/cluster/00000b/provenance?size=1").json()

    assert newest == {"id": str(point(B, 1)), "context": {"timestamp": T0 + 1000, "hostId": "00000b"}}


@pytest.mark.parametrize("size", ["", "?size=", "?size=1001", "?size=-1", "?size=ten", "?size=1.0", "?size=%2B5"])
def test_another_size_is_answered_with_a_quoted_string(api: httpx.Client, size: str) -> None:
    answer = api.get(f"/v1/cluster/000004/provenance{size}")

    assert (answer.status_code, answer.text) == (400, '"Invalid size (Size should be a number <= 1000)."')


@pytest.mark.parametrize("node", ["4", "0000004", "endpoint", "000004%20"])
def test_a_node_id_of_another_length_is_answered_with_a_quoted_string(api: httpx.Client, node: str) -> None:
    answer = api.get(f"/v1/cluster/{node}/provenance?size=5")

    assert (answer.status_code, answer.text) == (400, '"Invalid node id."')


@pytest.mark.parametrize("path", ["000004/provenance?size=0", "00ffff/provenance?size=5", "nodeXY/provenance?size=5"])
def test_where_no_points_are_the_answer_is_bare_text(api: httpx.Client, path: str) -> None:
    answer = api.get(f"/v1/cluster/{path}")

    assert (answer.status_code, answer.text) == (404, "No provenance is available.")


@pytest.mark.parametrize(("path", "text"), [("topology", "No Cluster found."), ("stats", "No stats found.")])
def test_without_nodes_the_answer_is_bare_text(empty: httpx.Client, path: str, text: str) -> None:
    answer = empty.get(f"/v1/cluster/{path}")

    assert (answer.status_code, answer.text) == (404, text)
    assert answer.headers["content-type"] == "application/json"
