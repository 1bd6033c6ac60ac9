"""What was ever durable in a log, remembered outside of it, so that a run can be checked against it."""

from functools import cached_property

from headwater.log.disk import Disk
from headwater.log.reader import LogReader
from headwater.log.writer import NodeLog
from headwater.model.records import Batch, Definition, Jump, Kind, Loss, Why
from headwater.wire import codec
from headwater.wire.codec import Columns
from headwater.wire.records import Body, Record, decode_body, known
from tests.simulation.store import Violation


class Durable:
    """A record that was durable, decoded."""

    def __init__(self, node: str, record: Record) -> None:
        self.node = node
        self.record = record
        self.sequence = record.sequence
        self.kind = record.kind
        self.body: Body | None = decode_body(record) if known(record) else None
        self.batch = self.body if isinstance(self.body, Batch) else None
        self.stamp = self.batch.stamp if self.batch is not None else None
        self.flipped = False
        """A bit of it was turned over after it was durable."""
        self.cut = False
        """A start took it for the torn end of the log."""

    @cached_property
    def columns(self) -> Columns:
        assert self.batch is not None
        return codec.decode(self.batch.payload)

    @cached_property
    def values(self) -> list[float]:
        return self.columns.values.tolist() if self.batch is not None else []

    @property
    def stamp_key(self) -> tuple[int, int]:
        assert self.stamp is not None
        return self.stamp.run.node, self.stamp.run.start

    def __repr__(self) -> str:
        return f"{self.node}/{self.sequence} ({Kind(self.kind).name.lower()}{', flipped' if self.flipped else ''})"


class Ghost:
    """A log's history. Sequences only rise, ids are used once, a series number means one thing."""

    def __init__(self, node: str, log: bytes) -> None:
        self.node = node
        self.log = log
        self.records: dict[int, Durable] = {}
        self.points: dict[tuple[int, int], tuple[Durable, int]] = {}
        """(node, ordinal) -> (record, position)"""
        self.series: dict[tuple[bytes, int], tuple[str, str]] = {}
        self._last = 0

    def catch_up(self, disk: Disk, log: NodeLog) -> None:
        """Remember what has become durable since the last time."""
        durable = log.durable
        if durable < self._last:
            raise Violation(f"{self.node}: the durable sequence fell from {self._last} to {durable}")
        if durable == self._last:
            return
        reader = LogReader(disk, self._last, lambda: durable, lambda first, last: True, log.recent)
        while reader.after < durable:
            before = reader.after
            for record in reader.read().records:
                self._add(Durable(self.node, record))
            if reader.after == before:
                break
        self._last = durable

    def _add(self, held: Durable) -> None:
        self.records[held.sequence] = held
        if held.stamp is not None:
            run = held.stamp.run
            for position in range(run.count):
                point = (run.node, run.start + position)
                if point in self.points:
                    raise Violation(f"id {point} is of {self.points[point][0]} and of {held}")
                self.points[point] = (held, position)
        if isinstance(held.body, Jump):
            self._cut(held.body.first, held.body.last)
        if isinstance(held.body, Definition) and not held.body.damaged:
            name, key = (held.body.log, held.body.number), (held.body.meter, held.body.metric)
            if self.series.setdefault(name, key) != key:
                raise Violation(f"{held}: series {name} is {key} and was {self.series[name]}")

    def _cut(self, first: int, last: int) -> None:
        for sequence in range(first, min(last, self._last) + 1):
            if sequence in self.records:
                self.records[sequence].cut = True

    @property
    def losses(self) -> list[Loss]:
        return [held.body for held in self.records.values() if isinstance(held.body, Loss)]


class Missing:
    """Per log or source the sequences that losses name, those restated in drops included."""

    def __init__(self, losses: list[Loss]) -> None:
        self._spans: dict[bytes, list[tuple[int, int]]] = {}
        for loss in losses:
            self._add(loss)

    def _add(self, loss: Loss) -> None:
        spans = self._spans.setdefault(loss.log, [])
        spans += [*loss.link, *loss.stamps]
        if loss.why != Why.DROPPED:
            spans.append((loss.first, loss.last))
        for restated in loss.restated:
            self._add(restated)

    def has(self, log: bytes, sequence: int) -> bool:
        return any(first <= sequence <= last for first, last in self._spans.get(log, ()))
