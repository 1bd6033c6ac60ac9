"""Towards a next hop of 2018: `Grid_data` messages with our ids, a reply for each stream, and nothing forgotten."""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

import grpc

from headwater.log.cursors import Cursor
from headwater.log.reader import LogReader
from headwater.model.errors import Rejected
from headwater.model.records import Batch, Kind
from headwater.pipeline.committer import Committer
from headwater.pipeline.core import Core
from headwater.wire import codec
from headwater.wire import provenance_system_pb2 as pb
from headwater.wire.link import forwarded
from headwater.wire.provenance_system_pb2_grpc import gatewayStub
from headwater.wire.reconnect import Backoff
from headwater.wire.records import Record, decode_batch, known

READINGS_MAX = 1024
"""The most readings in one stream."""
RECORDS_READ = 64
RECORDS_CUT = 1024
"""The most records that are looked at in one go."""
REPLY_S_MAX = 60.0
"""A hop of 2018 answers when its own next hop has: it waits up to a minute for that."""
POLL_S = 0.2
DONE = frozenset({"200", "207", "400"})
"""Replies after which nothing of a stream is sent again."""
CHANNEL_OPTIONS = [
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 5_000),
]

Push = grpc.aio.StreamUnaryMultiCallable[pb.Grid_data, pb.reply]

_logger = logging.getLogger(__name__)


class Chunk(NamedTuple):
    """One stream."""

    messages: list[pb.Grid_data]
    last: int
    """The sequence of the last record whose readings are all sent with this chunk."""
    upto: int
    """The sequence of the last record of which any reading is in it."""


class Outflow2018:
    """What goes to a 2018 hop, in log order, free of I/O but for the log. One chunk is under way at a time."""

    def __init__(self, core: Core, reader: LogReader, cursor: Cursor, allow: Callable[[int], None]) -> None:
        self._core = core
        self._reader = reader
        self._allow = allow
        """Called before records up to a sequence are sent: a drop must know what may have been (rule 14)."""
        reader.rewind(cursor.sequence)
        self.acknowledged = cursor.sequence
        """The last sequence that the next hop has answered for."""
        self.sent_readings = cursor.total
        """How many readings it has taken."""
        self.next_node: int | None = None
        """A 2018 hop does not say who it is."""
        self.heard = 0
        """How many answers came back: each is a sign of life."""
        self.problem = ""
        """Why the last stream has to be sent again, until it is answered."""
        self.ready = True
        """The position is always known: it is the saved one, a 2018 hop does not say where to go on."""
        self._records: deque[Record] = deque()
        """Read, and not sent in full."""
        self._messages: Iterator[pb.Grid_data] | None = None
        """What of the first of them is not sent."""
        self._chunk: Chunk | None = None
        self.held = False
        """Nothing more is sent, so that it can be known what the next hop has."""
        self.over = False
        """There is another next hop now."""

    @property
    def under_way(self) -> bool:
        """Whether the next hop has not answered for something that was sent."""
        return self._chunk is not None

    @property
    def resolved(self) -> bool:
        """Whether the next hop has answered for everything that was sent."""
        return self._chunk is None

    @property
    def passed(self) -> int:
        """Everything up to this sequence is with the next hop, or does not go there."""
        return self.acknowledged

    def following(self) -> Chunk | None:
        """The next stream, the same one until it is answered; None when there is nothing to send."""
        if self._chunk is None:
            self._chunk = None if self.held or self.over else self._cut()
        if self._chunk is not None:
            self._allow(self._chunk.upto)
        return self._chunk

    def answered(self, code: str, refused: int | None) -> bool:
        """Take the reply to the chunk under way in; whether it is done. `refused` is None when the hop did not say."""
        self.heard += 1
        self.problem = ""
        chunk = self._chunk
        if chunk is None or code not in DONE:
            return False
        lost = refused if refused is not None else len(chunk.messages) if code == "400" else 0
        if lost:
            self._core.refuse(Rejected("refused-by-next-hop", f"{lost} readings, with reply {code}"), lost)
        self.sent_readings += len(chunk.messages) - lost
        self._pass(chunk.last)
        self._chunk = None
        return True

    def _pass(self, sequence: int) -> None:
        self.acknowledged = max(self.acknowledged, sequence)

    def _cut(self) -> Chunk | None:
        """The next readings; None when there is none for now, and then all records read are done with."""
        messages: list[pb.Grid_data] = []
        last = self.acknowledged
        for _ in range(RECORDS_CUT):
            record = self._first()
            if record is None or len(messages) == READINGS_MAX:
                break
            if self._messages is None:
                self._messages = self._made_of(record)
            messages += islice(self._messages, READINGS_MAX - len(messages))
            if len(messages) < READINGS_MAX:
                last, self._messages = record.sequence, None
                self._records.popleft()
        if not messages:
            self._pass(last)
            return None
        return Chunk(messages, last, last if self._messages is None else self._records[0].sequence)

    def _first(self) -> Record | None:
        """The record that comes next, None at the end of what is durable and sound."""
        if not self._records:
            stretch = self._reader.read(RECORDS_READ)
            self._records.extend(stretch.records)
            if stretch.damage is not None:
                self._core.log.name_damage(stretch.damage)
                self._core.appended()
        return self._records[0] if self._records else None

    def _made_of(self, record: Record) -> Iterator[pb.Grid_data]:
        """The readings of a record that travels; definitions, losses and what is not known here have no place."""
        if not known(record) or record.kind not in (Kind.DATA, Kind.OUT) or not forwarded(record):
            return
        batch = decode_batch(record)
        try:
            columns = codec.decode(batch.payload)
        except Rejected as error:
            self._core.refuse(error, batch.count)
            return
        state = self._core.log.state
        context = _enum_names(self._core, batch)
        rows = zip(columns.series.tolist(), columns.timestamps.tolist(), columns.values.tolist(), strict=True)
        for position, (number, timestamp, value) in enumerate(rows):
            series = state.series.get((batch.entry, number))
            if series is None or series.damaged:
                self._core.refuse(Rejected("damaged-series", f"the name of {batch.entry.hex()}/{number} is lost"))
                continue
            yield pb.Grid_data(
                measurement=pb.measurement_message(
                    meter_id=series.meter, metric_id=series.metric, timestamp=timestamp, value=value
                ),
                prov_id=str(batch.stamp.run.at(position)) if batch.stamp is not None else "",
                context=context,
            )


def _enum_names(core: Core, batch: Batch) -> str:
    """The context of a batch as 2018 messages have it; nothing without provenance."""
    held = core.log.state.contexts.get(batch.stamp.context) if batch.stamp is not None else None
    return held.enum_names if held is not None else ""


class Forwarder2018:
    """The task that sends one chunk after the other over one channel."""

    def __init__(self, outflow: Outflow2018, committer: Committer, address: str, rng: random.Random) -> None:
        self._outflow = outflow
        self._committer = committer
        self._address = address
        self._backoff = Backoff(rng)

    async def run(self) -> None:
        """Send until cancelled."""
        async with grpc.aio.insecure_channel(self._address, options=CHANNEL_OPTIONS) as channel:
            push = gatewayStub(channel).push_data
            while True:
                before = self._outflow.acknowledged
                try:
                    chunk = self._outflow.following()
                except OSError as error:
                    await self._pause(str(error))
                    continue
                if chunk is not None:
                    await self._deliver(push, chunk)
                elif self._outflow.acknowledged == before:
                    await self._committer.changed(POLL_S)
                else:
                    await asyncio.sleep(0)

    async def _deliver(self, push: Push, chunk: Chunk) -> None:
        """Send a chunk until the next hop has answered for it."""
        while (problem := await self._send(push, chunk)) is not None:
            await self._pause(problem)
        self._backoff.reset()

    async def _pause(self, problem: str) -> None:
        wait_s = self._backoff.next_s()
        self._outflow.problem = problem
        _logger.warning("2018 hop at %s: %s; sending again in %.1f s", self._address, problem, wait_s)
        await asyncio.sleep(wait_s)

    async def _send(self, push: Push, chunk: Chunk) -> str | None:
        """Send a chunk once; why it has to be sent again, if it has to be."""
        call = push(iter(chunk.messages), timeout=REPLY_S_MAX)
        try:
            answer = await call
            refused = _refused(await call.trailing_metadata())
        except grpc.aio.AioRpcError as error:
            return f"{error.code().name.lower()}: {error.details()}"
        if self._outflow.answered(answer.response_code, refused):
            return None
        return f"reply {answer.response_code[:40]!r}"


def _refused(trailers: grpc.aio.Metadata | None) -> int | None:
    """What a hop of ours says that it refused; None when it does not say."""
    said = dict(trailers or ()).get("headwater-refused")
    return int(said) if isinstance(said, str) and said.isascii() and said.isdecimal() else None
