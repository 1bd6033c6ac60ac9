"""The service that agents ship to, over real gRPC into a real store."""

import asyncio
from pathlib import Path

import msgspec
import pytest
import zstandard

from headwater.model.errors import ConfigError, Unavailable
from headwater.model.report import NodeReport
from headwater.model.shipment import Shipment
from headwater.model.stamp import Same
from headwater.store.options import SqliteOptions
from headwater.store.service import serve
from headwater.wire import headwater_pb2 as pb
from tests.store.agents import Agent, Server, one, packed, refusal, served, serving, stored, streamed
from tests.store.grids import SITE, point, run, stamped


def test_a_group_is_answered_once_a_reader_finds_it(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        agent = server.agent(1)
        assert stored(await agent.hello()) == 0
        await agent.send(5, one(1, 0))
        assert stored(await agent.answer()) == 5
        reader = server.reader()
        assert list(reader.points([point(1, 0)])) == [point(1, 0)]
        reader.close()

    served(tmp_path, test)


def test_an_agent_goes_on_where_the_store_is_also_after_both_restarted(tmp_path: Path) -> None:
    async def first(server: Server) -> None:
        agent = server.agent(1)
        await agent.hello()
        await agent.send(5, one(1, 0))
        await agent.answer()
        await agent.call.done_writing()
        assert await agent.ended()
        assert stored(await server.agent(1).hello()) == 5

    async def second(server: Server) -> None:
        assert stored(await server.agent(1).hello()) == 5
        assert stored(await server.agent(2).hello()) == 0

    served(tmp_path, first)
    served(tmp_path, second)


BAD_BODIES = {
    "corrupt zstd": ("shipment", packed(one(1, 1))[:-2]),
    "not zstd": ("shipment", b"garbage"),
    "empty": ("shipment", b""),
    "garbage inside": ("shipment", zstandard.compress(b"\xc1garbage")),
    "another message": ("shipment", zstandard.compress(msgspec.msgpack.encode({"a": 1}))),
    "trailing bytes": ("shipment", packed(one(1, 1)) + b"x"),
    "bomb": ("too-large", zstandard.compress(bytes(65 << 20))),
    "bomb without a size": ("shipment", streamed(bytes(65 << 20))),
    "wrong node": ("unknown-node", packed(one(2, 0))),
    "wrong stamp": ("stamp", packed(Shipment((stamped(run(1, 0, 2), Same(run(2, 0, 3))),)))),
    "conflict": ("conflict", packed(Shipment((stamped(run(1, 0, 1), received_ms=1),)))),
}


@pytest.mark.parametrize("body", BAD_BODIES)
def test_a_bad_group_costs_only_itself(tmp_path: Path, body: str) -> None:
    reason, bad = BAD_BODIES[body]

    async def test(server: Server) -> None:
        agent, other = server.agent(1), server.agent(3)
        await agent.hello()
        await other.hello()
        await agent.send(1, one(1, 0))
        await agent.send(2, bad)
        await agent.send(3, one(1, 5))
        await other.send(9, one(3, 0))
        assert stored(await agent.answer()) == 1
        assert refusal(await agent.answer()) == (reason, 2, False)
        assert stored(await agent.answer()) == 2
        assert stored(await agent.answer()) == 3
        assert stored(await other.answer()) == 9
        reader = server.reader()
        assert reader.refused() == {reason: 1}
        assert len(reader.points([point(1, 0), point(1, 5), point(3, 0)])) == 3
        reader.close()

    served(tmp_path, test)


def test_a_shipment_nested_too_deep_is_refused(tmp_path: Path) -> None:
    loss = b"\xa3gap\xc4\x01x\x01\x02"
    nested = (b"\x99" + loss + b"\x00\x90\x90\x90\x91") * 100_000 + b"\x94" + loss
    body = zstandard.compress(b"\x95\x90\x90\x90\x90\x91\x92\x01" + nested)

    async def test(server: Server) -> None:
        agent = server.agent(1)
        await agent.hello()
        await agent.send(1, body)
        assert refusal(await agent.answer()) == ("shipment", 1, False)
        assert stored(await agent.answer()) == 1

    served(tmp_path, test)


BAD_HELLOS: dict[str, dict[str, object]] = {
    "version": {"version": 7},
    "site": {"site": "elsewhere"},
    "node": {"node": b"\x01"},
    "log": {"log": b"short"},
    "name": {"name": "x" * 2_000},
}


@pytest.mark.parametrize("reason", BAD_HELLOS)
def test_a_bad_hello_ends_the_stream(tmp_path: Path, reason: str) -> None:
    async def test(server: Server) -> None:
        agent = server.agent(1)
        assert refusal(await agent.hello(**BAD_HELLOS[reason])) == (reason, 0, True)
        assert await agent.ended()
        assert stored(await server.agent(1).hello()) == 0

    served(tmp_path, test)


def test_a_stream_begins_with_hello_and_says_it_once(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        rude = server.agent(1)
        await rude.send(1, one(1, 0))
        assert refusal(await rude.answer()) == ("hello", 0, True)
        agent = server.agent(1)
        await agent.hello()
        assert refusal(await agent.hello()) == ("message", 0, True)
        assert await agent.ended()

    served(tmp_path, test)


def test_a_sequence_that_cannot_be_ends_the_stream(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        agent = server.agent(1)
        await agent.hello()
        await agent.send((1 << 64) - 1, one(1, 0))
        assert refusal(await agent.answer()) == ("message", 0, True)
        assert stored(await server.agent(1).hello()) == 0

    served(tmp_path, test)


def test_two_nodes_with_one_id_are_told_apart_while_both_are_there(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        first, second = server.agent(1), server.agent(1, b"otherlog")
        await first.hello()
        assert refusal(await second.hello()) == ("node-conflict", 0, True)
        assert await second.ended()
        await first.send(4, one(1, 0))
        assert stored(await first.answer()) == 4
        await first.call.done_writing()
        assert await first.ended()
        replaced = server.agent(1, b"otherlog")
        assert stored(await replaced.hello()) == 0

    served(tmp_path, test)


def test_a_second_stream_of_one_log_ends_the_first(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        first, second = server.agent(1), server.agent(1)
        await first.hello()
        await second.hello()
        assert await first.ended()
        await second.send(1, one(1, 0))
        assert stored(await second.answer()) == 1
        assert refusal(await server.agent(1, b"otherlog").hello()) == ("node-conflict", 0, True)

    served(tmp_path, test)


def test_reports_are_kept_and_bad_ones_are_refused(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        agent = server.agent(1)
        await agent.hello()
        report = NodeReport(1, 99, 10, 9, 1.5, 1.0, 7, 6, 5, 98)
        for body in (b"garbage", msgspec.msgpack.encode(NodeReport(2, 0, 0, 0, 0.0, 0.0, 0, 0, 0, 0))):
            await agent.call.write(pb.StampsUp(report=body))
            assert refusal(await agent.answer()) == ("report", 0, False)
        await agent.call.write(pb.StampsUp(report=msgspec.msgpack.encode(report)))
        await agent.send(1, one(1, 0))
        assert stored(await agent.answer()) == 1
        reader = server.reader()
        (node,) = reader.nodes()
        assert (node.report, node.reported_ms) == (report, 1_000)
        assert reader.refused() == {"report": 2}
        reader.close()

    served(tmp_path, test)


def test_all_agents_may_ship_at_once(tmp_path: Path) -> None:
    async def ship(agent: Agent) -> None:
        await agent.hello()
        for at in range(40):
            await agent.send(at + 1, one(agent.node, at))
        assert [stored(await agent.answer()) for _ in range(40)] == list(range(1, 41))

    async def test(server: Server) -> None:
        await asyncio.gather(*(ship(server.agent(node)) for node in range(1, 9)))
        reader = server.reader()
        assert reader.totals()["stamps"] == 320
        reader.close()

    served(tmp_path, test)


def test_a_second_service_on_one_store_or_port_says_why_it_cannot_be(tmp_path: Path) -> None:
    async def test(_: Server) -> None:
        with pytest.raises(Unavailable, match="already has a writer"):
            async with serving(tmp_path):
                pass
        with pytest.raises(ConfigError, match=r"cannot listen on 192\.0\.2\.1:1"):
            await serve(SqliteOptions(), tmp_path / "b", SITE, "192.0.2.1", 1, lambda: 0)

    served(tmp_path, test)
