"""The provenance daemon as a whole, beside a real log and a real store."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, cast

import grpc
import msgspec
import pytest

from headwater.agent.daemon import READINGS_MAX, serving
from headwater.agent.options import AgentOptions
from headwater.agent.shipper import AGENT
from headwater.log.cursors import load_cursor
from headwater.log.disk import RealDisk
from headwater.log.identity import identify
from headwater.log.manifest import MANIFEST
from headwater.model.errors import ConfigError, Unavailable
from headwater.model.ids import DataPointId
from headwater.model.reading import Reading
from headwater.model.report import NodeReport
from headwater.store.options import SqliteOptions
from headwater.store.reader import SqliteReader
from headwater.store.service import serve
from headwater.wire import headwater_pb2 as pb
from headwater.wire.headwater_pb2_grpc import AgentStub, ProvenanceServicer, add_ProvenanceServicer_to_server
from tests.agent.logs import NODE, Written
from tests.pipeline.daemons import LOCAL, until, wall_ms

SITE = "default"


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Written]:
    made = Written(RealDisk(tmp_path / "node" / "log"))
    yield made
    made.close()


def agent_options(folder: Path, server: str = "127.0.0.1:1", **more: Any) -> AgentOptions:
    given = {"node": NODE, "name": "node", "data": folder / "node", "listen": LOCAL, "group_wait_ms": 5, **more}
    return AgentOptions(server=server, **given)


@contextlib.asynccontextmanager
async def store(
    folder: Path, port: int = 0, heard: Callable[[NodeReport], None] = lambda report: None
) -> AsyncIterator[str]:
    """A store of its own; yields where it takes stamps."""
    started: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    work = serve(SqliteOptions(), folder / "store", SITE, "127.0.0.1", port, wall_ms, started.set_result, heard=heard)
    task = asyncio.create_task(work)
    await asyncio.wait((task, started), return_when=asyncio.FIRST_COMPLETED)
    try:
        yield f"127.0.0.1:{started.result()}"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@contextlib.contextmanager
def reader(folder: Path) -> Iterator[SqliteReader]:
    opened = SqliteOptions().open_reader(folder / "store", SITE)
    try:
        yield opened
    finally:
        opened.close()


async def shipped(folder: Path, written: Written) -> None:
    """Wait until the store has everything that the log has."""
    expected = sum(run.count for run, _ in written.batches)

    def has_all() -> bool:
        with reader(folder) as opened:
            return opened.totals()["stamps"] == expected

    await until(has_all, f"{expected} stamps in the store")


def points(folder: Path, written: Written) -> dict[DataPointId, tuple[str, int]]:
    """What the store knows of each id: meter and time."""
    ids = [run.at(at) for run, _ in written.batches for at in range(run.count)]
    with reader(folder) as opened:
        return {
            id: (point.key.meter if point.key else "", point.timestamp or 0) for id, point in opened.points(ids).items()
        }


def as_written(written: Written) -> dict[DataPointId, tuple[str, int]]:
    return {run.at(at): (one.meter, one.timestamp) for run, held in written.batches for at, one in enumerate(held)}


# ---- shipping --------------------------------------------------------------------------------------------------------


def test_the_store_gets_every_stamp_exactly_as_it_is_in_the_log(tmp_path: Path, written: Written) -> None:
    async def run() -> None:
        written.write(20, batches=30)
        async with store(tmp_path) as address, serving(agent_options(tmp_path, address), wall_ms):
            await shipped(tmp_path, written)
            written.write(20, batches=30)
            await shipped(tmp_path, written)

    asyncio.run(run())
    assert points(tmp_path, written) == as_written(written)
    with reader(tmp_path) as opened:
        assert opened.totals()["conflicts"] == 0
        assert opened.refused() == {}


def test_what_never_fills_the_buffer_is_shipped_all_the_same(tmp_path: Path, written: Written) -> None:
    async def run() -> None:
        written.write(20, batches=3)
        async with (
            store(tmp_path) as address,
            serving(agent_options(tmp_path, address, buffer_capacity=100_000), wall_ms),
        ):
            await shipped(tmp_path, written)

    asyncio.run(run())
    assert points(tmp_path, written) == as_written(written)


def test_an_agent_and_a_store_that_start_again_lose_and_double_nothing(tmp_path: Path, written: Written) -> None:
    async def run() -> None:
        async with store(tmp_path) as address:
            for _ in range(3):
                async with serving(agent_options(tmp_path, address), wall_ms):
                    written.write(20, batches=10)
                    await shipped(tmp_path, written)
        port = int(address.rpartition(":")[2])
        async with serving(agent_options(tmp_path, address), wall_ms):
            written.write(20, batches=10)
            async with store(tmp_path, port):
                await shipped(tmp_path, written)
            written.write(20, batches=10)
            async with store(tmp_path, port):
                await shipped(tmp_path, written)

    asyncio.run(run())
    assert points(tmp_path, written) == as_written(written)
    with reader(tmp_path) as opened:
        assert opened.refused() == {}


def test_a_store_that_lost_everything_gets_it_again(tmp_path: Path, written: Written) -> None:
    async def run() -> None:
        written.write(20, batches=30)
        async with contextlib.AsyncExitStack() as stack:
            async with store(tmp_path / "old") as address:
                await stack.enter_async_context(serving(agent_options(tmp_path, address), wall_ms))
                await shipped(tmp_path / "old", written)
            async with store(tmp_path, int(address.rpartition(":")[2])):
                await shipped(tmp_path, written)

    asyncio.run(run())
    assert points(tmp_path, written) == as_written(written)


def test_how_far_is_shipped_is_noted_for_the_log(tmp_path: Path, written: Written) -> None:
    async def run() -> None:
        written.write(20, batches=5)
        async with store(tmp_path) as address, serving(agent_options(tmp_path, address), wall_ms):
            await until(lambda: load_cursor(written.disk, AGENT).sequence == written.log.durable)

    asyncio.run(run())


def test_the_store_is_told_how_the_node_stands(tmp_path: Path, written: Written) -> None:
    async def run() -> None:
        written.write(20, batches=5)
        written.disk.store_word("received", 100)
        async with store(tmp_path) as address, serving(agent_options(tmp_path, address), wall_ms):
            await until(lambda: told(tmp_path) == (100, written.log.durable))

    asyncio.run(run())


def test_an_agent_that_finds_the_store_late_does_not_say_that_it_ships_nothing(
    tmp_path: Path, written: Written
) -> None:
    reports: list[NodeReport] = []
    away_s = 3.0

    async def run() -> None:
        written.write(20, batches=5)
        async with store(tmp_path) as address:
            pass
        async with serving(agent_options(tmp_path, address), wall_ms):
            await asyncio.sleep(away_s)
            async with store(tmp_path, int(address.rpartition(":")[2]), reports.append):
                await until(lambda: reports)

    asyncio.run(run())
    assert reports[0].progress.unshipped_ms < away_s * 1000


class Deaf:
    """A store that answers and takes reports, and no stamps."""

    def __init__(self) -> None:
        self.reports: list[NodeReport] = []

    async def push_stamps(self, messages: Any, context: object) -> AsyncIterator[pb.StampsDown]:
        yield pb.StampsDown(stored=0)
        async for up in messages:
            if up.HasField("report"):
                self.reports.append(msgspec.msgpack.decode(up.report, type=NodeReport))

    async def forget(self, gone: pb.NodeGone, context: object) -> pb.NodeForgotten:
        return pb.NodeForgotten()


def test_an_agent_says_how_long_a_store_that_answers_has_taken_nothing(tmp_path: Path, written: Written) -> None:
    async def run() -> None:
        deaf, server = Deaf(), grpc.aio.server()
        add_ProvenanceServicer_to_server(cast(ProvenanceServicer, deaf), server)
        address = f"127.0.0.1:{server.add_insecure_port(LOCAL)}"
        await server.start()
        written.write(20, batches=5)
        async with serving(agent_options(tmp_path, address), wall_ms):
            await until(lambda: deaf.reports and deaf.reports[-1].progress.unshipped_ms > 1_000)
        await server.stop(0)

    asyncio.run(run())


def told(folder: Path) -> tuple[int, int] | None:
    """Received and durable, as the store was told last."""
    with reader(folder) as opened:
        reports = [node.report for node in opened.nodes() if node.report is not None]
    return (reports[0].received, reports[0].durable) if reports else None


def test_a_store_of_another_site_refuses_and_is_asked_again(
    tmp_path: Path, written: Written, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        async with store(tmp_path) as address, serving(agent_options(tmp_path, address, site="other"), wall_ms):
            await until(lambda: sum("refused: site: " in record.getMessage() for record in caplog.records) >= 2)

    with caplog.at_level(logging.WARNING):
        asyncio.run(run())


# ---- starting and ending ---------------------------------------------------------------------------------------------


def test_an_agent_waits_for_its_log_to_appear(tmp_path: Path) -> None:
    async def run() -> None:
        async with store(tmp_path) as address:

            async def begin() -> None:
                async with serving(agent_options(tmp_path, address), wall_ms):
                    await asyncio.Event().wait()

            agent = asyncio.create_task(begin())
            await asyncio.sleep(0.5)
            assert not agent.done()
            late = Written(RealDisk(tmp_path / "node" / "log"))
            late.write(20, batches=5)
            await shipped(tmp_path, late)
            agent.cancel()
            await asyncio.gather(agent, return_exceptions=True)
            late.close()

    asyncio.run(run())


async def fails(options: AgentOptions) -> None:
    async with serving(options, wall_ms):
        await asyncio.sleep(60)


def test_the_log_of_another_node_is_refused(tmp_path: Path, written: Written) -> None:
    with pytest.raises(ConfigError, match="holds the log of node 000007, not of 000008"):
        asyncio.run(fails(agent_options(tmp_path, node=8)))


def test_a_port_that_is_taken_is_named(tmp_path: Path, written: Written) -> None:
    async def run() -> None:
        async with serving(agent_options(tmp_path), wall_ms) as port:
            await fails(agent_options(tmp_path, listen=f"127.0.0.1:{port}"))

    with pytest.raises(Unavailable, match=r"cannot listen on 127\.0\.0\.1:"):
        asyncio.run(run())


def test_an_agent_ends_when_another_log_is_begun(tmp_path: Path, written: Written) -> None:
    async def run() -> None:
        async with serving(agent_options(tmp_path), wall_ms):
            written.disk.unlink(MANIFEST)
            identify(written.disk, NODE, True, wall_ms())
            await asyncio.sleep(60)

    with pytest.raises(Unavailable, match=r"was replaced by .* start the agent again"):
        asyncio.run(run())


# ---- readings by id --------------------------------------------------------------------------------------------------


async def ask(port: int, runs: list[tuple[int, int]]) -> list[tuple[str, list[Reading]]]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        wanted = pb.ReadingsWanted(run=[pb.Run(start=start, count=count) for start, count in runs])
        answer = await AgentStub(channel).read(wanted)
    decode: Callable[[bytes], list[Reading]] = msgspec.msgpack.Decoder(list[Reading]).decode
    return [(found.state, decode(found.readings) if found.readings else []) for found in answer.found]


def test_readings_are_served_by_id_while_the_log_grows(tmp_path: Path, written: Written) -> None:
    async def run() -> None:
        async with serving(agent_options(tmp_path), wall_ms) as port:
            for _ in range(5):
                written.write(20, batches=10)
                runs = [(run.start, run.count) for run, _ in written.batches]
                assert await ask(port, runs) == [("ok", held) for _, held in written.batches]
            (end,) = await ask(port, [(runs[-1][0] + 20, 1)])
            assert end == ("unknown", [])

    asyncio.run(run())


@pytest.mark.parametrize("runs", [[(0, READINGS_MAX + 1)], [(1 << 56, 1)], [(5, 0)], [(5, 1)] * 10_001])
def test_a_question_that_is_too_large_or_makes_no_sense_is_refused(
    tmp_path: Path, written: Written, runs: list[tuple[int, int]]
) -> None:
    async def run() -> None:
        async with serving(agent_options(tmp_path), wall_ms) as port:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await ask(port, runs)
            assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
            assert "at most 10000 runs of 100000 ids in all" in str(caught.value.details())

    asyncio.run(run())


@pytest.mark.parametrize("size", [3, READINGS_MAX * 20])
def test_beats_that_are_garbage_or_too_long_are_refused_and_cost_nothing_else(
    tmp_path: Path, written: Written, size: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        written.write(20)
        async with serving(agent_options(tmp_path), wall_ms) as port:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                call: Any = channel.stream_stream("/headwater.v1.Agent/beat")()
                await call.write(b"\xff" * size)
                if size < 100:
                    answer = pb.Beat.FromString(await call.read())
                    assert answer.refusal.reason == "version"
                else:
                    assert await call.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            run, held = written.batches[0]
            assert await ask(port, [(run.start, run.count)]) == [("ok", held)]

    asyncio.run(run())
    assert "Traceback" not in caplog.text
