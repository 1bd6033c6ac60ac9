"""One period of the embedded store: the questions asked of its file, by readers and by the writer."""

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from headwater.store.batches import Ids, StoredBatch
from headwater.store.points import Sent

BLOCK_BATCHES = 256
_COLUMNS = "bid, node, start, count, stamp, keys"
_BatchRow = tuple[int, int, int, int, bytes, bytes | None]

_OVER = f"""
    SELECT {_COLUMNS} FROM batch
    WHERE node = :node AND start < :end
      AND start >= coalesce((SELECT max(start) FROM batch WHERE node = :node AND start <= :first), :first)
    ORDER BY start
"""
_AT = f"SELECT {_COLUMNS} FROM batch WHERE node = ? AND start <= ? ORDER BY start DESC LIMIT 1"
_BEHIND = f"SELECT {_COLUMNS} FROM batch WHERE bid > ? ORDER BY bid LIMIT ?"
_BY_BID = f"SELECT {_COLUMNS} FROM batch WHERE bid = ?"
_NEWEST = f"SELECT {_COLUMNS} FROM batch WHERE node = ? AND start < ? ORDER BY start DESC"
# Seeks from as far before the ids as any edge from their node reaches.
_OVERLAP = """
    parent_node = :node AND parent_start < :end AND parent_start + length > :first
    AND parent_start > :first - (SELECT length FROM reach WHERE parent_node = :node)
"""
_CHILDREN = f"SELECT DISTINCT child FROM edge WHERE {_OVERLAP}"
_SENT = f"SELECT parent_start, parent_start + length, sent_ms FROM edge WHERE {_OVERLAP} AND sent_ms IS NOT NULL"
_POSTINGS = "SELECT block, t_min, t_max FROM posting WHERE series = ? AND t_min < ? AND t_max >= ?"
_BLOCKS = "SELECT block, t_min, t_max FROM block WHERE t_min < ? AND t_max >= ?"
_TAIL = """
    SELECT bid, t_min, t_max FROM batch
    WHERE bid >= coalesce((SELECT max(block) + 1 FROM block), 0) * :size AND t_min < :last AND t_max >= :first
"""
_KEYED = f"""
    SELECT t_min, t_max, {_COLUMNS} FROM batch
    WHERE bid >= :first AND bid < :end AND (:entry IS NULL OR entry = :entry) AND (:node IS NULL OR node = :node)
      AND t_min < :last_ms AND t_max >= :first_ms
"""
_FROM_BID = f"SELECT {_COLUMNS} FROM batch WHERE bid >= ? AND bid < ? ORDER BY bid LIMIT ?"
_FROM_START = f"SELECT {_COLUMNS} FROM batch WHERE node = ? AND start >= ? AND start < ? ORDER BY start LIMIT ?"
_STARTS_BEFORE = """
    SELECT start, count FROM batch WHERE node = ? AND start < ? AND bid < ? ORDER BY start DESC LIMIT ?
"""
_START_OVER = "SELECT max(start) FROM batch WHERE node = ? AND start <= ?"
_BLOCKS_WITHIN = "SELECT block FROM block WHERE t_min <= ? AND t_max >= ?"
_POSTED = "SELECT block FROM posting WHERE series = ? AND t_min <= ? AND t_max >= ?"
# Seeks the smallest node above the last one found, so that the index is not scanned.
_NODES = """
    WITH RECURSIVE seen(at) AS (
        SELECT min({column}) FROM {table}
        UNION ALL
        SELECT (SELECT min({column}) FROM {table} WHERE {column} > at) FROM seen WHERE at IS NOT NULL
    )
    SELECT at FROM seen WHERE at IS NOT NULL
"""


class Stretch(NamedTuple):
    """Batches of a period that may hold readings of a series: bids from `first` on, below `end`."""

    t_min: int
    t_max: int
    period: int
    first: int
    end: int


class Keyed(NamedTuple):
    """A batch with keys, and its earliest and latest event time."""

    t_min: int
    t_max: int
    batch: StoredBatch


class Period:
    """The file of one period, open."""

    def __init__(self, number: int, connection: sqlite3.Connection) -> None:
        self.number = number
        self.connection = connection

    def at(self, node: int, ordinal: int) -> StoredBatch | None:
        """The batch that holds an id."""
        row = self.connection.execute(_AT, (node, ordinal)).fetchone()
        if row is None or row[2] + row[3] <= ordinal:
            return None
        bid, node, start, count, stamp, keys = row
        return StoredBatch((self.number, bid), node, start, count, stamp, keys)

    def over(self, ids: Ids) -> list[StoredBatch]:
        """The batches that hold any of some ids, by their start."""
        rows = self.connection.execute(_OVER, {"node": ids.node, "first": ids.first, "end": ids.end})
        return [batch for batch in self._batches(rows) if batch.end > ids.first]

    def batch(self, bid: int) -> StoredBatch:
        (found,) = self._batches(self.connection.execute(_BY_BID, (bid,)))
        return found

    def newest(self, node: int, points: int, before: int) -> list[StoredBatch]:
        """The last batches of a node, newest first, until they have so many data points below an ordinal."""
        found: list[StoredBatch] = []
        rows = self.connection.execute(_NEWEST, (node, before))
        while points > 0 and (some := self._batches(rows.fetchmany(1))):
            found += some
            points -= min(some[0].end, before) - some[0].start
        rows.close()
        return found

    def behind(self, bid: int, most: int) -> list[StoredBatch]:
        """The first batches that were added behind a bid."""
        return self._batches(self.connection.execute(_BEHIND, (bid, most)))

    def last_bid(self) -> int:
        return self._one("SELECT coalesce(max(bid), -1) FROM batch")

    def children(self, ids: Ids) -> list[int]:
        """The bids of batches with a run of inputs that overlaps some ids, rising."""
        return sorted(bid for (bid,) in self.connection.execute(_CHILDREN, ids._asdict()))

    def sent(self, ids: Ids) -> list[Sent]:
        rows = self.connection.execute(_SENT, {"node": ids.node, "first": ids.first, "end": ids.end})
        return [Sent(*row) for row in rows]

    def stretches(self, series: int, first_ms: int, last_ms: int) -> list[Stretch]:
        """Where readings of a series with first_ms <= event time < last_ms may be: sealed blocks, and batches
        behind them."""
        blocks = self.connection.execute(_POSTINGS, (series, last_ms, first_ms)).fetchall()
        return self._stretches(blocks, first_ms, last_ms)

    def stretches_of_all(self, first_ms: int, last_ms: int) -> list[Stretch]:
        """The same for readings of any series."""
        return self._stretches(self.connection.execute(_BLOCKS, (last_ms, first_ms)).fetchall(), first_ms, last_ms)

    def keyed(self, stretch: Stretch, entry: int | None, node: int | None, first_ms: int, last_ms: int) -> list[Keyed]:
        """The batches of a stretch with keys and event times in a range: of an entry's series, or at a node, or all."""
        wanted = {
            "first": stretch.first,
            "end": stretch.end,
            "entry": entry,
            "node": node,
            "first_ms": first_ms,
            "last_ms": last_ms,
        }
        number = self.number
        return [
            Keyed(t_min, t_max, StoredBatch((number, bid), node, start, count, stamp, keys))
            for t_min, t_max, bid, node, start, count, stamp, keys in self.connection.execute(_KEYED, wanted)
        ]

    def bid_end(self) -> int:
        """Behind the last bid."""
        return self._one("SELECT coalesce(max(bid) + 1, 0) FROM batch")

    def from_bid(self, first: int, end: int, batches: int, points: int) -> list[StoredBatch]:
        """The batches first <= bid < end, so many of them, or fewer once they have so many data points."""
        return self._some(self.connection.execute(_FROM_BID, (first, end, batches)), points)

    def from_start(self, ids: Ids, batches: int, points: int) -> list[StoredBatch]:
        """The same of the batches of a node that start among some ids, by their start."""
        return self._some(self.connection.execute(_FROM_START, (*ids, batches)), points)

    def start_over(self, ids: Ids) -> int:
        """Where the batches begin that hold any of some ids."""
        (start,) = self.connection.execute(_START_OVER, (ids.node, ids.first)).fetchone()
        return ids.first if start is None else int(start)

    def starts_before(self, node: int, start: int, bid_end: int, batches: int) -> list[tuple[int, int]]:
        """(start, count) of the last batches of a node that start before an ordinal, the last one first."""
        return self.connection.execute(_STARTS_BEFORE, (node, start, bid_end, batches)).fetchall()

    def sought(self, series: list[int] | None, first_ms: int, last_ms: int, bid_end: int) -> list[tuple[int, int]]:
        """Where keys of some series (None: of any) with first_ms <= event time <= last_ms may be: stretches of bids,
        (first, end) each, none behind `bid_end`."""
        if series is None:
            found = self.connection.execute(_BLOCKS_WITHIN, (last_ms, first_ms)).fetchall()
        else:
            found = [row for one in series for row in self.connection.execute(_POSTED, (one, last_ms, first_ms))]
        tail = self._one("SELECT coalesce(max(block) + 1, 0) FROM block")
        blocks = sorted({block for (block,) in found})
        stretches = [(block * BLOCK_BATCHES, min((block + 1) * BLOCK_BATCHES, bid_end)) for block in blocks]
        return [each for each in (*stretches, (tail * BLOCK_BATCHES, bid_end)) if each[0] < each[1]]

    def id_spans(self) -> list[Ids]:
        """For each node the ids from its first to behind its last."""
        return [
            Ids(node, self._one("SELECT min(start) FROM batch WHERE node = ?", node), self._end_of(node))
            for node in self._nodes("batch", "node")
        ]

    def parent_spans(self) -> list[Ids]:
        """For each parent node the ids that edges may name, from the first on; behind the last there may be more."""
        return [
            Ids(
                node,
                self._one("SELECT min(parent_start) FROM edge WHERE parent_node = ?", node),
                self._one("SELECT max(parent_start) FROM edge WHERE parent_node = ?", node)
                + self._one("SELECT length FROM reach WHERE parent_node = ?", node),
            )
            for node in self._nodes("edge", "parent_node")
        ]

    def totals(self) -> tuple[int, int]:
        """(batches, data points)"""
        return (self._one("SELECT batches FROM total"), self._one("SELECT points FROM total"))

    def event_times(self) -> tuple[int | None, int | None]:
        """The earliest and the latest event time of sealed blocks."""
        found: tuple[int | None, int | None] = self.connection.execute(
            "SELECT min(t_min), max(t_max) FROM block"
        ).fetchone()
        return found

    def _stretches(self, blocks: list[tuple[int, int, int]], first_ms: int, last_ms: int) -> list[Stretch]:
        """Sealed blocks, and the batches behind them."""
        size, number = BLOCK_BATCHES, self.number
        tail = self.connection.execute(_TAIL, {"size": size, "first": first_ms, "last": last_ms})
        found = [Stretch(t_min, t_max, number, block * size, (block + 1) * size) for block, t_min, t_max in blocks]
        return found + [Stretch(t_min, t_max, number, bid, bid + 1) for bid, t_min, t_max in tail]

    def _end_of(self, node: int) -> int:
        return self._one("SELECT start + count FROM batch WHERE node = ? ORDER BY start DESC LIMIT 1", node)

    def _nodes(self, table: str, column: str) -> list[int]:
        return [node for (node,) in self.connection.execute(_NODES.format(table=table, column=column))]

    def _one(self, query: str, *values: int) -> int:
        (found,) = self.connection.execute(query, values).fetchone()
        assert isinstance(found, int)
        return found

    def _some(self, rows: sqlite3.Cursor, points: int) -> list[StoredBatch]:
        found: list[StoredBatch] = []
        while points > 0 and (some := self._batches(rows.fetchmany(1))):
            found += some
            points -= some[0].count
        rows.close()
        return found

    def _batches(self, rows: Iterable[_BatchRow]) -> list[StoredBatch]:
        number = self.number
        return [
            StoredBatch((number, bid), node, start, count, stamp, keys) for bid, node, start, count, stamp, keys in rows
        ]
