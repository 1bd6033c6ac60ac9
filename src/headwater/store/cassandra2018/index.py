"""What the table of 2018 has no index for, kept in memory: points by node and by event time, and what was made of one.

The table is read once in the order of its tokens, some rows at a time, so that a question that cannot wait for the end
leaves off and the next one goes on from there.
"""

import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from headwater.model.errors import Rejected, Unavailable
from headwater.model.ids import DataPointId, parse_id
from headwater.store.port import Search

Integers = npt.NDArray[np.int64]
Look = Callable[[int], Sequence["Scanned"]]
"""The first rows behind a token; none at the end."""
FIRST_TOKEN = -(1 << 63)
NO_TIME = -(1 << 63)
EDGES_PER_ROW_MAX = 10
RETRY_S = 1.0
FRESH_S = 60.0
"""A finished index answers for so long, or ten times as long as it took, before the table is read again."""


class Scanned(NamedTuple):
    """What is read of each row."""

    token: int
    id: str
    inputs: Sequence[str]
    ctime_ms: int | None
    meter: str | None = None
    metric: str | None = None


class Index:
    """A finished index: rows sorted by node and ordinal, edges by parent."""

    def __init__(self, rows: Integers, edges: Integers, series: dict[tuple[str | None, str | None], int]) -> None:
        """rows: (node, ordinal, ms, series or -1 for what has inputs) x n; edges: (parent's node, ordinal, child's
        node, ordinal) x m."""
        self._rows = rows[:, np.lexsort((rows[1], rows[0]))]
        self._edges = edges[:, np.lexsort((edges[3], edges[2], edges[1], edges[0]))]
        self._series = series

    def __len__(self) -> int:
        return int(self._rows.shape[1])

    def newest(self, node: int, size: int, before: int) -> list[DataPointId]:
        """The newest ids of a node below an ordinal, newest first."""
        first, end = (int(at) for at in np.searchsorted(self._rows[0], [node, node + 1]))
        end = first + int(np.searchsorted(self._rows[1, first:end], before))
        ordinals = self._rows[1, max(first, end - size) : end][::-1].tolist()
        return [DataPointId(node, ordinal) for ordinal in ordinals]

    def children(self, id: DataPointId) -> list[DataPointId]:
        """What was made of a data point."""
        first, end = (int(at) for at in np.searchsorted(self._edges[0], [id.node, id.node + 1]))
        low, high = np.searchsorted(self._edges[1, first:end], [id.ordinal, id.ordinal + 1])
        found = self._edges[2:, first + int(low) : first + int(high)].T.tolist()
        return [DataPointId(*each) for each in found]

    def found(self, search: Search, size: int) -> list[DataPointId]:
        """The first ids of a search among what has no inputs."""
        node, ordinal, at, series = self._rows
        fits = (series >= 0) & (at >= _within(search.first_ms)) & (at < _within(search.last_ms)) & (at != NO_TIME)
        if search.node is not None:
            fits &= node == search.node
        if search.meter is not None or search.metric is not None:
            named = [
                number
                for (meter, metric), number in self._series.items()
                if search.meter in (None, meter) and search.metric in (None, metric)
            ]
            fits &= np.isin(series, named)
        places = np.flatnonzero(fits)
        places = places[np.lexsort((ordinal[places], node[places], at[places]))]
        if search.newest:
            places = places[::-1]
        ids: list[DataPointId] = []
        for place in places.tolist():
            if len(ids) >= size:
                break
            key = (int(at[place]), int(node[place]), int(ordinal[place]))
            after = search.after
            if after is None or (key < tuple(after) if search.newest else key > tuple(after)):
                ids.append(DataPointId(key[1], key[2]))
        return ids


class Scan:
    """An index being made, and the last one that was finished; who asks holds its lock."""

    def __init__(
        self, table: str, rows_max: int, slice_s: float, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._table = table
        self._rows_max = rows_max
        self._slice_s = slice_s
        self._seconds = seconds
        self.lock = threading.Lock()
        self.done: Index | None = None
        self._stale_s = -math.inf
        self._begin()

    def index(self, look: Look) -> Index:
        """The index. Unavailable while the table is still being read, Rejected("too-large") when it is too large."""
        if self._seconds() < self._stale_s:
            if self.done is None:
                raise self._too_large()
            return self.done
        until_s = self._seconds() + self._slice_s
        while True:
            began_s = self._seconds()
            scanned = look(self._token)
            self._take(scanned)
            self._took_s += self._seconds() - began_s
            if not scanned:
                self._finish(Index(self._rows.array(), self._edges.array(), self._series))
            if not scanned or self._seconds() >= until_s:
                break
        if self.done is not None:
            return self.done
        raise Unavailable(
            f"{self._table} has no index for this and is being read: {self._rows.count:,} data points so far", RETRY_S
        )

    def _begin(self) -> None:
        self._token = FIRST_TOKEN
        self._took_s = 0.0
        self._rows, self._edges = _Columns(4), _Columns(4)
        self._series: dict[tuple[str | None, str | None], int] = {}

    def _take(self, scanned: Sequence[Scanned]) -> None:
        for row in scanned:
            self._token = row.token
            try:
                id = parse_id(row.id)
            except Rejected:
                continue
            series = -1 if row.inputs else self._series.setdefault((row.meter, row.metric), len(self._series))
            self._rows.add((*id, NO_TIME if row.ctime_ms is None else row.ctime_ms, series))
            for text in row.inputs:
                try:
                    self._edges.add((*parse_id(text), *id))
                except Rejected:
                    continue
        if self._rows.count > self._rows_max or self._edges.count > EDGES_PER_ROW_MAX * self._rows_max:
            self._finish(None)
            raise self._too_large()

    def _finish(self, done: Index | None) -> None:
        """Answer with this for a while; None for a table that is too large."""
        self.done = done
        self._stale_s = self._seconds() + max(FRESH_S, 10 * self._took_s)
        self._begin()

    def _too_large(self) -> Rejected:
        return Rejected(
            "too-large",
            f"{self._table} has no index for this and more than scan_rows_max = {self._rows_max:,} data points:"
            " raise that, or ask by id",
        )


class _Columns:
    """Integers in so many columns, appended row by row."""

    ROWS_AT_ONCE = 1 << 14

    def __init__(self, width: int) -> None:
        self._width = width
        self._parts: list[Integers] = []
        self._last: list[tuple[int, ...]] = []
        self._before = 0

    @property
    def count(self) -> int:
        return self._before + len(self._last)

    def add(self, row: tuple[int, ...]) -> None:
        self._last.append(row)
        if len(self._last) == self.ROWS_AT_ONCE:
            self._parts.append(np.array(self._last, np.int64).T)
            self._before += len(self._last)
            self._last = []

    def array(self) -> Integers:
        """The columns, one a row of the array."""
        last = np.array(self._last, np.int64).reshape(-1, self._width).T
        return np.concatenate([*self._parts, last], axis=1)


def _within(time_ms: int) -> int:
    return max(min(time_ms, (1 << 63) - 1), -(1 << 63))
