"""What of a log goes to the store: pure of connections, records in and groups out (PROTOCOL rules 2, 6, 17)."""

import contextlib
from typing import NamedTuple

import msgspec
import zstandard

from headwater.log.disk import Disk
from headwater.log.explained import is_explained, report_damage
from headwater.log.reader import LogReader
from headwater.log.recovery import MARK
from headwater.log.segments import read_segment, segments
from headwater.log.state import State
from headwater.model.context import Context
from headwater.model.errors import NotFound, Rejected
from headwater.model.records import Batch, Config, Definition, Kind, Loss
from headwater.model.shipment import Shipment, ShippedStamp
from headwater.model.stamp import Same, Select
from headwater.wire import codec
from headwater.wire import headwater_pb2 as pb
from headwater.wire.records import Record, decode_body, known

AGENT = "agent"
"""The agent's name among the readers of a log."""
GROUP_BYTES = 4 << 20


class Group(NamedTuple):
    """A stretch of the log for the store."""

    last: int
    shipment: Shipment
    total: int
    """Cumulative readings at its end."""

    @property
    def points(self) -> int:
        """How many data points its stamps are of."""
        return sum(shipped.stamp.run.count for shipped in self.shipment.stamps)


class _Gathered:
    """What has been read and not yet given on, within each kind in log order."""

    def __init__(self) -> None:
        self.records = self.size = self.points = 0
        self.last, self.total = 0, 0
        self._stamps: list[ShippedStamp] = []
        self._definitions: dict[tuple[bytes, int], Definition] = {}
        self._contexts: dict[bytes, Context] = {}
        self._configs: list[tuple[int, Config]] = []
        self._losses: list[tuple[int, Loss]] = []

    def know(self, state: State) -> None:
        """Take in the names that a log knew."""
        self._definitions |= state.series
        self._contexts |= state.contexts

    def count(self, record: Record) -> None:
        """A record belongs to it, whatever is in it."""
        self.records, self.size = self.records + 1, self.size + record.size
        self.last, self.total = record.sequence, record.total

    def add(self, record: Record, body: object) -> None:
        """Take in what a record says."""
        if isinstance(body, Batch):
            if body.stamp is not None:
                self._stamps.append(_shipped(record, body))
                self.points += body.stamp.run.count
        elif isinstance(body, Definition):
            self._definitions[body.log, body.number] = body
        elif isinstance(body, Context):
            self._contexts[body.id] = body
        elif isinstance(body, Config) and (not self._configs or self._configs[-1][1] != body):
            self._configs.append((record.sequence, body))
        elif isinstance(body, Loss) and (not self._losses or self._losses[-1][1] != body):
            self._losses.append((record.sequence, body))

    @property
    def group(self) -> Group:
        shipment = Shipment(
            tuple(self._stamps),
            tuple(self._definitions.values()),
            tuple(self._contexts.values()),
            tuple(self._configs),
            tuple(self._losses),
        )
        return Group(self.last, shipment, self.total)


class Shipper:
    """A reader of the log that turns records into shipments; it never passes the durable mark."""

    def __init__(self, disk: Disk, group_batches_max: int) -> None:
        self._disk = disk
        self._most = group_batches_max
        self._reader = LogReader(
            disk, 0, lambda: disk.load_word(MARK), lambda first, last: is_explained(disk, first, last)
        )
        self._gathered = _Gathered()
        self.unreadable = 0
        """Records whose body cannot be read although its checksum is right."""

    @property
    def position(self) -> int:
        """The last sequence read."""
        return self._reader.after

    def rewind(self, after: int) -> None:
        """Go on behind what the store has."""
        self._gathered = _Gathered()
        self._reader.rewind(after)

    def group(self, points_min: int = 0) -> Group | None:
        """The next group; None when there is nothing durable, it would be of fewer data points, or damage has to be
        named first. What waits for more is kept: reading it again costs more than shipping it."""
        held = self._gathered
        before = self._reader.after
        stretch = self._reader.read(self._most - held.records, GROUP_BYTES - held.size)
        if stretch.damage is not None:
            report_damage(self._disk, AGENT, stretch.damage)
        self._gather(before, stretch.records)
        is_full = held.records >= self._most or held.size >= GROUP_BYTES
        if not held.records or not (is_full or held.points >= points_min):
            return None
        self._gathered = _Gathered()
        return held.group

    def _gather(self, before: int, records: list[Record]) -> None:
        for record in records:
            if record.sequence > before + 1 and (state := _state_before(self._disk, record)) is not None:
                self._gathered.know(state)
            before = record.sequence
            self._gathered.count(record)
            try:
                body = decode_body(record) if known(record) else None
            except Rejected:
                self.unreadable += 1
            else:
                self._gathered.add(record, body)


def _shipped(record: Record, batch: Batch) -> ShippedStamp:
    """The stamp of a batch; where its readings were first stamped, made or renamed, with their series and times."""
    stamp = batch.stamp
    assert stamp is not None
    renamed = batch.trigger is not None and batch.trigger.renamed
    keys = None if isinstance(stamp.inputs, Same | Select) and not renamed else codec.keys(batch.payload)
    return ShippedStamp(record.sequence, record.kind, stamp, batch.origin, batch.entry, keys)


def _state_before(disk: Disk, record: Record) -> State | None:
    """What the log knew before a record, when those in front of it went unread and with them perhaps names it needs.

    It is in the snapshot of its segment, or of a later one if that goes meanwhile.
    """
    if record.kind == Kind.JUMP:
        return None
    firsts = segments(disk)
    held = max((first for first in firsts if first <= record.sequence), default=0)
    for first in firsts:
        with contextlib.suppress(NotFound, Rejected):
            if first >= held:
                return _snapshot(disk, first)
    return None


def _snapshot(disk: Disk, first: int) -> State:
    for _, found in read_segment(disk, first):
        if isinstance(found, Record) and found.kind == Kind.SNAPSHOT:
            return State.restore(found.body)
    raise NotFound(f"segment {first} has no snapshot that can be read")


def pack(group: Group) -> pb.StampsUp:
    """The message of a group."""
    body = zstandard.ZstdCompressor(level=3).compress(msgspec.msgpack.encode(group.shipment))
    return pb.StampsUp(group=pb.Group(last=group.last, body=body))
