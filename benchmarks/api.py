"""The REST API measured over the embedded store: requests a second, and lineage in bulk, with and without values.

Run:  python benchmarks/api.py [--readings N] [--seconds S]
Load: the same readings at three nodes, batches of 1,000, from `benchmarks.store`; one agent answers for all of them
from another process. `/default` answers the same 50 data points in FastAPI's own way, as a list of dicts.
"""

import argparse
import asyncio
import multiprocessing
import multiprocessing.connection
import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import httpx
import msgspec
from fastapi import FastAPI

from benchmarks.store import FIRST_ORDINAL, SITE, Load, groups_of, now, opened
from headwater.api.app import create_app
from headwater.api.gather import PLAIN
from headwater.api.options import ApiOptions
from headwater.api.points import Painter
from headwater.api.readings import AgentClients
from headwater.api.server import listen, serve
from headwater.model.ids import DataPointId
from headwater.model.reading import Reading
from headwater.store.options import SqliteOptions
from headwater.wire import headwater_pb2 as pb
from headwater.wire.headwater_pb2_grpc import AgentServicer, add_AgentServicer_to_server

NODES = (1, 2, 3)
LAST_50 = "/v1/cluster/000003/provenance?size=50"
CONNECTIONS = 32
IDS_A_REQUEST = 10_000
LOCAL = "127.0.0.1:0"

Told = multiprocessing.connection.Connection


class Agent(AgentServicer):
    """An agent that has every reading at hand."""

    def read(self, request: pb.ReadingsWanted, context: object) -> pb.ReadingsFound:
        return pb.ReadingsFound(found=[self._found(run.start, run.count) for run in request.run])

    def beat(self, request_iterator: Iterator[pb.Beat], context: object) -> Iterator[pb.Beat]:
        raise NotImplementedError

    def _found(self, start: int, count: int) -> pb.Found:
        readings = [Reading("meter0", "metric0", start + at, at / 8) for at in range(count)]
        return pb.Found(state="ok", readings=msgspec.msgpack.encode(readings))


def be_agent(told: Told) -> None:
    server = grpc.server(ThreadPoolExecutor(2))
    add_AgentServicer_to_server(Agent(), server)
    told.send(server.add_insecure_port(LOCAL))
    server.start()
    told.recv()
    server.stop(None).wait()


def be_api(told: Told, folder: Path) -> None:
    """The API process, with one endpoint more."""

    async def run() -> None:
        options, stop = ApiOptions(listen=LOCAL), asyncio.Event()
        agents = AgentClients(options.agent_timeout_s)
        app = create_app(lambda: SqliteOptions().open_reader(folder, SITE), agents, now, "0", options)
        _add_default(app, folder)
        # What comes last answers everything under /v1, so the comparison stands before it.
        app.router.routes.insert(0, app.router.routes.pop())
        with listen(options) as sock:
            told.send(sock.getsockname()[1])
            asyncio.get_running_loop().run_in_executor(None, told.recv).add_done_callback(lambda _: stop.set())
            await serve(app, options, sock, stop)
        await agents.close()

    asyncio.run(run())


def _add_default(app: FastAPI, folder: Path) -> None:
    reader = SqliteOptions().open_reader(folder, SITE)
    paint = Painter(PLAIN).document
    points = [msgspec.to_builtins(paint(point)) for point in reader.last_of(NODES[-1], 50)]
    reader.close()

    @app.get("/default", response_model=None)
    async def default() -> list[dict[str, object]]:
        return points


def cpu_s(pid: int) -> float:
    """What a process has used of its processor."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def asked(port: int, path: str, seconds: float) -> list[float]:
    """How long each request took, in ms, sorted; asked over many connections for so long."""
    end = time.perf_counter() + seconds
    times: list[float] = []

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (begun := time.perf_counter()) < end:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            assert head.startswith(b"http/1.1 200"), head
            await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
            times.append((time.perf_counter() - begun) * 1e3)
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(ask() for _ in range(CONNECTIONS)))
    return sorted(times)


def bulk_s(port: int, ids: int, detail: bool) -> tuple[float, int]:
    """Seconds for the lineage of so many ids, and the bytes answered."""
    size = 0
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as client:
        begun = time.perf_counter()
        for first in range(0, ids, IDS_A_REQUEST):
            asked = [str(DataPointId(3, FIRST_ORDINAL + first + at)) for at in range(min(IDS_A_REQUEST, ids - first))]
            answer = client.post("/v1/lineage", json={"ids": asked, "detail": detail, "values": detail})
            assert answer.status_code == 200, answer.text
            assert answer.content.count(b'"value":') == (len(NODES) * len(asked) if detail else 0)
            size += len(answer.content)
        return time.perf_counter() - begun, size


def fill(folder: Path, readings: int, agent_port: int) -> None:
    load = Load(1000)
    writer = opened(folder)
    for node in NODES:
        stamps = load.first_stamps(1, 0, readings) if node == 1 else load.same(node, node - 1, 0, readings)
        groups = groups_of(node, list(stamps))
        assert not any(writer.add_all(groups))
        writer.hello(SITE, node, groups[0].log, f"node{node}", f"127.0.0.1:{agent_port}", now())
    writer.close()


def measure(port: int, pid: int, readings: int, seconds: float) -> None:
    for path in ("/default", LAST_50, "/v1/cluster/stats", "/healthz", "/default", LAST_50):
        before_s = cpu_s(pid)
        times = asyncio.run(asked(port, path, seconds))
        cost_us = (cpu_s(pid) - before_s) / len(times) * 1e6
        middle_ms, slow_ms = times[len(times) // 2], times[len(times) * 99 // 100]
        print(
            f"{path:38} {len(times) / seconds:7,.0f} requests/s, CPU {cost_us:5.0f} us each, "
            f"p50 {middle_ms:5.1f} ms, p99 {slow_ms:5.1f} ms",
            flush=True,
        )
    for detail in (False, True):
        took_s, size = bulk_s(port, readings, detail)
        shown = "with detail and values" if detail else "as in 2018"
        print(f"lineage of {readings:,} ids over {len(NODES)} hops, {shown}: {took_s:.1f} s, {size / 1e6:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readings", type=int, default=100_000, help="readings a node")
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each path is asked")
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="headwater-api-") as folder:
        agent, to_agent = context.Pipe()
        api, to_api = context.Pipe()
        processes = [
            context.Process(target=be_agent, args=(to_agent,)),
            context.Process(target=be_api, args=(to_api, Path(folder))),
        ]
        processes[0].start()
        fill(Path(folder), arguments.readings, agent.recv())
        processes[1].start()
        to_agent.close()
        to_api.close()
        try:
            measure(api.recv(), processes[1].pid or 0, arguments.readings, arguments.seconds)
        finally:
            agent.send(None)
            api.send(None)
            for process in processes:
                process.join()


if __name__ == "__main__":
    main()
