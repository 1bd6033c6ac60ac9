"""The catalogue of the embedded store: nodes, series, contexts, losses, and which period may hold which ids."""

import sqlite3
from collections.abc import Iterable, Iterator, Sized
from typing import NamedTuple, TypeVar

import msgspec

from headwater.model.context import Context
from headwater.model.errors import Unavailable
from headwater.model.reading import SeriesKey, SeriesName
from headwater.model.records import Config, Loss
from headwater.model.report import NodeReport
from headwater.store.batches import Ids
from headwater.store.columns import SERIES_BITS
from headwater.store.expired import STORE_LOG, ExpiredPeriods
from headwater.store.port import Alarm, Node, StoredLoss

IDS, PARENTS = 0, 1
_AT_ONCE = 500
_ABOVE_ALL = (1 << 63) - 1
T = TypeVar("T")

_context = msgspec.msgpack.Decoder(Context).decode
_config = msgspec.msgpack.Decoder(Config).decode
_loss = msgspec.msgpack.Decoder(Loss).decode
_report = msgspec.msgpack.Decoder(NodeReport).decode


class PeriodRow(NamedTuple):
    """A period as the catalogue has it; what follows `sealed` is known once it is."""

    number: int
    begun_ms: int
    sealed: bool
    batches: int
    points: int
    t_min: int | None
    t_max: int | None


class Catalogue:
    """The catalogue, open: what readers and the writer ask it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.expired = ExpiredPeriods(connection)

    def generation(self) -> int:
        """Rises whenever a period begins, is sealed or goes; Unavailable while the writer still makes the store."""
        row = self.connection.execute("SELECT generation FROM store").fetchone()
        if row is None:
            raise Unavailable("the store is not there yet", 1.0)
        return int(row[0])

    def periods(self) -> list[PeriodRow]:
        rows = self.connection.execute(
            "SELECT number, begun_ms, sealed, batches, points, t_min, t_max FROM period ORDER BY number"
        )
        return [PeriodRow(number, begun, bool(sealed), *rest) for number, begun, sealed, *rest in rows]

    def spans(self, period: int, kind: int) -> list[Ids]:
        """The ids (kind IDS), or the parents of edges (PARENTS), that a sealed period may hold, one range a node."""
        rows = self.connection.execute(
            'SELECT node, first, "end" FROM span WHERE period = ? AND kind = ?', (period, kind)
        )
        return [Ids(*row) for row in rows]

    def log_number(self, log: bytes) -> int | None:
        row = self.connection.execute("SELECT number FROM log WHERE id = ?", (log,)).fetchone()
        return None if row is None else int(row[0])

    def node_of(self, log: bytes) -> int | None:
        """The node whose agent has said hello with a log."""
        row = self.connection.execute("SELECT node FROM log WHERE id = ?", (log,)).fetchone()
        return None if row is None else row[0]

    def contexts(self, names: Iterable[bytes]) -> dict[bytes, Context]:
        found = {}
        for some in _chunks(list(names)):
            rows = self.connection.execute(f"SELECT id, body FROM context WHERE id IN ({_marks(some)})", some)
            found.update({name: _context(body) for name, body in rows})
        return found

    def series(self, entry: bytes, numbers: Iterable[int]) -> dict[int, SeriesKey]:
        """The series that a log defined, by number; damaged and unknown ones are absent."""
        found: dict[int, SeriesKey] = {}
        for some in _chunks(list(numbers)):
            rows = self.connection.execute(
                "SELECT number, meter, metric FROM series WHERE log = (SELECT number FROM log WHERE id = ?)"
                f" AND number IN ({_marks(some)}) AND NOT damaged",
                [entry, *some],
            )
            found.update({number: SeriesKey(meter, metric) for number, meter, metric in rows})
        return found

    def named(self, meter: str | None, metric: str | None) -> list[SeriesName]:
        """Everything that the series of a meter, a metric or both are called inside batches."""
        wanted = {"meter": meter, "metric": metric}
        given = {column: name for column, name in wanted.items() if name is not None}
        where = " AND ".join([*(f"{column} = :{column}" for column in given), "NOT damaged"])
        rows = self.connection.execute(
            f"SELECT log.id, series.number FROM series JOIN log ON log.number = series.log WHERE {where}", given
        )
        return [SeriesName(*row) for row in rows]

    def codes(self, meters: frozenset[str] | None, metrics: frozenset[str] | None, most: int) -> list[int] | None:
        """The series of some meters and metrics (None: of all) as postings name them; None when they are more."""
        values = sorted(meters or ()) + sorted(metrics or ())
        if len(values) > _AT_ONCE:
            return None
        where = [f"meter IN ({_marks(sorted(meters))})"] if meters is not None else []
        where += [f"metric IN ({_marks(sorted(metrics))})"] if metrics is not None else []
        rows = self.connection.execute(
            f"SELECT log << {SERIES_BITS} | number FROM series WHERE {' AND '.join(where or ['1'])} LIMIT ?",
            (*values, most + 1),
        ).fetchall()
        return None if len(rows) > most else [code for (code,) in rows]

    def nodes(self) -> list[Node]:
        rows = self.connection.execute(
            "SELECT node.id, name, log.id, address, config, report, reported_ms"
            " FROM node JOIN log ON log.number = node.log ORDER BY node.id"
        )
        return [
            Node(
                node,
                name,
                log,
                address,
                None if config is None else _config(config),
                None if report is None else _report(report),
                reported_ms,
            )
            for node, name, log, address, config, report, reported_ms in rows
        ]

    def losses(self, node: int | None, size: int, before: int | None) -> list[StoredLoss]:
        where = "number < :before" if node is None else "node = :node AND number < :before"
        rows = self.connection.execute(
            f"SELECT node, sequence, body, number FROM loss WHERE {where} ORDER BY number DESC LIMIT :size",
            {"node": node, "size": size, "before": _ABOVE_ALL if before is None else before},
        )
        return [StoredLoss(found, sequence, _loss(body), number) for found, sequence, body, number in rows]

    def named_lost(self, size: int) -> list[StoredLoss]:
        """What nodes named lost, newest first: all but what the store itself has deleted."""
        rows = self.connection.execute(
            "SELECT node, sequence, body, number FROM loss WHERE log <> ? ORDER BY number DESC LIMIT ?",
            (STORE_LOG, size),
        )
        return [StoredLoss(node, sequence, _loss(body), number) for node, sequence, body, number in rows]

    def alarms(self, size: int, before: int | None) -> list[Alarm]:
        rows = self.connection.execute(
            "SELECT at_ms, reason, node, log, sequence, detail, number FROM alarm"
            " WHERE number < ? ORDER BY number DESC LIMIT ?",
            (_ABOVE_ALL if before is None else before, size),
        )
        return [Alarm(*row) for row in rows]

    def refused(self) -> dict[str, int]:
        return dict(self.connection.execute("SELECT reason, times FROM refused ORDER BY reason").fetchall())


def _chunks(values: list[T]) -> Iterator[list[T]]:
    for at in range(0, len(values), _AT_ONCE):
        yield values[at : at + _AT_ONCE]


def _marks(values: Sized) -> str:
    return ",".join("?" * len(values))
