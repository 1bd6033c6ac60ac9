"""Provenance and none in turns: two topologies run beside each other, and get short slices of load in turns.

What else the machine does meets both halves of a pair of slices alike, so their ratio says more than two runs do.
"""

import asyncio
import contextlib
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import grpc
import msgspec
import numpy as np

from benchmarks.grid.load import loaded
from benchmarks.grid.running import Grid
from benchmarks.grid.settings import Spread
from benchmarks.grid.shapes import shape
from benchmarks.latency.eyes import Eyes
from benchmarks.throughput.load import generate
from benchmarks.throughput.sensor import Sensor
from headwater.wire.headwater_pb2_grpc import PipelineStub
from headwater.wire.link import GRPC_OPTIONS

MESSAGES_S = 50
"""Messages a second of a slice."""
REST_S = 0.1
"""After a slice, so that its last message has arrived before the next begins."""
WARM_SLICES = 2
BUFFER = 10
BOOTSTRAPS = 10_000
PARTS = ("pipeline", "agent")


class Turns(msgspec.Struct, frozen=True):
    """What came of it: p50 from sending to durable at the endpoint."""

    shape: str
    context: str
    rate: float
    pairs: int
    none_ms: Spread
    ms: Spread
    """With provenance."""
    ratio: float
    """Median of the ratios of all pairs."""
    quartiles: tuple[float, float]
    interval: tuple[float, float]
    """In which the median lies with 95 % confidence, by bootstrap."""
    cpu_us: dict[str, tuple[float, float]]
    """Processor time for each message, without provenance and with it: of all pipeline daemons, and of all agents."""

    def __str__(self) -> str:
        return (
            f"{self.shape}, {self.context}: p50 {self.none_ms.median:.2f} and {self.ms.median:.2f} ms, "
            f"ratio {self.ratio:.3f}, 95 % of the median {self.interval[0]:.3f} to {self.interval[1]:.3f}"
        )


class _Half:
    """One topology and a sensor at its first entry."""

    def __init__(self, grid: Grid, sensor: Sensor, eyes: Eyes) -> None:
        self.grid, self.sensor, self.eyes = grid, sensor, eyes
        self.slices: list[dict[int, float]] = []
        """Of each slice when each message was sent, in ms since the epoch, by the number of its first reading."""
        self._cpu_ns = dict.fromkeys(PARTS, 0)

    async def slice(self, readings: int, seconds: float) -> None:
        """Send messages of so many readings for so long."""
        sent: dict[int, float] = {}
        before = self._used_ns()
        begun_s = time.monotonic()
        for at in range(round(seconds * MESSAGES_S)):
            await asyncio.sleep(max(0.0, begun_s + at / MESSAGES_S - time.monotonic()))
            up = self.sensor.message(generate(readings, seed=at))
            sent[up.source.first] = time.time_ns() / 1e6
            await self.sensor.send(up)
        await self.sensor.finish()
        await asyncio.sleep(REST_S)
        for part, ns in self._used_ns().items():
            self._cpu_ns[part] += ns - before[part]
        self.slices.append(sent)

    def _used_ns(self) -> dict[str, int]:
        used = dict.fromkeys(PARTS, 0)
        for name, process in self.grid.processes.items():
            node, _, part = name.partition("/")
            if node in {gateway.name for gateway in self.grid.topology.gateways}:
                used[part or PARTS[0]] += cpu_ns(process.pid)
        return used

    def cpu_us(self) -> dict[str, float]:
        """Processor time of a message in all slices."""
        messages = sum(map(len, self.slices))
        return {part: ns / 1000 / messages for part, ns in self._cpu_ns.items()}

    def p50s(self) -> list[float]:
        """Of each slice, in ms, once everything has arrived."""
        seen = self.eyes.stop()[self.grid.topology.gateways[-1].name]
        arrived = {number: at_ms for (_, number), at_ms in seen.items()}
        return [
            statistics.median(arrived[number] - at_ms for number, at_ms in sent.items() if number in arrived)
            for sent in self.slices[WARM_SLICES:]
        ]


def measure(name: str, context: str, rate: float, pairs: int, seconds: float, folder: Path) -> Turns:
    """Take so many pairs of slices of `seconds`; on loopback, at so many readings a second."""
    return asyncio.run(_measure(name, context, rate, pairs, seconds, folder))


async def _measure(name: str, context: str, rate: float, pairs: int, seconds: float, folder: Path) -> Turns:
    async with contextlib.AsyncExitStack() as stack:
        grids = [
            stack.enter_context(Grid(loaded(shape(name), each, BUFFER, None), folder / each, None))
            for each in ("none", context)
        ]
        for grid in grids:
            grid.start_daemons()
        halves = [await _half(stack, grid) for grid in grids]
        for number in range(pairs + WARM_SLICES):
            for half in halves if number % 2 else reversed(halves):
                await half.slice(max(1, round(rate / MESSAGES_S)), seconds)
        none, held = halves
        used = {part: (us, held.cpu_us()[part]) for part, us in none.cpu_us().items()}
        return made(name, context, rate, none.p50s(), held.p50s(), used)


async def _half(stack: contextlib.AsyncExitStack, grid: Grid) -> _Half:
    await asyncio.to_thread(grid.wait_for_nodes)
    eyes = Eyes(grid.topology)
    eyes.start()
    target = grid.topology.sensors[0].target
    channel = await stack.enter_async_context(grpc.aio.insecure_channel(target, options=GRPC_OPTIONS))
    sensor = Sensor(PipelineStub(channel).push_batches(), size=1)
    await sensor.begin()
    return _Half(grid, sensor, eyes)


def made(
    name: str,
    context: str,
    rate: float,
    none: Sequence[float],
    held: Sequence[float],
    cpu_us: dict[str, tuple[float, float]],
) -> Turns:
    """The figures of pairs of p50s. Pure: the bootstrap has a seed."""
    ratios = np.array(held) / np.array(none)
    drawn = np.random.default_rng(1).choice(ratios, (BOOTSTRAPS, len(ratios)))
    low, high = np.percentile(np.median(drawn, axis=1), [2.5, 97.5])
    first, third = np.percentile(ratios, [25, 75])
    return Turns(
        name, context, rate, len(ratios), _quartered(none), _quartered(held),
        float(np.median(ratios)), (float(first), float(third)), (float(low), float(high)), cpu_us,
    )  # fmt: skip


def _quartered(values: Sequence[float]) -> Spread:
    first, middle, third = np.percentile(values, [25, 50, 75])
    return Spread(float(middle), float(first), float(third))


def cpu_ns(pid: int) -> int:
    """Processor time of all threads of a process."""
    return sum(int(file.read_text().split()[0]) for file in Path(f"/proc/{pid}/task").glob("*/schedstat"))
