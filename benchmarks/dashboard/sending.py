"""All agents of a grid that is told and not run, in one process: a stream to the store's ingest for each of them.

Run:  python -m benchmarks.dashboard.sending --store HOST:PORT --nodes N
It says {"reporting": N} when the store has taken the first report of each, and goes on until it is killed.
"""

import argparse
import asyncio
import itertools
import json
import time

import grpc
import msgspec
import zstandard

from benchmarks.dashboard.nodes import (
    READINGS,
    SHIPS_EVERY,
    TICK_S,
    log_of,
    name,
    report,
    sequence,
    shipped,
    told_first,
)
from headwater.model.shipment import Shipment
from headwater.wire import headwater_pb2 as pb
from headwater.wire.headwater_pb2_grpc import ProvenanceStub
from headwater.wire.link import GRPC_OPTIONS, LINK_VERSION

STREAMS_MAX = 25
"""Of one connection."""


def _group(last: int, shipment: Shipment) -> pb.StampsUp:
    body = zstandard.ZstdCompressor(level=3).compress(msgspec.msgpack.encode(shipment))
    return pb.StampsUp(group=pb.Group(last=last, body=body))


async def _agent(channel: grpc.aio.Channel, node: int, nodes: int, site: str, came_up: asyncio.Semaphore) -> None:
    call = ProvenanceStub(channel).push_stamps()
    hello = pb.AgentHello(
        version=LINK_VERSION, site=site, node=node.to_bytes(3, "big"), log=log_of(node), name=name(node)
    )
    await call.write(pb.StampsUp(hello=hello))
    await call.read()
    await call.write(_group(READINGS + 1, told_first(node)))
    await call.read()
    began, began_ms = time.monotonic() + TICK_S * node / nodes, time.time_ns() // 1_000_000
    answers = asyncio.create_task(_heard(call))
    for tick in itertools.count(1):
        await asyncio.sleep(max(0.0, began + TICK_S * tick - time.monotonic()))
        now_ms = time.time_ns() // 1_000_000
        await call.write(pb.StampsUp(report=msgspec.msgpack.encode(report(node, tick, nodes, now_ms))))
        if tick == 1:
            came_up.release()
        if (tick + node) % SHIPS_EVERY == 0:
            await call.write(_group(sequence(tick), shipped(node, tick, began_ms)))
        if answers.done():
            answers.result()


async def _heard(call: "grpc.aio.StreamStreamCall[pb.StampsUp, pb.StampsDown]") -> None:
    """Take the store's answers; a refusal ends this."""
    while isinstance(down := await call.read(), pb.StampsDown):
        if down.HasField("refusal"):
            raise RuntimeError(f"the store refused: {down.refusal.reason}: {down.refusal.detail}")
    raise RuntimeError("the store has ended the stream")


async def send(store: str, nodes: int, site: str) -> None:
    """Report for all nodes until this is cancelled; the first failure ends all."""
    alone = [*GRPC_OPTIONS, ("grpc.use_local_subchannel_pool", 1)]
    channels = [grpc.aio.insecure_channel(store, options=alone) for _ in range(-(-nodes // STREAMS_MAX))]
    came_up = asyncio.Semaphore(0)
    async with asyncio.TaskGroup() as tasks:
        for node in range(1, nodes + 1):
            tasks.create_task(_agent(channels[node % len(channels)], node, nodes, site, came_up))
        for _ in range(nodes):
            await came_up.acquire()
        print(json.dumps({"reporting": nodes}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", required=True, metavar="HOST:PORT")
    parser.add_argument("--nodes", type=int, required=True)
    parser.add_argument("--site", default="default")
    options = parser.parse_args()
    asyncio.run(send(options.store, options.nodes, options.site))


if __name__ == "__main__":
    main()
