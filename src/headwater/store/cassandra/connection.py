"""A connection to a keyspace: prepared statements, questions in parallel, and writes gathered by partition."""

import logging
import ssl
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from cassandra import AuthenticationFailed, ConsistencyLevel, DriverException, RequestExecutionException
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable, Session
from cassandra.concurrent import execute_concurrent, execute_concurrent_with_args
from cassandra.policies import ConstantReconnectionPolicy, DCAwareRoundRobinPolicy, TokenAwarePolicy
from cassandra.protocol import ErrorMessage
from cassandra.query import BatchStatement, BatchType, PreparedStatement, tuple_factory

from headwater.model.errors import ConfigError, Unavailable
from headwater.store.cassandra.clock import WriteClock
from headwater.store.cassandra.options import CassandraOptions
from headwater.store.cassandra.statements import Statement

Row = tuple[Any, ...]
Write = tuple[Statement, Sequence[object]]
RowKey = tuple[object, ...]

AT_ONCE = 64
"""Requests under way at the same time."""
BATCH_ROWS_MAX = 100
BATCH_BYTES_MAX = 64 << 10
"""Rows of one partition that go in one request."""
RECONNECT_S = 1.0
PORT = 9042
FAULTS = (DriverException, RequestExecutionException, ErrorMessage, NoHostAvailable, OSError)

logging.getLogger("cassandra").setLevel(logging.CRITICAL)  # What it says is told where it matters.


class Connection:
    """One cluster as one process sees it; for any thread."""

    def __init__(self, options: CassandraOptions, cluster: Cluster, session: Session) -> None:
        self.options = options
        self.cluster = cluster
        self.session = session
        self.clock: WriteClock = cluster.timestamp_generator
        self._prepared: dict[str, PreparedStatement] = {}
        self._preparing = threading.Lock()

    def rows(self, statement: Statement, *values: object) -> Iterator[Row]:
        """The rows of an answer, page by page."""
        with self.faults():
            yield from self.session.execute(self._prepare(statement), values)

    def row(self, statement: Statement, *values: object) -> Row | None:
        """The first row of an answer."""
        return next(self.rows(statement, *values), None)

    def each(self, statement: Statement, many: Sequence[Sequence[object]]) -> list[list[Row]]:
        """The rows of the answers to many questions, asked side by side."""
        if not many:
            return []
        if len(many) == 1:
            return [list(self.rows(statement, *many[0]))]
        with self.faults():
            answers = execute_concurrent_with_args(
                self.session, self._prepare(statement), many, concurrency=AT_ONCE, raise_on_first_error=True
            )
            return [list(answer.result_or_exc) for answer in answers]

    def write(self, writes: Iterable[Write]) -> None:
        """Write rows side by side, those of a partition together; Unavailable when any of them may not be there."""
        requests = [(self._request(together), None) for together in _by_partition(writes)]
        if not requests:
            return
        with self.faults():
            if len(requests) == 1:
                self.session.execute(requests[0][0])
            else:
                execute_concurrent(self.session, requests, concurrency=AT_ONCE, raise_on_first_error=True)

    def write_at_once(self, writes: list[Write]) -> None:
        """Write rows that share a partition key, all of them or none; of those to one row the last."""
        with self.faults():
            self.session.execute(self._request(list({_row_of(write): write for write in writes}.values())))

    def close(self) -> None:
        self.cluster.shutdown()

    @contextmanager
    def faults(self) -> Iterator[None]:
        """Turn what the driver says into Unavailable."""
        try:
            yield
        except FAULTS as error:
            raise Unavailable(f"{self.place} does not answer: {said(error)}", RECONNECT_S) from error

    @property
    def place(self) -> str:
        return place_of(self.options)

    def _request(self, together: list[Write]) -> object:
        if len(together) == 1:
            statement, values = together[0]
            return self._prepare(statement).bind(values)
        batch = BatchStatement(BatchType.UNLOGGED, consistency_level=self.consistency)
        batch.is_idempotent = True
        for statement, values in together:
            batch.add(self._prepare(statement), values)
        return batch

    @property
    def consistency(self) -> int:
        return int(ConsistencyLevel.name_to_value[self.options.consistency])

    def _prepare(self, statement: Statement) -> PreparedStatement:
        prepared = self._prepared.get(statement.cql)
        if prepared is None:
            with self._preparing, self.faults():
                prepared = self.session.prepare(statement.cql)
                prepared.is_idempotent = True
                prepared.consistency_level = self.consistency
                prepared.fetch_size = statement.page
                self._prepared[statement.cql] = prepared
        return prepared


def _by_partition(writes: Iterable[Write]) -> Iterator[list[Write]]:
    """Writes in groups of one table and partition, none too large; of those to one row in a group the last."""
    groups: dict[tuple[object, ...], dict[RowKey, Write]] = {}
    sizes: dict[tuple[object, ...], int] = {}
    for write in writes:
        statement, values = write
        # The same key in two tables is one partition to Cassandra too, but no request has both.
        key = (statement.table.name, *(values[at] for at in statement.keyed_at))
        size = sum(len(value) for value in values if isinstance(value, bytes | str))
        group = groups.setdefault(key, {})
        if group and (len(group) >= BATCH_ROWS_MAX or sizes[key] + size > BATCH_BYTES_MAX):
            yield list(group.values())
            group = groups[key] = {}
            sizes[key] = 0
        group[_row_of(write)] = write
        sizes[key] = sizes.get(key, 0) + size
    yield from (list(group.values()) for group in groups.values() if group)


def _row_of(write: Write) -> RowKey:
    """Two writes with the same one change the same columns of the same row. All of a request have one timestamp, and of
    two values with one timestamp Cassandra keeps the larger, not the later."""
    statement, values = write
    return (statement.cql, *(values[at] for at in statement.row_at))


def connected(options: CassandraOptions, metadata: bool = True) -> Connection:
    """A new connection. Unavailable when nobody answers, ConfigError when we are not let in.

    Without `metadata` it knows neither tables nor who holds what: quicker, for one question.
    """
    profile = ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy(options.datacenter or "")),
        consistency_level=ConsistencyLevel.name_to_value[options.consistency],
        request_timeout=options.request_s,
        row_factory=tuple_factory,
    )
    hosts = [_host(text) for text in options.hosts]
    cluster = Cluster(
        contact_points=hosts,
        auth_provider=_credentials(options),
        ssl_context=_tls(options),
        reconnection_policy=ConstantReconnectionPolicy(RECONNECT_S, max_attempts=None),
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        schema_metadata_enabled=metadata,
        token_metadata_enabled=metadata,
        schema_event_refresh_window=-1,  # What others make in the cluster is nothing to us.
        timestamp_generator=WriteClock(),
        connect_timeout=options.request_s,
        control_connection_timeout=options.request_s,
        idle_heartbeat_interval=5,
        idle_heartbeat_timeout=5,
    )
    try:
        return Connection(options, cluster, cluster.connect())
    except FAULTS as error:
        cluster.shutdown()
        refused = _refused(error)
        if refused is not None:
            raise ConfigError(
                f"{place_of(options)} does not let us in: {refused}; set user and password_file in the table store"
            ) from error
        raise Unavailable(f"{place_of(options)} does not answer: {said(error)}", RECONNECT_S) from error


def place_of(options: CassandraOptions) -> str:
    """What messages call a store."""
    return f"Cassandra at {', '.join(options.hosts)}"


def said(error: Exception) -> str:
    """What a fault says, without what every host says again."""
    if isinstance(error, NoHostAvailable) and error.errors:
        errors = error.errors.values() if isinstance(error.errors, dict) else error.errors
        return "; ".join(sorted({_first_line(each) for each in errors}))[:500]
    return _first_line(error)


def _first_line(error: object) -> str:
    text = str(error).strip().split("\n")[0][:300]
    return text or type(error).__name__


def _refused(error: Exception) -> str | None:
    """What a host says against who we are, if that is what stops us."""
    errors = list(error.errors.values()) if isinstance(error, NoHostAvailable) and error.errors else [error]
    for each in errors:
        if isinstance(each, AuthenticationFailed):
            return _first_line(each)
    return None


def _host(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal():
        return text, PORT
    return host.strip("[]"), int(port)


def _credentials(options: CassandraOptions) -> PlainTextAuthProvider | None:
    if options.user is None:
        return None
    if options.password_file is None:
        raise ConfigError("store: a user needs a password_file")
    try:
        password = Path(options.password_file).read_text("utf-8").split("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"store: password_file {options.password_file} cannot be read: {error}") from error
    return PlainTextAuthProvider(options.user, password)


def _tls(options: CassandraOptions) -> ssl.SSLContext | None:
    if options.ca_file is None:
        return None
    try:
        return ssl.create_default_context(cafile=options.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"store: ca_file {options.ca_file} cannot be used: {error}") from error


_shared: dict[bytes, tuple[Connection, int]] = {}
_sharing = threading.Lock()


def share(options: CassandraOptions) -> Connection:
    """The connection of this process for some options; `release` must follow."""
    with _sharing:
        key = msgspec.msgpack.encode(options)
        connection, users = _shared.get(key) or (connected(options), 0)
        _shared[key] = (connection, users + 1)
        return connection


def release(connection: Connection) -> None:
    """One user less; the last one closes it."""
    with _sharing:
        key = msgspec.msgpack.encode(connection.options)
        found = _shared.get(key)
        if found is None or found[0] is not connection:
            return
        _, users = found
        if users > 1:
            _shared[key] = (connection, users - 1)
            return
        del _shared[key]
    connection.close()
