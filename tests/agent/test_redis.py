"""The Redis of a node: what is found there by id, whatever happens to it in between. Real servers, really killed."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from headwater.agent.daemon import serving
from headwater.agent.messages import GROUP_MAX, REDIS
from headwater.agent.redis import POSITION_PREFIX, RedisKeeper
from headwater.log.cursors import load_cursor
from headwater.log.disk import RealDisk
from headwater.log.explained import take_reports
from headwater.log.segments import segments
from headwater.model.ids import IdRun
from tests.agent.logs import Written
from tests.agent.redis_server import RedisServer
from tests.agent.test_daemon import agent_options, shipped, store
from tests.pipeline.daemons import until, wall_ms


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Written]:
    made = Written(RealDisk(tmp_path / "node" / "log"))
    made.clock_ms = wall_ms()
    yield made
    made.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    made = RedisServer(tmp_path / "redis")
    yield made
    made.kill()


@contextlib.asynccontextmanager
async def keeping(folder: Path, written: Written, url: str, **more: Any) -> AsyncIterator[RedisKeeper]:
    """The part of an agent that keeps readings in Redis, alone."""
    keeper = RedisKeeper(agent_options(folder, redis=url, **more), written.disk, written.log.log, wall_ms)
    task = asyncio.create_task(keeper.run())
    try:
        yield keeper
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def expected(written: Written) -> dict[str, dict[str, str]]:
    """The hashes of 2018 for all that was written."""
    return {
        str(run.at(at)): {
            "metricID": one.metric,
            "value": repr(one.value),
            "meterID": one.meter,
            "timestamp": str(one.timestamp),
        }
        for run, readings in written.batches
        for at, one in enumerate(readings)
    }


async def kept(written: Written, server: RedisServer) -> None:
    """Wait until Redis has all that was written, and nothing else."""
    await until(lambda: position(server) == written.disk.load_word("mark"), "all in redis")
    assert server.hashes() == expected(written)


async def counted(keeper: RedisKeeper, counts: dict[str, int]) -> None:
    """Redis answers before what it was given is counted."""
    await until(lambda: keeper.counts() == counts, f"{counts}, instead of the last {keeper.counts()}")


def position(server: RedisServer) -> int:
    with server.client() as client:
        found = [client.get(key) for key in client.scan_iter(f"{POSITION_PREFIX}*", count=100_000)]
    return int(found[0] or 0) if found else 0


def test_readings_are_found_by_id_in_the_layout_of_2018_and_expire(
    tmp_path: Path, written: Written, server: RedisServer
) -> None:
    async def run() -> None:
        written.write(20, batches=30)
        written.write(2 * GROUP_MAX + 7)
        async with keeping(tmp_path, written, server.url, storagetime_s=1000) as keeper:
            await kept(written, server)
            written.write(20, batches=30)
            await kept(written, server)
            await counted(keeper, {"kept": len(expected(written))})

    asyncio.run(run())
    with server.client() as client:
        assert client.dbsize() == len(expected(written)) + 1
        last, _ = written.batches[-1]
        assert client.pexpiretime(str(last.at(0))) == written.clock_ms + 1_000_000


def test_nothing_is_there_before_it_is_durable(tmp_path: Path, written: Written, server: RedisServer) -> None:
    async def run() -> None:
        written.write(5)
        durable = expected(written)
        written.write(5, commit=False)
        async with keeping(tmp_path, written, server.url):
            await until(lambda: server.hashes() == durable)
            written.log.commit()
            await kept(written, server)

    asyncio.run(run())


@pytest.mark.parametrize("options", [(), ("--appendonly", "yes", "--appendfsync", "no")])
def test_a_redis_that_is_killed_has_everything_again_and_holds_nobody_up(
    tmp_path: Path, written: Written, options: tuple[str, ...]
) -> None:
    server = RedisServer(tmp_path / "redis", *options)

    async def run() -> None:
        async with store(tmp_path) as address:
            agent = agent_options(tmp_path, address, redis=server.url)
            async with serving(agent, wall_ms):
                for _ in range(2):
                    written.write(20, batches=20)
                    await kept(written, server)
                    written.write(50, batches=100)
                    await until(lambda: position(server) > 0)
                    server.kill()
                    written.write(20, batches=20)
                    await shipped(tmp_path, written)
                    server.begin()
                    await kept(written, server)

    try:
        asyncio.run(run())
    finally:
        server.kill()


def test_what_was_deleted_there_is_given_again_even_when_nothing_new_comes(
    tmp_path: Path, written: Written, server: RedisServer
) -> None:
    async def run() -> None:
        written.write(20, batches=5)
        async with keeping(tmp_path, written, server.url) as keeper:
            await kept(written, server)
            with server.client() as client:
                client.flushdb()
            await kept(written, server)
            await counted(keeper, {"kept": 100, "repeated": 100})

    asyncio.run(run())


def test_what_was_deleted_there_is_given_again_when_the_next_readings_come(
    tmp_path: Path, written: Written, server: RedisServer
) -> None:
    async def run() -> None:
        written.write(20, batches=5)
        async with keeping(tmp_path, written, server.url) as keeper:
            await kept(written, server)
            with server.client() as client:
                client.flushdb()
            written.write(20)
            await kept(written, server)
            await counted(keeper, {"kept": 120, "repeated": 100})

    asyncio.run(run())


def test_an_agent_that_starts_again_goes_on_where_redis_is(
    tmp_path: Path, written: Written, server: RedisServer
) -> None:
    async def run() -> None:
        for _ in range(3):
            written.write(20, batches=5)
            async with keeping(tmp_path, written, server.url) as keeper:
                await kept(written, server)
                await counted(keeper, {"kept": 100})
                await until(lambda: load_cursor(written.disk, REDIS).sequence == written.disk.load_word("mark"))

    asyncio.run(run())


class Swallowing(RedisKeeper):
    """One whose client ends a call as if nothing had been cancelled, as wait_for may before Python 3.12."""

    async def _position(self, client: Any) -> str:
        asked = asyncio.create_task(super()._position(client))
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0.2)
        return await asked


def test_a_keeper_ends_although_its_client_swallows_the_cancellation(
    tmp_path: Path, written: Written, server: RedisServer
) -> None:
    async def run() -> None:
        keeper = Swallowing(agent_options(tmp_path, redis=server.url), written.disk, written.log.log, wall_ms)
        task = asyncio.create_task(keeper.run())
        await asyncio.sleep(0.05)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=30)
        assert done

    asyncio.run(run())


def test_a_full_redis_is_told_and_counted_once_it_has_room_it_catches_up(
    tmp_path: Path, written: Written, server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        with server.client() as client:
            client.config_set("maxmemory", 1)
            written.write(20, batches=5)
            async with keeping(tmp_path, written, server.url) as keeper:
                await until(lambda: keeper.counts().get("failures", 0) > 2)
                assert server.hashes() == {}
                client.config_set("maxmemory", 0)
                await kept(written, server)

    caplog.set_level(logging.WARNING)
    asyncio.run(run())
    (said,) = [record.getMessage() for record in caplog.records]
    assert "is full (" in said
    assert "raise its maxmemory, or shorten storagetime_s; trying again until it works" in said


def test_a_redis_that_refuses_the_user_is_told_without_the_password(
    tmp_path: Path, written: Written, server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        with server.client() as client:
            client.config_set("requirepass", "right")
            written.write(20)
            wrong = server.url.replace("unix://", "unix://:mistaken@")
            async with keeping(tmp_path, written, wrong) as keeper:
                await until(lambda: keeper.counts().get("failures", 0) > 1)
            client.config_set("requirepass", "")

    caplog.set_level(logging.WARNING)
    asyncio.run(run())
    (said,) = [record.getMessage() for record in caplog.records]
    assert "refuses this user" in said
    assert "mistaken" not in said


def test_what_the_log_lets_go_while_redis_is_away_is_counted_and_the_rest_is_kept(
    tmp_path: Path, written: Written, server: RedisServer
) -> None:
    async def run() -> None:
        written.write(20, batches=5)
        async with keeping(tmp_path, written, server.url):
            await kept(written, server)
            await until(lambda: load_cursor(written.disk, REDIS).sequence == written.disk.load_word("mark"))
        before = set(expected(written))
        written.write(20, batches=100)
        for segment in written.log.segments[:3]:
            written.log.condemn(segment)
        written.log.sweep()
        written.log.commit()
        first = segments(written.disk)[0]
        gone = [run for run, _ in written.batches if sequences[run] < first and str(run.at(0)) not in before]
        assert gone
        async with keeping(tmp_path, written, server.url) as keeper:
            await counted(keeper, {"kept": 2000 - 20 * len(gone), "missed": 20 * len(gone)})
        lost = {str(run.at(at)) for run in gone for at in range(run.count)}
        assert server.hashes().keys() == expected(written).keys() - lost

    sequences = SequenceOf(written)
    asyncio.run(run())


class SequenceOf(dict[IdRun, int]):
    """The record of each run, remembered before it goes."""

    def __init__(self, written: Written) -> None:
        super().__init__()
        self._append = written.log.append
        written.log.append = self._remember  # type: ignore[method-assign]

    def _remember(self, kind: int, body: Any, *rest: Any, **more: Any) -> Any:
        record = self._append(kind, body, *rest, **more)
        if getattr(body, "stamp", None) is not None:
            self[body.stamp.run] = record.sequence
        return record


def test_readings_older_than_the_storage_time_are_not_kept_but_counted(
    tmp_path: Path, written: Written, server: RedisServer
) -> None:
    async def run() -> None:
        written.clock_ms -= 3_600_000
        written.write(20, batches=5)
        recent = len(written.batches)
        written.clock_ms = wall_ms()
        written.write(20, batches=5)
        async with keeping(tmp_path, written, server.url, storagetime_s=600) as keeper:
            await until(lambda: position(server) == written.disk.load_word("mark"))
            await counted(keeper, {"kept": 100, "expired": 100})
        written.batches = written.batches[recent:]
        assert server.hashes() == expected(written)

    asyncio.run(run())


def test_damage_is_passed_once_it_is_named_and_costs_only_itself(
    tmp_path: Path, written: Written, server: RedisServer
) -> None:
    async def run() -> None:
        written.write(20, batches=10)
        run, _ = written.batches[4]
        written.damage(written.sequence_of(run))
        async with keeping(tmp_path, written, server.url) as keeper:
            await until(lambda: (written.disk.folder / f"damaged.{REDIS}").exists())
            for missing in take_reports(written.disk):
                written.name_damage(missing)
            await until(lambda: position(server) == written.disk.load_word("mark"))
            await counted(keeper, {"kept": 180, "missed": 20})

    asyncio.run(run())
