"""What shipments would change in a store, or why they are refused; nothing is written here."""

from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from headwater.model.context import Context
from headwater.model.errors import Rejected
from headwater.model.ids import DataPointId
from headwater.model.records import SERIES_MAX, Config, Definition, Loss
from headwater.model.shipment import Shipment
from headwater.store.batches import Ids, StoredBatch
from headwater.store.ingest import PreparedBatch, definition_fault, prepared
from headwater.store.port import Alarm

LOGS_MAX = 1 << 22
SEQUENCE_MAX = (1 << 63) - 1


class Changes(NamedTuple):
    """What shipments tell the catalogue. Logs are named by their ids, nodes by theirs."""

    logs: set[bytes]
    definitions: list[Definition]
    contexts: list[Context]
    configs: list[tuple[int, bytes, int, Config]]
    """(node, log, sequence, config)"""
    losses: list[tuple[int, bytes, int, Loss]]
    """(node, log, sequence, loss)"""
    refused: list[str]
    """Reasons, one for each refusal."""
    alarms: list[Alarm]

    @classmethod
    def none(cls) -> "Changes":
        return cls(set(), [], [], [], [], [], [])


class Known(Protocol):
    """What a store already knows, as far as judging a shipment needs it."""

    def has_log(self, log: bytes) -> bool:
        """Whether a log was ever named."""
        ...

    def log_count(self) -> int:
        """How many logs were."""
        ...

    def definition(self, log: bytes, number: int) -> Definition | None:
        """What a log has said of a series."""
        ...

    def series_count(self, log: bytes) -> int:
        """How many series a log has defined."""
        ...

    def has_context(self, context: Context) -> bool: ...

    def loss(self, log: bytes, sequence: int) -> Loss | None:
        """The loss that a record of a log names."""
        ...

    def expired_over(self, ids: Ids) -> list[Ids]:
        """The ranges of deleted ids that overlap some ids."""
        ...


class Runs:
    """The batches that one node is about to get, by start; their id runs do not overlap."""

    def __init__(self) -> None:
        self.batches: list[PreparedBatch] = []

    @property
    def end(self) -> int:
        """Behind the last id, 0 without one."""
        return self.batches[-1].end if self.batches else 0

    def over(self, batch: PreparedBatch) -> list[PreparedBatch]:
        at = bisect_right(self.batches, batch.start, key=lambda other: other.end)
        found = []
        while at < len(self.batches) and self.batches[at].start < batch.end:
            found.append(self.batches[at])
            at += 1
        return found

    def add(self, batch: PreparedBatch) -> None:
        if batch.start >= self.end:
            self.batches.append(batch)
        else:
            insort(self.batches, batch, key=lambda other: other.start)

    def add_all(self, rising: list[PreparedBatch]) -> None:
        """Add batches that are in order."""
        if rising and rising[0].start >= self.end:
            self.batches += rising
        else:
            for batch in rising:
                self.add(batch)


class Planner:
    """Judges the shipments of one transaction in turn, each with what those before it will have changed."""

    def __init__(
        self,
        known: Known,
        stored: Callable[[Ids], list[StoredBatch]],
        ends: dict[int, int],
        position: Callable[[bytes], int],
    ) -> None:
        """`stored` answers the batches over some ids; no id of a node is or was stored from its `ends` on. `position`
        answers the last sequence stored of a log."""
        self.batches: list[PreparedBatch] = []
        self.changes = Changes.none()
        self._known = known
        self._stored = stored
        self._ends = ends
        self._position = position
        self._runs: dict[int, Runs] = {}
        self._definitions: dict[tuple[bytes, int], Definition] = {}
        self._losses: dict[tuple[bytes, int], Loss] = {}
        self._new_series: Counter[bytes] = Counter()

    @property
    def ends(self) -> dict[int, int]:
        """Behind the last id of each node that gets batches."""
        return {node: runs.end for node, runs in self._runs.items()}

    def judge(self, log: bytes, node: int, shipment: Shipment) -> Rejected | None:
        """Take in a shipment of a node's log, or answer why not and leave everything as it was."""
        try:
            self._take(log, node, shipment)
        except Rejected as refusal:
            return refusal
        return None

    def _take(self, log: bytes, node: int, shipment: Shipment) -> None:
        batches = self._new_batches(log, node, shipment)
        definitions = self._new_definitions(shipment.definitions)
        losses = self._new_losses(log, shipment.losses)
        configs = [_config(node, log, *one) for one in shipment.configs]
        logs = self._new_logs({batch.entry for batch in batches} | {one.log for one in definitions})
        self._runs.setdefault(node, Runs()).add_all(batches)
        self.batches += batches
        self.changes.logs.update(logs)
        self._take_definitions(definitions)
        self.changes.contexts.extend(self._new_contexts(shipment.contexts))
        self.changes.configs.extend(configs)
        for sequence, loss in losses:
            self._losses[log, sequence] = loss
            self.changes.losses.append((node, log, sequence, loss))

    def _new_batches(self, log: bytes, node: int, shipment: Shipment) -> list[PreparedBatch]:
        staged = self._runs.get(node, Runs())
        mine = Runs()
        end = max(self._ends.get(node, 0), staged.end)
        for batch in prepared(shipment.stamps, node):
            if batch.start >= end:
                mine.batches.append(batch)
                end = batch.end
            elif self._is_new(batch, staged, mine) and not self._has_expired(log, batch):
                mine.add(batch)
        return mine.batches

    def _is_new(self, batch: PreparedBatch, staged: Runs, mine: Runs) -> bool:
        """False for a batch that is there already; Rejected("conflict") when its ids mean something else there."""
        others: list[PreparedBatch | StoredBatch] = [*staged.over(batch), *mine.over(batch)]
        others += self._stored(Ids(batch.node, batch.start, batch.end))
        if not others:
            return True
        if len(others) == 1 and _same(others[0], batch):
            return False
        there = DataPointId(batch.node, others[0].start)
        raise Rejected(
            "conflict",
            f"record {batch.shipped.sequence} gives {batch.count} ids from {DataPointId(batch.node, batch.start)} on,"
            f" and {others[0].count} from {there} on are stored with other content: do two nodes have this node id?",
        )

    def _has_expired(self, log: bytes, batch: PreparedBatch) -> bool:
        """Whether a batch was stored and deleted since: it does not come back when it is shipped again."""
        if batch.shipped.sequence > self._position(log):
            return False
        ids = Ids(batch.node, batch.start, batch.end)
        return any(gone.first <= ids.first and ids.end <= gone.end for gone in self._known.expired_over(ids))

    def _new_definitions(self, definitions: Iterable[Definition]) -> list[Definition]:
        found: dict[tuple[bytes, int], Definition] = {}
        for one in definitions:
            fault = definition_fault(one)
            if fault is not None:
                raise Rejected("series", fault)
            name = (one.log, one.number)
            there = found.get(name) or self._definitions.get(name) or self._known.definition(*name)
            if there is None or (there.damaged and not one.damaged):
                found[name] = one
            elif not one.damaged and (there.meter, there.metric) != (one.meter, one.metric):
                raise Rejected("conflict", f"series {one.number} of log {one.log.hex()} is stored with another name")
        for log, count in Counter(log for log, _ in found).items():
            if self._known.series_count(log) + self._new_series[log] + count > SERIES_MAX:
                raise Rejected("series", f"log {log.hex()} names more than {SERIES_MAX} series")
        return list(found.values())

    def _take_definitions(self, definitions: list[Definition]) -> None:
        self.changes.definitions.extend(definitions)
        for one in definitions:
            self._definitions[one.log, one.number] = one
            self._new_series[one.log] += 1

    def _new_losses(self, log: bytes, losses: Iterable[tuple[int, Loss]]) -> list[tuple[int, Loss]]:
        found: dict[int, Loss] = {}
        for sequence, loss in losses:
            _check_sequence(sequence)
            there = found.get(sequence) or self._losses.get((log, sequence)) or self._known.loss(log, sequence)
            if there is None:
                found[sequence] = loss
            elif there != loss:
                raise Rejected("conflict", f"loss record {sequence} of log {log.hex()} is stored with other content")
        return list(found.items())

    def _new_contexts(self, contexts: Iterable[Context]) -> list[Context]:
        return [context for context in contexts if not self._known.has_context(context)]

    def _new_logs(self, logs: set[bytes]) -> set[bytes]:
        new = {log for log in logs if not self._known.has_log(log)} - self.changes.logs
        if new and self._known.log_count() + len(self.changes.logs) + len(new) > LOGS_MAX:
            raise Rejected("series", f"the store names more than {LOGS_MAX} logs")
        return new


def _config(node: int, log: bytes, sequence: int, config: Config) -> tuple[int, bytes, int, Config]:
    _check_sequence(sequence)
    if config.node != node:
        raise Rejected("unknown-node", f"the configuration in record {sequence} is of node {config.node:06x}")
    return node, log, sequence, config


def _check_sequence(sequence: int) -> None:
    if not 0 <= sequence <= SEQUENCE_MAX:
        raise Rejected("sequence", f"sequence {sequence} is out of range")


def _same(there: PreparedBatch | StoredBatch, batch: PreparedBatch) -> bool:
    return there.keys == batch.keys and there.shipped == batch.shipped
