"""What retention has deleted from an embedded store, as its catalogue remembers it, and why ids are missing."""

import sqlite3
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator

from headwater.model.ids import DataPointId, IdRun
from headwater.model.records import Loss, Why
from headwater.store.batches import Ids, merged
from headwater.store.port import Expired, StoredLoss

STORE_LOG = 0
"""Where a loss names its log: no log has this number, the store itself has deleted."""
UNKNOWN = "unknown"
_ABOVE_ALL = (1 << 63) - 1
LOSSES_MAX = 1000
"""How many losses are looked through for why an id is missing."""

_COLUMNS = "number, why, at_ms, begun_ms, ended_ms, batches, points, bytes, t_min, t_max"
ADD_LOSS = """
    INSERT INTO loss (node, log, sequence, body)
    VALUES (?, 0, (SELECT coalesce(max(sequence), 0) + 1 FROM loss WHERE log = 0), ?)
"""


class ExpiredPeriods:
    """The part of a catalogue that says what was deleted; empty in one that was written before there was retention."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._there = False

    def newest(self, size: int, before: int | None = None) -> list[Expired]:
        """What was deleted, the latest period first; only those with a lower number than `before`."""
        if not self._known():
            return []
        rows = self._connection.execute(
            f"SELECT {_COLUMNS} FROM expired WHERE number < ? ORDER BY number DESC LIMIT ?",
            (_ABOVE_ALL if before is None else before, size),
        ).fetchall()
        return [Expired._make((*row, self._runs(row[0]))) for row in rows]

    def points(self) -> int:
        """How many data points were deleted in all."""
        if not self._known():
            return 0
        (points,) = self._connection.execute("SELECT coalesce(sum(points), 0) FROM expired").fetchone()
        return int(points)

    def over(self, ids: Ids) -> list[Ids]:
        """The ranges of deleted ids that overlap some ids, in order, none touching another."""
        if not self._known():
            return []
        rows = self._connection.execute(
            'SELECT node, first, "end" FROM expired_span WHERE node = ? AND first < ? AND "end" > ?',
            (ids.node, ids.end, ids.first),
        )
        return merged(Ids(*row) for row in rows)

    def ends(self) -> dict[int, int]:
        """Where the deleted ids of each node end."""
        if not self._known():
            return {}
        return dict(self._connection.execute('SELECT node, max("end") FROM expired_span GROUP BY node').fetchall())

    def add(self, expired: Expired) -> None:
        """Remember a deletion; belongs into a transaction."""
        marks = ",".join("?" * 10)
        self._connection.execute(f"INSERT INTO expired VALUES ({marks})", expired[:10])
        self._connection.executemany(
            "INSERT INTO expired_span VALUES (?, ?, ?, ?)",
            [(run.node, run.start, run.end, expired.number) for run in expired.runs],
        )

    def _runs(self, period: int) -> tuple[IdRun, ...]:
        rows = self._connection.execute(
            'SELECT node, first, "end" - first FROM expired_span WHERE period = ? ORDER BY node', (period,)
        )
        return tuple(IdRun(*row) for row in rows)

    def _known(self) -> bool:
        if not self._there:
            row = self._connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'expired_span'").fetchone()
            self._there = row is not None
        return self._there


def loss_of(run: IdRun) -> Loss:
    """A deletion as the loss of the ids of one node, for who looks through all that was lost."""
    return Loss(Why.EXPIRED, b"", 0, 0, runs=(run,))


def why_missing(
    ids: Iterable[DataPointId], losses: list[StoredLoss], expired: Callable[[Ids], list[Ids]]
) -> dict[DataPointId, str]:
    """Why each of some ids, none of which is stored, is missing: the first of the losses that name it, which the others
    follow from; expired when it lies where ids were deleted, as `expired` tells for any range; else unknown."""
    ordered = sorted(set(ids))
    reasons: dict[DataPointId, str] = {}
    for stored in losses:
        for run in stored.loss.runs:
            reasons.update(dict.fromkeys(_within(ordered, run), stored.loss.why))
    unnamed = [id for id in ordered if id not in reasons]
    for node, first, end in _stretches(unnamed):
        for gone in expired(Ids(node, first, end)):
            reasons.update(dict.fromkeys(_within(unnamed, IdRun(node, gone.first, gone.end - gone.first)), Why.EXPIRED))
    return {id: str(reasons.get(id, UNKNOWN)) for id in ordered}


def _within(ordered: list[DataPointId], run: IdRun) -> list[DataPointId]:
    low = bisect_left(ordered, DataPointId(run.node, run.start))
    return ordered[low : bisect_left(ordered, DataPointId(run.node, run.end), low)]


def _stretches(ordered: list[DataPointId]) -> Iterator[Ids]:
    """For each node the range that its ids lie in."""
    at = 0
    while at < len(ordered):
        node = ordered[at].node
        end = bisect_right(ordered, node, at, key=lambda id: id.node)
        yield Ids(node, ordered[at].ordinal, ordered[end - 1].ordinal + 1)
        at = end
