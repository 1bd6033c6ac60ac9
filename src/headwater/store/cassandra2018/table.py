"""Questions to a keyspace of 2018: rows by id, the nodes, and all rows in the order of their tokens."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from headwater.model.errors import ConfigError, Rejected
from headwater.model.ids import DataPointId, parse_node
from headwater.store.cassandra.connection import Connection
from headwater.store.cassandra.statements import Statement
from headwater.store.cassandra.tables import Table
from headwater.store.cassandra2018.index import Scanned
from headwater.store.cassandra2018.rows import Point
from headwater.store.cassandra2018.standing import Heartbeat
from headwater.store.cassandra2018.tables import (
    COLUMNS_OF_METRIC,
    HEARTBEAT,
    NODE,
    NODERATE,
    check_points,
    columns_of,
    points_table,
)

SCAN_ROWS = 1_000
NODES_MAX = 100_000
"""Rows of each of the tables of nodes that are read."""
_TIMES = ("ctime", "stime", "rtime", "time", "pldaemon")


class Tables2018:
    """The tables of a keyspace with the columns that they have."""

    def __init__(self, connection: Connection, table: str) -> None:
        """ConfigError when there is no such table, or another one."""
        self._connection = connection
        keyspace = connection.options.keyspace
        found = columns_of(connection, table)
        if not found:
            raise ConfigError(f"there is no table {keyspace}.{table}: set keyspace and table in the table store")
        check_points(keyspace, table, found)
        with connection.faults():
            connection.session.set_keyspace(keyspace)
        self.name = f"{keyspace}.{table}"
        self._others = [_all_of(each, columns_of(connection, each.name)) for each in (NODE, HEARTBEAT, NODERATE)]
        named = [name for names in COLUMNS_OF_METRIC.values() for name in names if name in found]
        self._fields = ["id", "inputs", *("class_" if name == "class" else name for name in named)]
        wanted = _spelled(["id", "inputdps", *named])
        points = points_table(table)
        self._point = Statement(f"SELECT {wanted} FROM {table} WHERE id = ? LIMIT 1", points)
        self._named = [name for name in ("meterid", "metricid") if name in found]
        series = "".join(f", {name}" for name in self._named)
        self._scan = Statement(
            f"SELECT token(id), id, inputdps, toUnixTimestamp(ctime){series} FROM {table}"
            f" WHERE token(id) > ? PER PARTITION LIMIT 1 LIMIT {SCAN_ROWS}",
            points,
            page=SCAN_ROWS,
        )

    def points(self, ids: list[DataPointId]) -> dict[DataPointId, Point]:
        """The rows of some ids; of an id that 2018 gave twice the first."""
        answers = self._connection.each(self._point, [(str(id),) for id in ids])
        return {
            id: Point(**dict(zip(self._fields, rows[0], strict=True)))
            for id, rows in zip(ids, answers, strict=True)
            if rows
        }

    def behind(self, token: int) -> list[Scanned]:
        """The first rows behind a token, one of each id."""
        return [
            Scanned(
                row[0],
                row[1],
                list(row[2] or ()),
                row[3],
                **{name.removesuffix("id"): value for name, value in zip(self._named, row[4:], strict=True)},
            )
            for row in self._connection.rows(self._scan, token)
        ]

    def known(self) -> "Known":
        """The nodes that any of the tables of nodes names; a row whose id is none is counted and left out."""
        known = Known({}, {}, {}, 0)
        names, beats, rates = (self._rows(each) for each in self._others)
        for node, row in known.each(names):
            known.names[node] = (row.get("name"), row.get("successor"))
        for node, row in known.each(beats):
            channels = {name: _ms(at) for name, at in (row.get("channels") or {}).items()}
            known.beats[node] = Heartbeat(node, row.get("time"), row.get("pldaemon"), channels)
        for node, row in known.each(rates):
            known.rates[node] = (row.get("srate") or 0.0, row.get("rrate") or 0.0)
        return known

    def _rows(self, asked: "tuple[list[str], Statement] | None") -> Iterator[dict[str, Any]]:
        if asked is not None:
            columns, statement = asked
            for row in self._connection.rows(statement):
                yield dict(zip(columns, row, strict=True))


@dataclass
class Known:
    """What the tables of nodes say, by node."""

    names: dict[int, tuple[str | None, str | None]]
    """Name and successor."""
    beats: dict[int, Heartbeat]
    rates: dict[int, tuple[float, float]]
    """Sent and received a second."""
    strange: int
    """Rows whose id is no node's."""

    def each(self, rows: Iterable[dict[str, Any]]) -> Iterator[tuple[int, dict[str, Any]]]:
        """Rows by their node."""
        for row in rows:
            try:
                yield parse_node(row["id"]), row
            except Rejected:
                self.strange += 1

    @property
    def nodes(self) -> list[int]:
        return sorted(self.names.keys() | self.beats.keys() | self.rates.keys())


def _all_of(table: Table, found: Mapping[str, object]) -> tuple[list[str], Statement] | None:
    """What asks for all rows of a small table; None when there is no such table."""
    columns = [name for name in table.columns if name in found]
    if "id" not in columns:
        return None
    return columns, Statement(f"SELECT {_spelled(columns)} FROM {table.name} LIMIT {NODES_MAX}", table)


def _spelled(columns: Iterable[str]) -> str:
    """Columns to select, times as ms."""
    return ", ".join(f"toUnixTimestamp({name})" if name in _TIMES else name for name in columns)


def _ms(at: datetime) -> int:
    return round(at.replace(tzinfo=UTC).timestamp() * 1000)
