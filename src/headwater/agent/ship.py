"""Keeps stamps flowing to the store, through its outages, and tells it how the node stands."""

import asyncio
import logging
import random
from collections import deque

import grpc
import msgspec

from headwater.agent.options import AgentOptions
from headwater.agent.shipper import AGENT, Shipper, pack
from headwater.agent.standing import Standing
from headwater.log.cursors import Cursor, save_cursor
from headwater.log.disk import Disk
from headwater.wire import headwater_pb2 as pb
from headwater.wire.headwater_pb2_grpc import ProvenanceStub
from headwater.wire.link import GRPC_OPTIONS, LINK_VERSION
from headwater.wire.reconnect import Backoff, keep_connected, sentence

GROUPS_UNDER_WAY_MAX = 8
POLL_S = 0.02
BUFFER_S_MAX = 1.0
"""How long fewer data points than `buffer_capacity` wait; longer would look like an agent that does not ship."""
REPORT_EVERY_S = 0.5
SAVE_EVERY_S = 1.0
WAIT_S_MAX = 3.0

_logger = logging.getLogger(__name__)

Call = grpc.aio.StreamStreamCall[pb.StampsUp, pb.StampsDown]


class Shipping:
    """The task that ships: one connection at a time, from where the store says it is."""

    def __init__(self, options: AgentOptions, disk: Disk, log: bytes, address: str, standing: Standing) -> None:
        self._options = options
        self._disk = disk
        self._log = log
        self._address = address
        self._shipper = Shipper(disk, options.group_batches_max)
        self.standing = standing
        self._under_way: deque[Cursor] = deque()
        self._saved = 0
        self._backoff = Backoff(random.Random(), WAIT_S_MAX)
        self._writing = asyncio.Lock()
        self._stored = asyncio.Event()
        self.refused: list[str] = []
        """The last sentences with which the store refused a group."""

    async def run(self) -> None:
        """Ship until cancelled."""
        await keep_connected(self._connection, self._backoff, self._tell)

    def _tell(self, problem: str, wait_s: float) -> None:
        _logger.warning("store at %s: %s; trying again in %.1f s", self._options.server, problem, wait_s)

    async def _connection(self) -> str:
        problem = "closed by the store"
        self._under_way.clear()
        try:
            async with grpc.aio.insecure_channel(self._options.server, options=GRPC_OPTIONS) as channel:
                call = ProvenanceStub(channel).push_stamps()
                await self._write(call, self._hello())
                down = await call.read()
                if isinstance(down, pb.StampsDown):
                    self._taken(down)
                    self._shipper.rewind(self.standing.shipped)
                    self._backoff.reset()
                    self.standing.is_connected = True
                    await self._serve(call)
        except* (grpc.RpcError, asyncio.InvalidStateError) as group:
            problem = sentence(group.exceptions[0])
        except* _Refused as group:
            problem = f"refused: {group.exceptions[0]}"
        finally:
            self.standing.is_connected = False
        return problem

    async def _serve(self, call: Call) -> None:
        async with asyncio.TaskGroup() as tasks:
            working = [tasks.create_task(each) for each in (self._send(call), self._report(call), self._keep())]
            try:
                while isinstance(down := await call.read(), pb.StampsDown):
                    self._taken(down)
            finally:
                for task in working:
                    task.cancel()

    def _hello(self) -> pb.StampsUp:
        options = self._options
        return pb.StampsUp(
            hello=pb.AgentHello(
                version=LINK_VERSION,
                site=options.site,
                node=options.node.to_bytes(3, "big"),
                log=self._log,
                name=options.name,
                address=self._address,
            )
        )

    async def _write(self, call: Call, up: pb.StampsUp) -> None:
        """gRPC takes one message at a time, and two tasks write here."""
        async with self._writing:
            await call.write(up)

    async def _send(self, call: Call) -> None:
        """Groups fill for as long as a full one has not come together, at most `group_wait_ms`, and longer for
        `buffer_capacity`."""
        loop = asyncio.get_running_loop()
        wait_s = self._options.group_wait_ms / 1000
        shipped_s = loop.time()
        while True:
            began = loop.time()
            while len(self._under_way) >= GROUPS_UNDER_WAY_MAX:
                self._stored.clear()
                await self._stored.wait()
            is_due = loop.time() - shipped_s >= BUFFER_S_MAX
            group = self._shipper.group(0 if is_due else self._options.buffer_capacity)
            if group is None:
                await asyncio.sleep(max(POLL_S, wait_s))
                continue
            shipped_s = loop.time()
            self._under_way.append(Cursor(group.last, group.total))
            await self._write(call, pack(group))
            if len(group.shipment.stamps) < self._options.group_batches_max:
                await asyncio.sleep(max(0.0, wait_s - (loop.time() - began)))

    def _taken(self, down: pb.StampsDown) -> None:
        """The store has everything up to here; after a restart of either it says where to go on."""
        if down.HasField("refusal"):
            sentence = f"{down.refusal.reason}: {down.refusal.detail}"
            if down.refusal.fatal:
                raise _Refused(sentence)
            self.refused = [*self.refused[-9:], sentence]
            _logger.error("the store refused the stamps up to record %d: %s", down.refusal.sequence, sentence)
            return
        self.standing.shipped = down.stored
        while self._under_way and self._under_way[0].sequence <= down.stored:
            self._under_way.popleft()
        self._stored.set()

    async def _report(self, call: Call) -> None:
        while True:
            report = self.standing.report()
            await self._write(call, pb.StampsUp(report=msgspec.msgpack.encode(report)))
            await asyncio.sleep(REPORT_EVERY_S)

    async def _keep(self) -> None:
        """Note from time to time how far stamps are shipped."""
        loop = asyncio.get_running_loop()
        while True:
            if self.standing.shipped != self._saved:
                await self._save(loop)
            await asyncio.sleep(SAVE_EVERY_S)

    async def _save(self, loop: asyncio.AbstractEventLoop) -> None:
        """Note how far stamps are shipped, for the log to let go of what is."""
        shipped = self.standing.shipped
        try:
            await loop.run_in_executor(None, save_cursor, self._disk, AGENT, Cursor(shipped, 0))
        except OSError as error:
            _logger.error("how far stamps are shipped cannot be noted: %s; trying again", error)
        else:
            self._saved = shipped


class _Refused(Exception):
    """The store wants no connection with this agent."""
