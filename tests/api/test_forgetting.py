"""`DELETE /v1/cluster/health/{nodeId}`, over a real store with a judge, and `headwater forget` on top of it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import grpc
import httpx
import pytest

from headwater.api.options import ApiOptions
from headwater.cli.main import main
from headwater.health.judge import Judge
from headwater.health.suspicion import Bounds
from headwater.model.health import Health, Part, Subject, Verdict
from headwater.store.files import files_of
from headwater.store.health import HealthWriter
from headwater.store.options import SqliteOptions
from headwater.store.service import serve
from headwater.wire import headwater_pb2 as pb
from headwater.wire.headwater_pb2_grpc import ProvenanceStub
from tests.api.served import dead_address, served
from tests.health.reports import report_of
from tests.pipeline.daemons import until, wall_ms
from tests.store.agents import Agent
from tests.store.grids import SITE

HASTY = Bounds(200, 300, 300)


class Site(NamedTuple):
    """A store, its judge, and the API before them."""

    judge: Judge
    client: httpx.Client
    agent: Callable[[int], Agent]

    async def delete(self, node: str) -> httpx.Response:
        return await asyncio.to_thread(self.client.delete, f"/v1/cluster/health/{node}")

    async def shown(self) -> list[list[str]]:
        """The nodes in the topology, the stats and the health."""
        answers = []
        for path in ("topology", "stats", "health"):
            body = (await asyncio.to_thread(self.client.get, f"/v1/cluster/{path}")).json()
            answers.append([node["id"] for node in (body["nodes"] if path == "health" else body)])
        return answers

    def stands(self, node: int) -> Verdict | None:
        """The word on a node, once there is one."""
        verdicts = {verdict.subject: verdict for verdict in self.judge.detector.verdicts}
        return verdicts.get(Subject(Part.NODE, node))

    async def dead(self, node: int) -> None:
        """Wait until a node is Red."""
        await until(lambda: (word := self.stands(node)) is not None and word.health is Health.RED)

    async def known(self, node: int, name: str) -> None:
        """Let a node say hello and report once."""
        agent = self.agent(node)
        await agent.hello(name=name)
        self.judge.hear(report_of(node))
        agent.call.cancel()


@asynccontextmanager
async def sites(folder: Path) -> AsyncIterator[Site]:
    writer = HealthWriter(files_of(folder, SITE))
    judge = Judge(HASTY, writer, wall_ms)
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    serving = serve(
        SqliteOptions(), folder, SITE, "127.0.0.1", 0, wall_ms, port.set_result, heard=judge.hear, forget=judge.forget
    )
    tasks = [asyncio.create_task(serving), asyncio.create_task(judge.run())]
    try:
        address = f"127.0.0.1:{await port}"
        async with grpc.aio.insecure_channel(address) as channel:
            stub = ProvenanceStub(channel)
            options = ApiOptions(ingest=address)
            with served(lambda: SqliteOptions().open_reader(folder, SITE), wall_ms, options) as client:
                yield Site(judge, client, lambda node: Agent(stub, node))
            with pytest.raises(grpc.aio.AioRpcError, match="1 bytes, 3 are needed"):
                await stub.forget(pb.NodeGone(node=b"x"))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        writer.close()


def test_a_node_that_is_gone_is_shown_no_longer_and_its_history_stays(tmp_path: Path) -> None:
    async def run() -> None:
        async with sites(tmp_path) as site:
            await site.known(1, "old")
            await site.known(2, "new")
            await site.dead(1)
            assert (await site.delete("old")).status_code == 204
            assert await site.shown() == [["000002"]] * 3
            events = (await asyncio.to_thread(site.client.get, "/v1/cluster/events?node=old")).json()
            assert "Red" in {event["health"] for event in events}
            assert "gone on purpose" in events[0]["evidence"]
            await site.known(1, "old")
            await until(lambda: not site.judge.detector.forgotten)
            while await site.shown() != [["000001", "000002"]] * 3:
                await asyncio.sleep(0.05)

    asyncio.run(run())


def test_what_is_not_gone_not_known_or_not_clear_is_refused_in_a_sentence(tmp_path: Path) -> None:
    async def run() -> None:
        async with sites(tmp_path) as site:
            for node, name in ((1, "twin"), (2, "twin"), (3, "other")):
                await site.known(node, name)
            reporting = asyncio.create_task(_report(site.judge, 3))
            await until(lambda: site.stands(3))
            refused = await site.delete("other")
            assert (refused.status_code, refused.json()["type"]) == (409, "urn:headwater:problem:in-use")
            assert "node 000003 is Green" in refused.json()["detail"]
            assert refused.headers["content-type"] == "application/problem+json"
            assert (await site.delete("000009")).status_code == 404
            nobody, twins = await site.delete("nobody"), await site.delete("twin")
            assert nobody.status_code == twins.status_code == 400
            assert "000001, 000002 are called: say which by its id" in twins.json()["detail"]
            reporting.cancel()

    asyncio.run(run())


async def _report(judge: Judge, node: int) -> None:
    while True:
        judge.hear(report_of(node))
        await asyncio.sleep(0.05)


def test_the_command_says_what_was_done_or_why_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def run() -> None:
        async with sites(tmp_path) as site:
            monkeypatch.setenv("HEADWATER_SERVER", str(site.client.base_url))
            await site.known(1, "old")
            await site.dead(1)
            assert await asyncio.to_thread(main, ["forget", "old"]) == 0
            assert capsys.readouterr().out == "old is forgotten until it reports again\n"
            assert await asyncio.to_thread(main, ["forget", "000007"]) == 3
            assert await asyncio.to_thread(main, ["forget", "nobody"]) == 2
            reporting = asyncio.create_task(_report(site.judge, 1))
            await until(lambda: site.stands(1))
            capsys.readouterr()
            assert await asyncio.to_thread(main, ["forget", "old"]) == 2
            assert "only a node that is Red" in capsys.readouterr().err
            reporting.cancel()

    asyncio.run(run())


def test_a_store_that_does_not_answer_is_said_to_be_away(tmp_path: Path) -> None:
    from tests.api import grid

    writer = grid.open_writer(tmp_path)
    grid.fill(writer, {})
    with dead_address() as dead:
        options = ApiOptions(ingest=dead)
        with served(lambda: grid.open_reader(tmp_path), lambda: grid.NOW_MS, options) as client:
            away = client.delete("/v1/cluster/health/gatewayB")
    writer.close()
    assert (away.status_code, away.json()["type"]) == (503, "urn:headwater:problem:unavailable")
