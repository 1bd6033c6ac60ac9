"""The call of 2018, `push_data`: readings a second that our gateway takes durably, beside a plain grpcio server.

Run:  python -m benchmarks.push_data [--readings N] [--rounds R]
The plain servers parse each message and count it. Ours parses, batches, logs and syncs it before it answers. One client
sends to all in turns, its messages encoded before, over as many streams at once as are asked for.
"""

import argparse
import asyncio
import multiprocessing
import multiprocessing.connection
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

from benchmarks.throughput import load
from headwater.wire import provenance_system_pb2 as pb
from headwater.wire.provenance_system_pb2_grpc import add_gatewayServicer_to_server, gatewayServicer

METHOD = "/provenance_system.gateway/push_data"
LOCAL = "127.0.0.1:0"

Told = multiprocessing.connection.Connection


class Plain(gatewayServicer):
    """What the documentation of grpcio shows."""

    def push_data(self, request_iterator: Iterator[pb.Grid_data], context: object) -> pb.reply:
        taken = sum(1 for data in request_iterator if data.measurement.meter_id)
        return pb.reply(response_code=str(taken and 200))


def be_plain(told: Told) -> None:
    server = grpc.server(ThreadPoolExecutor(4))
    add_gatewayServicer_to_server(Plain(), server)
    told.send(server.add_insecure_port(LOCAL))
    server.start()
    told.recv()
    server.stop(None).wait()


class PlainAsync(gatewayServicer):
    """The same with asyncio."""

    async def push_data(self, request_iterator: AsyncIterator[pb.Grid_data], context: object) -> pb.reply:
        taken = 0
        async for data in request_iterator:
            taken += bool(data.measurement.meter_id)
        return pb.reply(response_code=str(taken and 200))


def be_plain_async(told: Told) -> None:
    async def run() -> None:
        server = grpc.aio.server()
        add_gatewayServicer_to_server(PlainAsync(), server)
        told.send(server.add_insecure_port(LOCAL))
        await server.start()
        await asyncio.get_running_loop().run_in_executor(None, told.recv)
        await server.stop(None)

    asyncio.run(run())


def be_gateway(told: Told) -> None:
    from headwater.node import wall_ms
    from headwater.pipeline.daemon import Daemon
    from headwater.pipeline.options import GatewayOptions

    async def run(folder: str) -> None:
        daemon = Daemon(GatewayOptions(node=1, name="bench", data=Path(folder), listen=LOCAL), wall_ms)
        async with daemon.serving() as port:
            told.send(port)
            await asyncio.get_running_loop().run_in_executor(None, told.recv)

    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder:
        asyncio.run(run(folder))


def messages(readings: int) -> list[bytes]:
    """Readings as they go over the wire."""
    made = load.generate(readings)
    rows = zip(made.series.tolist(), made.timestamps.tolist(), made.values.tolist(), strict=True)
    return [_message(*load.name(series), timestamp, value) for series, timestamp, value in rows]


def _message(meter: str, metric: str, timestamp: int, value: float) -> bytes:
    measured = pb.measurement_message(meter_id=meter, metric_id=metric, timestamp=timestamp, value=value)
    return pb.Grid_data(measurement=measured).SerializeToString()


def pushed(port: int, made: list[bytes], streams: int) -> float:
    """Readings a second until all streams are answered."""

    def push(part: list[bytes]) -> str:
        return method(iter(part)).response_code

    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel, ThreadPoolExecutor(streams) as pool:
        method: grpc.StreamUnaryMultiCallable[bytes, pb.reply]
        method = channel.stream_unary(METHOD, response_deserializer=pb.reply.FromString)
        grpc.channel_ready_future(channel).result(timeout=30)
        begun = time.perf_counter()
        codes = set(pool.map(push, (made[at::streams] for at in range(streams))))
        took_s = time.perf_counter() - begun
    assert codes == {"200"}, codes
    return len(made) / took_s


def main() -> None:
    parser = argparse.ArgumentParser(prog="headwater bench push_data", description=__doc__)
    parser.add_argument("--readings", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--streams", type=int, default=1)
    options = parser.parse_args()
    made, context = messages(options.readings), multiprocessing.get_context("spawn")
    servers = {"grpcio": be_plain, "grpc.aio": be_plain_async, "gateway": be_gateway}
    rates: dict[str, list[float]] = {name: [] for name in servers}
    pipes = {name: context.Pipe() for name in servers}
    processes = [context.Process(target=server, args=(pipes[name][1],)) for name, server in servers.items()]
    for process in processes:
        process.start()
    ports = {name: ours.recv() for name, (ours, _) in pipes.items()}
    for number in range(-1, options.rounds):
        for name, port in ports.items():
            rate = pushed(port, made, options.streams)
            if number >= 0:  # The round before is to warm up.
                rates[name].append(rate)
    for ours, _ in pipes.values():
        ours.send(None)
    for process in processes:
        process.join()
    for name, held in rates.items():
        ratios = [ours / theirs for ours, theirs in zip(rates["gateway"], held, strict=True)]
        print(
            f"{name:9} {statistics.median(held):8,.0f} readings/s [{min(held):,.0f} to {max(held):,.0f}], "
            f"gateway against it: {statistics.median(ratios):.2f} [{min(ratios):.2f} to {max(ratios):.2f}]"
        )


if __name__ == "__main__":
    main()
