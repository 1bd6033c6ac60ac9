"""What a log knows at a sequence: a fold over its records, kept in the snapshot at the head of each segment."""

from typing import Self

import msgspec
import zstandard

from headwater.model.context import Context
from headwater.model.errors import Rejected
from headwater.model.reading import SeriesKey
from headwater.model.records import (
    Batch,
    Config,
    Definition,
    Jump,
    Kind,
    Loss,
    Position,
    Why,
)
from headwater.wire.records import Body

SNAPSHOT_BYTES_MAX = 512 << 20


class Snapshot(msgspec.Struct, frozen=True, array_like=True):
    """The body of a snapshot record: the segment's header and the state when the segment began."""

    format: int
    node: int
    log: bytes
    created_ms: int
    sequence: int
    count: int
    ordinal: int
    positions: tuple[tuple[bytes, int], ...]
    series: tuple[Definition, ...]
    contexts: tuple[Context, ...]
    heard: tuple[tuple[int, bytes, int, int], ...]
    explained: tuple[tuple[int, int], ...]
    config: Config | None
    lost: tuple[tuple[str, int], ...] = ()
    complete: bool = True


class State:
    """The fold. Nothing here grows with the number of readings, only with series, sources and upstreams."""

    def __init__(self, node: int, log: bytes) -> None:
        self.node = node
        self.log = log
        self.created_ms = 0
        self.sequence = 0
        """The last sequence applied."""
        self.count = 0
        """Readings logged so far."""
        self.ordinal = 0
        """The first id ordinal not given away."""
        self.positions: dict[bytes, int] = {}
        """How far each upstream log or source is logged here."""
        self.series: dict[tuple[bytes, int], Definition] = {}
        self.numbers: dict[SeriesKey, int] = {}
        """The series that this log defined itself."""
        self.contexts: dict[bytes, Context] = {}
        self.heard: dict[tuple[int, bytes, int], int] = {}
        """For each origin key the lowest rank not yet seen (rule 10)."""
        self.explained: list[tuple[int, int]] = []
        """Sequence ranges that are missing here and named: damage, drops, jumps."""
        self.config: Config | None = None
        self.lost: dict[str, int] = {}
        """Readings of this log that were lost, per reason."""
        self.complete = True
        """Nothing was ever lost on the way here, so every series in use is defined."""

    def apply(self, kind: int, sequence: int, count: int, upstream: Position | None, body: Body | None) -> None:
        """Take one record in; `body` is None for kinds without one and for kinds not known here."""
        self.sequence, self.count = sequence, count
        if upstream is not None:
            self.positions[upstream.log] = upstream.sequence
        if isinstance(body, Batch):
            self._batch(body)
        elif isinstance(body, Definition):
            self._define(body)
        elif isinstance(body, Context):
            self.contexts[body.id] = body
        elif isinstance(body, Config):
            self.config = body
        elif isinstance(body, Loss):
            self.complete = False
            if body.log == self.log:
                self._explain(body)
        elif isinstance(body, Jump):
            self.explained.append((body.first, body.last))

    def _batch(self, batch: Batch) -> None:
        if batch.stamp is not None:
            self.ordinal = max(self.ordinal, batch.stamp.run.end)
        key, end = batch.origin.key, batch.origin.rank_end(batch.count)
        if self.heard.get(key, 0) < end:
            self.heard[key] = end

    def _define(self, definition: Definition) -> None:
        self.series[definition.log, definition.number] = definition
        if definition.log == self.log:
            self.numbers.setdefault(SeriesKey(definition.meter, definition.metric), definition.number)

    def _explain(self, loss: Loss) -> None:
        ranges = (
            [loss.whole] if loss.whole is not None else [(loss.first, loss.last)] if loss.why == Why.DAMAGED else []
        )
        for span in ranges:
            if span not in self.explained:
                self.explained.append(span)
                self.lost[loss.why] = self.lost.get(loss.why, 0) + loss.readings

    def is_explained(self, first: int, last: int) -> bool:
        """Whether every sequence of the range is named missing."""
        at = first
        for low, high in sorted(self.explained):
            if low <= at <= high:
                at = high + 1
        return at > last

    def forget_before(self, sequence: int) -> None:
        """Drop what only matters to segments that are gone."""
        self.explained = [span for span in self.explained if span[1] >= sequence]

    def snapshot(self, format_version: int, created_ms: int) -> bytes:
        """The body of a snapshot record."""
        plain = msgspec.msgpack.encode(
            Snapshot(
                format_version,
                self.node,
                self.log,
                created_ms,
                self.sequence,
                self.count,
                self.ordinal,
                tuple(self.positions.items()),
                tuple(self.series.values()),
                tuple(self.contexts.values()),
                tuple((*key, rank) for key, rank in self.heard.items()),
                tuple(self.explained),
                self.config,
                tuple(self.lost.items()),
                self.complete,
            )
        )
        return zstandard.ZstdCompressor(level=1).compress(plain)

    @classmethod
    def restore(cls, body: bytes) -> Self:
        """The state that a snapshot record holds; Rejected("snapshot") when it cannot be read."""
        try:
            plain = zstandard.ZstdDecompressor().decompress(body, max_output_size=SNAPSHOT_BYTES_MAX)
            held = msgspec.msgpack.decode(plain, type=Snapshot)
        except (zstandard.ZstdError, msgspec.DecodeError) as error:
            raise Rejected("snapshot", f"a segment's snapshot cannot be read: {error}") from error
        state = cls(held.node, held.log)
        state.created_ms, state.sequence, state.count = held.created_ms, held.sequence, held.count
        state.ordinal, state.config = held.ordinal, held.config
        state.positions, state.lost, state.complete = dict(held.positions), dict(held.lost), held.complete
        for definition in held.series:
            state._define(definition)
        state.contexts = {context.id: context for context in held.contexts}
        state.heard = {(kind, stream, step): rank for kind, stream, step, rank in held.heard}
        state.explained = list(held.explained)
        return state


def body_needed(kind: int) -> bool:
    """Whether a record of this kind changes the state by what it says."""
    return kind not in (Kind.TIME, Kind.REFUSED, Kind.SNAPSHOT)
