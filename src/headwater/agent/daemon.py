"""The provenance daemon of one node, beside its pipeline daemon and on the same log."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable

import grpc
import msgspec

from headwater.agent.beating import Beating, wall_us
from headwater.agent.beats import Beats
from headwater.agent.options import AgentOptions
from headwater.agent.readings import Readings
from headwater.agent.redis import RedisKeeper, check_redis
from headwater.agent.ship import Shipping
from headwater.agent.standing import Standing
from headwater.agent.watch import Watch
from headwater.log.disk import RealDisk
from headwater.log.manifest import Manifest, check_node, load_manifest
from headwater.model.errors import Unavailable
from headwater.model.ids import IdRun, format_node, valid_run
from headwater.wire import headwater_pb2 as pb
from headwater.wire.forgiving import Forgiving
from headwater.wire.headwater_pb2_grpc import add_AgentServicer_to_server
from headwater.wire.link import GRPC_OPTIONS
from headwater.wire.serving import add_health
from headwater.wire.tasks import raising

RUNS_MAX = 10_000
READINGS_MAX = 100_000
LOG_POLL_S = 0.2
STOP_S = 0.2
QUESTION_BYTES_MAX = 1 << 20
"""The longest message taken: a question of so many runs, or a beat."""
_OPTIONS = [("grpc.max_receive_message_length", QUESTION_BYTES_MAX), *GRPC_OPTIONS]  # The first counts.


class AgentServicer:
    """`/headwater.v1.Agent`: the values behind ids of this node, and beats."""

    def __init__(self, node: int, readings: Readings, beating: Beating) -> None:
        self._node = node
        self._readings = readings
        self._beating = beating
        self._lock = asyncio.Lock()

    async def read(
        self, wanted: pb.ReadingsWanted, context: "grpc.aio.ServicerContext[pb.ReadingsWanted, pb.ReadingsFound]"
    ) -> pb.ReadingsFound:
        """Answer many runs; one question at a time, in a thread, so that shipping goes on."""
        runs = [IdRun(self._node, run.start, run.count) for run in wanted.run]
        if len(runs) > RUNS_MAX or sum(run.count for run in runs) > READINGS_MAX or not all(map(valid_run, runs)):
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT, f"at most {RUNS_MAX} runs of {READINGS_MAX} ids in all can be read"
            )
        async with self._lock:
            found = await asyncio.to_thread(self._readings.find_all, runs)
        encode = msgspec.msgpack.encode
        return pb.ReadingsFound(
            found=[pb.Found(state=state, readings=encode(rows) if rows else b"") for state, rows in found]
        )

    async def beat(
        self, messages: AsyncIterator[pb.Beat], context: "grpc.aio.ServicerContext[pb.Beat, pb.Beat]"
    ) -> AsyncIterator[pb.Beat]:
        """Beats of an upstream agent, answered by ours."""
        async for beat in self._beating.answer(messages):
            yield beat


@contextlib.asynccontextmanager
async def serving(
    options: AgentOptions, now_ms: Callable[[], int], now_us: Callable[[], int] = wall_us
) -> AsyncIterator[int]:
    """Run the daemon until the block is left; yields its port. Waits for the log to appear first.

    Raises ConfigError when the log is another node's or the library for Redis is missing, Unavailable when the port is
    taken, and in the block when another log is begun in the folder: this daemon knows the one before.
    """
    if options.redis is not None:
        check_redis()
    disk = RealDisk(options.log)
    server = grpc.aio.server(interceptors=[Forgiving()], options=_OPTIONS)
    tasks: list[asyncio.Task[None]] = []
    try:
        manifest = await _appeared(disk)
        check_node(manifest, options.node)
        log = bytes.fromhex(manifest.log)
        beats = Beats(options.site, options.node, log, secrets.randbits(64))
        watch = Watch(disk, beats)
        beating = Beating(beats, watch, options.agents, now_us=now_us)
        port = _bind(server, options, AgentServicer(options.node, Readings(disk), beating))
        await server.start()
        address = options.address or f"{options.listen.rpartition(':')[0]}:{port}"
        standing = Standing(options.node, disk, now_ms, watch, beats)
        shipping = Shipping(options, disk, log, address, standing)
        running = (
            watch.run(lambda: standing.shipped, lambda: standing.is_connected),
            beating.run(),
            shipping.run(),
            _same_log(disk, manifest),
        )
        tasks += [asyncio.create_task(each) for each in running]
        if options.redis is not None:
            keeper = RedisKeeper(options, disk, log, now_ms)
            standing.redis = keeper.counts
            tasks.append(asyncio.create_task(keeper.run()))
        with raising(tasks):
            yield port
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.stop(STOP_S)
        disk.close()


def _bind(server: grpc.aio.Server, options: AgentOptions, servicer: AgentServicer) -> int:
    # The stubs' types do not know a context type; the answer is the same.
    add_AgentServicer_to_server(servicer, server)  # type: ignore[arg-type]
    add_health(server)
    try:
        return server.add_insecure_port(options.listen)
    except RuntimeError as error:
        raise Unavailable(f"cannot listen on {options.listen}: another process has the port") from error


async def _appeared(disk: RealDisk) -> Manifest:
    while (manifest := load_manifest(disk)) is None:  # noqa: ASYNC110 another process makes it
        await asyncio.sleep(LOG_POLL_S)
    return manifest


async def _same_log(disk: RealDisk, known: Manifest) -> None:
    """Unavailable once another log was begun in the folder."""
    while True:
        await asyncio.sleep(LOG_POLL_S)
        manifest = load_manifest(disk)
        if manifest is not None and manifest.log != known.log:
            raise Unavailable(
                f"log {known.log} of node {format_node(int(known.node, 16))} was replaced by {manifest.log}: "
                "start the agent again"
            )
