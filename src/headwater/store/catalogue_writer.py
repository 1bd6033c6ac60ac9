"""Writing the catalogue of the embedded store: each change is one transaction."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from headwater.model.context import Context
from headwater.model.errors import ConfigError
from headwater.model.ids import NODE_MAX
from headwater.model.records import Definition, Loss
from headwater.model.report import NodeReport
from headwater.store.batches import Ids
from headwater.store.catalogue import IDS, PARENTS, Catalogue, PeriodRow
from headwater.store.expired import ADD_LOSS, loss_of
from headwater.store.planning import Changes
from headwater.store.port import Expired

ALARMS_MAX = 1000
"""Older alarms go; how many there were is kept in the counts of what was refused."""

ALARM_AGAIN_MS = 3_600_000
"""The same is one alarm in this time: who is refused asks again every few seconds, which would push others out."""

_encode = msgspec.msgpack.Encoder().encode

_SET_SERIES = """
    INSERT INTO series VALUES (?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET meter = excluded.meter, metric = excluded.metric, damaged = excluded.damaged
"""
_SET_NODE = """
    INSERT INTO node (id, name, address, log, reported_ms) VALUES (?, ?, ?, ?, 0)
    ON CONFLICT DO UPDATE SET name = excluded.name, address = excluded.address, log = excluded.log
"""
_SET_CONFIG = """
    UPDATE node SET config = :config, config_log = :log, config_sequence = :sequence
    WHERE id = :node AND log = :log AND (config_log IS NOT :log OR config_sequence < :sequence)
"""
_ADD_ALARM = """
    INSERT INTO alarm (at_ms, reason, node, log, sequence, detail)
    SELECT :at_ms, :reason, :node, :log, :sequence, :detail WHERE NOT EXISTS (
        SELECT 1 FROM alarm WHERE at_ms > :after_ms AND at_ms <= :at_ms
        AND (reason, node, log, sequence, detail) = (:reason, :node, :log, :sequence, :detail)
    )
"""
_ADD_PERIOD = "INSERT INTO period (number, begun_ms, sealed, batches, points) VALUES (?, ?, 0, 0, 0)"


class CatalogueWriter(Catalogue):
    """The catalogue, open for writing."""

    def __init__(self, connection: sqlite3.Connection, site: str) -> None:
        super().__init__(connection)
        row = connection.execute("SELECT site FROM store").fetchone()
        if row is None:
            connection.execute("INSERT INTO store VALUES (?, 0)", (site,))
        elif row[0] != site:
            raise ConfigError(f"this store holds site {row[0]!r}, not {site!r}: name another folder")
        self._log_numbers: dict[bytes, int] = {}

    def rollback(self) -> None:
        """Leave a transaction that failed."""
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        self._log_numbers.clear()

    def log_number(self, log: bytes) -> int | None:
        number = self._log_numbers.get(log)
        if number is None:
            number = super().log_number(log)
            if number is not None:
                self._log_numbers[log] = number
        return number

    def has_log(self, log: bytes) -> bool:
        return self.log_number(log) is not None

    def definition(self, log: bytes, number: int) -> Definition | None:
        row = self.connection.execute(
            "SELECT meter, metric, damaged FROM series WHERE log = ? AND number = ?",
            (self.log_number(log), number),
        ).fetchone()
        return None if row is None else Definition(log, number, row[0], row[1], bool(row[2]))

    def series_count(self, log: bytes) -> int:
        """How many series a log has defined."""
        return self._count("SELECT count(*) FROM series WHERE log = ?", self.log_number(log))

    def log_count(self) -> int:
        return self._count("SELECT count(*) FROM log")

    def has_context(self, context: Context) -> bool:
        return bool(self._count("SELECT count(*) FROM context WHERE id = ?", context.id))

    def loss(self, log: bytes, sequence: int) -> Loss | None:
        row = self.connection.execute(
            "SELECT body FROM loss WHERE log = ? AND sequence = ?", (self.log_number(log), sequence)
        ).fetchone()
        return None if row is None else msgspec.msgpack.decode(row[0], type=Loss)

    def expired_over(self, ids: Ids) -> list[Ids]:
        return self.expired.over(ids)

    def id_ends(self) -> dict[int, int]:
        """Where the ids of each node in sealed periods end, and in those that were deleted."""
        rows = self.connection.execute('SELECT node, max("end") FROM span WHERE kind = ? GROUP BY node', (IDS,))
        ends = dict(rows.fetchall())
        for node, end in self.expired.ends().items():
            ends[node] = max(end, ends.get(node, 0))
        return ends

    def meet(self, node: int, log: bytes, name: str, address: str) -> None:
        """Make a node known under its latest log."""
        with self._transaction():
            number = self._number_of_new(log)
            self.connection.execute("UPDATE log SET node = ? WHERE number = ?", (node, number))
            self.connection.execute(_SET_NODE, (node, name, address, number))

    def apply(self, changes: Changes) -> None:
        with self._transaction():
            for log in changes.logs:
                self._number_of_new(log)
            self.connection.executemany(
                _SET_SERIES,
                [
                    (self.log_number(one.log), one.number, one.meter, one.metric, one.damaged)
                    for one in changes.definitions
                ],
            )
            self.connection.executemany(
                "INSERT OR IGNORE INTO context VALUES (?, ?)",
                [(context.id, _encode(context)) for context in changes.contexts],
            )
            self._set_configs(changes)
            self.connection.executemany(
                "INSERT INTO loss (node, log, sequence, body) VALUES (?, ?, ?, ?)",
                [(node, self.log_number(log), at, _encode(loss)) for node, log, at, loss in changes.losses],
            )
            self._count_refused(changes)

    def set_reports(self, reports: list[NodeReport], now_ms: int) -> set[int]:
        """Keep the last report of each node that is known; answers which are. A power loss may take the newest back."""
        self.connection.execute("PRAGMA synchronous = NORMAL")
        try:
            with self._transaction():
                return {report.node for report in reports if self._set_report(report, now_ms)}
        finally:
            self.connection.execute("PRAGMA synchronous = FULL")

    def _set_report(self, report: NodeReport, now_ms: int) -> bool:
        if not 0 <= report.node <= NODE_MAX:
            return False
        cursor = self.connection.execute(
            "UPDATE node SET report = ?, reported_ms = ? WHERE id = ?", (_encode(report), now_ms, report.node)
        )
        return cursor.rowcount == 1

    def begin_period(self, number: int, begun_ms: int) -> None:
        with self._transaction():
            self.connection.execute(_ADD_PERIOD, (number, begun_ms))
            self._next_generation()

    def postpone_period(self, number: int, begun_ms: int) -> None:
        """Let a period that is still empty begin later."""
        with self._transaction():
            self.connection.execute("UPDATE period SET begun_ms = ? WHERE number = ?", (begun_ms, number))

    def follow_period(self, sealed: PeriodRow, ids: list[Ids], parents: list[Ids], begun_ms: int) -> None:
        """Seal a period and begin the next."""
        with self._transaction():
            self.connection.execute(
                "UPDATE period SET sealed = 1, batches = ?, points = ?, t_min = ?, t_max = ? WHERE number = ?",
                (sealed.batches, sealed.points, sealed.t_min, sealed.t_max, sealed.number),
            )
            for kind, spans in ((IDS, ids), (PARENTS, parents)):
                self.connection.executemany(
                    "INSERT INTO span VALUES (?, ?, ?, ?, ?)",
                    [(sealed.number, kind, node, first, end) for node, first, end in spans],
                )
            self.connection.execute(_ADD_PERIOD, (sealed.number + 1, begun_ms))
            self._next_generation()

    def drop_period(self, gone: Expired) -> None:
        """Forget a period, and remember that it went."""
        with self._transaction():
            self.connection.execute("DELETE FROM period WHERE number = ?", (gone.number,))
            self.connection.execute("DELETE FROM span WHERE period = ?", (gone.number,))
            self.expired.add(gone)
            self.connection.executemany(ADD_LOSS, [(run.node, _encode(loss_of(run))) for run in gone.runs])
            self._next_generation()

    def _set_configs(self, changes: Changes) -> None:
        self.connection.executemany(
            _SET_CONFIG,
            [
                {"config": _encode(config), "log": self.log_number(log), "sequence": sequence, "node": node}
                for node, log, sequence, config in changes.configs
            ],
        )

    def _count_refused(self, changes: Changes) -> None:
        self.connection.executemany(
            "INSERT INTO refused VALUES (?, 1) ON CONFLICT DO UPDATE SET times = times + 1",
            [(reason,) for reason in changes.refused],
        )
        self.connection.executemany(
            _ADD_ALARM, [alarm._asdict() | {"after_ms": alarm.at_ms - ALARM_AGAIN_MS} for alarm in changes.alarms]
        )
        self.connection.execute("DELETE FROM alarm WHERE number <= (SELECT max(number) FROM alarm) - ?", (ALARMS_MAX,))

    def _number_of_new(self, log: bytes) -> int | None:
        self.connection.execute("INSERT OR IGNORE INTO log (id) VALUES (?)", (log,))
        return self.log_number(log)

    def _next_generation(self) -> None:
        self.connection.execute("UPDATE store SET generation = generation + 1")

    def _count(self, query: str, *values: bytes | int | None) -> int:
        (count,) = self.connection.execute(query, values).fetchone()
        return int(count)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.rollback()
            raise
        self.connection.execute("COMMIT")
