"""An application behind a real HTTP server in a thread, and agents that answer over real gRPC."""

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import httpx
import msgspec
from fastapi import FastAPI

from headwater.api.app import create_app
from headwater.api.options import ApiOptions
from headwater.api.readings import AgentClients
from headwater.api.server import listen, serve
from headwater.model.ids import DataPointId
from headwater.model.reading import Reading
from headwater.store.port import Reader
from headwater.wire import headwater_pb2 as pb
from headwater.wire.headwater_pb2_grpc import AgentServicer, add_AgentServicer_to_server

LOCAL = "127.0.0.1:0"
VERSION = "0.0.test"


@contextmanager
def served(
    open_reader: Callable[[], Reader], now_ms: Callable[[], int], options: ApiOptions | None = None
) -> Iterator[httpx.Client]:
    """A client of the API over a store; everything is stopped in the end."""
    options = msgspec.structs.replace(options or ApiOptions(), listen=LOCAL)
    started: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    ready = threading.Event()
    with listen(options) as sock:

        async def main() -> None:
            stop = asyncio.Event()
            agents = AgentClients(options.agent_timeout_s)
            app: FastAPI = create_app(open_reader, agents, now_ms, VERSION, options)
            started.append((asyncio.get_running_loop(), stop))
            ready.set()
            await serve(app, options, sock, stop)
            await agents.close()

        thread = threading.Thread(target=lambda: asyncio.run(main()))
        thread.start()
        ready.wait()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{sock.getsockname()[1]}", timeout=60) as client:
                yield client
        finally:
            loop, stop = started[0]
            loop.call_soon_threadsafe(stop.set)
            thread.join()


@contextmanager
def impatient(client: httpx.Client, path: str, question: object) -> Iterator[None]:
    """Somebody asks what the client could, and is gone without an answer when the block is left."""
    url, body = client.base_url, json.dumps(question).encode()
    head = f"POST {path} HTTP/1.1\r\nhost: {url.host}:{url.port}\r\ncontent-type: application/json\r\n"
    with socket.create_connection((url.host, url.port or 80)) as connection:
        connection.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        yield


class Agent(AgentServicer):
    """The agent of one node: readings by id, and a state for ids that it has none for."""

    def __init__(self, readings: dict[DataPointId, Reading | str]) -> None:
        self._readings = readings
        self._node = next(iter(readings)).node
        self.asked: list[list[tuple[int, int]]] = []

    def read(self, request: pb.ReadingsWanted, context: object) -> pb.ReadingsFound:
        self.asked.append([(run.start, run.count) for run in request.run])
        return pb.ReadingsFound(found=[self._found(run) for run in request.run])

    def beat(self, request_iterator: Iterator[pb.Beat], context: object) -> Iterator[pb.Beat]:
        raise NotImplementedError

    def _found(self, run: pb.Run) -> pb.Found:
        ids = [DataPointId(self._node, run.start + position) for position in range(run.count)]
        held = [self._readings.get(id, "unknown") for id in ids]
        states = [one for one in held if isinstance(one, str)]
        if states:
            return pb.Found(state=states[0])
        return pb.Found(state="ok", readings=msgspec.msgpack.encode(held))


@contextmanager
def agent_of(agent: AgentServicer) -> Iterator[str]:
    """The address where an agent answers."""
    server = grpc.server(ThreadPoolExecutor(2))
    add_AgentServicer_to_server(agent, server)
    port = server.add_insecure_port(LOCAL)
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


@contextmanager
def dead_address() -> Iterator[str]:
    """An address where nobody answers: bound, and never listened on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{sock.getsockname()[1]}"
