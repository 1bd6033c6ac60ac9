"""The service that agents ship to, over real gRPC into a real store."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import msgspec
import pytest
import zstandard

from headwater.model.errors import ConfigError, Rejected, Unavailable
from headwater.model.report import NodeReport
from headwater.model.shipment import Shipment
from headwater.model.stamp import Same
from headwater.store.commit import Committer, committing
from headwater.store.options import SqliteOptions
from headwater.store.port import Group
from headwater.store.reader import SqliteReader
from headwater.store.service import serve
from headwater.wire import headwater_pb2 as pb
from headwater.wire.headwater_pb2_grpc import ProvenanceStub
from headwater.wire.link import LINK_VERSION
from tests.store.grids import SITE, log_of, point, run, stamped

if TYPE_CHECKING:
    from headwater.wire.headwater_pb2_grpc import ProvenanceAsyncStub

ANSWER_S = 20


class Agent:
    """The other end of one stream."""

    def __init__(self, stub: "ProvenanceAsyncStub", node: int, log: bytes | None = None) -> None:
        self.node = node
        self.log = log or log_of(node)
        self.call = stub.push_stamps()

    async def hello(self, **changed: object) -> pb.StampsDown:
        fields: dict[str, object] = {
            "version": LINK_VERSION,
            "site": SITE,
            "node": self.node.to_bytes(3, "big"),
            "log": self.log,
            "name": f"node{self.node}",
            "address": "host",
        }
        await self.call.write(pb.StampsUp(hello=pb.AgentHello(**(fields | changed))))  # type: ignore[arg-type]
        return await self.answer()

    async def send(self, last: int, body: bytes | Shipment) -> None:
        body = packed(body) if isinstance(body, Shipment) else body
        await self.call.write(pb.StampsUp(group=pb.Group(last=last, body=body)))

    async def answer(self) -> pb.StampsDown:
        down = await asyncio.wait_for(self.call.read(), ANSWER_S)
        assert isinstance(down, pb.StampsDown), "the stream has ended"
        return down

    async def ended(self) -> bool:
        return await asyncio.wait_for(self.call.read(), ANSWER_S) is grpc.aio.EOF


def packed(shipment: Shipment) -> bytes:
    return zstandard.compress(msgspec.msgpack.encode(shipment))


def streamed(data: bytes) -> bytes:
    """A frame that does not say how large it is when decompressed."""
    stream = zstandard.ZstdCompressor().compressobj()
    return stream.compress(data) + stream.flush()


def one(node: int, position: int) -> Shipment:
    return Shipment((stamped(run(node, position, 1), sequence=position + 1),))


class Server:
    """A service under test, and a channel to it."""

    def __init__(self, folder: Path, channel: grpc.aio.Channel) -> None:
        self.folder = folder
        self.stub: ProvenanceAsyncStub = ProvenanceStub(channel)

    def agent(self, node: int, log: bytes | None = None) -> Agent:
        return Agent(self.stub, node, log)

    def reader(self) -> SqliteReader:
        return SqliteOptions().open_reader(self.folder, SITE)


@asynccontextmanager
async def serving(
    folder: Path, options: SqliteOptions | None = None, now: Callable[[], int] = lambda: 1_000
) -> AsyncIterator[Server]:
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(
        serve(options or SqliteOptions(), folder, SITE, "127.0.0.1", 0, now, port.set_result, retain_every_s=0.01)
    )
    try:
        running.add_done_callback(lambda _: port.done() or port.cancel())
        with suppress(asyncio.CancelledError):
            await port
        if running.done():
            running.result()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{await port}") as channel:
            yield Server(folder, channel)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def served(folder: Path, test: Callable[[Server], Awaitable[None]]) -> None:
    """Run a test against a service; nothing of either is left behind."""

    async def run_test() -> None:
        async with serving(folder) as server:
            await test(server)

    asyncio.run(run_test())


def stored(down: pb.StampsDown) -> int:
    assert down.WhichOneof("is") == "stored", down
    return down.stored


def refusal(down: pb.StampsDown) -> tuple[str, int, bool]:
    assert down.WhichOneof("is") == "refusal"
    assert down.refusal.detail
    return down.refusal.reason, down.refusal.sequence, down.refusal.fatal


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


class HeldWriter:
    """A writer whose transactions wait until they may go on, or fail."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Semaphore(0)
        self.transactions: list[int] = []
        self.reports: list[int] = []
        self.broken = False
        self.away = 0

    def report_all(self, reports: list[NodeReport], now_ms: int) -> list[Rejected | None]:
        self.reports.append(len(reports))
        return [None] * len(reports)

    def add_all(self, groups: list[Group]) -> list[Rejected | None]:
        self.begun.release()
        self.go_on.acquire()
        self.transactions.append(len(groups))
        if self.broken:
            raise Unavailable("the disk is full")
        if self.away:
            self.away -= 1
            raise Unavailable("it is away", 0.001)
        return [None] * len(groups)


@asynccontextmanager
async def committer_of(writer: HeldWriter) -> AsyncIterator[Committer]:
    async with committing(writer, lambda: 0) as committer:  # type: ignore[arg-type]
        try:
            yield committer
        finally:
            writer.go_on.release(1_000)


def test_what_arrives_during_a_transaction_shares_the_next() -> None:
    writer = HeldWriter()

    async def test() -> None:
        async with committer_of(writer) as committer:
            outcomes = [await committer.group(b"first", 1, packed(Shipment()))]
            await asyncio.to_thread(writer.begun.acquire)
            for at in range(20):
                outcomes.append(await committer.group(b"log%d" % at, 1, packed(Shipment())))
            assert not any(outcome.done() for outcome in outcomes)
            writer.go_on.release(50)
            assert await asyncio.gather(*outcomes) == [None] * 21
            assert writer.transactions == [1, 20]

    asyncio.run(test())


def test_a_store_that_fails_answers_unavailable_and_confirms_nothing() -> None:
    writer = HeldWriter()
    writer.broken = True
    writer.go_on.release(9)

    async def test() -> None:
        async with committer_of(writer) as committer:
            outcome = await committer.group(b"first", 1, packed(Shipment()))
            with pytest.raises(Unavailable, match="disk is full"):
                await outcome
            writer.broken = False
            assert await (await committer.group(b"first", 1, packed(Shipment()))) is None

    asyncio.run(test())


def test_reports_that_arrive_during_a_transaction_are_kept_together() -> None:
    writer = HeldWriter()

    async def test() -> None:
        async with committer_of(writer) as committer:
            first = await committer.group(b"first", 1, packed(Shipment()))
            await asyncio.to_thread(writer.begun.acquire)
            bodies = [msgspec.msgpack.encode(NodeReport(at, 0, 0, 0, 0.0, 0.0, 0, 0, 0, 0)) for at in range(20)]
            outcomes = [await committer.report(b"log%d" % at, at, body) for at, body in enumerate(bodies)]
            wrong = await committer.report(b"log7", 8, bodies[7])
            writer.go_on.release(50)
            assert await asyncio.gather(first, *outcomes) == [None] * 21
            assert (await wrong) is None  # HeldWriter refuses nothing; what is wrong came to it as a group.
            assert writer.reports == [20]
            assert writer.transactions == [1, 1]

    asyncio.run(test())


def test_while_the_store_is_away_groups_wait_in_their_order_and_then_are_stored() -> None:
    writer = HeldWriter()
    writer.away = 3
    writer.go_on.release(9)

    async def test() -> None:
        async with committer_of(writer) as committer:
            first = await committer.group(b"first", 1, packed(Shipment()))
            second = await committer.group(b"second", 1, packed(Shipment()))
            assert await first is None
            assert await second is None
            assert not committer.is_away
            assert sum(writer.transactions[3:]) == 2

    asyncio.run(test())


def test_what_waits_to_be_stored_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headwater.store.commit.WAITING_BYTES_MAX", 100)
    writer = HeldWriter()

    async def submit(committer: Committer) -> None:
        for _ in range(50):
            await committer.group(b"first", 1, bytes(30))

    async def test() -> None:
        async with committer_of(writer) as committer:
            submitting = asyncio.create_task(submit(committer))
            await asyncio.sleep(0.05)
            assert not submitting.done()
            writer.go_on.release(50)
            await submitting
        assert max(writer.transactions) <= 4
        assert sum(writer.transactions) > 40

    asyncio.run(test())
