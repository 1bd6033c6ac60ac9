"""Beats between agents over real connections on loopback."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import grpc
import pytest

from headwater.agent.beating import Beating, Times, agent_of
from headwater.agent.beats import Beats
from headwater.agent.daemon import AgentServicer
from headwater.agent.readings import Readings
from headwater.agent.watch import Watch
from headwater.log.standing import show_board
from headwater.model.report import Board, LinkEnd, Neighbour
from headwater.wire import headwater_pb2 as pb
from headwater.wire.headwater_pb2_grpc import AgentStub, add_AgentServicer_to_server
from headwater.wire.link import GRPC_OPTIONS, LINK_VERSION
from tests.pipeline.daemons import LOCAL, until
from tests.simulation.disk import SimDisk

QUICK = Times(beat_every_s=0.02, silence_s_max=0.3, wait_s_max=0.1)
PATIENT = QUICK._replace(silence_s_max=60.0)


def alone(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test in a loop of its own."""

    @functools.wraps(test)
    def run(**given: Any) -> None:
        asyncio.run(test(**given))

    return run


class Node:
    """An agent that beats, without the rest of it."""

    def __init__(self, node: int, site: str = "default", times: Times = PATIENT) -> None:
        self.disk = SimDisk()
        self.beats = Beats(site, node, bytes([node]) * 8, 1)
        self.watch = Watch(self.disk, self.beats)
        self.told: dict[str, str] = {}
        self.beating = Beating(self.beats, self.watch, self.told, times)
        self.node = node

    def send_to(self, address: str | None) -> None:
        """Let the next hop be the node whose agent answers at an address."""
        pipeline = f"pipeline-of-{address}:1"
        self.told[pipeline] = address or ""
        show_board(self.disk, Board(links=() if address is None else (LinkEnd(True, None, pipeline),)))

    @property
    def heard(self) -> tuple[Neighbour, ...]:
        return self.beats.neighbours(self.watch.now_ms)

    @contextlib.asynccontextmanager
    async def looking(self) -> AsyncIterator[None]:
        async with running(self.watch.run(lambda: 0)):
            yield

    @contextlib.asynccontextmanager
    async def serving(self, listen: str = LOCAL) -> AsyncIterator[str]:
        async with self.looking(), served(AgentServicer(self.node, Readings(self.disk), self.beating), listen) as at:
            yield at


@contextlib.asynccontextmanager
async def running(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
        assert not any(task.done() for task in tasks), "it is over"
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def served(servicer: object, listen: str = LOCAL) -> AsyncIterator[str]:
    server = grpc.aio.server(options=GRPC_OPTIONS)
    add_AgentServicer_to_server(servicer, server)  # type: ignore[arg-type]
    port = server.add_insecure_port(listen)
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


@contextlib.asynccontextmanager
async def beating(node: Node) -> AsyncIterator[None]:
    async with running(node.watch.run(lambda: 0), node.beating.run()):
        yield


class Mute:
    """An agent that takes beats and never says anything."""

    def __init__(self) -> None:
        self.calls = 0

    async def beat(self, messages: AsyncIterator[pb.Beat], context: object) -> AsyncIterator[pb.Beat]:
        self.calls += 1
        async for _ in messages:
            pass
        return
        yield pb.Beat()

    async def read(self, wanted: pb.ReadingsWanted, context: object) -> pb.ReadingsFound:
        return pb.ReadingsFound()


def hears(node: Node, count: int = 1, fresh_ms: int = 1_000) -> Callable[[], bool]:
    return lambda: sum(each.heard_ms < fresh_ms for each in node.heard) == count


@alone
async def test_both_ends_hear_each_other_and_know_their_clocks() -> None:
    below, above = Node(1), Node(2)
    async with below.serving() as address, beating(above):
        above.send_to(address)
        await until(
            lambda: all([each.offset_ms is not None for each in node.heard] == [True] for node in (below, above))
        )
        (heard,), (back,) = below.heard, above.heard
    assert (heard.node, back.node) == (2, 1)
    assert abs(heard.offset_ms or 0) <= (heard.round_trip_ms or 0)


@alone
async def test_a_connection_that_breaks_is_made_anew() -> None:
    below, above = Node(1), Node(2)
    async with beating(above):
        async with below.serving() as address:
            above.send_to(address)
            await until(hears(above))
        number = below.beats.own(None, 0).number
        async with below.serving(address):
            await until(lambda: above.beats._peers[1].number > number)


@alone
async def test_a_next_hop_that_moves_is_followed() -> None:
    one, other, above = Node(1), Node(3), Node(2)
    async with one.serving() as first, other.serving() as second, beating(above):
        above.send_to(first)
        await until(hears(above))
        above.send_to(second)
        await until(hears(other))
        above.send_to(None)
        above.send_to(first)
        number = one.beats._peers[2].number
        await until(lambda: one.beats._peers[2].number > number)


@alone
async def test_a_refusal_is_counted_where_it_was_said_and_costs_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    below, above = Node(1, "elsewhere"), Node(2)
    caplog.set_level("INFO")
    async with below.serving() as address, beating(above):
        above.send_to(address)
        await until(lambda: below.beats.refused["beat-site"] >= 2)
        await until(lambda: "refused" in caplog.text)
    assert above.heard == below.heard == ()
    assert "belongs to site 'elsewhere'" in caplog.text


@alone
async def test_an_agent_that_says_nothing_is_left_and_tried_again() -> None:
    mute, above = Mute(), Node(2, times=QUICK)
    async with served(mute) as address, beating(above):
        above.send_to(address)
        await until(lambda: mute.calls >= 3)


@pytest.mark.parametrize("says_something", [True, False])
@alone
async def test_a_caller_that_falls_silent_is_left(says_something: bool) -> None:
    below = Node(1, times=QUICK)
    async with below.serving() as address, grpc.aio.insecure_channel(address) as channel:
        call = AgentStub(channel).beat()
        if says_something:
            node, log = (2).to_bytes(3, "big"), b"2" * 8
            await call.write(pb.Beat(version=LINK_VERSION, site="default", node=node, log=log, life=1, number=1))
            assert isinstance(await call.read(), pb.Beat)
        async with asyncio.timeout(30):
            while await call.read() is not grpc.aio.EOF:
                pass
        assert len(below.heard) == says_something


@alone
async def test_of_two_agents_with_one_id_the_second_is_refused() -> None:
    below, first, second = Node(1), Node(2), Node(2)
    second.beats = second.beating._beats = Beats("default", 2, b"other...", 1)
    async with below.serving() as address, beating(first):
        first.send_to(address)
        await until(hears(below))
        async with beating(second):
            second.send_to(address)
            await until(lambda: below.beats.refused["beat-node-conflict"] > 0)
        assert hears(below)()


def test_an_agent_is_beside_its_pipeline_daemon_unless_told_otherwise() -> None:
    assert agent_of("10.0.0.1:50051", {}) == "10.0.0.1:50061"
    assert agent_of("10.0.0.1:50051", {"10.0.0.1:50051": "10.0.0.2:7"}) == "10.0.0.2:7"
    assert agent_of("[::1]:50051", {}) == "[::1]:50061"
    assert agent_of("10.0.0.1:65530", {}) is None
