"""The gRPC service that agents ship stamps to, over any store."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, cast

import grpc

from headwater.model.errors import ConfigError, HeadwaterError, NotFound, Rejected, Unavailable
from headwater.model.ids import format_node
from headwater.model.report import NodeReport
from headwater.store.commit import Committer, committing
from headwater.store.opening import open_writer
from headwater.store.options import StoreOptions
from headwater.store.port import Expired
from headwater.store.retention import WHY
from headwater.store.shipments import opened_report
from headwater.wire import headwater_pb2 as pb
from headwater.wire.forgiving import Forgiving
from headwater.wire.headwater_pb2_grpc import ProvenanceServicer, add_ProvenanceServicer_to_server
from headwater.wire.link import GRPC_OPTIONS, LINK_VERSION
from headwater.wire.serving import add_health
from headwater.wire.tasks import raising

WAITING_MAX = 16
"""The most groups of one stream that wait to be stored or answered."""
_SEQUENCE_MAX = (1 << 63) - 1
_STOP_S = 1.0
RETAIN_EVERY_S = 10.0
"""How often to look for what need not be kept any longer."""
# A connection that broke without a word keeps its node from coming back under a new log, so it is noticed soon.
_KEEPALIVE = [("grpc.keepalive_time_ms", 10_000), ("grpc.keepalive_timeout_ms", 5_000)]

_logger = logging.getLogger(__name__)

Context = grpc.aio.ServicerContext[pb.StampsUp, pb.StampsDown]
Outcome = asyncio.Future[Rejected | None]
Forget = Callable[[int], Awaitable[None]]


class _Agent(NamedTuple):
    """Who is at the other end."""

    node: int
    log: bytes


class _Sent(NamedTuple):
    """A group (or report, without a sequence) that is being stored, or why the stream cannot go on."""

    last: int | None
    outcome: Outcome | Rejected


class _Stream:
    """What one stream has sent and is not answered yet."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[_Sent | None] = asyncio.Queue(WAITING_MAX)
        """None ends the stream."""
        self.superseded = False
        self.report: Outcome | None = None
        """The last report that was to be kept."""

    def supersede(self) -> None:
        """End the stream, also while it is idle."""
        self.superseded = True
        if not self.sent.full():
            self.sent.put_nowait(None)


class ProvenanceService:
    """`/headwater.v1.Provenance`: each group of a stream is answered in its order once it is durable or refused.

    A refused group is answered, and passed: only that group is lost, and it is counted. A stream ends when its agent
    cannot be told from another's, breaks the protocol, or the store does not work.
    """

    def __init__(
        self, committer: Committer, now: Callable[[], int], heard: Callable[[NodeReport], None], forget: Forget
    ) -> None:
        """`now` gives ms since the epoch; `heard` is called with each report as it comes, before it is kept; `forget`
        with each node that is gone on purpose."""
        self._committer = committer
        self._now = now
        self._heard = heard
        self._forget = forget
        self._streams: dict[int, _Stream] = {}
        """The latest stream of each node."""

    async def push_stamps(self, messages: AsyncIterator[pb.StampsUp], context: Context) -> AsyncIterator[pb.StampsDown]:
        try:
            agent, stored = await self._meet(await anext(messages))
        except StopAsyncIteration:
            return
        except HeadwaterError as error:
            _logger.warning("stream refused: %s", error)
            yield _refusal(error, 0, fatal=True)
            return
        stream = self._begin_stream(agent.node)
        reading = asyncio.create_task(self._read(agent, messages, stream))
        try:
            yield pb.StampsDown(stored=stored)
            while (one := await stream.sent.get()) is not None and not stream.superseded:
                for down in await _answers(one):
                    yield down
                    if down.refusal.fatal:
                        return
        finally:
            reading.cancel()
            await self._end_stream(agent, stream)

    async def forget(
        self, gone: pb.NodeGone, context: "grpc.aio.ServicerContext[pb.NodeGone, pb.NodeForgotten]"
    ) -> pb.NodeForgotten:
        if len(gone.node) != 3:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"a node id of {len(gone.node)} bytes, 3 are needed")
        try:
            await self._forget(int.from_bytes(gone.node, "big"))
        except NotFound as error:
            await context.abort(grpc.StatusCode.NOT_FOUND, str(error))
        except Rejected as error:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, error.detail)
        except Unavailable as error:
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
        return pb.NodeForgotten()

    async def _meet(self, first: pb.StampsUp) -> tuple[_Agent, int]:
        if first.WhichOneof("is") != "hello":
            raise Rejected("hello", "a stream begins with AgentHello")
        hello = first.hello
        if hello.version != LINK_VERSION:
            raise Rejected(
                "version",
                f"version {hello.version} of the exchange, this store speaks version {LINK_VERSION}",
            )
        if len(hello.node) != 3:
            raise Rejected("node", f"a node id of {len(hello.node)} bytes, 3 are needed")
        agent = _Agent(int.from_bytes(hello.node, "big"), hello.log)
        stored = await self._committer.call(
            lambda writer: writer.hello(hello.site, *agent, hello.name, hello.address, self._now())
        )
        return agent, stored

    def _begin_stream(self, node: int) -> _Stream:
        """The new stream of a node. One it had before ends: the writer has found the new one to be right."""
        before = self._streams.get(node)
        if before is not None:
            before.supersede()
        stream = self._streams[node] = _Stream()
        return stream

    async def _end_stream(self, agent: _Agent, stream: _Stream) -> None:
        if self._streams.get(agent.node) is stream:
            del self._streams[agent.node]
            await self._committer.call(lambda writer: writer.bye(agent.log))

    async def _read(self, agent: _Agent, messages: AsyncIterator[pb.StampsUp], stream: _Stream) -> None:
        async for up in messages:
            if (one := await self._submit(agent, up, stream)) is not None:
                await stream.sent.put(one)
        await stream.sent.put(None)

    async def _submit(self, agent: _Agent, up: pb.StampsUp, stream: _Stream) -> _Sent | None:
        """What a message has begun; None when that needs no answer."""
        match up.WhichOneof("is"):
            case "group" if up.group.last <= _SEQUENCE_MAX:
                last = up.group.last
                return _Sent(last, await self._committer.group(agent.log, last, up.group.body))
            case "report":
                self._hear(agent, up.report)
                # What waits for a store that is away or slow must not keep the next report from us.
                if self._committer.is_away or (stream.report is not None and not stream.report.done()):
                    return None
                stream.report = await self._committer.report(agent.log, agent.node, up.report)
                return _Sent(None, stream.report)
            case other:
                return _Sent(
                    None,
                    Rejected("message", f"a {other or 'message of an unknown kind'} that has no place here"),
                )

    def _hear(self, agent: _Agent, body: bytes) -> None:
        """Pass a report on at once; one that is wrong is refused, and counted, where it would be kept."""
        with suppress(Rejected):
            report = opened_report(body)
            if report.node == agent.node:
                self._heard(report)


async def _answers(sent: _Sent) -> list[pb.StampsDown]:
    """What an agent is told of something it sent, once that is known."""
    last, outcome = sent
    if isinstance(outcome, Rejected):
        return [_refusal(outcome, 0, fatal=True)]
    try:
        refusal = await outcome
    except Unavailable as error:
        return [_refusal(error, last or 0, fatal=True)]
    answers = [] if refusal is None else [_refusal(refusal, last or 0, fatal=False)]
    return answers if last is None else [*answers, pb.StampsDown(stored=last)]


def _refusal(error: HeadwaterError, sequence: int, fatal: bool) -> pb.StampsDown:
    reason, detail = "unavailable", str(error)
    if isinstance(error, Rejected):
        reason, detail = error.reason, error.detail
    return pb.StampsDown(refusal=pb.Refusal(reason=reason, detail=detail, sequence=sequence, fatal=fatal))


async def serve(
    options: StoreOptions,
    folder: Path,
    site: str,
    host: str,
    port: int,
    now: Callable[[], int],
    started: Callable[[int], None] | None = None,
    retain_every_s: float = RETAIN_EVERY_S,
    heard: Callable[[NodeReport], None] = lambda report: None,
    forget: Forget | None = None,
) -> None:
    """Write the store of a site below a folder, and take stamps for it on host:port, until cancelled.

    What the options say need not be kept is deleted meanwhile. `started` is told the port, which matters with port 0;
    `heard` is called with the report of each node as it comes, `forget` with each node that is gone on purpose.
    ConfigError or Unavailable as `open_writer` raises them, ConfigError when the port cannot be had.
    """
    # Another store may take its time to answer, and others live in this loop.
    writer = await asyncio.to_thread(open_writer, options, folder, site, now)
    try:
        async with committing(writer, now) as committer:
            server = grpc.aio.server(interceptors=[Forgiving()], options=[*GRPC_OPTIONS, *_KEEPALIVE])
            service = cast(ProvenanceServicer, ProvenanceService(committer, now, heard, forget or _nobody_judges))
            add_ProvenanceServicer_to_server(service, server)
            add_health(server)
            bound = _bind(server, host, port)
            await server.start()
            retaining = [] if options.keeps_all else [asyncio.create_task(_retain(committer, now, retain_every_s))]
            try:
                if started is not None:
                    started(bound)
                with raising(retaining):
                    # Not wait_for_termination: cancelled, it cancels what stop() waits for, and the server never stops.
                    await asyncio.get_running_loop().create_future()
            finally:
                for task in retaining:
                    task.cancel()
                await asyncio.gather(*retaining, return_exceptions=True)
                await server.stop(_STOP_S)
    finally:
        writer.close()


async def _nobody_judges(node: int) -> None:
    raise NotFound(f"node {format_node(node)} is not judged here: this store runs without a judge")


async def _retain(committer: Committer, now: Callable[[], int], every_s: float) -> None:
    """Delete what need not be kept, between two transactions at a time, until cancelled."""
    while True:
        gone: list[Expired] = []
        try:
            gone = await committer.call(lambda writer: writer.expire(now()))
        except Unavailable as error:
            _logger.error("what need not be kept cannot be deleted: %s; trying again", error)
        for one in gone:
            _logger.info("period %d with %d data points deleted: %s", one.number, one.points, WHY[one.why])
        if not gone:
            await asyncio.sleep(every_s)


def _bind(server: grpc.aio.Server, host: str, port: int) -> int:
    try:
        return server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        raise ConfigError(f"the store cannot listen on {host}:{port}: is something else there?") from error
