"""What is compared with: the protocol and habits of 2018 in Python, one gRPC message a reading.

A node keeps each reading in a Redis of its own, flushes every tenth message inside the receive callback, and sends a
JSON document of provenance for each reading to a database. Kinder than the original: its streams stay open, the
database is SQLite, and nothing is synced.
"""

import argparse
import asyncio
import json
import os
import random
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import numpy as np
import redis.asyncio

from benchmarks.grid import told
from benchmarks.throughput import load
from headwater.cli import lifeline
from headwater.wire import provenance_system_pb2 as pb
from headwater.wire.provenance_system_pb2_grpc import (
    add_gatewayServicer_to_server,
    gatewayServicer,
    gatewayStub,
)

FLUSH_EVERY = 10
LABEL, LATITUDE, LONGITUDE = "TU-MAR Building", 52.510141, 13.321451
CONTEXT = "METER,METRIC,LOCATION,LINE,CLASS,APPLICATION,CREATE_TIME,SEND_TIME,RECEIVE_TIME"
PUSH = "/bench.Provenance/push"

Fields = dict[bytes | bytearray | memoryview | str | int | float, bytes | bytearray | memoryview | str | int | float]
Arrived = list[tuple[pb.Grid_data, int]]
"""Messages, and when each came in microseconds."""


def micros() -> int:
    return time.monotonic_ns() // 1000


class Ids:
    """Ids of 10 bytes in hex: second, counter, node."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._counter = random.randrange(1 << 20)

    def take(self) -> str:
        self._counter = (self._counter + 1) & 0xFFFFFF
        return f"{int(time.time()):08x}{self._counter:06x}{self._node}"


def document(id: str, parent: str, data: pb.Grid_data, sent_us: int, received_us: int, node: str) -> bytes:
    """The provenance of one reading."""
    measured = data.measurement
    context = {
        "loc": {"lable": LABEL, "latitude": LATITUDE, "longitude": LONGITUDE},
        "lineNo": 185,
        "appName": "pushDataService",
        "className": "gatewayServer",
        "timestamp": measured.timestamp,
        "sendTime": sent_us,
        "receiveTime": received_us,
        "meterId": measured.meter_id,
        "metricId": measured.metric_id,
        "hostId": node,
    }
    made = {"id": id, "inputDatapoints": [{"simple": [parent]}] if parent else [], "context": context}
    return json.dumps(made, separators=(",", ":")).encode()


class Node(gatewayServicer):
    """A gateway when it has a next hop, an endpoint when it has none."""

    def __init__(self, options: argparse.Namespace, store: "redis.asyncio.Redis") -> None:
        self._options = options
        self._store = store
        self._ids = Ids(options.node)
        self._next = gatewayStub(grpc.aio.insecure_channel(options.next)) if options.next else None
        self._provenance = _push(options.provenance) if options.provenance else None
        self._seen = 0
        self._took_us: list[int] = []

    async def push_data(self, messages: AsyncIterator[pb.Grid_data], context: object) -> pb.reply:
        onward = self._next.push_data() if self._next else None
        arrived: Arrived = []
        async for data in messages:
            arrived.append((data, micros()))
            if len(arrived) >= FLUSH_EVERY:
                await self._flush(arrived, onward)
        await self._flush(arrived, onward)
        if onward is not None:
            await onward.done_writing()
            await onward
        return pb.reply(response_code="200")

    async def _flush(self, arrived: Arrived, onward: "grpc.aio.StreamUnaryCall[pb.Grid_data, pb.reply] | None") -> None:
        pipe, documents = self._store.pipeline(transaction=False), []
        for data, received_us in arrived:
            measured, key = data.measurement, str(received_us)
            if self._provenance is not None:
                key = self._ids.take()
                documents.append(document(key, data.prov_id, data, micros(), received_us, self._options.node))
                data.prov_id, data.context = key, CONTEXT
            fields: Fields = {"meter_id": measured.meter_id, "metric_id": measured.metric_id}
            fields |= {"timestamp": measured.timestamp, "value": measured.value}
            pipe.hset(key, mapping=fields)
        await pipe.execute()
        if self._provenance is not None and documents:
            await self._provenance.write(b"\n".join(documents))
        for data, received_us in arrived:
            if onward is not None:
                await onward.write(data)
            else:
                self._arrive(received_us - data.measurement.timestamp)
        arrived.clear()

    def _arrive(self, took_us: int) -> None:
        """Count at the endpoint, and tell when all is there."""
        self._seen += 1
        if self._seen == self._options.warm:
            told.tell(warm=True)
        elif self._seen > self._options.warm:
            self._took_us.append(took_us)
            if len(self._took_us) == self._options.readings:
                took_ms = np.array(self._took_us) / 1000
                latency = {f"p{part}_ms": float(np.percentile(took_ms, part)) for part in (50, 95, 99)}
                told.tell(durable_ns=time.monotonic_ns(), **latency)


def _push(address: str) -> "grpc.aio.StreamUnaryCall[bytes, bytes]":
    return grpc.aio.insecure_channel(address).stream_unary(PUSH)()


async def node(options: argparse.Namespace) -> None:
    """Be a gateway or an endpoint."""
    store = redis.asyncio.Redis(unix_socket_path=str(options.redis))
    server = grpc.aio.server()
    add_gatewayServicer_to_server(Node(options, store), server)
    server.add_insecure_port(options.listen)
    await server.start()
    told.tell(serving=True)
    await server.wait_for_termination()


async def database(options: argparse.Namespace) -> None:
    """Be the provenance daemon and its database."""
    held = sqlite3.connect(options.data, isolation_level=None)
    held.execute("PRAGMA journal_mode = WAL")
    held.execute("CREATE TABLE record (id TEXT PRIMARY KEY, document BLOB) WITHOUT ROWID")

    async def push(messages: AsyncIterator[bytes], context: object) -> bytes:
        async for message in messages:
            documents = message.split(b"\n")
            held.execute("BEGIN")
            rows = [(document[7:27].decode(), document) for document in documents]
            held.executemany("INSERT OR REPLACE INTO record VALUES (?, ?)", rows)
            held.execute("COMMIT")
        return b""

    server = grpc.aio.server()
    method: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_unary_rpc_method_handler(push)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench.Provenance", {"push": method}),))
    server.add_insecure_port(options.listen)
    await server.start()
    told.tell(serving=True)
    await server.wait_for_termination()


async def sensor(options: argparse.Namespace) -> None:
    """Send each reading when it is due, or as fast as possible."""
    made = load.generate(options.warm + options.readings)
    columns = zip(made.series.tolist(), made.values.tolist(), strict=True)
    rows = [(*load.name(series), value) for series, value in columns]
    async with grpc.aio.insecure_channel(options.next) as channel:
        await channel.channel_ready()
        call = gatewayStub(channel).push_data()
        for row in rows[: options.warm]:
            await call.write(_message(*row))
        told.tell(ready=True)
        told.wait_for_go()
        begun_us = micros()
        for number, row in enumerate(rows[options.warm :]):
            if options.rate:
                ahead_us = begun_us + number * 1e6 / options.rate - micros()
                if ahead_us > 0:
                    await asyncio.sleep(ahead_us / 1e6)
            await call.write(_message(*row))
        await call.done_writing()
        await call
        told.tell(acknowledged=options.readings)
        told.wait_for_go()


def _message(meter: str, metric: str, value: float) -> pb.Grid_data:
    measured = pb.measurement_message(meter_id=meter, metric_id=metric, timestamp=micros(), value=value)
    return pb.Grid_data(measurement=measured)


def main() -> None:
    lifeline.hold(os.environ)
    roles = {"node": node, "database": database, "sensor": sensor}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", choices=roles)
    parser.add_argument("--listen", help="host:port")
    parser.add_argument("--next", help="host:port of the next hop")
    parser.add_argument("--provenance", help="host:port of the database")
    parser.add_argument("--node", default="", help="id, 6 hexadecimal digits")
    parser.add_argument("--redis", type=Path, help="the socket of the node's Redis")
    parser.add_argument("--data", type=Path, help="the file of the database")
    parser.add_argument("--warm", type=int, default=0)
    parser.add_argument("--readings", type=int, default=0)
    parser.add_argument("--rate", type=float, default=0.0)
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    options = parser.parse_args()
    asyncio.run(roles[options.role](options))


if __name__ == "__main__":
    main()
