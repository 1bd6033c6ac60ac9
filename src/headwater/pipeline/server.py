"""The pipeline port: `push_batches` for links and numbered sources, `push_data` for 2018 clients."""

import asyncio
import logging
from collections.abc import AsyncIterator, Container
from typing import NamedTuple

import grpc
from google.protobuf.message import DecodeError

from headwater.model.errors import Rejected
from headwater.model.reading import SeriesKey, check_key
from headwater.pipeline.collector import BYTES, READINGS, Collector
from headwater.pipeline.committer import Committer
from headwater.pipeline.core import Core
from headwater.pipeline.entry import ROOM_POLL_S, Entry
from headwater.pipeline.receiver import Inflow
from headwater.pipeline.sources import SourceInflow
from headwater.wire import headwater_pb2 as pb
from headwater.wire import provenance_system_pb2 as pb2018

ACKNOWLEDGE_EVERY_S = 0.4
"""Also while reads are withheld, so that back-pressure is not silence: rule 9 allows 0.5 s."""
ACKNOWLEDGE_GAP_S = 0.01
"""What becomes durable this soon after an acknowledgement goes into the next: each costs as much as a batch."""
PATIENCE_S = 10.0
"""How long a 2018 client waits for a disk that refuses before it is told to come again."""
REASONS_MAX = 3

Connection = Inflow | SourceInflow
Context = grpc.aio.ServicerContext[pb.Up, pb.Down]
Context2018 = grpc.aio.ServicerContext[bytes, pb2018.reply]

_logger = logging.getLogger(__name__)


class Answers:
    """What goes back on a connection: two tasks write, gRPC takes one message at a time."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = asyncio.Lock()

    async def write(self, down: pb.Down) -> None:
        """Send a message. It goes out also when who waits for that is cancelled: gRPC takes no other one before."""
        await asyncio.shield(self._write(down))

    async def _write(self, down: pb.Down) -> None:
        async with self._lock:
            await self._context.write(down)


class PipelineServicer:
    """`/headwater.v1.Pipeline`: one task reads a connection, another acknowledges."""

    def __init__(self, core: Core, committer: Committer) -> None:
        self._core = core
        self._committer = committer

    async def push_batches(self, messages: AsyncIterator[pb.Up], context: Context) -> None:
        """Serve one connection until either end closes it, a later one takes over or a message breaks its rules."""
        answers = Answers(context)
        try:
            connection = self._open(await anext(messages))
        except StopAsyncIteration:
            return
        except Rejected as error:
            await self._end(answers, error)
            return
        try:
            await self._committer.durable(self._core.log.state.sequence)
            await answers.write(connection.welcome())
            await self._serve(connection, messages, answers)
        except Rejected as error:
            if error.reason != "superseded":
                await self._end(answers, error)
        except grpc.aio.InternalError as error:
            _logger.info("a connection was lost: %s", error)
        finally:
            connection.close()

    def _open(self, up: pb.Up) -> Connection:
        if not up.HasField("hello"):
            raise Rejected("hello", "a connection begins with Hello")
        return SourceInflow(self._core, up.hello) if up.hello.source else Inflow(self._core, up.hello)

    async def _serve(self, connection: Connection, messages: AsyncIterator[pb.Up], answers: Answers) -> None:
        """Read and acknowledge until one of the two ends."""
        tasks = [
            asyncio.create_task(self._read(connection, messages, answers)),
            asyncio.create_task(self._acknowledge(connection, answers)),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise end

    async def _read(self, connection: Connection, messages: AsyncIterator[pb.Up], answers: Answers) -> None:
        async for up in messages:
            connection.messages += 1
            while not self._core.room() and not connection.ended:
                await self._committer.changed(ROOM_POLL_S)
            for down in connection.take(up):
                await answers.write(down)

    async def _end(self, answers: Answers, error: Rejected) -> None:
        self._core.refuse(error)
        _logger.warning("connection refused: %s", error)
        await answers.write(pb.Down(refusal=pb.Refusal(reason=error.reason, detail=error.detail, fatal=True)))

    async def _acknowledge(self, connection: Connection, answers: Answers) -> None:
        told = -1
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not connection.ended:
            if connection.durable != told or loop.time() >= due:
                told = connection.durable
                due = loop.time() + ACKNOWLEDGE_EVERY_S
                await answers.write(pb.Down(durable=told))
                await asyncio.sleep(ACKNOWLEDGE_GAP_S)
                continue
            await self._committer.changed(max(0.0, due - loop.time()))


class Refused(NamedTuple):
    """A message of a stream that was not taken."""

    number: int
    """From 1."""
    why: str


class Stream:
    """What became of one stream of 2018 messages."""

    def __init__(self) -> None:
        self.taken = 0
        self.refused = 0
        self.first_refused: list[Refused] = []
        self.batch: int | None = None
        """The batch of the collector that has the last reading taken."""

    def refuse(self, error: Rejected) -> None:
        self.refused += 1
        if len(self.first_refused) < REASONS_MAX:
            self.first_refused.append(Refused(self.taken + self.refused, str(error)))

    @property
    def code(self) -> str:
        """What a durable stream is answered: `200` all taken, `207` some refused, `400` none valid."""
        if not self.refused:
            return "200"
        return "207" if self.taken else "400"

    @property
    def reason(self) -> str:
        return "; ".join(f"message {number}: {why}" for number, why in self.first_refused)


class GatewayServicer:
    """`/provenance_system.gateway`: the protocol of 2018, one reading a message and one reply a stream."""

    def __init__(self, core: Core, committer: Committer, collector: Collector, patience_s: float = PATIENCE_S) -> None:
        self._core = core
        self._entry = Entry(core, committer, collector)
        self._collector = collector
        self._patience_s = patience_s
        self._unread: list[tuple[bytes, Stream]] = []
        """Messages for the batch that is gathered. All are read at once, which takes a third of one by one."""
        self._unread_bytes = 0
        collector.read_rest = self._read

    async def push_data(self, messages: AsyncIterator[bytes], context: Context2018) -> pb2018.reply:
        """Take a stream; the reply comes when everything taken is durable here.

        A message that is wrong costs only itself. `503` says that nothing is promised: send all of it again.
        """
        stream, entry, unread = Stream(), self._entry, self._unread
        async for message in messages:
            if not unread:
                # Once for each batch that is begun.
                if not entry.waiting and not await entry.room(self._patience_s):
                    return _not_taken(context, stream)
                entry.flush_soon()
            unread.append((message, stream))
            self._unread_bytes += len(message)
            if len(unread) >= READINGS or self._unread_bytes >= BYTES:
                entry.flush()
        self._read()
        if stream.batch is not None and not await entry.durable(stream.batch, self._patience_s):
            return _not_taken(context, stream)
        return _answer(context, stream.code, stream.taken, stream.refused, stream.reason)

    def _read(self) -> None:
        """Give the readings of all messages that came to the collector."""
        came = self._unread[:]
        self._unread.clear()
        self._unread_bytes = 0
        collector, named = self._collector, self._core.log.state.numbers
        for message, stream in came:
            try:
                collector.add(*parse(message, named))
            except Rejected as error:
                self._core.refuse(error)
                stream.refuse(error)
            else:
                stream.taken += 1
                stream.batch = collector.newest  # Also of a repetition: the first one may not be durable yet.


def parse(message: bytes, named: Container[SeriesKey] = ()) -> tuple[SeriesKey, int, float, str]:
    """Series, timestamp, value and parent id of a message of 2018; Rejected says what is wrong with it.

    What the log has `named` is not checked again.
    """
    try:
        data = pb2018.Grid_data.FromString(message)
    except DecodeError as error:
        raise Rejected("message", f"{len(message)} bytes that are no Grid_data: {error}") from error
    if not data.HasField("measurement"):
        raise Rejected("no-measurement", "a Grid_data without measurement")
    measured = data.measurement
    key = SeriesKey(measured.meter_id, measured.metric_id)
    if key not in named:
        check_key(*key)
    return key, measured.timestamp, measured.value, data.prov_id


def add_gateway(servicer: GatewayServicer, server: grpc.aio.Server) -> None:
    """Serve `push_data`. Messages come as bytes: gRPC would end a stream for one that it cannot parse."""
    method: grpc.RpcMethodHandler[bytes, pb2018.reply] = grpc.stream_unary_rpc_method_handler(
        servicer.push_data, response_serializer=pb2018.reply.SerializeToString
    )
    handler = grpc.method_handlers_generic_handler("provenance_system.gateway", {"push_data": method})
    server.add_generic_rpc_handlers((handler,))


def _not_taken(context: Context2018, stream: Stream) -> pb2018.reply:
    return _answer(context, "503", 0, stream.refused, "the log cannot be written at present, send all of it again")


def _answer(context: Context2018, code: str, accepted: int, refused: int, reason: str) -> pb2018.reply:
    trailers: tuple[tuple[str, str], ...] = (
        ("headwater-accepted", str(accepted)),
        ("headwater-refused", str(refused)),
    )
    if reason:
        trailers += (("headwater-reason", _ascii(reason)),)
    context.set_trailing_metadata(trailers)
    return pb2018.reply(response_code=code)


def _ascii(text: str) -> str:
    """A header value: gRPC allows printable ASCII only."""
    return "".join(mark if " " <= mark <= "~" else ascii(mark)[1:-1] for mark in text)[:1000]
