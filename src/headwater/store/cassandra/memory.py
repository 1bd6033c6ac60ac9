"""What a writer remembers of its site, so that judging what arrives asks Cassandra of little."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence

import msgspec

from headwater.model.context import Context
from headwater.model.records import Definition, Loss
from headwater.store.batches import Ids, StoredBatch
from headwater.store.cassandra import statements as cql
from headwater.store.cassandra.catalogue import Catalogue, Head
from headwater.store.cassandra.connection import Write
from headwater.store.cassandra.graph import Graph
from headwater.store.cassandra.places import ABOVE_ALL, PAGE, PAGE_ARRIVALS, bucket_of, unpacked
from headwater.store.cassandra.posted import Place, Posted, Span

DEFINITIONS_MAX = 1 << 20
"""Definitions and contexts that are remembered; the rest is asked for again."""

_loss = msgspec.msgpack.Decoder(Loss).decode


def set_head(site: str, head: Head) -> Write:
    """What says how far a site is."""
    return (
        cql.SET_HEAD,
        (site, head.taken, head.batches, head.points, head.losses, head.alarms, head.changes, head.refused),
    )


class Memory:
    """The state of one site as its only writer knows it; answers what planning asks."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.head = catalogue.head()
        self.alarms = catalogue.alarms(1_000, None)
        self._connection = catalogue.connection
        self._site = catalogue.site
        self.logs: dict[bytes, int | None] = dict(self._connection.rows(cql.LOGS, self._site))
        self.configs: dict[int, tuple[bytes | None, int]] = {}
        """Of each node the log and sequence of its configuration."""
        self.latest: dict[int, bytes] = {}
        """The latest log of each node."""
        self.begun: dict[int, int] = {}
        """The first bucket that each node ever had."""
        for node, _, log, _, begun, _, config_log, config_sequence, _, _ in catalogue.node_rows():
            if log is not None:
                self.latest[node] = log
            self.configs[node] = (config_log, -1 if config_sequence is None else config_sequence)
            if begun is not None:
                self.begun[node] = begun
        self.buckets: dict[int, int] = {}
        """The last bucket of each node that is listed."""
        self.ends: dict[int, int] = {}
        self.posted = Posted(self._site, catalogue.layout.block_s, self._spans)
        self._positions = catalogue.positions()
        self._definitions: OrderedDict[tuple[bytes, int], Definition] = OrderedDict()
        self._contexts: OrderedDict[bytes, None] = OrderedDict()
        self._counts: dict[bytes, int] = {}

    def hold(self) -> None:
        """Write how far everything is as it was read: what a transaction that broke off has under way still, and would
        make it count when it arrives late, is older than this then, and changes nothing."""
        positions = {log: self.position(log) for log, node in self.logs.items() if node is not None} | self._positions
        rows: list[Write] = [(cql.SET_POSITION, (self._site, log, last)) for log, last in positions.items()]
        self._connection.write_at_once([set_head(self._site, self.head), *rows])

    def know_ends(self, nodes: Iterable[int | None]) -> None:
        """Find out behind which id nothing of each node is stored."""
        for node in nodes:
            if node is not None and node not in self.ends:
                self.ends[node] = self._end_of(node)

    def position(self, log: bytes) -> int:
        """The last sequence stored of a log, 0 for none."""
        return self._positions.get(log, 0)

    def set_positions(self, positions: dict[bytes, int]) -> None:
        self._positions |= positions

    def stored(self, ids: Ids) -> list[StoredBatch]:
        """The batches over some ids whose transaction was completed: what was not is as if it were not there."""
        return [batch for batch in Graph(self.catalogue).over(ids) if self._is_whole(batch)]

    def has_log(self, log: bytes) -> bool:
        return log in self.logs

    def log_count(self) -> int:
        return len(self.logs)

    def definition(self, log: bytes, number: int) -> Definition | None:
        name = (log, number)
        known = self._definitions.get(name)
        if known is None:
            rows = list(self._connection.rows(cql.SERIES, self._site, log, [number]))
            if rows:
                known = Definition(log, *rows[0])
                self.define([known], count=False)
        return known

    def define(self, definitions: Iterable[Definition], count: bool = True) -> None:
        """Remember definitions; those that are new count."""
        for one in definitions:
            if count and (one.log, one.number) not in self._definitions and one.log in self._counts:
                self._counts[one.log] += 1
            self._definitions[one.log, one.number] = one
        while len(self._definitions) > DEFINITIONS_MAX:
            self._definitions.popitem(last=False)

    def series_count(self, log: bytes) -> int:
        if log not in self._counts:
            row = self._connection.row(cql.SERIES_COUNT, self._site, log)
            self._counts[log] = 0 if row is None else int(row[0])
        return self._counts[log]

    def has_context(self, context: Context) -> bool:
        if context.id not in self._contexts:
            if self._connection.row(cql.CONTEXT, self._site, context.id) is None:
                return False
            self.know_contexts([context])
        return True

    def know_contexts(self, contexts: Iterable[Context]) -> None:
        self._contexts |= dict.fromkeys(context.id for context in contexts)
        while len(self._contexts) > DEFINITIONS_MAX:
            self._contexts.popitem(last=False)

    def loss(self, log: bytes, sequence: int) -> Loss | None:
        """The loss of a record, unless its transaction was not completed."""
        row = self._connection.row(cql.LOSS_OF_RECORD, self._site, log, sequence)
        if row is None or row[0] > self.head.losses:
            return None
        at = self._connection.row(cql.LOSS_AT, self._site, row[0] // PAGE, row[0])
        return _loss(row[1]) if at == (log, sequence) else None

    def expired_over(self, ids: Ids) -> list[Ids]:
        return self.catalogue.expired_over(ids)

    def _is_whole(self, batch: StoredBatch) -> bool:
        bucket = bucket_of(batch.start, self.catalogue.layout.bucket_s)
        row = self._connection.row(cql.BATCHES_TAKEN, self._site, batch.node, bucket, batch.start, batch.start + 1)
        if row is None or row[2] > self.head.taken:
            return False
        arrival = self._connection.row(cql.ARRIVAL_AT, self._site, row[2] // PAGE_ARRIVALS, row[2])
        return arrival is not None and (batch.node, batch.start) in unpacked(arrival[0])

    def _end_of(self, node: int) -> int:
        bucket = self.catalogue.newest_bucket(node)
        if bucket is None:  # All of it may have expired, and must not come back.
            return ABOVE_ALL if node in self.begun else 0
        row = self._connection.row(cql.COUNTS_BEFORE, self._site, node, bucket, ABOVE_ALL)
        return ABOVE_ALL if row is None else row[0] + row[1]

    def _spans(self, places: Sequence[Place]) -> list[Span | None]:
        found = self._connection.each(cql.BLOCK_AT, [(self._site, *place) for place in places])
        return [Span(*rows[0]) if rows else None for rows in found]
