"""What a log knows at a sequence: a fold over its records, kept in the snapshot at the head of each segment."""

from typing import NamedTuple, Self

import msgspec
import zstandard

from headwater.log.manifest import FORMAT_VERSION, check_version
from headwater.log.ranges import Ranges, add, covers
from headwater.model.context import Context
from headwater.model.errors import ConfigError, Rejected
from headwater.model.ids import format_node
from headwater.model.reading import SeriesKey
from headwater.model.records import Batch, Config, Definition, Jump, Kind, Loss, Position, Why
from headwater.wire.records import Body

SNAPSHOT_BYTES_MAX = 512 << 20
_DEFINITION_BYTES = 32


class Head(msgspec.Struct, frozen=True, array_like=True):
    """The body of a snapshot record: the segment's header, and the packed state when the segment began."""

    format: int
    node: int
    log: bytes
    created_ms: int
    ordinal: int
    """Ids of this segment's records have this ordinal or a higher one."""
    state: bytes


class _Snapshot(msgspec.Struct, frozen=True, array_like=True):
    sequence: int
    count: int
    ordinal: int
    positions: tuple[tuple[bytes, int], ...]
    series: tuple[Definition, ...]
    contexts: tuple[Context, ...]
    heard: tuple[tuple[int, bytes, int, int], ...]
    explained: Ranges
    config: Config | None
    lost: dict[str, int]
    complete: bool
    received: int | None = None
    """This and what follows: absent in logs of earlier versions."""
    outgoing: int | None = None


class Place(NamedTuple):
    """How far a log goes: its last sequence, the readings up to there, and the first id ordinal not used there."""

    sequence: int
    total: int
    ordinal: int


class State:
    """The fold. Nothing here grows with the number of readings, only with series, sources and upstreams."""

    def __init__(self, node: int, log: bytes) -> None:
        self.node = node
        self.log = log
        self.sequence = 0
        """The last sequence applied."""
        self.count = 0
        """Readings logged so far."""
        self.received = 0
        """Those of them that came in here, and were not made by a step of this node."""
        self.outgoing = 0
        """Those of them that go on to the next hop, and are not replaced by what a step makes."""
        self.ordinal = 0
        """The first id ordinal behind those of all records."""
        self.positions: dict[bytes, int] = {}
        """How far each upstream log or source is logged here."""
        self.series: dict[tuple[bytes, int], Definition] = {}
        self.series_bytes = 0
        """About what the definitions take, before compression."""
        self.numbers: dict[SeriesKey, int] = {}
        """The series that this log defined itself."""
        self.contexts: dict[bytes, Context] = {}
        self.heard: dict[tuple[int, bytes, int], int] = {}
        """For each origin key the lowest rank not yet seen (rule 10)."""
        self.explained: Ranges = ()
        """The sequences that are missing here and named: damage, drops, jumps."""
        self.config: Config | None = None
        self.lost: dict[str, int] = {}
        """Readings of this log that were lost, per reason."""
        self.complete = True
        """Nothing was ever lost on the way here, so every series in use is defined."""

    @property
    def place(self) -> Place:
        return Place(self.sequence, self.count, self.ordinal)

    def apply(
        self,
        kind: int,
        sequence: int,
        count: int,
        upstream: Position | None,
        body: Body | None,
        stays: bool = False,
    ) -> None:
        """Take one record in; `body` is None for kinds without one and for kinds not known here. What `stays` does not
        go to the next hop."""
        self.sequence, self.count = sequence, count
        if upstream is not None:
            self.positions[upstream.log] = upstream.sequence
        if isinstance(body, Batch):
            self._batch(body)
            if kind == Kind.DATA or upstream is not None:
                self.received += body.count
            self.outgoing += 0 if stays else body.count
        elif isinstance(body, Definition):
            self._define(body)
        elif isinstance(body, Context):
            self.contexts[body.id] = body
        elif isinstance(body, Config):
            self.config = body
        elif isinstance(body, Loss):
            self._lose(body)
        elif isinstance(body, Jump):
            self.explained = add(self.explained, body.first, body.last)

    def _batch(self, batch: Batch) -> None:
        if batch.stamp is not None and batch.stamp.run.node == self.node:
            self.ordinal = max(self.ordinal, batch.stamp.run.end)
        key, end = batch.origin.key, batch.origin.rank_end(batch.count)
        if self.heard.get(key, 0) < end:
            self.heard[key] = end

    def _define(self, definition: Definition) -> None:
        name = (definition.log, definition.number)
        if name not in self.series:
            self.series_bytes += _DEFINITION_BYTES + len(definition.meter) + len(definition.metric)
        elif definition.damaged:
            return
        self.series[name] = definition
        if definition.log == self.log:
            self.numbers.setdefault(SeriesKey(definition.meter, definition.metric), definition.number)

    def _lose(self, loss: Loss) -> None:
        self.complete = False
        if loss.log != self.log:
            return
        span = loss.whole if loss.whole is not None else (loss.first, loss.last) if loss.why == Why.DAMAGED else None
        if span is not None and not self.is_explained(*span):  # Else it is the second copy.
            self.explained = add(self.explained, *span)
            self.lost[loss.why] = self.lost.get(loss.why, 0) + loss.readings

    def is_explained(self, first: int, last: int) -> bool:
        """Whether every sequence of the range is named missing."""
        return covers(self.explained, first, last)

    def forget_before(self, sequence: int) -> None:
        """Drop what only matters to segments that are gone."""
        if self.explained and self.explained[0][1] < sequence:
            self.explained = tuple(span for span in self.explained if span[1] >= sequence)

    def snapshot(self, created_ms: int, ordinal: int) -> bytes:
        """The body of a snapshot record for a segment whose records have ids from `ordinal` on."""
        plain = msgspec.msgpack.encode(
            _Snapshot(
                self.sequence,
                self.count,
                self.ordinal,
                tuple(self.positions.items()),
                tuple(self.series.values()),
                tuple(self.contexts.values()),
                tuple((*key, rank) for key, rank in self.heard.items()),
                self.explained,
                self.config,
                self.lost,
                self.complete,
                self.received,
                self.outgoing,
            )
        )
        packed = zstandard.ZstdCompressor(level=1).compress(plain)
        return msgspec.msgpack.encode(Head(FORMAT_VERSION, self.node, self.log, created_ms, ordinal, packed))

    @classmethod
    def restore(cls, body: bytes) -> Self:
        """The state in a snapshot record; Rejected("snapshot") when it cannot be read."""
        try:
            head = msgspec.msgpack.decode(body, type=Head)
            plain = zstandard.ZstdDecompressor().decompress(head.state, max_output_size=SNAPSHOT_BYTES_MAX)
            held = msgspec.msgpack.decode(plain, type=_Snapshot)
        except (zstandard.ZstdError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Rejected("snapshot", f"a segment's snapshot cannot be read: {error}") from error
        state = cls(head.node, head.log)
        state.sequence, state.count, state.ordinal = held.sequence, held.count, held.ordinal
        state.positions, state.lost, state.complete = dict(held.positions), held.lost, held.complete
        for definition in held.series:
            state._define(definition)
        state.contexts = {context.id: context for context in held.contexts}
        state.heard = {(kind, stream, step): rank for kind, stream, step, rank in held.heard}
        state.explained, state.config = held.explained, held.config
        state.received = held.count if held.received is None else held.received
        state.outgoing = held.count if held.outgoing is None else held.outgoing
        return state


def read_head(body: bytes, node: int, log: bytes) -> Head | None:
    """The head in a snapshot record, None when it cannot be read; ConfigError when it is not of this log or newer."""
    try:
        head = msgspec.msgpack.decode(body, type=Head)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    check_version(head.format)
    if (head.node, head.log) != (node, log):
        raise ConfigError(
            f"the folder of log {log.hex()} of node {format_node(node)} holds a segment of log {head.log.hex()} of "
            f"node {format_node(head.node)}: move it to where it belongs"
        )
    return head


def body_needed(kind: int) -> bool:
    """Whether a record of this kind changes the state by what it says."""
    return kind not in (Kind.TIME, Kind.REFUSED, Kind.SNAPSHOT)
