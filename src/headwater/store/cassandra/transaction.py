"""What one transaction writes: rows side by side, then the head that makes them count."""

from collections.abc import Callable, Iterator

import msgspec

from headwater.store.cassandra import statements as cql
from headwater.store.cassandra.catalogue import ALARMS_MAX, Head
from headwater.store.cassandra.connection import Write
from headwater.store.cassandra.memory import Memory, set_head
from headwater.store.cassandra.places import PAGE, PAGE_ARRIVALS, bucket_of, packed
from headwater.store.ingest import PreparedBatch
from headwater.store.planning import Changes
from headwater.store.port import Alarm

ALARM_AGAIN_MS = 3_600_000
"""The same is one alarm in this time."""

_encode = msgspec.msgpack.Encoder().encode


class Transaction:
    """Changes and batches of one site, with how far each log is stored then."""

    def __init__(
        self, memory: Memory, changes: Changes, batches: list[PreparedBatch], positions: dict[bytes, int]
    ) -> None:
        self._memory = memory
        self._changes = changes
        self._batches = batches
        self._positions = positions
        self._site = memory.catalogue.site
        self._bucket_s = memory.catalogue.layout.bucket_s
        self._taken = memory.head.taken + 1 if batches else memory.head.taken
        self._alarms = list(self._fresh_alarms())

    def run(self, may_count: Callable[[], None] = lambda: None) -> None:
        """Write it; Unavailable when it may not have been written whole. `may_count` is asked before it counts, and
        raises what is against that."""
        if not any(self._changes) and not self._positions:
            return
        connection = self._memory.catalogue.connection
        connection.write(self._rows())
        may_count()
        head = self._head()
        positions = {log: max(last, self._memory.position(log)) for log, last in self._positions.items()}
        connection.write_at_once(
            [
                set_head(self._site, head),
                *((cql.SET_POSITION, (self._site, log, last)) for log, last in positions.items()),
            ]
        )
        self._memory.head = head
        self._memory.set_positions(positions)
        self._remember()

    def _rows(self) -> Iterator[Write]:
        yield from self._of_batches()
        yield from self._memory.posted.writes(self._batches)
        yield from self._of_names()
        yield from self._of_losses()
        for number, alarm in enumerate(self._alarms, self._memory.head.alarms + 1):
            yield (cql.ADD_ALARM, (self._site, number // PAGE, number, *alarm[:6]))

    def _of_batches(self) -> Iterator[Write]:
        site, buckets, begun = self._site, dict(self._memory.buckets), dict(self._memory.begun)
        for batch in self._batches:
            bucket = bucket_of(batch.start, self._bucket_s)
            yield (
                cql.ADD_BATCH,
                (site, batch.node, bucket, batch.start, batch.count, self._taken, *batch.times, batch.body, batch.keys),
            )
            for node, first, end in batch.parents:
                yield (
                    cql.ADD_EDGE,
                    (
                        *(site, node, bucket_of(first, self._bucket_s), first),
                        *(batch.node, batch.start, end - first, batch.sent_ms),
                    ),
                )
            if buckets.get(batch.node) != bucket:
                buckets[batch.node] = bucket
                yield (cql.ADD_BUCKET, (site, batch.node, bucket))
                if bucket < begun.get(batch.node, bucket + 1):
                    begun[batch.node] = bucket
                    yield (cql.SET_BEGUN, (site, batch.node, bucket))
        if self._batches:
            names = packed((batch.node, batch.start) for batch in self._batches)
            yield (cql.ADD_ARRIVAL, (site, self._taken // PAGE_ARRIVALS, self._taken, names))

    def _of_names(self) -> Iterator[Write]:
        site, changes = self._site, self._changes
        for log in changes.logs:
            yield (cql.ADD_LOG, (site, log))
        for one in changes.definitions:
            yield (cql.SET_SERIES, (site, one.log, one.number, one.meter, one.metric, one.damaged))
            if not one.damaged:
                yield (cql.ADD_SERIES_OF_METER, (site, one.meter, one.metric, one.log, one.number))
                yield (cql.ADD_SERIES_OF_METRIC, (site, one.metric, one.log, one.number))
        for context in changes.contexts:
            yield (cql.ADD_CONTEXT, (site, context.id, _encode(context)))
        configs = dict(self._memory.configs)
        for node, log, sequence, config in changes.configs:
            known_log, known_sequence = configs.get(node, (None, -1))
            if log == self._memory.latest.get(node) and (log != known_log or sequence > known_sequence):
                configs[node] = (log, sequence)
                yield (cql.SET_CONFIG, (site, node, _encode(config), log, sequence))

    def _of_losses(self) -> Iterator[Write]:
        for number, (node, log, sequence, loss) in enumerate(self._changes.losses, self._memory.head.losses + 1):
            body = _encode(loss)
            yield (cql.ADD_LOSS, (self._site, number // PAGE, number, node, log, sequence, body))
            yield (cql.ADD_LOSS_OF_NODE, (self._site, node, number, log, sequence, body))
            yield (cql.ADD_LOSS_OF_RECORD, (self._site, log, sequence, number, body))

    def _head(self) -> Head:
        head = self._memory.head
        refused = dict(head.refused)
        for reason in self._changes.refused:
            refused[reason] = refused.get(reason, 0) + 1
        return Head(
            self._taken,
            head.batches + len(self._batches),
            head.points + sum(batch.count for batch in self._batches),
            head.losses + len(self._changes.losses),
            head.alarms + len(self._alarms),
            head.changes + 1,
            refused,
        )

    def _fresh_alarms(self) -> Iterator[Alarm]:
        """Alarms that were not raised already of late."""
        known = {alarm[1:6]: alarm.at_ms for alarm in reversed(self._memory.alarms)}
        for alarm in self._changes.alarms:
            last_ms = known.get(alarm[1:6])
            if last_ms is None or not alarm.at_ms - ALARM_AGAIN_MS < last_ms <= alarm.at_ms:
                known[alarm[1:6]] = alarm.at_ms
                yield alarm

    def _remember(self) -> None:
        memory, changes = self._memory, self._changes
        for batch in self._batches:
            bucket = bucket_of(batch.start, self._bucket_s)
            memory.buckets[batch.node] = bucket
            memory.begun[batch.node] = min(bucket, memory.begun.get(batch.node, bucket))
            memory.ends[batch.node] = max(batch.end, memory.ends.get(batch.node, 0))
        for log in changes.logs:
            memory.logs.setdefault(log, None)
        memory.define(changes.definitions)
        memory.know_contexts(changes.contexts)
        for node, log, sequence, _ in changes.configs:
            known_log, known_sequence = memory.configs.get(node, (None, -1))
            if log == memory.latest.get(node) and (log != known_log or sequence > known_sequence):
                memory.configs[node] = (log, sequence)
        memory.alarms = [*reversed(self._alarms), *memory.alarms][:ALARMS_MAX]
