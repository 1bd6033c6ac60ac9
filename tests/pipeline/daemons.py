"""Running pipeline daemons on loopback for tests, sources that send to them, and what their logs then hold."""

import asyncio
import contextlib
import errno
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import msgspec
import numpy as np

from headwater.config.address import LOOPBACK
from headwater.config.ports import free_ports
from headwater.log.disk import RealAppendFile, RealDisk
from headwater.log.reader import LogReader
from headwater.log.recovery import MARK
from headwater.model.ids import DataPointId
from headwater.model.records import Batch, Definition, Kind
from headwater.pipeline.daemon import Daemon
from headwater.pipeline.options import GatewayOptions
from headwater.wire import codec
from headwater.wire import headwater_pb2 as pb
from headwater.wire.headwater_pb2_grpc import PipelineStub
from headwater.wire.link import GRPC_OPTIONS, LINK_VERSION
from headwater.wire.records import Record, decode_batch, decode_body

LOCAL = "127.0.0.1:0"
WAIT_S = 60.0
"""How long anything that has to happen may take."""


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


def free_address() -> str:
    """An address for a daemon that comes later, or back: nobody else is given it meanwhile."""
    return f"{LOOPBACK}:{free_ports(1)[0]}"


def gateway_options(data: Path, node: int = 1, **more: Any) -> GatewayOptions:
    """The options of a node in a folder, listening on any port of this machine."""
    given = {"listen": LOCAL, "name": f"node{node}", **more}
    return GatewayOptions(node=node, data=data, **given)


class Running(NamedTuple):
    """A daemon that serves."""

    daemon: Daemon
    address: str


@contextlib.asynccontextmanager
async def running(options: GatewayOptions, now_ms: Callable[[], int] = wall_ms) -> AsyncIterator[Running]:
    daemon = Daemon(options, now_ms)
    async with daemon.serving() as port:
        yield Running(daemon, f"127.0.0.1:{port}")


@contextlib.asynccontextmanager
async def chain(folder: Path, *nodes: dict[str, Any]) -> AsyncIterator[list[Running]]:
    """Daemons of which each sends to the next; the last is the endpoint."""
    async with contextlib.AsyncExitStack() as stack:
        found: list[Running] = []
        for number in range(len(nodes), 0, -1):
            given = {"next": found[0].address, **nodes[number - 1]} if found else nodes[number - 1]
            options = gateway_options(folder / str(number), number, **given)
            found.insert(0, await stack.enter_async_context(running(options)))
        yield found


async def until(condition: Callable[[], Any], what: str = "") -> None:
    """Wait for something that has to happen."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, f"never came: {what or condition}"
        await asyncio.sleep(0.01)


# ---- sources --------------------------------------------------------------------------------------------------------


class Reading(NamedTuple):
    meter: str
    metric: str
    timestamp: int
    value: float


class Source:
    """A numbered source with its journal in memory: `send` whenever there is a connection, `acknowledged` after."""

    def __init__(self, site: str = "default") -> None:
        self.id = secrets.token_bytes(8)
        self.site = site
        self.made: list[Reading] = []
        self.acknowledged = 0
        self.acknowledgements: list[float] = []
        """When each came, in seconds."""
        self.refusals: list[pb.Refusal] = []
        self.welcome: pb.Welcome | None = None
        self._call: grpc.aio.StreamStreamCall[pb.Up, pb.Down] | None = None
        self._defined: dict[tuple[str, str], int] = {}
        self.ended = asyncio.Event()
        """Of the connection begun last."""

    @contextlib.asynccontextmanager
    async def connected(self, address: str) -> AsyncIterator["Source"]:
        async with grpc.aio.insecure_channel(address, options=GRPC_OPTIONS) as channel:
            self._call = PipelineStub(channel).push_batches()
            self._defined.clear()
            self.ended = asyncio.Event()
            self.welcome = None
            await self._call.write(self.hello())
            listening = asyncio.create_task(self._listen(self._call, self.ended))
            try:
                yield self
            finally:
                self._call.cancel()
                await asyncio.gather(listening, return_exceptions=True)

    def hello(self) -> pb.Up:
        last = len(self.made)
        return pb.Up(hello=pb.Hello(version=LINK_VERSION, site=self.site, log=self.id, first=1, last=last, source=True))

    async def _listen(self, call: "grpc.aio.StreamStreamCall[pb.Up, pb.Down]", ended: asyncio.Event) -> None:
        try:
            while isinstance(down := await call.read(), pb.Down):
                self._take(down)
        finally:
            ended.set()

    def _take(self, down: pb.Down) -> None:
        if down.HasField("refusal"):
            self.refusals.append(down.refusal)
            return
        if down.HasField("welcome"):
            self.welcome = down.welcome
        else:
            self.acknowledgements.append(time.monotonic())
        self.acknowledged = down.welcome.durable if down.HasField("welcome") else down.durable

    def make(self, readings: list[Reading]) -> None:
        """Journal readings, to be sent from where they are not acknowledged."""
        self.made += readings

    async def send(self, first: int | None = None, most: int = codec.READINGS_MAX) -> None:
        """Send what was made from reading number `first` on, or from behind what is acknowledged."""
        assert self._call is not None
        await until(lambda: self.welcome or self.refusals or self.ended.is_set(), "a Welcome")
        at = self.acknowledged if first is None else first - 1
        while at < len(self.made):
            await self._call.write(self.message(at + 1, self.made[at : at + most]))
            at += most

    async def write(self, up: pb.Up) -> None:
        assert self._call is not None
        await self._call.write(up)

    def message(self, first: int, readings: list[Reading]) -> pb.Up:
        new = [(reading.meter, reading.metric) for reading in readings]
        new = [key for key in dict.fromkeys(new) if key not in self._defined]
        series = []
        for key in new:
            self._defined[key] = len(self._defined)
            series.append(pb.SourceSeries(number=self._defined[key], meter=key[0], metric=key[1]))
        payload = codec.encode(
            np.array([self._defined[reading[:2]] for reading in readings], np.int64),
            np.array([reading.timestamp for reading in readings], np.int64),
            np.array([reading.value for reading in readings], np.float64),
        )
        return pb.Up(source=pb.SourceBatch(first=first, payload=payload, series=series, sent_ms=wall_ms()))

    async def settled(self) -> None:
        """Wait until everything made is acknowledged."""
        await until(lambda: self.acknowledged >= len(self.made), "acknowledgement of everything")


def ramp(count: int, meters: int = 3, start: int = 0) -> list[Reading]:
    """Readings with values that tell them apart, meter by meter, one a second each."""
    each = [Reading(f"m{at % meters}", "power", 1000 * (at // meters), float(at)) for at in range(start, start + count)]
    return sorted(each, key=lambda reading: reading.meter)


# ---- logs -----------------------------------------------------------------------------------------------------------


def records(data: Path) -> list[Record]:
    """All durable records of a node's log, read as another process would."""
    disk = RealDisk(data / "log")
    try:
        reader = LogReader(disk, 0, lambda: disk.load_word(MARK), lambda first, last: True)
        found: list[Record] = []
        while (stretch := reader.read()).records:
            found += stretch.records
        return found
    finally:
        disk.close()


class Logged(NamedTuple):
    """A reading in a log."""

    reading: Reading
    id: DataPointId | None
    batch: Batch
    position: int


def batches(data: Path, kind: Kind = Kind.DATA) -> list[Batch]:
    return [decode_batch(record) for record in records(data) if record.kind == kind]


def logged(data: Path, kind: Kind = Kind.DATA) -> list[Logged]:
    """The readings in a node's log, in order."""
    found = records(data)
    names = {}
    for record in found:
        if record.kind == Kind.DEFINITION:
            held = msgspec.convert(decode_body(record), Definition)
            names[held.log, held.number] = (held.meter, held.metric)
    return [one for record in found if record.kind == kind for one in _readings(decode_batch(record), names)]


def _readings(batch: Batch, names: dict[tuple[bytes, int], tuple[str, str]]) -> Iterator[Logged]:
    columns = codec.decode(batch.payload)
    rows = zip(columns.series.tolist(), columns.timestamps.tolist(), columns.values.tolist(), strict=True)
    for at, (number, timestamp, value) in enumerate(rows):
        id = batch.stamp.run.at(at) if batch.stamp is not None else None
        yield Logged(Reading(*names[batch.entry, number], timestamp, value), id, batch, at)


def readings(data: Path, kind: Kind = Kind.DATA) -> list[Reading]:
    return [one.reading for one in logged(data, kind)]


def by_series(found: list[Reading]) -> dict[tuple[str, str], list[tuple[int, float]]]:
    """The readings of each series, in the order of the list."""
    held: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for meter, metric, timestamp, value in found:
        held.setdefault((meter, metric), []).append((timestamp, value))
    return held


# ---- a disk that refuses --------------------------------------------------------------------------------------------


class FullDisk(RealDisk):
    """A folder on a disk that has no space while `full` is set."""

    full = False

    def create(self, name: str) -> "FullFile":
        return FullFile(self, self.folder / name, os.O_CREAT | os.O_TRUNC)

    def reopen(self, name: str) -> "FullFile":
        return FullFile(self, self.folder / name, 0)


async def fill(gateway: Running) -> FullDisk:
    """Make a gateway's disk full, once what it logged at its start is durable.

    Otherwise the disk may refuse that already, and whoever comes then finds no room.
    """
    disk = gateway.daemon.disk
    assert isinstance(disk, FullDisk)
    await gateway.daemon.committer.durable(gateway.daemon.log.state.sequence)
    disk.full = True
    return disk


class FullFile(RealAppendFile):
    """A file on it."""

    def __init__(self, disk: FullDisk, path: Path, flags: int) -> None:
        super().__init__(path, flags)
        self._disk = disk

    def datasync(self) -> None:
        if self._disk.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().datasync()
