"""Writes the four tables for tools of 2018: prepared, safe to repeat, rows side by side."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from cassandra import InvalidRequest, Unauthorized
from cassandra.query import UNSET_VALUE

from headwater.model.errors import ConfigError
from headwater.model.ids import parse_id
from headwater.store.cassandra.connection import Write, connected, said
from headwater.store.cassandra.options import CassandraOptions
from headwater.store.cassandra.statements import Statement
from headwater.store.cassandra.tables import Table
from headwater.store.cassandra2018.rows import Point, id_time_ms, insertion_time
from headwater.store.cassandra2018.tables import (
    ALWAYS,
    COLUMNS_OF_METRIC,
    HEARTBEAT,
    NODE,
    NODERATE,
    check_points,
    columns_of,
    points_table,
)

INPUTS_AT_ONCE = 10_000
"""Inputs of a data point that one request adds; more of them go in further ones."""
_KEYSPACE = "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = %s"
_REPLICATED_ONCE = "{'class': 'SimpleStrategy', 'replication_factor': 1}"


class Beat(NamedTuple):
    """The heartbeat row of a node; times in ms."""

    node: str
    time_ms: int
    pipeline_ms: int
    channels: Mapping[str, int]
    """When `<from>:<to>` was last well; 0 for one that is not."""


class Sink2018:
    """The tables of 2018 in a keyspace; made as 2018 made them where they are missing."""

    def __init__(self, options: CassandraOptions, table: str) -> None:
        """ConfigError for a keyspace or table that cannot be used, Unavailable when nobody answers."""
        self._connection = connected(options)
        try:
            self._make(table)
            found = columns_of(self._connection, table)
            check_points(options.keyspace, table, found)
        except BaseException:
            self.close()
            raise
        self.columns = tuple(
            name for names in COLUMNS_OF_METRIC.values() for name in names if name in found and name != "ctime"
        )
        """What its METRICS record, beside ctime."""
        points = points_table(table)
        self._add = _insert(points, (*ALWAYS, "ctime", *self.columns))
        self._more = Statement(
            f"UPDATE {table} SET inputdps = inputdps + ? WHERE id = ? AND nodeid = ? AND ctime = ?", points, (1,)
        )
        self._others = {each.name: _insert(each, tuple(each.columns)) for each in (NODE, HEARTBEAT, NODERATE)}

    def add(self, points: Iterable[tuple[Point, Sequence[str], str | None]]) -> None:
        """Write data points, each with its inputs and what they contributed."""
        large: list[tuple[Point, Sequence[str], str | None]] = []

        def writes() -> Iterator[Write]:
            for point, inputs, contribution in points:
                if len(inputs) > INPUTS_AT_ONCE:
                    yield self._row(point, None)
                    large.append((point, inputs, contribution))
                else:
                    yield self._row(point, dict.fromkeys(inputs, contribution) or None)

        self._connection.write(writes())
        for point, inputs, contribution in large:
            for at in range(0, len(inputs), INPUTS_AT_ONCE):
                part = dict.fromkeys(inputs[at : at + INPUTS_AT_ONCE], contribution)
                self._connection.write([(self._more, (part, point.id, point.id[14:], ctime_of(point)))])

    def nodes(self, nodes: Iterable[tuple[str, str, str | None]]) -> None:
        """Write nodes: id, name, successor."""
        statement = self._others["node"]
        self._connection.write(
            (statement, (id, name, UNSET_VALUE if next is None else next)) for id, name, next in nodes
        )

    def beats(self, beats: Iterable[Beat]) -> None:
        """Write heartbeats."""
        statement = self._others["heartbeat"]
        self._connection.write((statement, (*beat[:3], dict(beat.channels))) for beat in beats)

    def rates(self, rates: Iterable[tuple[str, int, float, float]]) -> None:
        """Write rates: node, ms, sent and received a second."""
        statement = self._others["noderate"]
        self._connection.write((statement, rate) for rate in rates)

    def close(self) -> None:
        self._connection.close()

    def _row(self, point: Point, inputs: Mapping[str, str | None] | None) -> Write:
        id = parse_id(point.id)
        context = (point.column(name) for name in self.columns)
        return self._add, (
            point.id,
            UNSET_VALUE if inputs is None else inputs,
            insertion_time(id, rtime_of(point)),
            point.id[14:],
            ctime_of(point),
            *(UNSET_VALUE if value is None else value for value in context),
        )

    def _make(self, table: str) -> None:
        session, keyspace = self._connection.session, self._connection.options.keyspace
        with self._connection.faults():
            try:
                if not list(session.execute(_KEYSPACE, [keyspace])):
                    session.execute(f"CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = {_REPLICATED_ONCE}")
                session.set_keyspace(keyspace)
                for made in (NODE, HEARTBEAT, NODERATE, points_table(table)):
                    if not columns_of(self._connection, made.name):
                        session.execute(made.cql())
            except (Unauthorized, InvalidRequest) as error:
                raise ConfigError(f"the tables of 2018 cannot be made in keyspace {keyspace}: {said(error)}") from error


def rtime_of(point: Point) -> int:
    """When a data point was received; the second of its id where that is not known."""
    return id_time_ms(parse_id(point.id)) if point.rtime is None else point.rtime


def ctime_of(point: Point) -> int:
    """A part of the key, so it cannot be left out: the time of receipt, as in 2018, where the event's is not known."""
    return rtime_of(point) if point.ctime is None else point.ctime


def _insert(table: Table, columns: tuple[str, ...]) -> Statement:
    marks = ", ".join("?" * len(columns))
    return Statement(f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})", table, (columns.index("id"),))
