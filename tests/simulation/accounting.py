"""Accounting at any moment of a run: what a log made durable is with the next hop, still held, or named."""

from headwater.model.records import LOCAL_KINDS, Loss, Why
from tests.simulation.ghost import Durable, Missing
from tests.simulation.node import Node
from tests.simulation.store import Violation


def travels(held: Durable, before: Durable | None) -> bool:
    """Whether the next hop has to get a record: not what is local, replaced, empty, or the second copy of one."""
    if held.kind in LOCAL_KINDS or (held.batch is not None and held.batch.count == 0):
        return False
    if held.record.stays:
        return False
    return before is None or (before.kind, before.record.body) != (held.kind, held.record.body)


def readings(held: Durable) -> int:
    return held.batch.count if held.batch is not None else 0


class Accounting:
    """The books of one link, at the sequence that the receiver has durably."""

    def __init__(self, source: Node, target: Node) -> None:
        self._source = source
        self._target = target
        self._log = source.log_id
        self._upto = target.log.durable_positions.get(self._log, 0)
        self._got = {
            held.record.upstream.sequence
            for held in target.ghost.records.values()
            if held.record.upstream is not None and held.record.upstream.log == self._log and not self._is_gap(held)
        }
        self._named = Missing(target.ghost.losses + source.ghost.losses)

    def _is_gap(self, held: Durable) -> bool:
        """Whether a record stands for others that never came."""
        return isinstance(held.body, Loss) and held.body.why == Why.GAP and held.body.log == self._log

    def check(self) -> None:
        """Violation when a record is in none of the books, or in two."""
        source, held = self._source, self._source.ghost.records
        for sequence, record in held.items():
            if record.flipped or record.cut or not travels(record, held.get(sequence - 1)):
                continue
            if sequence in self._got or self._named.has(self._log, sequence):
                continue
            if sequence <= self._upto or not self._source.holds(sequence):
                raise Violation(f"{record} is not in {self._target.name}, not held and not named ({self._upto})")
        dropped = {
            sequence
            for loss in self._source.ghost.losses
            for first, last in (loss.link if loss.why == Why.DROPPED and loss.log == self._log else ())
            for sequence in self._got
            if first <= sequence <= last
        }
        if dropped:
            raise Violation(f"{self._source.name}: {sorted(dropped)} are at {self._target.name} and named dropped")
        if not source.flipped:
            self._totals()

    def _totals(self) -> None:
        """What is counted as sent is delivered; logged = delivered + dropped, in readings."""
        records = self._source.ghost.records
        self._sent()
        if self._source.replaces:
            return
        drops = [loss for loss in self._source.ghost.losses if loss.why == Why.DROPPED and loss.log == self._log]
        dropped = sum({loss.first: loss.readings for loss in drops if loss.last <= self._upto}.values())
        delivered = sum(readings(records[sequence]) for sequence in self._got if sequence <= self._upto)
        logged = max((held.record.total for sequence, held in records.items() if sequence <= self._upto), default=0)
        if logged != delivered + dropped:
            raise Violation(
                f"{self._source.name}: {logged} logged up to {self._upto}, {delivered} delivered, {dropped} dropped"
            )

    def _sent(self) -> None:
        """What the sender counts is what its next hop has had of it, up to the last record that it counts.

        A hop that lost synced records has less for a while: they are sent again, and not counted again.
        """
        sender, records = self._source.sender, self._source.ghost.records
        if sender.counted < sender.acknowledged:
            raise Violation(f"{self._source.name} counts up to {sender.counted} of {sender.acknowledged} acknowledged")
        sent = sum(readings(records[sequence]) for sequence in self._got if sequence <= sender.counted)
        if sender.sent_readings != sent:
            raise Violation(
                f"{self._source.name} has sent {sent} readings up to {sender.counted}, not {sender.sent_readings}"
            )
