"""The pipeline port: `push_batches` for links and numbered sources, `push_data` for 2018 clients."""

import asyncio
import logging
from collections.abc import AsyncIterator

import grpc

from headwater.model.errors import HeadwaterError, Rejected
from headwater.model.reading import SeriesKey
from headwater.pipeline.collector import Collector
from headwater.pipeline.committer import Committer
from headwater.pipeline.core import Core
from headwater.pipeline.receiver import Inflow
from headwater.pipeline.sources import SourceInflow, check_key
from headwater.wire import headwater_pb2 as pb
from headwater.wire import provenance_system_pb2 as pb2018

ACKNOWLEDGE_EVERY_S = 0.5
"""Also while reads are withheld, so that back-pressure is not silence (rule 9)."""
ROOM_POLL_S = 0.05
COMMIT_PATIENCE_S = 10.0

Connection = Inflow | SourceInflow
Context = grpc.aio.ServicerContext[pb.Up, pb.Down]

_logger = logging.getLogger(__name__)


class Answers:
    """What goes back on a connection: two tasks write, gRPC takes one message at a time."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = asyncio.Lock()

    async def write(self, down: pb.Down) -> None:
        async with self._lock:
            await self._context.write(down)


class PipelineServicer:
    """`/headwater.v1.Pipeline`: one task reads a connection, another acknowledges."""

    def __init__(self, core: Core, committer: Committer) -> None:
        self._core = core
        self._committer = committer

    async def push_batches(self, messages: AsyncIterator[pb.Up], context: Context) -> None:
        """Serve one connection until either end closes it or a message breaks its rules."""
        answers = Answers(context)
        try:
            first = await anext(messages)
            connection = self._open(first)
        except StopAsyncIteration:
            return
        except Rejected as error:
            await self._end(answers, error)
            return
        acknowledging: asyncio.Task[None] | None = None
        try:
            await self._committer.durable(self._core.log.state.sequence)
            await answers.write(connection.welcome())
            acknowledging = asyncio.create_task(self._acknowledge(connection, answers))
            async for up in messages:
                await self._take(connection, up, answers)
        except Rejected as error:
            if error.reason != "superseded":
                await self._end(answers, error)
        finally:
            connection.close()
            if acknowledging is not None:
                acknowledging.cancel()

    def _open(self, up: pb.Up) -> Connection:
        if not up.HasField("hello"):
            raise Rejected("hello", "a connection begins with Hello")
        return SourceInflow(self._core, up.hello) if up.hello.source else Inflow(self._core, up.hello)

    async def _take(self, connection: Connection, up: pb.Up, answers: Answers) -> None:
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
            await self._committer.changed(ACKNOWLEDGE_EVERY_S)


class GatewayServicer:
    """`/provenance_system.gateway`: the protocol of 2018, one reading a message and one reply a stream."""

    def __init__(self, core: Core, committer: Committer, collector: Collector) -> None:
        self._core = core
        self._committer = committer
        self._collector = collector
        self._flusher: asyncio.TimerHandle | None = None

    async def push_data(
        self,
        messages: AsyncIterator[pb2018.Grid_data],
        context: "grpc.aio.ServicerContext[pb2018.Grid_data, pb2018.reply]",
    ) -> pb2018.reply:
        """Take a stream; the reply comes when everything taken is durable here.

        `200` all taken, `207` some refused, `400` none valid, `503` not taken: send it again.
        """
        taken = refused = 0
        reasons: list[str] = []
        async for message in messages:
            try:
                self._add(message)
                taken += 1
            except Rejected as error:
                self._core.refuse(error)
                refused += 1
                if len(reasons) < 3:
                    reasons.append(f"message {taken + refused}: {error}")
            if self._collector.full:
                self._flush()
                await self._wait_for_room()
        durable = await self._settle()
        if not durable:
            reasons = ["the log cannot be written at present"]
        code = ("207" if taken else "400") if refused else "200"
        trailers: tuple[tuple[str, str], ...] = (
            ("headwater-accepted", str(taken if durable else 0)),
            ("headwater-refused", str(refused)),
        )
        if reasons:
            trailers += (("headwater-reason", _ascii("; ".join(reasons))),)
        context.set_trailing_metadata(trailers)
        return pb2018.reply(response_code=code if durable else "503")

    def _add(self, message: pb2018.Grid_data) -> None:
        if not message.HasField("measurement"):
            raise Rejected("no-measurement", "a Grid_data without measurement")
        measured = message.measurement
        check_key(measured.meter_id, measured.metric_id)
        key = SeriesKey(measured.meter_id, measured.metric_id)
        self._collector.add(key, measured.timestamp, measured.value, message.prov_id)
        if self._flusher is None:
            loop = asyncio.get_running_loop()
            self._flusher = loop.call_later(self._collector.wait_s, self._flush)

    def _flush(self) -> int:
        if self._flusher is not None:
            self._flusher.cancel()
            self._flusher = None
        return self._collector.flush()

    async def _wait_for_room(self) -> None:
        while not self._core.room():
            await self._committer.changed(ROOM_POLL_S)

    async def _settle(self) -> bool:
        await asyncio.sleep(self._collector.wait_s)
        try:
            sequence = self._flush()
        except HeadwaterError:
            return False
        return await self._committer.durable(sequence, COMMIT_PATIENCE_S)


def _ascii(text: str) -> str:
    """A header value: gRPC allows printable ASCII only."""
    return text.encode("ascii", "backslashreplace").decode()[:1000]
