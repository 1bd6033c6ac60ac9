"""The port of links and numbered sources, over real gRPC."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, cast

import grpc
import pytest

from headwater.log.disk import RealDisk
from headwater.log.standing import load_counts
from headwater.model.records import Kind, Loss
from headwater.pipeline import server
from headwater.wire import headwater_pb2 as pb
from headwater.wire.headwater_pb2_grpc import PipelineStub
from headwater.wire.link import LINK_VERSION
from headwater.wire.records import decode_body
from tests.pipeline.daemons import Running, Source, gateway_options, ramp, readings, records, running, until


def at_gateway(folder: Path, work: Callable[[Running], Coroutine[None, None, None]], **options: Any) -> None:
    async def run() -> None:
        async with running(gateway_options(folder, **options)) as gateway:
            await work(gateway)

    asyncio.run(run())


async def converse(address: str, *ups: pb.Up) -> list[pb.Down]:
    """Say something, and hear everything until the gateway ends the connection."""
    async with grpc.aio.insecure_channel(address) as channel:
        call = PipelineStub(channel).push_batches()
        for up in ups:
            await call.write(up)
        await call.done_writing()
        return [down async for down in call]


def losses(folder: Path) -> list[Loss]:
    bodies = [decode_body(record) for record in records(folder) if record.kind == Kind.LOSS]
    return [body for body in bodies if isinstance(body, Loss)][::2]


# ---- taking and acknowledging ---------------------------------------------------------------------------------------


def test_what_is_acknowledged_is_durable_each_reading_once_in_order(tmp_path: Path) -> None:
    async def work(gateway: Running) -> None:
        source = Source()
        source.make(ramp(20_000))
        async with source.connected(gateway.address):
            await source.send(most=700)
            await source.settled()
            assert readings(tmp_path) == source.made

    at_gateway(tmp_path, work)


def test_a_source_that_comes_again_is_told_where_to_go_on(tmp_path: Path) -> None:
    async def work(gateway: Running) -> None:
        source = Source()
        for start in range(0, 3000, 1000):
            source.make(ramp(1000, start=start))
            async with source.connected(gateway.address):
                await source.send()
                assert source.welcome is not None
                assert (source.welcome.durable, source.welcome.name) == (start, "node1")
                await source.settled()
                # What comes again is not taken again.
                await source.send(first=1)

    at_gateway(tmp_path, work)
    assert readings(tmp_path) == [reading for start in range(0, 3000, 1000) for reading in ramp(1000, start=start)]


def test_sources_at_once_do_not_mix(tmp_path: Path) -> None:
    async def one(gateway: Running, number: int) -> None:
        source = Source()
        source.make([reading._replace(meter=f"{number}/{reading.meter}") for reading in ramp(2000)])
        async with source.connected(gateway.address):
            await source.send(most=100)
            await source.settled()

    async def work(gateway: Running) -> None:
        await asyncio.gather(*(one(gateway, number) for number in range(5)))

    at_gateway(tmp_path, work)
    held = readings(tmp_path)
    for number in range(5):
        own = [reading for reading in held if reading.meter.startswith(f"{number}/")]
        assert [reading._replace(meter=reading.meter[2:]) for reading in own] == ramp(2000)


def test_acknowledgements_go_on_coming_while_nothing_changes(tmp_path: Path) -> None:
    async def work(gateway: Running) -> None:
        source = Source()
        async with source.connected(gateway.address):
            await until(lambda: len(source.acknowledgements) >= 4)

    assert server.ACKNOWLEDGE_EVERY_S <= 0.5
    at_gateway(tmp_path, work)


def test_acknowledgements_go_on_coming_while_reads_are_withheld(tmp_path: Path) -> None:
    async def work(gateway: Running) -> None:
        room, source = asyncio.Event(), Source()
        gateway.daemon.core.room = room.is_set
        source.make(ramp(1000))
        async with source.connected(gateway.address):
            await source.send()
            had = len(source.acknowledgements)
            await until(lambda: len(source.acknowledgements) >= had + 4)
            assert gateway.daemon.log.state.count == source.acknowledged == 0
            room.set()
            await source.settled()

    at_gateway(tmp_path, work)
    assert readings(tmp_path) == ramp(1000)


def test_without_provenance_the_same_is_logged_and_acknowledged(tmp_path: Path) -> None:
    logs = []
    for provenance in (True, False):
        folder = tmp_path / str(provenance)

        async def work(gateway: Running) -> None:
            source = Source()
            source.make(ramp(3000))
            async with source.connected(gateway.address):
                await source.send(most=500)
                await source.settled()

        at_gateway(folder, work, provenance=provenance)
        logs.append([(record.kind, record.sequence, record.total) for record in records(folder)])
        assert readings(folder) == ramp(3000)
    assert logs[0] == logs[1]


# ---- connections ----------------------------------------------------------------------------------------------------


def test_a_later_connection_ends_the_former(tmp_path: Path) -> None:
    async def work(gateway: Running) -> None:
        source = Source()
        source.make(ramp(100))
        async with source.connected(gateway.address):
            await source.send()
            await source.settled()
            former = source.ended
            async with source.connected(gateway.address):
                await asyncio.wait_for(former.wait(), 30)
                source.make(ramp(100, start=100))
                await source.send()
                await source.settled()
                assert source.refusals == []
        assert gateway.daemon.core.refused == {}

    at_gateway(tmp_path, work)
    assert readings(tmp_path) == ramp(100) + ramp(100, start=100)


def test_an_answer_under_way_is_finished_before_the_next_also_when_its_task_is_ended() -> None:
    class OneAtATime:
        """Like gRPC: what was begun goes on when who waits for it is cancelled, and bears no other beside it."""

        def __init__(self) -> None:
            self.busy = False
            self.written: list[pb.Down] = []

        async def write(self, down: pb.Down) -> None:
            assert not self.busy
            self.busy = True
            self.written.append(down)
            done = asyncio.Event()
            asyncio.get_running_loop().call_later(0.05, self._finish, done)
            await done.wait()

        def _finish(self, done: asyncio.Event) -> None:
            self.busy = False
            done.set()

    async def run() -> None:
        context = OneAtATime()
        answers = server.Answers(cast(server.Context, context))
        first = asyncio.create_task(answers.write(pb.Down(durable=1)))
        await until(lambda: context.busy)
        first.cancel()
        await answers.write(pb.Down(durable=2))
        assert [down.durable for down in context.written] == [1, 2]

    asyncio.run(run())


def test_a_connection_leaves_nothing_behind(tmp_path: Path) -> None:
    async def work(gateway: Running) -> None:
        source = Source()
        tasks = len(asyncio.all_tasks())
        async with source.connected(gateway.address):
            await until(lambda: source.acknowledgements)
            assert list(gateway.daemon.core.connections) == [source.id]
        await until(lambda: gateway.daemon.core.connections == {})
        await until(lambda: len(asyncio.all_tasks()) <= tasks)

    at_gateway(tmp_path, work)


# ---- refusals -------------------------------------------------------------------------------------------------------


def hello(**other: Any) -> pb.Up:
    said: dict[str, Any] = {"version": LINK_VERSION, "site": "default", "log": b"12345678", "first": 1, "source": True}
    return pb.Up(hello=pb.Hello(**{**said, **other}))


@pytest.mark.parametrize(
    ("ups", "reason", "told"),
    [
        ([pb.Up(records=pb.Records())], "hello", "a connection begins with Hello"),
        ([hello(version=99)], "version", "link version 99, 1 is spoken here"),
        ([hello(site="elsewhere")], "site", "this node belongs to site 'default', not 'elsewhere'"),
        ([hello(log=b"1")], "hello", "a log or source id has 8 bytes, not 1"),
        ([hello(source=False, node=b"\0\0\1")], "node-conflict", "node 000001 is this node's own id"),
        ([hello(), pb.Up(records=pb.Records())], "message", "batches of a source are expected"),
        ([hello(), pb.Up(source=pb.SourceBatch(first=5))], "order", "reading 5 came while 1 was expected"),
    ],
)
def test_what_breaks_the_rules_ends_its_connection_and_says_why(
    tmp_path: Path, ups: list[pb.Up], reason: str, told: str
) -> None:
    async def work(gateway: Running) -> None:
        other = Source()
        async with other.connected(gateway.address):
            refusal = (await converse(gateway.address, *ups))[-1].refusal
            assert (refusal.fatal, refusal.reason) == (True, reason)
            assert told in refusal.detail
            assert gateway.daemon.core.refused == {reason: 1}
            assert told in gateway.daemon.core.latest_refusals[-1]
            # Others are not touched.
            other.make(ramp(10))
            await other.send()
            await other.settled()

    at_gateway(tmp_path, work)


def test_a_batch_that_cannot_be_read_costs_only_itself_and_is_named_lost(tmp_path: Path) -> None:
    async def work(gateway: Running) -> None:
        source = Source()
        source.make(ramp(30))
        async with source.connected(gateway.address):
            await until(lambda: source.welcome)
            await source.write(source.message(1, source.made[:10]))
            broken = source.message(11, source.made[10:20])
            broken.source.payload = broken.source.payload[:-3]
            await source.write(broken)
            await source.write(source.message(21, source.made[20:]))
            await source.settled()
            (refusal,) = source.refusals
            assert (refusal.fatal, refusal.reason, refusal.sequence) == (False, "payload", 11)
            assert gateway.daemon.core.refused == {"payload": 10}

    at_gateway(tmp_path, work)
    assert readings(tmp_path) == [*ramp(30)[:10], *ramp(30)[20:]]
    assert [(loss.first, loss.last, loss.readings) for loss in losses(tmp_path)] == [(11, 20, 10)]


def test_bytes_that_are_no_message_end_only_their_connection(tmp_path: Path) -> None:
    async def work(gateway: Running) -> None:
        source = Source()
        async with source.connected(gateway.address), grpc.aio.insecure_channel(gateway.address) as channel:
            raw: Any = channel.stream_stream("/headwater.v1.Pipeline/push_batches")
            call = raw()
            await call.write(b"\xff\xff")
            with pytest.raises(grpc.aio.AioRpcError):
                await call.read()
            source.make(ramp(10))
            await source.send()
            await source.settled()

    at_gateway(tmp_path, work)


def test_refusals_are_counted_where_the_agent_finds_them(tmp_path: Path) -> None:
    async def work(gateway: Running) -> None:
        for _ in range(30):
            await converse(gateway.address, hello(site="elsewhere"))
        assert len(gateway.daemon.core.latest_refusals) == 20

    at_gateway(tmp_path, work)
    disk = RealDisk(gateway_options(tmp_path).log)
    assert load_counts(disk).refused == {"site": 30}
    disk.close()
