"""Agents that ship to the service of a real store, and what it answers."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import msgspec
import zstandard

from headwater.model.shipment import Shipment
from headwater.store.options import SqliteOptions
from headwater.store.reader import SqliteReader
from headwater.store.service import serve
from headwater.wire import headwater_pb2 as pb
from headwater.wire.headwater_pb2_grpc import ProvenanceStub
from headwater.wire.link import LINK_VERSION
from tests.store.grids import SITE, log_of, run, stamped

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
