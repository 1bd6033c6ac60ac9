"""Readings by HTTP: answered when durable, refused one by one, bounded in every way."""

import asyncio
import gzip
import json
import zlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from headwater.model.errors import Unavailable
from headwater.pipeline import daemon as daemon_module
from headwater.pipeline import http, http_body
from headwater.pipeline.inlets import HttpOptions
from headwater.pipeline.mapping import MappingOptions
from tests.pipeline.daemons import FullDisk, Reading, Running, fill, gateway_options, readings, running, until

EMPTY_GZIP = gzip.compress(b"[]", mtime=0)
JSON = "application/json"
RECORD = {"meter": "m", "metric": "power", "timestamp": 5, "value": 1.5}
READING = Reading("m", "power", 5, 1.5)
Work = Callable[[Running, httpx.AsyncClient], Coroutine[None, None, None]]


@asynccontextmanager
async def gateway(folder: Path, **more: Any) -> AsyncIterator[tuple[Running, httpx.AsyncClient]]:
    async with running(gateway_options(folder, http_listen="127.0.0.1:0", **more)) as found:
        url = f"http://127.0.0.1:{found.daemon.http_port}"
        async with httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as client:
            yield found, client


def at_gateway(folder: Path, work: Work, **more: Any) -> None:
    async def run() -> None:
        async with gateway(folder, **more) as (found, client):
            await work(found, client)

    asyncio.run(run())


async def post(client: httpx.AsyncClient, content: Any, kind: str = JSON, **headers: str) -> httpx.Response:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return await client.post("/v1/readings", content=data, headers={"content-type": kind, **headers})


def told(answer: httpx.Response) -> tuple[int, int, int]:
    body = answer.json()
    return answer.status_code, body["accepted"], body["refused"]


def check_problem(answer: httpx.Response, status: int, reason: str) -> dict[str, Any]:
    """What a problem says; it has every member of RFC 9457."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert body["type"] == f"urn:headwater:problem:{reason}"
    assert body["title"]
    assert body["detail"]
    return body


BODIES: dict[str, tuple[str, bytes]] = {
    "json": (JSON, json.dumps([RECORD, RECORD]).encode()),
    "json with a charset": (f'{JSON}; charset="UTF-8"', json.dumps([RECORD, RECORD]).encode()),
    "ndjson": ("application/x-ndjson", b"\n".join([json.dumps(RECORD).encode()] * 2)),
    "senml": ("application/senml+json", json.dumps([{"bn": "m:", "n": "power", "v": 1.5, "t": 1.7e9}] * 2).encode()),
    "csv": ("text/csv", b"meter,metric,timestamp,value\nm,power,5,1.5\nm,power,5,1.5\n"),
}


@pytest.mark.parametrize("kind", BODIES)
def test_what_is_answered_200_is_durable(tmp_path: Path, kind: str) -> None:
    async def work(found: Running, client: httpx.AsyncClient) -> None:
        answer = await post(client, BODIES[kind][1], BODIES[kind][0])
        assert told(answer) == (200, 2, 0)
        assert answer.json()["problems"] == []
        at = 1_700_000_000_000 if kind == "senml" else 5
        assert readings(tmp_path) == [READING._replace(timestamp=at)] * 2

    at_gateway(tmp_path, work)


def test_the_query_names_what_the_body_does_not(tmp_path: Path) -> None:
    async def work(found: Running, client: httpx.AsyncClient) -> None:
        url = "/v1/readings?meter=m&metric=power"
        answer = await client.post(url, content=b"timestamp,value\n5,1.5\n", headers={"content-type": "text/csv"})
        assert told(answer) == (200, 1, 0)

    at_gateway(tmp_path, work)
    assert readings(tmp_path) == [READING]


def test_a_mapping_of_the_node_holds(tmp_path: Path) -> None:
    async def work(found: Running, client: httpx.AsyncClient) -> None:
        assert told(await post(client, {"id": "m", "at": 5, "p": 1.5})) == (200, 1, 0)

    mapping = MappingOptions(meter="$.id", timestamp="$.at", values={"power": "$.p"})
    at_gateway(tmp_path, work, http=HttpOptions(mapping=mapping))
    assert readings(tmp_path) == [READING]


def test_some_refused_is_207_and_names_each_with_its_place(tmp_path: Path) -> None:
    async def work(found: Running, client: httpx.AsyncClient) -> None:
        answer = await post(client, [RECORD, {**RECORD, "value": "on"}, RECORD])
        assert told(answer) == (207, 2, 1)
        (item,) = answer.json()["problems"]
        assert (item["place"], item["reason"]) == ("record 2", "value")
        assert "not a number" in item["detail"]
        assert found.daemon.core.refused == {"value": 1}

    at_gateway(tmp_path, work)
    assert readings(tmp_path) == [READING] * 2


def test_none_valid_is_400_and_the_list_is_bounded(tmp_path: Path) -> None:
    async def work(found: Running, client: httpx.AsyncClient) -> None:
        body = check_problem(await post(client, [{}] * 1000), 400, "none-valid")
        assert (body["accepted"], body["refused"], len(body["problems"])) == (0, 1000, http.PROBLEMS_MAX)
        assert found.daemon.core.refused == {"meter": 1000}
        body = check_problem(await post(client, b"{"), 400, "none-valid")
        assert body["problems"][0]["place"] == "payload"

    at_gateway(tmp_path, work)


def test_nothing_in_a_body_is_nothing_to_refuse(tmp_path: Path) -> None:
    async def work(found: Running, client: httpx.AsyncClient) -> None:
        assert told(await post(client, [])) == (200, 0, 0)

    at_gateway(tmp_path, work)


def test_repetitions_are_accepted_and_logged_once_where_that_is_configured(tmp_path: Path) -> None:
    async def work(found: Running, client: httpx.AsyncClient) -> None:
        assert told(await post(client, [RECORD, RECORD])) == (200, 2, 0)
        assert told(await post(client, RECORD)) == (200, 1, 0)
        assert found.daemon.core.refused == {"duplicate": 2}

    at_gateway(tmp_path, work, deduplicate_window=10)
    assert readings(tmp_path) == [READING]


def test_a_large_body_enters_in_several_batches(tmp_path: Path) -> None:
    async def work(found: Running, client: httpx.AsyncClient) -> None:
        answer = await post(client, [{**RECORD, "timestamp": at} for at in range(5000)])
        assert told(answer) == (200, 5000, 0)

    at_gateway(tmp_path, work)
    assert [each.timestamp for each in readings(tmp_path)] == list(range(5000))


# ---- compression and size -------------------------------------------------------------------------------------------


def test_gzip_is_read_in_one_or_several_members(tmp_path: Path) -> None:
    line = json.dumps(RECORD).encode() + b"\n"

    async def work(found: Running, client: httpx.AsyncClient) -> None:
        body = gzip.compress(line) + gzip.compress(line)
        answer = await post(client, body, "application/x-ndjson", **{"content-encoding": "gzip"})
        assert told(answer) == (200, 2, 0)

    at_gateway(tmp_path, work)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_beyond_the_bound_is_413_before_it_takes_memory(tmp_path: Path, compressed: bool, chunked: bool) -> None:
    big = b" " * 3_000_000
    body = gzip.compress(big) if compressed else big

    async def parts() -> AsyncIterator[bytes]:
        yield body[: len(body) // 2]
        yield body[len(body) // 2 :]

    async def work(found: Running, client: httpx.AsyncClient) -> None:
        headers = {"content-type": JSON} | ({"content-encoding": "gzip"} if compressed else {})
        try:
            answer = await client.post("/v1/readings", content=parts() if chunked else body, headers=headers)
            check_problem(answer, 413, "size")
        except httpx.WriteError:
            assert not compressed  # The gateway had answered and closed before all was sent.
        assert told(await post(client, RECORD)) == (200, 1, 0)

    at_gateway(tmp_path, work, http=HttpOptions(body_bytes_max=100_000))


@pytest.mark.parametrize("body", [b"no gzip", EMPTY_GZIP[:-4], zlib.compress(b"[]"), EMPTY_GZIP + b"rest"])
def test_what_is_no_gzip_is_400(tmp_path: Path, body: bytes) -> None:
    async def work(found: Running, client: httpx.AsyncClient) -> None:
        check_problem(await post(client, body, **{"content-encoding": "gzip"}), 400, "gzip")

    at_gateway(tmp_path, work)


def test_bodies_at_once_are_bounded_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_body, "BODIES_BYTES_MAX", 1000)

    async def work(found: Running, client: httpx.AsyncClient) -> None:
        answer = await post(client, b" " * 2000)
        check_problem(answer, 503, "busy")
        assert answer.headers["retry-after"] == "1"
        for _ in range(5):  # What was held is given back.
            assert told(await post(client, [RECORD] * 10)) == (200, 10, 0)

    at_gateway(tmp_path, work)


# ---- what is not taken ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "content-type"),
        ({"content-type": "text/plain"}, "content-type"),
        ({"content-type": f"{JSON}; charset=latin-1"}, "content-type"),
        ({"content-type": JSON, "content-encoding": "br"}, "content-encoding"),
    ],
)
def test_what_cannot_be_read_is_415(tmp_path: Path, headers: dict[str, str], reason: str) -> None:
    async def work(found: Running, client: httpx.AsyncClient) -> None:
        check_problem(await client.post("/v1/readings", content=b"[]", headers=headers), 415, reason)
        assert found.daemon.core.refused == {f"http-{reason}": 1}

    at_gateway(tmp_path, work)


def test_other_paths_methods_and_queries_are_said(tmp_path: Path) -> None:
    async def work(found: Running, client: httpx.AsyncClient) -> None:
        check_problem(await client.get("/"), 404, "path")
        answer = await client.get("/v1/readings")
        check_problem(answer, 405, "method")
        assert answer.headers["allow"] == "POST"
        query = "&".join(f"a{at}=1" for at in range(20))
        answer = await client.post(f"/v1/readings?{query}", content=b"[]", headers={"content-type": JSON})
        check_problem(answer, 400, "query")

    at_gateway(tmp_path, work)


def test_a_full_log_is_429_with_the_time_to_come_again(tmp_path: Path) -> None:
    async def work(found: Running, client: httpx.AsyncClient) -> None:
        found.daemon.core.room = lambda: False
        answer = await post(client, RECORD)
        check_problem(answer, 429, "full")
        assert int(answer.headers["retry-after"]) >= 1
        found.daemon.core.room = lambda: True
        assert told(await post(client, RECORD)) == (200, 1, 0)

    at_gateway(tmp_path, work)
    assert readings(tmp_path) == [READING]


def test_nothing_is_promised_while_the_disk_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon_module, "RealDisk", FullDisk)
    monkeypatch.setattr(http, "PATIENCE_S", 0.3)

    async def work(found: Running, client: httpx.AsyncClient) -> None:
        found.daemon.core.room = lambda: True  # It is taken, and then the disk refuses it.
        disk = await fill(found)
        answer = await post(client, RECORD)
        check_problem(answer, 503, "disk")
        assert int(answer.headers["retry-after"]) >= 1
        disk.full = False
        await until(lambda: not found.daemon.committer.failing)
        assert told(await post(client, {**RECORD, "value": 2})) == (200, 1, 0)

    at_gateway(tmp_path, work)
    assert readings(tmp_path)[-1].value == 2


def test_a_client_that_falls_silent_is_let_go_and_gives_back_what_it_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "BODY_S_MAX", 0.2)

    async def work(found: Running, client: httpx.AsyncClient) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", found.daemon.http_port)
        head = f"POST /v1/readings HTTP/1.1\r\nhost: x\r\ncontent-type: {JSON}\r\ncontent-length: 99\r\n\r\n["
        writer.write(head.encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 408")
        writer.close()
        assert told(await post(client, RECORD)) == (200, 1, 0)

    at_gateway(tmp_path, work)


def test_a_client_that_goes_away_within_its_body_costs_nothing(tmp_path: Path) -> None:
    async def work(found: Running, client: httpx.AsyncClient) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", found.daemon.http_port)
        head = f"POST /v1/readings HTTP/1.1\r\nhost: x\r\ncontent-type: {JSON}\r\ncontent-length: 99\r\n\r\n["
        writer.write(head.encode())
        await writer.drain()
        writer.close()
        assert told(await post(client, RECORD)) == (200, 1, 0)

    at_gateway(tmp_path, work)
    assert readings(tmp_path) == [READING]


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    async def run() -> None:
        async with gateway(tmp_path / "one") as (found, _):
            options = gateway_options(tmp_path / "two", http_listen=f"127.0.0.1:{found.daemon.http_port}")
            with pytest.raises(Unavailable, match="cannot listen for HTTP"):
                async with running(options):
                    pass

    asyncio.run(run())


def test_the_status_says_how_the_ways_in_stand(tmp_path: Path) -> None:
    async def work(found: Running, client: httpx.AsyncClient) -> None:
        await post(client, [{}])
        answer = await client.get("/v1/status")
        assert answer.status_code == 200
        body = answer.json()
        assert (body["node"], body["mqtt"], body["room"]) == ("node1", [], True)
        assert body["refused"] == {"meter": 1}
        assert body["latest_refusals"][0].startswith("meter: HTTP, record 1: no meter")

    at_gateway(tmp_path, work)
