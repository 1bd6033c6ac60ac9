"""What is known of a site beside its batches: nodes, series, contexts, losses, alarms, and how far everything is."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from headwater.model.context import Context
from headwater.model.ids import COUNTER_BITS
from headwater.model.reading import SeriesKey, SeriesName
from headwater.model.records import Config, Loss
from headwater.model.report import NodeReport
from headwater.store.batches import Ids
from headwater.store.cassandra import statements as cql
from headwater.store.cassandra.connection import Connection, Row
from headwater.store.cassandra.keyspace import Layout
from headwater.store.cassandra.places import ABOVE_ALL, PAGE
from headwater.store.cassandra.statements import Statement
from headwater.store.port import Alarm, Node, StoredLoss

ALARMS_MAX = 1_000
"""Older alarms are not shown; how many there were is kept in the counts of what was refused."""
_AT_ONCE = 100

_context = msgspec.msgpack.Decoder(Context).decode
_config = msgspec.msgpack.Decoder(Config).decode
_loss = msgspec.msgpack.Decoder(Loss).decode
_report = msgspec.msgpack.Decoder(NodeReport).decode


class Head(NamedTuple):
    """How far a site is, by the last transaction that was stored whole."""

    taken: int = 0
    """The number of that transaction; they rise."""
    batches: int = 0
    points: int = 0
    losses: int = 0
    alarms: int = 0
    changes: int = 0
    """Rises whenever anything in the store changes."""
    refused: dict[str, int] = {}  # noqa: RUF012 never changed


class Catalogue:
    """What is known of one site."""

    def __init__(self, connection: Connection, site: str, layout: Layout) -> None:
        self.connection = connection
        self.site = site
        self.layout = layout

    def head(self) -> Head:
        row = self.connection.row(cql.HEAD, self.site)
        if row is None:
            return Head()
        *counts, refused = row
        return Head._make((*(count or 0 for count in counts), dict(refused or {})))

    def positions(self) -> dict[bytes, int]:
        """The last record stored of each log."""
        rows = self.connection.rows(cql.POSITIONS, self.site)
        return {log: sequence for log, sequence in rows if log is not None and sequence is not None}

    def contexts(self, names: Iterable[bytes]) -> dict[bytes, Context]:
        wanted = list(names)
        found = self.connection.each(cql.CONTEXT, [(self.site, name) for name in wanted])
        return {name: _context(rows[0][0]) for name, rows in zip(wanted, found, strict=True) if rows}

    def series(self, entry: bytes, numbers: Iterable[int]) -> dict[int, SeriesKey]:
        """The series that a log defined, by number; damaged and unknown ones are absent."""
        wanted = sorted(numbers)
        portions = [wanted[at : at + _AT_ONCE] for at in range(0, len(wanted), _AT_ONCE)]
        found = self.connection.each(cql.SERIES, [(self.site, entry, some) for some in portions])
        return {number: SeriesKey(meter, metric) for rows in found for number, meter, metric, bad in rows if not bad}

    def named(self, meter: str | None, metric: str | None) -> Iterator[SeriesName]:
        """Everything that the series of a meter, a metric or both are called inside batches."""
        rows: Iterable[Row]
        if meter is None:
            rows = self.connection.rows(cql.SERIES_OF_METRIC, self.site, metric)
        elif metric is None:
            rows = self.connection.rows(cql.SERIES_OF_METER, self.site, meter)
        else:
            rows = self.connection.rows(cql.SERIES_OF_METER_AND_METRIC, self.site, meter, metric)
        return (SeriesName(row[0], row[1]) for row in rows)

    def nodes(self) -> list[Node]:
        """All nodes that have said hello."""
        found = []
        for id, name, log, address, _, config, _, _, report, reported_ms in self.node_rows():
            if name is not None:
                config = None if config is None else _config(config)
                report = None if report is None else _report(report)
                found.append(Node(id, name, log, address, config, report, reported_ms or 0))
        return found

    def node_rows(self) -> Iterator[Row]:
        """(id, name, log, address, begun, config, config log, config sequence, report, reported ms), by id."""
        for id, name, address, log, *rest in self.connection.rows(cql.NODES, self.site):
            yield (id, name, log, address, *rest)

    def losses(self, node: int | None, size: int, before: int | None) -> list[StoredLoss]:
        last = self.head().losses
        before = last + 1 if before is None else min(before, last + 1)
        if node is None:
            rows = self._pages(cql.LOSSES, size, before)
        else:
            rows = self._losses_of(node, size, before)
        return [StoredLoss(found, sequence, _loss(body), number) for found, sequence, body, number in rows]

    def alarms(self, size: int, before: int | None) -> list[Alarm]:
        last = self.head().alarms
        before = last + 1 if before is None else min(before, last + 1)
        rows = self._pages(cql.ALARMS, size, before)
        return [Alarm(*row) for row in rows if row[-1] > last - ALARMS_MAX]

    def newest_bucket(self, node: int) -> int | None:
        row = self.connection.row(cql.NEWEST_BUCKET, self.site, node)
        return None if row is None else int(row[0])

    def expired_over(self, ids: Ids) -> list[Ids]:
        """The ids among some that stood before the oldest bucket that is left of their node: their time has run out."""
        if self.layout.keep_s is None:
            return []
        row = self.connection.row(cql.NODE, self.site, ids.node)
        if row is None or row[0] is None:
            return []
        oldest = self.connection.row(cql.OLDEST_BUCKET, self.site, ids.node)
        first = (row[0] * self.layout.bucket_s) << COUNTER_BITS
        end = ABOVE_ALL if oldest is None else (oldest[0] * self.layout.bucket_s) << COUNTER_BITS
        low, high = max(first, ids.first), min(end, ids.end)
        return [Ids(ids.node, low, high)] if low < high else []

    def _losses_of(self, node: int, size: int, before: int) -> list[Row]:
        """The same of one node; numbers that another loss got after a transaction broke off are passed over."""
        rows: list[Row] = []
        while len(rows) < size:
            found = list(self.connection.rows(cql.LOSSES_OF_NODE, self.site, node, before, size))
            if not found:
                break
            before = found[-1][3]
            named = self.connection.each(cql.LOSS_AT, [(self.site, row[3] // PAGE, row[3]) for row in found])
            rows += [row[:4] for row, there in zip(found, named, strict=True) if there == [(row[4], row[1])]]
        return rows[:size]

    def _pages(self, statement: Statement, size: int, before: int) -> list[Row]:
        """The first rows with a number below `before`, newest first, page by page."""
        rows: list[Row] = []
        for page in range((before - 1) // PAGE, -1, -1):
            if len(rows) >= size:
                break
            rows += self.connection.rows(statement, self.site, page, before)
        return rows[:size]
