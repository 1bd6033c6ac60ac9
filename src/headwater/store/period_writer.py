"""The open period of the embedded store: what is added to it, in one synced transaction each time."""

import sqlite3
from typing import NamedTuple

from headwater.store.batches import Ids
from headwater.store.ingest import PreparedBatch
from headwater.store.period import BLOCK_BATCHES, Period
from headwater.store.postings import Keyed, Postings
from headwater.store.tail import Tail
from headwater.wire.codec import READINGS_MAX
from headwater.wire.spans import spans

_ADD_BATCH = """
    INSERT INTO batch (bid, node, start, count, entry, t_min, t_max, stamp, keys)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_ADD_EDGE = "INSERT INTO edge (parent_node, parent_start, length, child, sent_ms) VALUES (?, ?, ?, ?, ?)"
_SET_REACH = "INSERT INTO reach VALUES (?, ?) ON CONFLICT DO UPDATE SET length = excluded.length"
_SET_POSITION = """
    INSERT INTO position VALUES (?, ?)
    ON CONFLICT DO UPDATE SET sequence = max(sequence, excluded.sequence)
"""
_TAIL_KEYS = "SELECT entry, keys FROM batch WHERE bid >= ? ORDER BY bid"


class Addition(NamedTuple):
    """A batch to add, with the catalogue's number of its entry log."""

    batch: PreparedBatch
    entry: int


class _Rows:
    """The rows of one transaction, gathered so that each table is written in one call."""

    def __init__(self) -> None:
        self.batches: list[tuple[object, ...]] = []
        self.edges: list[tuple[int, int, int, int, int | None]] = []
        self.reaches: dict[int, int] = {}
        self.points = 0


class PeriodWriter(Period):
    """The file of the period that is written to."""

    def __init__(self, number: int, connection: sqlite3.Connection) -> None:
        super().__init__(number, connection)
        self.batches = 0
        self._points = 0
        self._reach: dict[int, int] = {}
        self._tail = Tail(0)
        self.load()

    def load(self) -> None:
        """Read again what is kept in memory, as after a transaction that failed."""
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        self.connection.execute("INSERT INTO total SELECT 0, 0 WHERE NOT EXISTS (SELECT 1 FROM total)")
        self.batches, self._points = self.totals()
        self._reach = dict(self.connection.execute("SELECT parent_node, length FROM reach").fetchall())
        block = self._one("SELECT coalesce(max(block) + 1, 0) FROM block")
        self._tail = Tail(block)
        for entry, keys in self.connection.execute(_TAIL_KEYS, (block * BLOCK_BATCHES,)):
            self._tail.add(None if keys is None else Keyed(entry, spans(keys)))

    def position(self, log: bytes) -> int:
        """The last sequence stored of a log, 0 for none."""
        row = self.connection.execute("SELECT sequence FROM position WHERE log = ?", (log,)).fetchone()
        return 0 if row is None else int(row[0])

    def positions(self) -> dict[bytes, int]:
        return dict(self.connection.execute("SELECT log, sequence FROM position").fetchall())

    def size(self) -> int:
        """Bytes that the file has once its write-ahead log is folded in."""
        return self._one("PRAGMA page_count") * self._one("PRAGMA page_size")

    def add(self, additions: list[Addition], positions: dict[bytes, int], now_ms: int) -> None:
        """Store batches, and how far each log is stored, durably."""
        rows = _Rows()
        for addition in additions:
            self._lay_out(addition, rows)
        found = self._tail.due(now_ms)
        execute, execute_many = self.connection.execute, self.connection.executemany
        execute("BEGIN IMMEDIATE")
        execute_many(_ADD_BATCH, rows.batches)
        execute_many(_ADD_EDGE, rows.edges)
        execute_many(_SET_REACH, rows.reaches.items())
        if found is not None:
            self._add_postings(found)
        execute_many(_SET_POSITION, positions.items())
        execute("UPDATE total SET batches = ?, points = ?", (self.batches, self._points))
        execute("COMMIT")

    def seal(self) -> None:
        """Finish the last blocks, and fold the write-ahead log into the file."""
        self.connection.execute("BEGIN IMMEDIATE")
        self._add_postings(self._tail.rest())
        self.connection.execute("COMMIT")
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _lay_out(self, addition: Addition, rows: _Rows) -> None:
        batch, entry = addition
        bid = self._tail.add(None if batch.spans is None else Keyed(entry, batch.spans))
        rows.batches.append((bid, batch.node, batch.start, batch.count, entry, *batch.times, batch.body, batch.keys))
        for parents in batch.parents:
            self._extend_reach(parents, rows)
            rows.edges.append((parents.node, parents.first, parents.end - parents.first, bid, batch.sent_ms))
        self.batches += 1
        self._points += batch.count

    def _extend_reach(self, parents: Ids, rows: _Rows) -> None:
        length = parents.end - parents.first
        if length > self._reach.get(parents.node, 0):
            self._reach[parents.node] = rows.reaches[parents.node] = min(1 << (length - 1).bit_length(), READINGS_MAX)

    def _add_postings(self, found: Postings) -> None:
        self.connection.executemany("INSERT INTO posting VALUES (?, ?, ?, ?)", found.rows)
        self.connection.executemany("INSERT INTO block VALUES (?, ?, ?)", found.blocks)
