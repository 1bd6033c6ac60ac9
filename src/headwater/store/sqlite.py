"""The embedded store: SQLite, one file per period and a catalogue; this is its one writer."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from itertools import pairwise
from typing import NamedTuple

from headwater.model.errors import NotFound, Rejected
from headwater.model.ids import IdRun
from headwater.model.report import NodeReport
from headwater.model.shipment import Shipment
from headwater.store.admission import Admission, unknown_reporter
from headwater.store.batches import Ids, StoredBatch
from headwater.store.catalogue import IDS, PeriodRow
from headwater.store.catalogue_writer import CatalogueWriter
from headwater.store.files import StoreFiles, locked, make_folder, open_to_write, storage_errors
from headwater.store.ingest import PreparedBatch
from headwater.store.period_writer import Addition, PeriodWriter
from headwater.store.periods import Periods
from headwater.store.planning import Planner
from headwater.store.port import Expired, Group
from headwater.store.retention import ASKED, Keep, Sealed, decide


class Limits(NamedTuple):
    """When a period ends, with the stretch of time it began in or at a size, and when it goes."""

    period_ms: int
    period_bytes_max: int
    keep: Keep = Keep()


class SqliteWriter:
    """The embedded store, open for writing; for one thread at a time.

    What shipments tell the catalogue is synced before what they add to the period, and the period holds how far
    each log is stored: after a crash between the two they are shipped again and change nothing in the catalogue.
    """

    _catalogue: CatalogueWriter
    _period: PeriodWriter
    _begun_ms: int
    """When the open period began."""
    _ends: dict[int, int]
    """No id of a node is stored from here on."""

    def __init__(self, files: StoreFiles, site: str, limits: Limits, now: Callable[[], int]) -> None:
        """`now` gives ms since the epoch. Unavailable when another writer has the store, ConfigError when it is of
        another format or site."""
        self._files = files
        self._site = site
        self._limits = limits
        self._now = now
        self._admission = Admission(site, now, self._node_of)
        self._broken = False
        self._opened = ExitStack()
        with storage_errors(files.folder):
            make_folder(files.folder)
            self._lock: int | None = locked(files.lock)
            try:
                self._open()
            except BaseException:
                self.close()
                raise

    @property
    def files(self) -> StoreFiles:
        """Where the store lies on disk."""
        return self._files

    def hello(self, site: str, node: int, log: bytes, name: str, address: str, now_ms: int) -> int:
        with self._storage():
            try:
                self._admission.check(site, node, log, name, address, now_ms)
            except Rejected as refusal:
                self._catalogue.apply(self._admission.refusal(refusal, node, log))
                raise
            self._catalogue.meet(node, log, name, address)
            self._admission.admit(node, log, now_ms)
            return self._period.position(log)

    def bye(self, log: bytes) -> None:
        self._admission.bye(log)

    def add(self, log: bytes, groups: list[tuple[int, Shipment]]) -> None:
        for refusal in self.add_all([Group(log, last, shipment) for last, shipment in groups]):
            if refusal is not None:
                raise refusal

    def add_all(self, groups: list[Group]) -> list[Rejected | None]:
        with self._storage(), self._periods.reading():
            now_ms = self._now()
            self._follow_when_due(now_ms)
            planner = Planner(self._catalogue, self._over, self._ends, self._period.position)
            outcomes, positions = self._admission.judge(planner, groups, now_ms)
            if any(planner.changes):
                self._catalogue.apply(planner.changes)
            if positions:
                self._period.add(self._additions(planner.batches), positions, now_ms)
                self._extend_ends(planner.ends)
            return outcomes

    def report(self, report: NodeReport, now_ms: int) -> None:
        (refusal,) = self.report_all([report], now_ms)
        if refusal is not None:
            raise refusal

    def report_all(self, reports: list[NodeReport], now_ms: int) -> list[Rejected | None]:
        with self._storage():
            kept = self._catalogue.set_reports(reports, now_ms)
            outcomes: list[Rejected | None] = []
            for report in reports:
                refusal = None if report.node in kept else unknown_reporter(report.node)
                if refusal is None:
                    self._admission.seen(report.node, now_ms)
                else:
                    self._catalogue.apply(self._admission.refusal(refusal, 0, b""))
                outcomes.append(refusal)
            return outcomes

    def periods(self) -> list[PeriodRow]:
        """All periods, oldest first; the last is open."""
        with self._storage():
            return self._catalogue.periods()

    def delete_period(self, number: int) -> Expired:
        """Delete a sealed period with all data points in it; NotFound when there is no such sealed period."""
        with self._storage():
            if number not in (row.number for row in self._catalogue.periods() if row.sealed):
                raise NotFound(f"there is no sealed period {number}")
            return self._delete(number, ASKED)

    def expire(self, now_ms: int) -> list[Expired]:
        """Seal the open period when its time is over, and delete at most one that need not be kept."""
        with self._storage():
            if self._period.batches:  # An empty one begins anew with what arrives: until then the one before has ended.
                self._follow_when_due(now_ms)
            rows = self._catalogue.periods()
            sealed = [
                Sealed(row.number, after.begun_ms, self._files.period_bytes(row.number))
                for row, after in pairwise(rows)
            ]
            gone = decide(sealed, self._files.disk_bytes(), self._limits.keep, now_ms)
            return [self._delete(number, why) for number, why in gone[:1]]

    def close(self) -> None:
        self._opened.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _delete(self, number: int, why: str) -> Expired:
        """The deletion is remembered before a file goes: after a crash between the two the next start unlinks it."""
        rows = {row.number: row for row in self._catalogue.periods()}
        row, ended_ms = rows[number], min(row.begun_ms for row in rows.values() if row.number > number)
        runs = tuple(IdRun(node, first, end - first) for node, first, end in self._catalogue.spans(number, IDS))
        size = self._files.period_bytes(number)
        gone = Expired(
            *(number, why, self._now(), row.begun_ms, ended_ms, row.batches, row.points, size, row.t_min, row.t_max),
            runs,
        )
        self._catalogue.drop_period(gone)
        self._files.unlink_period(number)
        return gone

    def _node_of(self, log: bytes) -> int | None:
        return self._catalogue.node_of(log)

    def _additions(self, batches: list[PreparedBatch]) -> list[Addition]:
        entries: dict[bytes, int] = {}
        for entry in {batch.entry for batch in batches}:
            number = self._catalogue.log_number(entry)
            assert number is not None
            entries[entry] = number
        return [Addition(batch, entries[batch.entry]) for batch in batches]

    def _over(self, ids: Ids) -> list[StoredBatch]:
        return [batch for period in self._periods.holding(IDS, ids) for batch in period.over(ids)]

    def _extend_ends(self, ends: dict[int, int]) -> None:
        for node, end in ends.items():
            self._ends[node] = max(end, self._ends.get(node, 0))

    def _follow_when_due(self, now_ms: int) -> None:
        later = now_ms // self._limits.period_ms > self._begun_ms // self._limits.period_ms
        if later and not self._period.batches:
            self._catalogue.postpone_period(self._period.number, now_ms)
            self._begun_ms = now_ms
        elif later or self._period.size() >= self._limits.period_bytes_max:
            self._follow(now_ms)

    def _follow(self, now_ms: int) -> None:
        old = self._period
        old.seal()
        sealed = PeriodRow(old.number, self._begun_ms, True, *old.totals(), *old.event_times())
        self._period = self._new_period(old.number + 1, old.positions())
        self._catalogue.follow_period(sealed, old.id_spans(), old.parent_spans(), now_ms)
        self._begun_ms = now_ms
        old.connection.close()

    def _new_period(self, number: int, positions: dict[bytes, int]) -> PeriodWriter:
        self._files.unlink_period(number)
        period = PeriodWriter(number, open_to_write(self._files.period(number), "period"))
        period.add([], positions, self._now())
        return period

    def _open(self) -> None:
        connection = self._opened.enter_context(closing(open_to_write(self._files.catalogue, "catalogue")))
        self._catalogue = CatalogueWriter(connection, self._site)
        rows = self._catalogue.periods()
        for orphan in set(self._files.periods()) - {row.number for row in rows}:
            self._files.unlink_period(orphan)
        if rows:
            number, self._begun_ms = rows[-1].number, rows[-1].begun_ms
            self._period = PeriodWriter(number, open_to_write(self._files.period(number), "period"))
        else:
            self._begun_ms = self._now()
            self._period = self._new_period(1, {})
            self._catalogue.begin_period(1, self._begun_ms)
        self._opened.callback(self._close_period)
        self._periods = Periods(self._files, self._catalogue, time.monotonic)
        self._opened.callback(self._periods.close)
        self._ends = self._catalogue.id_ends()
        self._extend_ends({node: end for node, _, end in self._period.id_spans()})

    def _close_period(self) -> None:
        self._period.connection.close()

    @contextmanager
    def _storage(self) -> Iterator[None]:
        """What happens inside either happens or is undone; after a failure the files are opened afresh."""
        try:
            with storage_errors(self._files.folder):
                if self._broken:
                    self._open()
                    self._broken = False
                yield
        except (Rejected, NotFound):
            raise
        except BaseException:
            self._broken = True
            with suppress(sqlite3.Error):
                self._opened.close()
            raise
