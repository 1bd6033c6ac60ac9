"""The connections that beats go over: one to the agent of the next hop, one from each upstream agent."""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

import grpc

from headwater.agent.beats import Beats, Peer
from headwater.agent.options import AGENT_PORTS
from headwater.agent.watch import Watch
from headwater.model.errors import Rejected
from headwater.wire import headwater_pb2 as pb
from headwater.wire.headwater_pb2_grpc import AgentStub
from headwater.wire.link import GRPC_OPTIONS
from headwater.wire.reconnect import Backoff, keep_connected, sentence


class Times(NamedTuple):
    """How often, and how long."""

    beat_every_s: float = 0.5
    silence_s_max: float = 3.0
    """A connection on which nothing is heard for that long is made anew: the way may have changed."""
    wait_s_max: float = 1.0
    """Before the next connection."""


_logger = logging.getLogger(__name__)

TIMES = Times()

Call = grpc.aio.StreamStreamCall[pb.Beat, pb.Beat]


def wall_us() -> int:
    """The wall clock in us since the epoch; beats tell it to estimate the offset of clocks, and for nothing else."""
    return time.time_ns() // 1000


def agent_of(pipeline: str, told: dict[str, str]) -> str | None:
    """Where the agent beside a pipeline daemon answers, by its address; None when there can be none."""
    host, _, port = pipeline.rpartition(":")
    beside = int(port) + AGENT_PORTS
    return told.get(pipeline, f"{host}:{beside}" if beside <= 0xFFFF else None)


class Beating:
    """Sends and hears beats over both kinds of connection."""

    def __init__(
        self,
        beats: Beats,
        watch: Watch,
        told: dict[str, str],
        times: Times = TIMES,
        now_us: Callable[[], int] = wall_us,
    ) -> None:
        """`told` says where agents answer, by the address of their pipeline daemons; `now_us` is the wall clock."""
        self._now_us = now_us
        self._beats = beats
        self._watch = watch
        self._told = told
        self._times = times
        self._backoff = Backoff(random.Random(), times.wait_s_max)
        self._problem = ""

    # ---- towards the next hop --------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Beat towards the next hop until cancelled."""
        await keep_connected(self._connection, self._backoff, self._tell)

    def _tell(self, problem: str, wait_s: float) -> None:
        if problem and problem != self._problem:
            _logger.info("the agent of the next hop: %s; trying again", problem)
        self._problem = problem

    def _target(self) -> str | None:
        pipeline = self._watch.next_hop()
        return None if pipeline is None else agent_of(pipeline, self._told)

    async def _connection(self) -> str:
        """Hold one connection until it breaks; why it did."""
        target = self._target()
        if target is None:
            return ""
        problem = "closed"
        try:
            async with grpc.aio.insecure_channel(target, options=GRPC_OPTIONS) as channel:
                call = AgentStub(channel).beat()
                async with asyncio.TaskGroup() as tasks:
                    beating = tasks.create_task(self._beat(call, target))
                    try:
                        await self._hear(call)
                    finally:
                        beating.cancel()
        except* (grpc.aio.AioRpcError, grpc.RpcError, asyncio.InvalidStateError) as group:
            problem = sentence(group.exceptions[0])
        except* Rejected as group:
            problem = f"refused: {group.exceptions[0]}"
        except* _Moved:
            problem = ""
        except* TimeoutError:
            problem = f"silent for {self._times.silence_s_max:.0f} s"
        return problem

    _peer: Peer | None = None

    async def _beat(self, call: Call, target: str) -> None:
        self._peer = None
        while self._target() == target:
            await call.write(self._beats.own(self._peer, self._now_us()))
            await asyncio.sleep(self._times.beat_every_s)
        raise _Moved

    async def _hear(self, call: Call) -> None:
        while True:
            async with asyncio.timeout(self._times.silence_s_max):
                beat = await call.read()
            if not isinstance(beat, pb.Beat):
                return
            if beat.HasField("refusal"):
                raise Rejected(beat.refusal.reason, beat.refusal.detail)
            if self._peer is None:
                self._peer = self._beats.meet(beat, self._watch.now_ms)
            if self._beats.take(self._peer, beat, self._watch.now_ms, self._now_us()):
                self._backoff.reset()

    # ---- from upstream ---------------------------------------------------------------------------------------------

    async def answer(self, messages: AsyncIterator[pb.Beat]) -> AsyncIterator[pb.Beat]:
        """The beats of this agent for one that beats here, until either ends."""
        try:
            async with asyncio.timeout(self._times.silence_s_max):
                first = await anext(messages)
            peer = self._beats.meet(first, self._watch.now_ms)
        except (StopAsyncIteration, TimeoutError):
            return
        except Rejected as error:
            _logger.warning("beats refused: %s", error)
            yield pb.Beat(refusal=pb.Refusal(reason=error.reason, detail=error.detail, fatal=True))
            return
        self._beats.take(peer, first, self._watch.now_ms, self._now_us())
        hearing = asyncio.create_task(self._hear_all(messages, peer))
        try:
            while not hearing.done():
                yield self._beats.own(peer, self._now_us())
                await asyncio.wait({hearing}, timeout=self._times.beat_every_s)
        finally:
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)

    async def _hear_all(self, messages: AsyncIterator[pb.Beat], peer: Peer) -> None:
        with contextlib.suppress(TimeoutError):
            while True:
                async with asyncio.timeout(self._times.silence_s_max):
                    beat = await anext(messages, None)
                if beat is None:
                    return
                self._beats.take(peer, beat, self._watch.now_ms, self._now_us())


class _Moved(Exception):
    """The next hop is another one now."""
