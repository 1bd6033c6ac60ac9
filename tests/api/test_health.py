"""`/healthz` and `/readyz`: a living process without a store is alive and not ready."""

from pathlib import Path

import httpx

from tests.api import grid
from tests.api.served import VERSION, served


def test_with_a_store_the_process_is_alive_and_ready(api: httpx.Client) -> None:
    assert api.get("/healthz").json() == {"status": "alive", "version": VERSION}
    assert api.get("/readyz").json() == {"status": "ready", "version": VERSION}


def test_without_a_store_it_is_alive_and_not_ready_until_there_is_one(tmp_path: Path) -> None:
    with served(lambda: grid.open_reader(tmp_path), lambda: grid.NOW_MS) as client:
        assert client.get("/healthz").status_code == 200
        before = client.get("/readyz")
        grid.open_writer(tmp_path).close()
        after = client.get("/readyz")

    assert (before.status_code, before.headers["content-type"]) == (503, "application/problem+json")
    assert int(before.headers["retry-after"]) >= 1
    assert before.json()["type"] == "urn:headwater:problem:unavailable"
    assert after.status_code == 200
