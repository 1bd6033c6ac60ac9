"""Forwarding to a hop of 2018: real ones in a process of their own, and ones that answer as they are told."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from headwater.log.cursors import load_cursor
from headwater.log.disk import RealDisk
from headwater.model.records import Kind
from headwater.model.stamp import Lists
from headwater.pipeline import forward2018
from headwater.pipeline.forward2018 import READINGS_MAX
from headwater.pipeline.step_options import AggregateOptions
from tests.pipeline import grid2018
from tests.pipeline.daemons import (
    LOCAL,
    Reading,
    Running,
    Source,
    by_series,
    chain,
    free_address,
    gateway_options,
    logged,
    ramp,
    readings,
    running,
    until,
)

ALL_NAMES = "METER,METRIC,LOCATION,LINE,CLASS,APPLICATION,CREATE_TIME,SEND_TIME,RECEIVE_TIME"


class Hop:
    """An old server: it takes everything and answers "200", in a process that knows nothing of Headwater."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.address = f"127.0.0.1:{port}"
        self.messages: list[dict[str, Any]] = []
        self.readings: list[Reading] = []
        self.seen: set[Reading] = set()

    async def listen(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.messages.append(json.loads(line))
            self.readings.append(_reading(self.messages[-1]))
            self.seen.add(self.readings[-1])

    async def has(self, count: int) -> None:
        """Wait until it has got so many messages."""
        await until(lambda: len(self.messages) >= count, f"{count} messages at the hop")


def _reading(message: dict[str, Any]) -> Reading:
    return Reading(message["meter"], message["metric"], message["timestamp"], message["value"])


@contextlib.asynccontextmanager
async def old_hop(address: str = LOCAL) -> AsyncIterator[Hop]:
    process = await asyncio.create_subprocess_exec(sys.executable, grid2018.__file__, "server", address, stdout=-1)
    assert process.stdout is not None
    hop = Hop(process, int(await process.stdout.readline()))
    listening = asyncio.create_task(hop.listen())
    try:
        yield hop
    finally:
        process.kill()
        await process.wait()
        await listening


def towards(folder: Path, address: str, **more: Any) -> Any:
    return running(gateway_options(folder, next=address, next_protocol="push_data", **more))


async def all_answered(gateway: Running, count: int) -> None:
    """Wait until the next hop has answered for everything in a log of so many readings."""
    log, outflow = gateway.daemon.log, gateway.daemon.outflow
    assert outflow is not None
    await until(lambda: log.state.count >= count and outflow.acknowledged == log.state.sequence)


async def feed(gateway: Running, source: Source, made: list[Reading]) -> None:
    """Readings that the gateway then has durably."""
    source.make(made)
    async with source.connected(gateway.address):
        await source.send()
        await source.settled()


# ---- an old hop -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "context"),
    [
        ({}, ALL_NAMES),
        ({"metrics": ("ctime", "meterid")}, "CREATE_TIME,METER"),
        ({"provenance": False}, ""),
    ],
)
def test_an_old_hop_gets_exactly_the_readings_with_our_ids_and_context(
    tmp_path: Path, options: dict[str, Any], context: str
) -> None:
    async def run() -> None:
        async with old_hop() as hop, towards(tmp_path, hop.address, **options) as gateway:
            await feed(gateway, Source(), ramp(5000))
            await hop.has(5000)
            held = logged(tmp_path)
            assert hop.readings == [one.reading for one in held] == ramp(5000)
            assert [message["prov_id"] for message in hop.messages] == [str(one.id or "") for one in held]
            assert {message["context"] for message in hop.messages} == {context}
            assert gateway.daemon.core.refused == {}

    asyncio.run(run())


def test_the_same_run_over_two_hops_of_2018_keeps_the_ids_linked(tmp_path: Path) -> None:
    async def run() -> None:
        async with chain(tmp_path, {"next_protocol": "push_data"}, {}) as (gateway, endpoint):
            await feed(gateway, Source(), ramp(300))
            await until(lambda: endpoint.daemon.log.state.count >= 300)

    asyncio.run(run())
    sent = {one.reading: one.id for one in logged(tmp_path / "1")}
    arrived = logged(tmp_path / "2")
    assert len(arrived) == len(sent)
    for one in arrived:
        stamp = one.batch.stamp
        assert stamp is not None
        assert isinstance(stamp.inputs, Lists)
        assert [run.at(0) for run in stamp.inputs.inputs[one.position]] == [sent[one.reading]]


def test_a_hop_that_comes_later_gets_everything_and_one_that_dies_gets_it_again(tmp_path: Path) -> None:
    async def run() -> None:
        address = free_address()
        source = Source()
        async with towards(tmp_path, address) as gateway:
            await feed(gateway, source, ramp(3000))
            async with old_hop(address) as first:
                await until(lambda: len(first.messages) > 500, "the first readings")
            await feed(gateway, source, ramp(3000, start=3000))
            async with old_hop(address) as second:
                missing = {*ramp(6000)} - first.seen
                await until(lambda: second.seen >= missing, "all readings")
                arrived = [*first.readings, *second.readings]
        # At least once, and in order: what comes again begins with something that had come, and goes on from there.
        for series, values in by_series(arrived).items():
            once = list(dict.fromkeys(values))
            assert once == by_series(ramp(6000))[series]

    asyncio.run(run())


def test_a_gateway_that_starts_again_goes_on_where_it_was(tmp_path: Path) -> None:
    async def run() -> None:
        source = Source()
        async with old_hop() as hop:
            for start in (0, 2000):
                async with towards(tmp_path, hop.address) as gateway:
                    await feed(gateway, source, ramp(2000, start=start))
                    await all_answered(gateway, start + 2000)
                    # The hop prints what it got before it answers, but the lines may come later than the answer.
                    await hop.has(start + 2000)
            assert hop.readings == ramp(2000) + ramp(2000, start=2000)

    asyncio.run(run())


def test_the_position_is_saved_with_the_readings_up_to_there(tmp_path: Path) -> None:
    async def run() -> tuple[int, int]:
        async with old_hop() as hop, towards(tmp_path, hop.address) as gateway:
            await feed(gateway, Source(), ramp(2000))
            await all_answered(gateway, 2000)
            return gateway.daemon.log.durable, gateway.daemon.log.state.count

    reached = asyncio.run(run())
    assert tuple(load_cursor(RealDisk(gateway_options(tmp_path).log), "forward")) == reached


# ---- a hop that answers as it is told -------------------------------------------------------------------------------


class ToldHop:
    """A server that gives the answers it is told, one a stream, then "200"."""

    def __init__(self, answers: list[Any]) -> None:
        self.answers = answers
        self.streams: list[list[bytes]] = []
        self.peers: set[str] = set()

    async def push_data(self, messages: AsyncIterator[bytes], context: Any) -> bytes:
        answer = self.answers.pop(0) if self.answers else "200"
        self.peers.add(context.peer())
        self.streams.append([])
        if answer == "503 at once":
            return grid2018.text(1, "503")
        async for message in messages:
            self.streams[-1].append(message)
        if isinstance(answer, grpc.StatusCode):
            await context.abort(answer, "as told")
        code, _, refused = answer.partition(" ")
        if refused:
            context.set_trailing_metadata((("headwater-refused", refused),))
        return grid2018.text(1, code)


@contextlib.asynccontextmanager
async def told_hop(*answers: Any) -> AsyncIterator[tuple[ToldHop, str]]:
    hop = ToldHop(list(answers))
    method: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_unary_rpc_method_handler(hop.push_data)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("provenance_system.gateway", {"push_data": method}),)
    )
    port = server.add_insecure_port(LOCAL)
    await server.start()
    try:
        yield hop, f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


@pytest.mark.parametrize(
    "failure", ["503", "503 at once", "something", grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL]
)
def test_a_stream_that_is_not_taken_is_sent_again_as_it_was(tmp_path: Path, failure: object) -> None:
    async def run() -> None:
        async with told_hop(failure, failure) as (hop, address), towards(tmp_path, address) as gateway:
            await feed(gateway, Source(), ramp(700))
            await all_answered(gateway, 700)
        first, second, third = hop.streams[:3]
        assert failure == "503 at once" or first == second == third
        taken = [message for stream in hop.streams[2:] for message in stream]
        assert [_reading(grid2018.decode(message)) for message in taken] == ramp(700)

    asyncio.run(run())


@pytest.mark.parametrize("answer", ["207 3", "207", "400 3", "400"])
def test_what_a_hop_refuses_is_counted_and_not_sent_again(tmp_path: Path, answer: str) -> None:
    async def run() -> None:
        async with told_hop(*[answer] * 100) as (hop, address), towards(tmp_path, address) as gateway:
            source = Source()
            source.make(ramp(700))
            async with source.connected(gateway.address):
                await source.send()
            await all_answered(gateway, 700)
            assert sum(map(len, hop.streams)) == 700
            told = "headwater-refused" if " " in answer else answer
            each = {"headwater-refused": 3 * len(hop.streams), "400": 700, "207": 0}
            assert gateway.daemon.core.refused["refused-by-next-hop"] == each[told]

    asyncio.run(run())


def test_all_streams_go_over_one_connection_and_are_bounded(tmp_path: Path) -> None:
    async def run() -> None:
        async with told_hop() as (hop, address), towards(tmp_path, address) as gateway:
            await feed(gateway, Source(), ramp(8000))
            await until(lambda: sum(map(len, hop.streams)) >= 8000)
        assert len(hop.peers) == 1
        assert max(map(len, hop.streams)) == READINGS_MAX

    asyncio.run(run())


def test_a_hop_that_does_not_answer_is_given_up_and_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forward2018, "REPLY_S_MAX", 0.3)

    async def run() -> None:
        async with told_hop() as (hop, address), towards(tmp_path, address) as gateway:
            answer, silent = hop.push_data, asyncio.Event()

            async def say_nothing(messages: AsyncIterator[bytes], context: Any) -> bytes:
                if not silent.is_set():
                    silent.set()
                    await asyncio.sleep(60)
                return await answer(messages, context)

            hop.push_data = say_nothing  # type: ignore[method-assign]
            await feed(gateway, Source(), ramp(10))
            await all_answered(gateway, 10)

    asyncio.run(run())


# ---- steps ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("output", ["add", "replace"])
def test_results_of_steps_are_sent_beside_the_readings_or_instead_of_them(tmp_path: Path, output: Any) -> None:
    step = AggregateOptions(function="sum", window_s=10, output=output)

    async def run() -> None:
        async with old_hop() as hop, towards(tmp_path, hop.address, steps=(step,)) as gateway:
            await feed(gateway, Source(), ramp(300))
            await until(lambda: gateway.daemon.chain.sequence >= gateway.daemon.log.durable - 10)
            gateway.daemon.drain()
            # Every record is past the forwarder, those that do not travel too.
            await until(
                lambda: (
                    len(readings(tmp_path, Kind.OUT)) == 30
                    and gateway.daemon.outflow.acknowledged == gateway.daemon.log.durable
                )
            )
            made = logged(tmp_path, Kind.OUT)
            raw = [] if output == "replace" else readings(tmp_path)
            await hop.has(len(made) + len(raw))
            assert sorted(hop.readings) == sorted([*raw, *(one.reading for one in made)])
            ids = {message["prov_id"] for message in hop.messages if message["metric"] == "power.sum"}
            assert ids == {str(one.id) for one in made}

    asyncio.run(run())
