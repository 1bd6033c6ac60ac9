"""Gateways that send to each other over real gRPC on one loop."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from headwater.log.standing import RECEIVED, SENT
from headwater.model.records import Kind
from headwater.model.stamp import Same
from headwater.pipeline import forward
from headwater.pipeline.step_options import AggregateOptions, FilterOptions, RoundOptions
from headwater.wire import headwater_pb2 as pb
from tests.pipeline.daemons import (
    LOCAL,
    Reading,
    Running,
    Source,
    batches,
    chain,
    free_address,
    gateway_options,
    logged,
    ramp,
    readings,
    running,
    until,
)


async def feed(gateway: Running, source: Source, made: list[Reading]) -> None:
    """Readings that the gateway then has durably."""
    source.make(made)
    async with source.connected(gateway.address):
        await source.send(most=500)
        await source.settled()


async def has(node: Running, count: int) -> None:
    """Wait until a node holds so many readings durably."""
    log = node.daemon.log
    await until(lambda: log.state.count >= count and log.durable == log.state.sequence, f"{count} readings")


async def all_passed(gateway: Running) -> None:
    """Wait until the next hop has everything that a gateway has."""
    log, outflow = gateway.daemon.log, gateway.daemon.outflow
    assert outflow is not None
    await until(lambda: log.durable == log.state.sequence == outflow.passed, "everything at the next hop")


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


# ---- delivery -------------------------------------------------------------------------------------------------------


def test_every_reading_arrives_once_in_order_and_leads_to_where_it_came_from(tmp_path: Path) -> None:
    async def run() -> None:
        async with chain(tmp_path, {}, {}, {}) as nodes:
            await feed(nodes[0], Source(), ramp(20_000))
            await has(nodes[2], 20_000)

    asyncio.run(run())
    first, second, third = (logged(tmp_path / str(node)) for node in (1, 2, 3))
    assert [one.reading for one in third] == ramp(20_000)
    for made_of, made in ((first, second), (second, third)):
        for before, after in zip(made_of, made, strict=True):
            stamp = after.batch.stamp
            assert stamp is not None
            assert isinstance(stamp.inputs, Same)
            assert stamp.inputs.run.at(after.position) == before.id
            assert before.reading == after.reading


def test_nothing_is_lost_or_doubled_when_the_next_hop_starts_again_midway(tmp_path: Path) -> None:
    async def run() -> None:
        endpoint = gateway_options(tmp_path / "2", 2, listen=free_address())
        source = Source()
        async with contextlib.AsyncExitStack() as stack:
            async with running(endpoint) as before:
                options = gateway_options(tmp_path / "1", 1, next=before.address)
                gateway = await stack.enter_async_context(running(options))
                await feed(gateway, source, ramp(8000))
                await has(before, 1)
            await feed(gateway, source, ramp(4000, start=8000))
            async with running(endpoint) as after:
                await has(after, 12_000)

    asyncio.run(run())
    assert readings(tmp_path / "2") == ramp(8000) + ramp(4000, start=8000)


def test_a_next_hop_that_is_not_there_yet_gets_everything_later(tmp_path: Path) -> None:
    async def run() -> None:
        address = free_address()
        async with running(gateway_options(tmp_path / "1", 1, next=address)) as gateway:
            await feed(gateway, Source(), ramp(5000))
            async with running(gateway_options(tmp_path / "2", 2, listen=address)) as endpoint:
                await has(endpoint, 5000)

    asyncio.run(run())
    assert readings(tmp_path / "2") == ramp(5000)


def test_a_gateway_that_starts_again_sends_only_what_is_new(tmp_path: Path) -> None:
    async def run() -> None:
        source = Source()
        async with running(gateway_options(tmp_path / "2", 2)) as endpoint:
            options = gateway_options(tmp_path / "1", 1, next=endpoint.address)
            for start in range(0, 3000, 1000):
                async with running(options) as gateway:
                    await feed(gateway, source, ramp(1000, start=start))
                    await has(endpoint, start + 1000)
                    await all_passed(gateway)

    asyncio.run(run())
    assert readings(tmp_path / "2") == [
        reading for start in range(0, 3000, 1000) for reading in ramp(1000, start=start)
    ]
    assert {batch.count for batch in batches(tmp_path / "2")} == {500}


def test_an_idle_gateway_that_starts_again_knows_what_the_next_hop_has(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(gateway_options(tmp_path / "2", 2)) as endpoint:
            options = gateway_options(tmp_path / "1", 1, next=endpoint.address)
            async with running(options) as gateway:
                await feed(gateway, Source(), ramp(1000))
                await all_passed(gateway)
            async with running(options) as gateway:
                outflow = gateway.daemon.outflow
                assert outflow is not None
                await until(lambda: outflow.sent_readings == 1000)

    asyncio.run(run())


@pytest.mark.parametrize("output", ["add", "replace"])
def test_results_of_steps_arrive_beside_the_readings_or_instead_of_them(tmp_path: Path, output: Any) -> None:
    """Instead of them they are readings to the nodes behind."""
    kind = Kind.OUT if output == "add" else Kind.DATA
    step = AggregateOptions(function="average", window_s=10, output=output)

    async def run() -> None:
        async with chain(tmp_path, {"steps": (step,)}, {}) as (gateway, endpoint):
            await feed(gateway, Source(), ramp(300))
            gateway.daemon.drain()
            await until(lambda: len(readings(tmp_path / "2", kind)) >= (30 if output == "replace" else 1))
            await all_passed(gateway)
            await has(endpoint, 30)

    asyncio.run(run())
    assert readings(tmp_path / "2", kind) == readings(tmp_path / "1", Kind.OUT)
    assert {reading.metric for reading in readings(tmp_path / "2", kind)} == {"power.average"}
    assert readings(tmp_path / "2", Kind.DATA if output == "add" else Kind.OUT) == (
        ramp(300) if output == "add" else []
    )


def test_what_came_in_and_what_went_on_is_counted_whatever_steps_make_in_between(tmp_path: Path) -> None:
    steps = (
        FilterOptions(where="value >= 100"),
        RoundOptions(decimals=0),
        AggregateOptions(function="average", window_s=10),
    )

    async def run() -> None:
        async with running(gateway_options(tmp_path / "2", 2)) as endpoint:
            options = gateway_options(tmp_path / "1", 1, next=endpoint.address, steps=steps)
            async with running(options) as gateway:
                await feed(gateway, Source(), ramp(300))
                gateway.daemon.drain()  # Of the 21 windows the first and the last are not full.
                await has(endpoint, 221)
                await all_passed(gateway)
                assert counted(gateway) == (300, 221)
                assert counted(endpoint) == (221, 0)
            async with running(options) as gateway:
                await all_passed(gateway)
                assert counted(gateway) == (300, 221)

    asyncio.run(run())


def counted(gateway: Running) -> tuple[int, int]:
    """What came in and what went on, as the agent is told."""
    daemon = gateway.daemon
    daemon.housekeeping.share()
    return daemon.disk.load_word(RECEIVED), daemon.disk.load_word(SENT)


# ---- refusals -------------------------------------------------------------------------------------------------------


def test_a_second_gateway_with_the_same_id_is_refused_and_the_first_unharmed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        source = Source()
        async with running(gateway_options(tmp_path / "2", 2)) as endpoint:
            first = gateway_options(tmp_path / "1", 1, next=endpoint.address)
            second = gateway_options(tmp_path / "1b", 1, next=endpoint.address)
            async with running(first) as gateway:
                await feed(gateway, source, ramp(500))
                await has(endpoint, 500)
                async with running(second) as twin:
                    await feed(twin, Source(), ramp(10))
                    await until(lambda: endpoint.daemon.core.refused["node-conflict"])
                    await feed(gateway, source, ramp(500, start=500))
                    await has(endpoint, 1000)
                    await until(lambda: any("refused" in warning for warning in warnings(caplog)))

    with caplog.at_level(logging.WARNING):
        asyncio.run(run())
    assert readings(tmp_path / "2") == ramp(500) + ramp(500, start=500)
    told = [warning for warning in warnings(caplog) if "node-conflict" in warning]
    assert any(
        "another node with id 000001" in warning and "give one of them another id" in warning for warning in told
    )


# ---- a next hop that behaves badly ----------------------------------------------------------------------------------


class Told:
    """A next hop that does what it is told with each connection."""

    def __init__(self, how: str) -> None:
        self.how = how
        self.connections = 0

    async def push_batches(self, messages: AsyncIterator[pb.Up], context: Any) -> None:
        self.connections += 1
        await anext(messages)
        if self.how == "silent":
            await asyncio.sleep(60)
        elif self.how == "break":
            await context.abort(grpc.StatusCode.UNKNOWN, "as told")
        elif self.how == "refuse":
            await context.write(pb.Down(refusal=pb.Refusal(reason="version", detail="as told", fatal=True)))


@contextlib.asynccontextmanager
async def told_hop(how: str) -> AsyncIterator[tuple[Told, str]]:
    hop = Told(how)
    method: grpc.RpcMethodHandler[pb.Up, pb.Down] = grpc.stream_stream_rpc_method_handler(
        hop.push_batches, pb.Up.FromString, pb.Down.SerializeToString
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("headwater.v1.Pipeline", {"push_batches": method}),)
    )
    port = server.add_insecure_port(LOCAL)
    await server.start()
    try:
        yield hop, f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("silent", "silent for"),
        ("break", "unknown: as told"),
        ("refuse", "refused: version: as told"),
        ("close", "closed by the next hop"),
    ],
)
def test_a_link_that_fails_is_told_and_tried_again_ever_more_slowly(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, how: str, told: str
) -> None:
    monkeypatch.setattr(forward, "SILENCE_S_MAX", 0.1)

    async def run() -> None:
        async with told_hop(how) as (hop, address), running(gateway_options(tmp_path, next=address)):
            await until(lambda: hop.connections >= 5)

    with caplog.at_level(logging.WARNING):
        asyncio.run(run())
    waits = [float(warning.split()[-2]) for warning in warnings(caplog) if told in warning]
    # Doubling with jitter of a half: the fourth wait is longer than the first in any case.
    assert len(waits) >= 4
    assert waits[3] > waits[0]


def test_a_link_that_worked_is_tried_again_soon(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        source = Source()
        address = free_address()
        async with running(gateway_options(tmp_path / "1", 1, next=address)) as gateway:
            await until(lambda: len(warnings(caplog)) >= 4, "a long wait")
            for part in range(3):
                async with running(gateway_options(tmp_path / "2", 2, listen=address)) as endpoint:
                    await feed(gateway, source, ramp(10, start=10 * part))
                    await has(endpoint, 10 * part + 10)
                    await all_passed(gateway)
                    caplog.clear()
                await until(lambda: warnings(caplog))
                assert float(warnings(caplog)[0].split()[-2]) <= 0.2

    with caplog.at_level(logging.WARNING):
        asyncio.run(run())
