"""The pipeline daemon: one node's log with everything that writes it and sends it on."""

import asyncio
import contextlib
import logging
import os
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence

import grpc

from headwater.log.disk import RealDisk
from headwater.log.retention import Retention
from headwater.log.standing import show_board
from headwater.log.writer import LogOptions, NodeLog
from headwater.model.errors import Unavailable
from headwater.model.records import Kind, TimeDecision
from headwater.pipeline import http_server, mqtt_link
from headwater.pipeline.board import BoardMaker
from headwater.pipeline.collector import Collector
from headwater.pipeline.committer import Committer
from headwater.pipeline.core import Core
from headwater.pipeline.entry import Entry
from headwater.pipeline.forward2018 import Outflow2018
from headwater.pipeline.housekeeping import ROUND_S, Housekeeping
from headwater.pipeline.http import HttpInlet, Status
from headwater.pipeline.mqtt import MqttInlet
from headwater.pipeline.next_hop import NextHop
from headwater.pipeline.options import GatewayOptions
from headwater.pipeline.reload import Read, Reload, retention_options
from headwater.pipeline.sender import Outflow
from headwater.pipeline.server import GatewayServicer, PipelineServicer, add_gateway
from headwater.pipeline.steps.begin import begin
from headwater.pipeline.steps.chain import Chain
from headwater.wire.headwater_pb2_grpc import add_PipelineServicer_to_server
from headwater.wire.link import GRPC_OPTIONS
from headwater.wire.reconnect import Backoff
from headwater.wire.serving import add_health
from headwater.wire.tasks import raising

RECORDS_A_TURN = 8
"""How many records a step folds in before others get their turn on the loop."""
STOP_S = 0.2
# A connection that broke without a word keeps its node id from being used again, so it is noticed soon.
KEEPALIVE = [("grpc.keepalive_time_ms", 10_000), ("grpc.keepalive_timeout_ms", 5_000)]

_logger = logging.getLogger(__name__)


class Daemon:
    """A running pipeline daemon; `serving` opens and closes it."""

    def __init__(self, options: GatewayOptions, now_ms: Callable[[], int]) -> None:
        self.options = options
        if options.mqtt:
            mqtt_link.check_installed()
        if options.http_listen is not None:
            http_server.check_installed()
        self.disk = RealDisk(options.log)
        try:
            self._open(now_ms)
        except BaseException:
            self.disk.close()
            raise

    def _open(self, now_ms: Callable[[], int]) -> None:
        options = self.options
        log_options = LogOptions(options.segment_bytes, options.log_bytes_max, options.new_log)
        self.log = NodeLog(self.disk, options.node, now_ms, log_options)
        self.core = Core(options, self.log, now_ms)
        self.committer = Committer(self.log, options.sync_interval_ms_min)
        self.core.appended = self.committer.wake
        self.collector = Collector(self.core, time.monotonic)
        self.entry = Entry(self.core, self.committer, self.collector)
        self.mqtt = [
            MqttInlet(self.core, self.entry, each, Backoff(random.Random()), os.environ) for each in options.mqtt
        ]
        self.chain = Chain(self.core, self.disk, self.log.reader(0))
        self.retention = Retention(self.log, retention_options(options), now_ms)
        self.housekeeping = Housekeeping(self.core, self.disk, self.committer, self.retention, self.chain, now_ms)
        self.core.room = self.housekeeping.room
        begin(self.core, self.disk, self.chain)
        self.next_hop = NextHop(self.core, self.disk, self.committer, self._allow)
        self.housekeeping.sending = self.next_hop.outflow
        self._board = BoardMaker(self.core)
        self._reload = Reload(self)

    def _allow(self, sequence: int) -> None:
        self.housekeeping.allow(sequence)

    @property
    def outflow(self) -> Outflow | Outflow2018 | None:
        """What goes to the next hop."""
        return self.next_hop.outflow

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        """Serve until the block is left; yields the port. What breaks one of the tasks is raised in the block."""
        server = grpc.aio.server(options=[*GRPC_OPTIONS, *KEEPALIVE])
        tasks: list[asyncio.Task[None]] = []
        inlets: list[asyncio.Task[None]] = []
        try:
            port = self._bind(server)
            await server.start()
            tasks += [asyncio.create_task(task) for task in self._tasks()]
            inlets += [asyncio.create_task(inlet) for inlet in self._inlets()]
            with raising([*tasks, *inlets]):
                yield port
        finally:
            await server.stop(STOP_S)
            await _cancelled(inlets)  # While the log is still synced, so that what they took is acknowledged.
            await _cancelled(tasks)
            self.close()

    def _bind(self, server: grpc.aio.Server) -> int:
        batches = PipelineServicer(self.core, self.committer)
        # The stubs' types know answers as generators only; ours are written to the context, by two tasks.
        add_PipelineServicer_to_server(batches, server)  # type: ignore[arg-type]
        add_gateway(GatewayServicer(self.core, self.committer, self.collector), server)
        add_health(server)
        try:
            return server.add_insecure_port(self.options.listen)
        except RuntimeError as error:
            raise Unavailable(f"cannot listen on {self.options.listen}: another process has the port") from error

    def _tasks(self) -> list[Coroutine[None, None, None]]:
        return [
            self.committer.run(),
            self.housekeeping.run(),
            self._show(),
            self._run_steps(),
            self.next_hop.run(),
            self._reload.run(),
        ]

    def _inlets(self) -> list[Coroutine[None, None, None]]:
        """The ways in besides gRPC."""
        inlets = []
        if self.options.http_listen is not None:
            sock = http_server.listen(self.options.http_listen)
            self.http_port = sock.getsockname()[1]
            inlets.append(http_server.serve(HttpInlet(self.core, self.entry, self.options.http, self.status), sock))
        return [*inlets, *(inlet.run() for inlet in self.mqtt)]

    def status(self) -> Status:
        """How the ways in stand."""
        return Status(self.options.name, [inlet.standing for inlet in self.mqtt])

    async def _show(self) -> None:
        """Show the agent that the loop turns, and what is seen from it."""
        while True:
            self.housekeeping.share()
            show_board(self.disk, self._board.look(self.outflow, time.monotonic_ns() // 1_000_000))
            await asyncio.sleep(ROUND_S)

    async def _run_steps(self) -> None:
        while True:
            # Outputs go into the log's reserve; when that is half used, steps wait for segments to go.
            if self.retention.room_for_step() and await self.chain.advancing(RECORDS_A_TURN):
                await asyncio.sleep(0)
            else:
                await self.committer.changed(ROUND_S)

    def reload(self, read: Read) -> None:
        """Have the configuration read again, and go by it from a record on; what became of it is in the log."""
        self._reload.ask(read)

    def drain(self) -> None:
        """Close all open windows now, by a record that says so (rule 16)."""
        self.collector.flush()
        for index in range(len(self.core.options.steps)):
            self.log.append(Kind.TIME, TimeDecision(index, self.core.now_ms()))
        self.committer.wake()

    def close(self) -> None:
        """Sync what is left, save positions and give the folder up."""
        self.collector.flush()
        try:
            self.committer.close()
            self.housekeeping.write(self.housekeeping.positions())
        except (Unavailable, OSError) as error:
            _logger.error("the end of the log or the positions could not be saved: %s", error)
        self.log.close()
        self.disk.close()


async def _cancelled(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
