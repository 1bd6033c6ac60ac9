"""Asks a keyspace what a CQL text means, page by page, within bounds of rows, bytes and time."""

import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from cassandra import InvalidRequest, OperationTimedOut, ReadTimeout, Unauthorized
from cassandra.protocol import SyntaxException
from cassandra.query import SimpleStatement

from headwater.model.errors import Unavailable
from headwater.store.cassandra.connection import Connection, release, said, share
from headwater.store.cassandra.options import CassandraOptions
from headwater.store.cql.answers import Answered, Limits, plain
from headwater.store.cql.bounds import Asked, Scope, Table, bounded
from headwater.store.cql.grammar import parse
from headwater.store.cql.tokens import CQL
from headwater.store.query.faults import SqlFault

PAGE_ROWS = 500
_COLUMNS = "SELECT table_name, column_name, kind, position, type FROM system_schema.columns WHERE keyspace_name = %s"
_encode = msgspec.json.Encoder().encode


class Cql:
    """Asks one keyspace, from any thread; connected on the first question."""

    def __init__(self, options: CassandraOptions, site: str | None) -> None:
        """`site` is the only one that may be asked for; None where the tables know none."""
        self.keyspace = options.keyspace
        self._options = options
        self._site = site
        self._connection: Connection | None = None
        self._lock = threading.Lock()

    def tables(self) -> Mapping[str, Table]:
        """The tables of the keyspace; Unavailable when there are none, or nobody answers."""
        connection = self._connected()
        with connection.faults():
            found = tables_of(connection.session.execute(_COLUMNS, [self._options.keyspace]))
        if not found:
            raise Unavailable(f"there are no tables in keyspace {self._options.keyspace} yet", 1.0)
        return found

    def ask(self, text: str, limits: Limits, stop: threading.Event, table: str | None = None) -> Answered:
        """What a text asks for, until `stop` is set; whatever table it names, `table` is meant when that is given.

        SqlFault for what is not answered and beyond the time, Unavailable when nobody answers.
        """
        deadline_s = time.monotonic() + limits.seconds
        select = parse(text)
        if table is not None:
            select = select._replace(keyspace=None, table=select.table._replace(text=table))
        asked = bounded(select, Scope(self._options.keyspace, self.tables(), self._site), limits.rows)
        with self._connected().faults():
            try:
                return self._read(asked, limits, deadline_s, stop)
            except (InvalidRequest, SyntaxException, Unauthorized) as error:
                raise SqlFault(f"Cassandra does not answer this: {said(error)}", reason=CQL) from None
            except (OperationTimedOut, ReadTimeout):
                raise _too_long(limits) from None

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                release(self._connection)
                self._connection = None

    def _connected(self) -> Connection:
        with self._lock:
            if self._connection is None:
                self._connection = share(self._options)
            return self._connection

    def _read(self, asked: Asked, limits: Limits, deadline_s: float, stop: threading.Event) -> Answered:
        rows: list[list[Any]] = []
        room = limits.bytes
        statement = SimpleStatement(asked.cql, fetch_size=PAGE_ROWS)
        state: bytes | None = None
        while True:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0 or stop.is_set():
                raise _too_long(limits)
            page = self._connected().session.execute(
                statement, timeout=min(left_s, self._options.request_s), paging_state=state
            )
            for row in page.current_rows:
                if len(rows) >= limits.rows:
                    return Answered(asked, rows, None if asked.limited else "rows")
                shown = [plain(value) for value in row]
                room -= len(_encode(shown))
                if room < 0:
                    return Answered(asked, rows, "bytes")
                rows.append(shown)
            state = page.paging_state
            if state is None:
                return Answered(asked, rows, None)


def tables_of(rows: Iterable[tuple[str, str, str, int, str]]) -> dict[str, Table]:
    """The tables that rows of system_schema.columns tell of."""
    found: dict[str, list[tuple[int, int, str, str]]] = {}
    ranks = {"partition_key": 0, "clustering": 1}
    for table, name, kind, position, type in rows:
        found.setdefault(table, []).append((ranks.get(kind, 2), position, name, type))
    tables: dict[str, Table] = {}
    for table, columns in found.items():
        columns.sort()
        partition, clustering = (tuple(each[2] for each in columns if each[0] == rank) for rank in (0, 1))
        tables[table] = Table(table, {name: type for _, _, name, type in columns}, partition, clustering)
    return tables


def _too_long(limits: Limits) -> SqlFault:
    return SqlFault(
        f"it took more than {limits.seconds:g} s and was stopped: ask for less at once (WHERE, LIMIT)", reason="time"
    )
