"""The periods that a reader knows: which may hold an id, opened when asked, in short read transactions."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import zip_longest

from headwater.model.errors import Unavailable
from headwater.store.batches import Ids
from headwater.store.catalogue import IDS, PARENTS, Catalogue, PeriodRow
from headwater.store.files import StoreFiles, data_version, open_to_read
from headwater.store.period import Period
from headwater.store.port import Held

OPEN_MAX = 16
TRANSACTION_S_MAX = 0.5


class Periods:
    """All periods of a store, as one reader sees them."""

    def __init__(self, files: StoreFiles, catalogue: Catalogue, seconds: Callable[[], float]) -> None:
        self._files = files
        self._catalogue = catalogue
        self._seconds = seconds
        self._generation = -1
        self._rows: dict[int, PeriodRow] = {}
        self._spans: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
        self._unsealed: list[int] = []
        self._open: dict[int, Period] = {}
        self._begun: list[sqlite3.Connection] = []
        self._begun_s = 0.0

    @contextmanager
    def reading(self) -> Iterator[None]:
        """What is asked inside is asked in transactions that end with it, or within a second."""
        self.begin()
        try:
            yield
        finally:
            self.end()

    def begin(self) -> bool:
        """Look which periods there are now; answers whether others than before. `end` must follow."""
        generation = self._catalogue.generation()
        changed = generation != self._generation
        if changed:
            self._refresh()
            self._generation = generation
        return changed

    def rest(self) -> None:
        """Let go of transactions that have lasted long: to be called between pieces of work."""
        if self._begun and self._seconds() - self._begun_s > TRANSACTION_S_MAX:
            self._end_transactions()

    def end(self) -> None:
        self._end_transactions()
        while len(self._open) > OPEN_MAX:
            self._forget(next(iter(self._open)))

    def holding(self, kind: int, ids: Ids) -> Iterator[Period]:
        """The periods that may hold some ids (kind IDS) or edges from them (PARENTS), unsealed and newest first."""
        return self._used([number for _, number in self.ends(kind, ids)])

    def ends(self, kind: int, ids: Ids) -> list[tuple[int, int]]:
        """What `holding` answers, unopened: the end of the node's ids in each period, not known of unsealed ones, and
        the period's number."""
        sealed = [
            (end, number)
            for first, end, number in self._spans.get((kind, ids.node), ())
            if first < ids.end and end > ids.first
        ]
        return [(1 << 62, number) for number in self._unsealed] + sealed

    def newest(self, node: int) -> Iterator[tuple[int, Period]]:
        """The periods that may hold ids of a node, each with the end of its ids, the newest ids first; unsealed
        periods come before, as it is not known where their ids end."""
        for period in self._used(self._unsealed):
            yield 1 << 62, period
        for _, end, number in sorted(self._spans.get((IDS, node), ()), key=lambda span: -span[1]):
            for period in self._used([number]):
                yield end, period

    def at(self, first_ms: int, last_ms: int) -> Iterator[Period]:
        """The periods that may hold first_ms <= event time < last_ms."""
        return self._used(
            [
                row.number
                for row in self._rows.values()
                if not row.sealed
                or (row.t_min is not None and row.t_max is not None and row.t_min < last_ms and row.t_max >= first_ms)
            ]
        )

    def rows(self) -> list[PeriodRow]:
        """All periods, as the catalogue had them at the last `begin`."""
        return list(self._rows.values())

    def versions(self) -> list[int]:
        """The periods that still change, each with its version."""
        opened = [period for number in self._unsealed if (period := self._opened(number)) is not None]
        return [part for period in opened for part in (period.number, data_version(period.connection))]

    def latest(self) -> Period | None:
        return self.numbered(max(self._rows)) if self._rows else None

    def since(self, number: int) -> Iterator[Period]:
        """The periods from a number on, oldest first."""
        return self._used(sorted(at for at in self._rows if at >= number))

    def numbered(self, number: int) -> Period | None:
        return next(self._used([number]), None)

    def held(self, before: int | None = None) -> list[Held]:
        """What is known of each period, newest first; only of those with a lower number than `before`."""
        rows = list(self._rows.values())
        ends = [row.begun_ms for row in rows[1:]]
        found = []
        for row, ended_ms in zip_longest(rows, ends):
            if before is None or row.number < before:
                batches, points = self._totals_of(row)
                size = self._files.period_bytes(row.number)
                found.append(Held(row.number, row.begun_ms, ended_ms, batches, points, size, row.t_min, row.t_max))
        return found[::-1]

    def _totals_of(self, row: PeriodRow) -> tuple[int, int]:
        period = None if row.sealed else self.numbered(row.number)
        return (row.batches, row.points) if period is None else period.totals()

    def totals(self) -> tuple[int, int]:
        """(batches, data points)"""
        counts = [(row.batches, row.points) for row in self._rows.values() if row.sealed]
        counts += [period.totals() for period in self._used(self._unsealed)]
        return sum(batches for batches, _ in counts), sum(points for _, points in counts)

    def close(self) -> None:
        for number in list(self._open):
            self._forget(number)

    def _used(self, numbers: list[int]) -> Iterator[Period]:
        for number in numbers:
            period = self._opened(number)
            if period is not None:
                self._begin(period)
                yield period

    def _opened(self, number: int) -> Period | None:
        period = self._open.pop(number, None)
        if period is None:
            path = self._files.period(number)
            try:
                period = Period(number, open_to_read(path))
            except Unavailable:
                if path.exists():
                    raise
                return None  # It was deleted after this reader had read the catalogue.
        self._open[number] = period
        return period

    def _begin(self, period: Period) -> None:
        self.rest()
        if not period.connection.in_transaction:
            if not self._begun:
                self._begun_s = self._seconds()
            period.connection.execute("BEGIN")
            self._begun.append(period.connection)

    def _end_transactions(self) -> None:
        for connection in self._begun:
            connection.execute("COMMIT")
        self._begun.clear()

    def _refresh(self) -> None:
        rows = {row.number: row for row in self._catalogue.periods()}
        sealed = {number for number, row in self._rows.items() if row.sealed}
        self._drop([number for number in self._rows if number not in rows])
        for number, row in rows.items():
            if row.sealed and number not in sealed:
                self._add_spans(number)
        self._rows = rows
        self._unsealed = [number for number, row in rows.items() if not row.sealed]

    def _add_spans(self, number: int) -> None:
        for kind in (IDS, PARENTS):
            for node, first, end in self._catalogue.spans(number, kind):
                self._spans.setdefault((kind, node), []).insert(0, (first, end, number))

    def _drop(self, numbers: list[int]) -> None:
        for number in numbers:
            self._forget(number)
        for key, spans in self._spans.items():
            self._spans[key] = [span for span in spans if span[2] not in numbers]

    def _forget(self, number: int) -> None:
        period = self._open.pop(number, None)
        if period is not None:
            period.connection.close()
