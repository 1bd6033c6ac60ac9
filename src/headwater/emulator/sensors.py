"""Sensors: replays readings towards the first hop, as one numbered source that survives being killed."""

import asyncio
import logging
import random
import sys
import time
from collections import deque
from collections.abc import Callable

import grpc
import numpy as np

from headwater.emulator.ahead import read_ahead
from headwater.emulator.journal import Entry, Journal
from headwater.emulator.options import SensorOptions
from headwater.emulator.ticks import Replay, Tick
from headwater.model.errors import Rejected
from headwater.wire import codec
from headwater.wire import headwater_pb2 as pb
from headwater.wire.headwater_pb2_grpc import PipelineStub
from headwater.wire.link import GRPC_OPTIONS, LINK_VERSION
from headwater.wire.reconnect import Backoff, keep_connected, sentence
from headwater.wire.tasks import raising

UNACKNOWLEDGED_MAX = 1_000_000
"""Readings in the journal beyond which the replay waits for the first hop."""
UNDER_WAY_MAX = 262_144
SILENCE_S_MAX = 5.0
WAIT_S_MAX = 3.0
BEHIND_S_MAX = 1.0
PROGRESS_EVERY_S = 0.5

_logger = logging.getLogger(__name__)

Call = grpc.aio.StreamStreamCall[pb.Up, pb.Down]


class Sensors:
    """One process of sensors; `run` ends when the replay has ended and everything is acknowledged."""

    def __init__(self, options: SensorOptions, replay: Replay, journal: Journal, now_ms: Callable[[], int]) -> None:
        self._options = options
        self._replay = replay
        self._journal = journal
        self._now_ms = now_ms
        self._finishing = False
        self._backoff = Backoff(random.Random(), WAIT_S_MAX)
        self._told = 0
        """How many refusals of the recordings have been told."""
        self._changed = asyncio.Event()
        self._unsent: deque[Entry] = deque()
        """Synced entries that the present connection has not sent."""
        self._naming_gap = False
        """Whether the next Hello says what is no longer held, so that the gateway names it missing."""
        self._defined: set[int] = set()
        """The series defined on the present connection."""
        self.acknowledged = 0
        self.refusals: list[str] = []

    @property
    def sent(self) -> int:
        """Readings made ready to send so far."""
        return self._journal.next_number - 1

    async def run(self) -> None:
        """Produce and send until the end."""
        sending = asyncio.create_task(keep_connected(self._connection, self._backoff, self._tell))
        showing = asyncio.create_task(self._show()) if self._options.progress else None
        try:
            with raising([sending]):
                await self._produce()
                while self._journal.entries:
                    self._changed.clear()
                    await self._changed.wait()
        finally:
            sending.cancel()
            if showing is not None:
                showing.cancel()
                print("\r\x1b[K", end="", file=sys.stderr)
            self._tell_refusals()
            _logger.info("%s", self._line())
            await asyncio.gather(sending, return_exceptions=True)
            self._journal.close()

    # ---- producing -------------------------------------------------------------------------------------------------

    async def _produce(self) -> None:
        """Journal ticks as they come due, several in one message when they come fast."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        waiting: list[Tick] = []
        async for tick in read_ahead(self._replay.ticks(self._journal.next_tick)):
            if self._finishing or (self._options.ticks is not None and tick.number >= self._options.ticks):
                break
            waiting.append(tick)
            due = max(due + self._period_s(tick), loop.time() - BEHIND_S_MAX)
            readings = sum(len(held.series) for held in waiting)
            if due > loop.time() or readings >= codec.READINGS_MAX // 2:
                await self._journal_ticks(waiting)
                waiting = []
                await asyncio.sleep(max(0.0, due - loop.time()))
        await self._journal_ticks(waiting)

    def finish(self) -> None:
        """Send no more; `run` ends when everything is acknowledged."""
        self._finishing = True

    def _period_s(self, tick: Tick) -> float:
        if self._options.rate is not None:
            return len(tick.series) / self._options.rate
        return self._options.frequency_ms / 1000 / self._options.speed

    async def _journal_ticks(self, ticks: list[Tick]) -> None:
        while self._journal.unacknowledged > UNACKNOWLEDGED_MAX:
            self._changed.clear()
            await self._changed.wait()
        if not ticks:
            return
        series = np.concatenate([tick.series for tick in ticks]).astype(np.int64)
        timestamps = np.concatenate([tick.timestamps for tick in ticks])
        values = np.concatenate([tick.values for tick in ticks])
        if len(ticks) > 1:
            order = np.argsort(series, kind="stable")
            series, timestamps, values = series[order], timestamps[order], values[order]
        if self._options.timestamps == "now":
            timestamps = np.full(len(series), self._now_ms(), np.int64)
        entries = self._entries(codec.Columns(series, timestamps, values), ticks[-1].number + 1)
        if not entries:
            return
        self._journal.append(entries)
        self._tell_refusals()
        await asyncio.get_running_loop().run_in_executor(None, self._journal.sync)
        self._unsent += entries
        self._changed.set()

    def _entries(self, columns: codec.Columns, next_tick: int) -> list[Entry]:
        """Cut columns into messages, numbered on."""
        entries: list[Entry] = []
        defined: set[int] = set()
        first = self._journal.next_number
        for at in range(0, len(columns.series), codec.READINGS_MAX):
            part = slice(at, at + codec.READINGS_MAX)
            series = columns.series[part]
            new = set(np.unique(series).tolist()) - self._journal.series.keys() - defined
            names = tuple((number, *self._replay.series[number]) for number in sorted(new))
            defined |= new
            payload = codec.encode(series, columns.timestamps[part], columns.values[part])
            entries.append(Entry(first, len(series), next_tick, payload, names, self._now_ms()))
            first += len(series)
        return entries

    # ---- sending ---------------------------------------------------------------------------------------------------

    def _tell(self, problem: str, wait_s: float) -> None:
        _logger.warning("gateway at %s: %s; trying again in %.1f s", self._options.target, problem, wait_s)

    async def _connection(self) -> str:
        problem = "closed by the gateway"
        self._defined.clear()
        try:
            async with grpc.aio.insecure_channel(self._options.target, options=GRPC_OPTIONS) as channel:
                call = PipelineStub(channel).push_batches()
                await call.write(self._hello())
                down = await self._read(call)
                if down is not None:
                    if (other := self._meet(down)) is not None:
                        return other
                    self._take(down)
                    self._backoff.reset()
                    self._unsent = deque(self._journal.synced)
                    await self._serve(call)
        except* (grpc.RpcError, asyncio.InvalidStateError) as group:
            problem = sentence(group.exceptions[0])
        except* Rejected as group:
            problem = f"refused: {group.exceptions[0]}"
        except* TimeoutError:
            problem = f"silent for {SILENCE_S_MAX:.0f} s"
        return problem

    async def _serve(self, call: Call) -> None:
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(self._send(call))
            try:
                while (down := await self._read(call)) is not None:
                    self._take(down)
            finally:
                sending.cancel()

    async def _read(self, call: Call) -> pb.Down | None:
        async with asyncio.timeout(SILENCE_S_MAX):
            down = await call.read()
        return down if isinstance(down, pb.Down) else None

    def _meet(self, down: pb.Down) -> str | None:
        """Look who has answered before a gap is named there; why another connection is needed, if one is."""
        if not down.HasField("welcome"):
            return None
        welcome, journal = down.welcome, self._journal
        if not journal.meet(welcome.node.hex()):
            return f"{welcome.name} is another gateway than before: a new source begins there"
        lacks = welcome.durable + journal.before + 1 < journal.first
        self._naming_gap = lacks and not self._naming_gap
        return (
            f"{welcome.name} lacks readings that are no longer held here: it will name them"
            if self._naming_gap
            else None
        )

    def _hello(self) -> pb.Up:
        journal, before = self._journal, self._journal.before
        return pb.Up(
            hello=pb.Hello(
                version=LINK_VERSION,
                site=self._options.site,
                log=journal.source,
                first=journal.first - before if self._naming_gap else 1,
                last=journal.next_number - 1 - before,
                source=True,
                name=self._options.name,
            )
        )

    def _take(self, down: pb.Down) -> None:
        if down.HasField("refusal"):
            error = Rejected(down.refusal.reason, down.refusal.detail)
            if down.refusal.fatal:
                raise error
            self.refusals = [*self.refusals[-9:], str(error)]
            _logger.error("the gateway refused readings from number %d on: %s", down.refusal.sequence, error)
        else:
            durable = down.welcome.durable if down.HasField("welcome") else down.durable
            self.acknowledged = durable + self._journal.before
            self._journal.acknowledge(self.acknowledged)
        self._changed.set()

    async def _send(self, call: Call) -> None:
        while True:
            while self._unsent and self._unsent[0].first - self.acknowledged <= UNDER_WAY_MAX:
                entry = self._unsent.popleft()
                await call.write(self._message(entry))
            self._changed.clear()
            await self._changed.wait()

    def _message(self, entry: Entry) -> pb.Up:
        """An entry as sent; the series that this connection does not know yet are defined with it."""
        used = set(np.unique(codec.decode_keys(codec.keys(entry.payload))[0]).tolist())
        new = sorted(used - self._defined)
        self._defined |= used
        series = self._journal.series
        defined = [pb.SourceSeries(number=number, meter=series[number][0], metric=series[number][1]) for number in new]
        first = entry.first - self._journal.before
        return pb.Up(source=pb.SourceBatch(first=first, payload=entry.payload, series=defined, sent_ms=self._now_ms()))

    # ---- showing ---------------------------------------------------------------------------------------------------

    async def _show(self) -> None:
        sent = self.sent
        while True:
            await asyncio.sleep(PROGRESS_EVERY_S)
            rate, sent = (self.sent - sent) / PROGRESS_EVERY_S, self.sent
            print(f"\r{rate:,.0f} readings/s, {self._line()}\x1b[K", end="", file=sys.stderr, flush=True)

    def _line(self) -> str:
        counts = ", ".join(f"{reason} {count:,}" for reason, count in self._replay.rejected.counts.items())
        refused = f", refused {self._replay.rejected.total:,} ({counts})" if counts else ""
        return f"sent {self.sent:,}, acknowledged {self.acknowledged:,}{refused}"

    def _tell_refusals(self) -> None:
        """Name what the recordings hold that cannot be sent, each place once and only the first ones."""
        for message in self._replay.rejected.messages[self._told :]:
            _logger.warning("refused %s", message)
        self._told = len(self._replay.rejected.messages)


def wall_ms() -> int:
    """The wall clock in ms since the epoch."""
    return time.time_ns() // 1_000_000
