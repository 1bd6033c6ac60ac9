"""A numbered source that sends as fast as it is acknowledged, or at a fixed rate, without a journal.

What it sends as fast as possible is encoded before: the path is measured, not the sensor.
"""

import argparse
import asyncio
import os
import secrets
import time

import grpc
import numpy as np

from benchmarks.grid import told
from benchmarks.throughput import load
from headwater.cli import lifeline
from headwater.wire import codec
from headwater.wire import headwater_pb2 as pb
from headwater.wire.headwater_pb2_grpc import PipelineStub
from headwater.wire.link import GRPC_OPTIONS, LINK_VERSION

UNDER_WAY_MAX = 262_144
"""Readings sent and not yet acknowledged, as for the emulator."""
FLUSH_MS = 2.0
"""How long the first reading of a batch waits at a fixed rate."""

Call = grpc.aio.StreamStreamCall[pb.Up, pb.Down]


class Sensor:
    """One connection to the first hop."""

    def __init__(self, call: Call, size: int) -> None:
        self._call = call
        self._size = size
        self._next = 1
        self._acknowledged = 0
        self._changed = asyncio.Event()
        self._defined = False

    async def begin(self) -> None:
        """Say who this is, and start to take acknowledgements."""
        source = secrets.token_bytes(8)
        hello = pb.Hello(version=LINK_VERSION, site="default", log=source, first=1, last=0, source=True, name="bench")
        await self._call.write(pb.Up(hello=hello))
        await self._call.read()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while isinstance(down := await self._call.read(), pb.Down):
            if down.HasField("refusal"):
                raise RuntimeError(down.refusal.detail)
            self._acknowledged = down.durable
            self._changed.set()

    @property
    def sent(self) -> int:
        """Readings sent so far."""
        return self._next - 1

    async def _until_acknowledged(self, number: int) -> None:
        while self._acknowledged < number:
            self._changed.clear()
            await self._changed.wait()

    def message(self, columns: load.Load) -> pb.Up:
        """The next message; the first one names all series."""
        named = [] if self._defined else [(number, *load.name(number)) for number in range(load.SERIES)]
        self._defined = True
        series = [pb.SourceSeries(number=number, meter=meter, metric=metric) for number, meter, metric in named]
        batch = pb.SourceBatch(first=self._next, payload=sorted_payload(columns), series=series)
        self._next += len(columns.series)
        return pb.Up(source=batch)

    async def send(self, up: pb.Up) -> None:
        """Send once there is room for it."""
        last = up.source.first - 1
        await self._until_acknowledged(last - UNDER_WAY_MAX)
        up.source.sent_ms = time.time_ns() // 1_000_000
        await self._call.write(up)

    async def finish(self) -> None:
        """Wait until everything sent is acknowledged."""
        await self._until_acknowledged(self._next - 1)

    async def saturate(self, readings: load.Load, measured: bool) -> None:
        """Send as fast as possible."""
        ups = [self.message(part) for part in readings.parts(self._size)]
        if measured:
            told.tell(ready=True)
            told.wait_for_go()
        for up in ups:
            await self.send(up)
        await self.finish()

    async def repeat(self, readings: load.Load, seconds: float) -> None:
        """Send the same readings over and over, as fast as possible, for so long."""
        ups = [self.message(part) for part in readings.parts(self._size)]
        told.tell(ready=True)
        told.wait_for_go()
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            for up in ups:
                await self.send(up)
                self._next = up.source.first + codec.count(up.source.payload)
                up.source.first += len(readings.series)
                del up.source.series[:]
        await self.finish()

    async def pace(self, readings: load.Load, rate: float) -> None:
        """Send each reading when it is due, with that time in microseconds as its timestamp."""
        told.tell(ready=True)
        told.wait_for_go()
        begun_us, total, sent = time.monotonic_ns() // 1000, len(readings.series), 0
        while sent < total:
            passed_us = time.monotonic_ns() // 1000 - begun_us
            due = min(total, int(passed_us * rate / 1e6) + 1)
            waited_ms = (passed_us - sent * 1e6 / rate) / 1000
            if due - sent >= self._size or (due > sent and (waited_ms >= FLUSH_MS or due == total)):
                part = slice(sent, min(due, sent + self._size))
                times = begun_us + (np.arange(part.start, part.stop) * 1e6 / rate).astype(np.int64)
                await self.send(self.message(load.Load(readings.series[part], times, readings.values[part])))
                sent = part.stop
            else:
                next_us = begun_us + max(due, sent + 1) * 1e6 / rate
                full_us = begun_us + sent * 1e6 / rate + FLUSH_MS * 1000
                wake_us = full_us if due > sent else next_us
                await asyncio.sleep(max(0.0, wake_us - time.monotonic_ns() / 1000) / 1e6)
        await self.finish()


def sorted_payload(columns: load.Load) -> bytes:
    """Readings encoded as a batch: sorted by series, stable."""
    order = np.argsort(columns.series, kind="stable")
    return codec.encode(columns.series[order], columns.timestamps[order], columns.values[order])


async def run(target: str, size: int, warm: int, readings: int, rate: float, seconds: float) -> None:
    """Warm the path up, then send what is measured when told to."""
    made = load.generate(warm + readings)
    async with grpc.aio.insecure_channel(target, options=GRPC_OPTIONS) as channel:
        await channel.channel_ready()
        sensor = Sensor(PipelineStub(channel).push_batches(), size)
        await sensor.begin()
        await sensor.saturate(made.part(0, warm), measured=False)
        rest = made.part(warm, warm + readings)
        if seconds:
            await sensor.repeat(rest, seconds)
        else:
            await (sensor.pace(rest, rate) if rate else sensor.saturate(rest, measured=True))
        told.tell(acknowledged=sensor.sent - warm)
        told.wait_for_go()


def main() -> None:
    lifeline.hold(os.environ)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", required=True, help="host:port of the first hop")
    parser.add_argument("--size", type=int, required=True, help="readings a batch, at most")
    parser.add_argument("--warm", type=int, required=True, help="readings sent before")
    parser.add_argument("--readings", type=int, required=True, help="readings measured")
    parser.add_argument("--rate", type=float, default=0.0, help="readings a second; 0 is as fast as possible")
    parser.add_argument("--seconds", type=float, default=0.0, help="send the readings over and over for so long")
    options = parser.parse_args()
    asyncio.run(run(options.target, options.size, options.warm, options.readings, options.rate, options.seconds))


if __name__ == "__main__":
    main()
