"""Keeps a link up: connects, sends what the log holds, and connects again with backoff and jitter."""

import asyncio
import contextlib
import logging
import random

import grpc

from headwater.model.errors import Rejected
from headwater.pipeline.committer import Committer
from headwater.pipeline.sender import Outflow
from headwater.wire import headwater_pb2 as pb
from headwater.wire.headwater_pb2_grpc import PipelineStub
from headwater.wire.link import GRPC_OPTIONS
from headwater.wire.reconnect import Backoff, keep_connected, sentence

SILENCE_S_MAX = 5.0
"""The receiver acknowledges every 0.5 s: silence for ten times that long is a dead link."""
SETTLED_S = 2.0
WAIT_S_MAX = 10.0
POLL_S = 0.2
SIGN_EVERY_S = 0.4
"""The next hop hears from us this often at least, also when there is nothing to send."""

_logger = logging.getLogger(__name__)

Call = grpc.aio.StreamStreamCall[pb.Up, pb.Down]


class Forwarder:
    """The task that keeps one `Outflow` going."""

    def __init__(self, outflow: Outflow, committer: Committer, address: str, rng: random.Random) -> None:
        self._outflow = outflow
        self._committer = committer
        self._address = address
        self._backoff = Backoff(rng, WAIT_S_MAX)
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()
        committer.after.append(self._wake.set)

    async def run(self) -> None:
        """Send until cancelled."""
        await keep_connected(self._connection, self._backoff, self._tell)

    def _tell(self, problem: str, wait_s: float) -> None:
        self._outflow.ready, self._outflow.problem = False, problem
        _logger.warning("link to %s: %s; connecting again in %.1f s", self._address, problem, wait_s)

    async def _connection(self) -> str:
        """Hold one connection until it breaks; why it did."""
        problem = "closed by the next hop"
        try:
            async with grpc.aio.insecure_channel(self._address, options=GRPC_OPTIONS) as channel:
                call = PipelineStub(channel).push_batches()
                await self._write(call, self._outflow.hello())
                async with asyncio.TaskGroup() as tasks:
                    sending = tasks.create_task(self._send(call))
                    try:
                        await self._receive(call)
                    finally:
                        sending.cancel()
        except* (grpc.aio.AioRpcError, grpc.RpcError, asyncio.InvalidStateError) as group:
            problem = sentence(group.exceptions[0])
        except* Rejected as group:
            problem = f"refused: {group.exceptions[0]}"
        except* TimeoutError:
            problem = f"silent for {SILENCE_S_MAX:.0f} s"
        except* OSError as group:
            problem = f"how far is sent cannot be noted: {group.exceptions[0]}"
        return problem

    async def _write(self, call: Call, up: pb.Up) -> None:
        """gRPC takes one message at a time, and two tasks write here."""
        async with self._writing:
            await call.write(up)

    async def _receive(self, call: Call) -> None:
        """Take in what comes back. A connection that lasts, or gets something across, shortens later waits again."""
        loop = asyncio.get_running_loop()
        settled_at, had = loop.time() + SETTLED_S, self._outflow.acknowledged
        while True:
            async with asyncio.timeout(SILENCE_S_MAX):
                down = await call.read()
            if not isinstance(down, pb.Down):
                return
            for up in self._outflow.take(down):
                await self._write(call, up)
            if down.HasField("durable") and (down.durable > had or loop.time() > settled_at):
                self._backoff.reset()
            self._wake.set()

    async def _send(self, call: Call) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + SIGN_EVERY_S
        while True:
            up = self._outflow.following()
            if up is None and loop.time() >= due:
                up = self._outflow.sign()
            if up is not None:
                await self._write(call, up)
                due = loop.time() + SIGN_EVERY_S
                continue
            self._wake.clear()
            # Not wait_for: before Python 3.12 it swallows a cancellation that comes together with the wake-up.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._wake.wait()
