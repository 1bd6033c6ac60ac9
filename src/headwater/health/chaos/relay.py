"""A relay: a link that can be cut, refused and slowed, made of TCP connections whose bytes it does not understand.

Cut means what a black hole means to both ends: no byte passes and no connection is reset. Bytes under way are held and
pass once the link is healed, as TCP would send them again. Refused means that connections break and new ones are not
taken.
"""

import asyncio
import contextlib
import logging
import socket
import struct
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from headwater.health.chaos.options import RelayOptions, Way

CHUNK_BYTES = 16 * 1024
CHUNKS_MAX = 64
"""The most chunks of one direction that are held, so that a slow link pushes back like a real one."""
CONNECTIONS_MAX = 256
RETRY_S = 0.1
_NO_LINGER = struct.pack("ii", 1, 0)

_logger = logging.getLogger(__name__)


class Conduct(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a relay treats what comes."""

    mode: Literal["pass", "cut", "refuse"] = "pass"
    delay_ms: Annotated[int, Meta(ge=0, le=60_000)] = 0
    """How much later a byte arrives, one way."""
    bytes_per_s: Annotated[int, Meta(ge=0)] = 0
    """The most bytes a second, each way of each connection; 0 is no limit."""


def read_conduct(file: Path) -> Conduct:
    """What a file says; bytes pass where there is none or it cannot be read."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Conduct)
    except FileNotFoundError:
        return Conduct()
    except (OSError, msgspec.DecodeError) as error:
        _logger.error("%s cannot be used, everything passes: %s", file, error)
        return Conduct()


def write_conduct(file: Path, conduct: Conduct) -> None:
    """Leave for a relay how it is to treat bytes; a reader finds all of it or what was before."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.new")
    fresh.write_bytes(msgspec.json.encode(conduct))
    fresh.replace(file)


class Relay:
    """The connections of one link, and how they are treated now."""

    def __init__(self, ways: tuple[Way, ...], conduct: Conduct) -> None:
        self._ways = ways
        self._conduct = conduct
        self._passing = asyncio.Event()
        self._servers: dict[Way, asyncio.Server] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Relay until left; OSError when an address is taken."""
        keeping: asyncio.Task[None] | None = None
        try:
            await self._settle()
            keeping = asyncio.create_task(self._keep())
            yield
        finally:
            if keeping is not None:
                keeping.cancel()
                await asyncio.gather(keeping, return_exceptions=True)
            self._close()
            await self._break()

    def behave(self, conduct: Conduct) -> None:
        """Treat everything like this from now on."""
        if conduct != self._conduct:
            _logger.info("%s", _told(conduct))
        self._conduct = conduct
        # What is held back is held back from this moment on, not from the next turn of the loop.
        (self._passing.set if conduct.mode == "pass" else self._passing.clear)()
        self._changed.set()

    async def _keep(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._settle()
            except OSError as error:
                _logger.error("cannot listen: %s; trying again", error)
                self._changed.set()
                await asyncio.sleep(RETRY_S)

    async def _settle(self) -> None:
        if self._conduct.mode == "refuse":
            self._close()
            await self._break()
            return
        for way in self._ways:
            if way not in self._servers:
                host, _, port = way.listen.rpartition(":")
                self._servers[way] = await asyncio.start_server(partial(self._take, way), host, int(port))
        if self._conduct.mode == "pass":
            self._passing.set()

    def _close(self) -> None:
        for server in self._servers.values():
            server.close()
        self._servers.clear()

    async def _break(self) -> None:
        broken = list(self._connections)
        for task in broken:
            task.cancel()
        await asyncio.gather(*broken, return_exceptions=True)

    async def _take(self, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection until it ends."""
        task = asyncio.current_task()
        assert task is not None
        if len(self._connections) >= CONNECTIONS_MAX:
            writer.transport.abort()
            return
        self._connections.add(task)
        writers = [writer]
        try:
            await self._passing.wait()
            host, _, port = way.target.rpartition(":")
            onward, there = await asyncio.open_connection(host.strip("[]"), int(port))
            writers.append(there)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, there))
                group.create_task(self._pump(onward, writer))
            for each in writers:
                each.close()  # With what is not sent yet: both ends have ended well.
        except* (OSError, asyncio.CancelledError):
            pass  # Either end is told so by the reset below.
        finally:
            for each in writers:
                if not each.is_closing():
                    _reset(each)
            self._connections.discard(task)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One direction, until the end of what comes has been passed on."""
        held: asyncio.Queue[tuple[float, bytes | None]] = asyncio.Queue(CHUNKS_MAX)
        loop = asyncio.get_running_loop()
        filling = asyncio.create_task(_fill(held, reader))
        try:
            while True:
                came_s, data = await held.get()
                delay_s = came_s + self._conduct.delay_ms / 1000 - loop.time()
                if delay_s > 0:
                    await asyncio.sleep(delay_s)
                if self._conduct.bytes_per_s:
                    await asyncio.sleep(len(data or b"") / self._conduct.bytes_per_s)
                await self._passing.wait()
                if data is None:
                    raise ConnectionResetError
                if not data:
                    writer.write_eof()
                    return
                writer.write(data)
                await writer.drain()
        finally:
            filling.cancel()
            await asyncio.gather(filling, return_exceptions=True)


async def _fill(held: asyncio.Queue[tuple[float, bytes | None]], reader: asyncio.StreamReader) -> None:
    """Note when each chunk came; the last is empty, or None where the connection broke."""
    loop = asyncio.get_running_loop()
    data: bytes | None = b"-"
    while data:
        try:
            data = await reader.read(CHUNK_BYTES)
        except OSError:
            data = None
        await held.put((loop.time(), data))


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close a connection so that its other end sees it broken, not ended."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    writer.transport.abort()


def _told(conduct: Conduct) -> str:
    if conduct == Conduct():
        return "everything passes"
    slowed = f", {conduct.delay_ms} ms later, at most {conduct.bytes_per_s or 'any'} bytes a second"
    return {"pass": "bytes pass" + slowed, "cut": "cut: no byte passes", "refuse": "refused: connections break"}[
        conduct.mode
    ]


def relay_of(options: RelayOptions) -> Relay:
    """The relay of a link, as its file says now."""
    return Relay(options.ways, read_conduct(options.conduct))
