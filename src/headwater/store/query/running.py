"""One query in a process of its own, as the process that started it sees it."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec

from headwater.model.errors import HeadwaterError, Rejected, Unavailable
from headwater.model.ids import DataPointId
from headwater.store.query import frames
from headwater.store.query.faults import SqlFault
from headwater.store.query.frames import BEGUN, DATA, FAULT, HEAD, VALUES, Begun, Ended, Fault, Request

Values = Callable[[list[DataPointId]], Awaitable[list[tuple[str, float | None]]]]
"""What the nodes say of ids, for each (state, value)."""

_COMMAND = (sys.executable, "-P", "-m", "headwater.store.query.child")
ENVIRONMENT = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
    "MALLOC_ARENA_MAX": "2",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "random",
    "TZ": "UTC",
}
_SAID_BYTES_MAX = 4_096


async def started() -> Process:
    """A process that waits for a request."""
    environment = dict(ENVIRONMENT)
    if path := os.environ.get("PYTHONPATH"):
        environment["PYTHONPATH"] = path
    return await asyncio.create_subprocess_exec(
        *_COMMAND,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd="/",
        env=environment,
        limit=1 << 20,
    )


async def ended(process: Process) -> None:
    """Be sure that a process is gone and its pipes are closed."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    if process.stdin is not None:
        process.stdin.close()
    # Unread output would keep the pipe's transport open.
    if process.stdout is not None:
        with contextlib.suppress(OSError, ValueError):
            while await process.stdout.read(1 << 20):
                pass
    await process.wait()


class Running:
    """A query under way: how its answer begins, then its bytes."""

    def __init__(self, process: Process, values: Values) -> None:
        self._process = process
        self._values = values
        self._ended: Ended | None = None
        self.begun: Begun | None = None

    @property
    def ended(self) -> Ended:
        assert self._ended is not None
        return self._ended

    async def begin(self, request: Request) -> Begun:
        """Send the request and wait for the answer to begin; raises what the query is refused with."""
        await self._say(frames.frame(b"Q", frames.encode(request)))
        kind, body = await self._frame()
        if kind != BEGUN:
            raise HeadwaterError("the query's process said something else than an answer")
        self.begun = msgspec.msgpack.decode(body, type=Begun)
        return self.begun

    async def data(self) -> AsyncIterator[bytes]:
        """The bytes of the answer."""
        while True:
            kind, body = await self._frame()
            if kind == DATA:
                yield body
                continue
            self._ended = msgspec.msgpack.decode(body, type=Ended)
            return

    async def _frame(self) -> tuple[bytes, bytes]:
        """The next frame that is neither a fault nor a question."""
        while True:
            kind, body = await self._read()
            if kind == FAULT:
                raise _error(msgspec.msgpack.decode(body, type=Fault))
            if kind != VALUES:
                return kind, body
            ids = [DataPointId(*one) for one in msgspec.msgpack.decode(body, type=list[tuple[int, int]])]
            await self._say(frames.frame(VALUES, frames.encode(await self._values(ids))))

    async def _read(self) -> tuple[bytes, bytes]:
        assert self._process.stdout
        try:
            kind, length = HEAD.unpack(await self._process.stdout.readexactly(HEAD.size))
            return kind, await self._process.stdout.readexactly(length)
        except asyncio.IncompleteReadError:
            raise self._died(await self._process.wait()) from None

    async def _say(self, frame: bytes) -> None:
        assert self._process.stdin
        with contextlib.suppress(ConnectionError):  # Its output says why it has gone.
            self._process.stdin.write(frame)
            await self._process.stdin.drain()

    def _died(self, code: int) -> HeadwaterError:
        if -code in (signal.SIGXCPU, signal.SIGKILL):
            return SqlFault("it took too long and was stopped: ask for less at once (WHERE, LIMIT)", reason="time")
        if code in (0, 1) and self.begun is None:
            return Unavailable("the query's process could not start")
        return SqlFault(
            "it broke off, most likely because it needs more memory than a query may have: ask for less at once",
            reason="memory",
        )


def _error(fault: Fault) -> HeadwaterError:
    if fault.reason == "unavailable":
        return Unavailable(fault.detail)
    if fault.reason == "failed":
        return HeadwaterError(fault.detail)
    if fault.reason == "store":
        return Rejected("store", fault.detail)
    return SqlFault(fault.detail, fault.line, fault.column, fault.reason)
