"""The provenance daemon of one node, beside its pipeline daemon and on the same log."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import grpc
import msgspec

from headwater.agent.options import AgentOptions
from headwater.agent.readings import Readings
from headwater.agent.ship import Shipping
from headwater.log.disk import RealDisk
from headwater.log.explained import EXPLAINED
from headwater.log.manifest import check_node, load_manifest
from headwater.model.errors import NotFound, Unavailable
from headwater.model.ids import IdRun, valid_run
from headwater.wire import headwater_pb2 as pb
from headwater.wire.headwater_pb2_grpc import add_AgentServicer_to_server
from headwater.wire.link import GRPC_OPTIONS

RUNS_MAX = 10_000
READINGS_MAX = 100_000
LOG_POLL_S = 0.2


class AgentServicer:
    """`/headwater.v1.Agent`: the values behind ids of this node."""

    def __init__(self, node: int, readings: Readings) -> None:
        self._node = node
        self._readings = readings
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
            found = await asyncio.to_thread(lambda: [self._readings.find(run) for run in runs])
        encode = msgspec.msgpack.encode
        return pb.ReadingsFound(
            found=[pb.Found(state=state, readings=encode(rows) if rows else b"") for state, rows in found]
        )


@contextlib.asynccontextmanager
async def serving(options: AgentOptions, now_ms: Callable[[], int]) -> AsyncIterator[int]:
    """Run the daemon until the block is left; yields its port. Waits for the log to appear first."""
    disk = RealDisk(options.log)
    while (manifest := load_manifest(disk)) is None:  # noqa: ASYNC110 another process makes it
        await asyncio.sleep(LOG_POLL_S)
    check_node(manifest, options.node)
    server = grpc.aio.server(options=GRPC_OPTIONS)
    servicer = AgentServicer(options.node, Readings(disk, options.node, lambda: _damage_named(disk)))
    # The stubs' types do not know a context type; the answer is the same.
    add_AgentServicer_to_server(servicer, server)  # type: ignore[arg-type]
    try:
        port = server.add_insecure_port(options.listen)
    except RuntimeError as error:
        raise Unavailable(f"cannot listen on {options.listen}: another process has the port") from error
    await server.start()
    address = f"{options.listen.rpartition(':')[0]}:{port}"
    shipping = asyncio.create_task(
        Shipping(options, disk, bytes.fromhex(manifest.log), address, now_ms).run(), name="shipping"
    )
    try:
        yield port
    finally:
        shipping.cancel()
        await asyncio.gather(shipping, return_exceptions=True)
        await server.stop(0.2)
        disk.close()


def _damage_named(disk: RealDisk) -> bool:
    try:
        return disk.size(EXPLAINED) > len("[]")
    except NotFound:
        return False
