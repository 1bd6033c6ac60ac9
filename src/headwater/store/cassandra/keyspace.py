"""A keyspace made ready, or refused with what to do about it."""

import time
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from cassandra import InvalidRequest, Unauthorized
from cassandra.protocol import ConfigurationException

from headwater.model.errors import ConfigError, Unavailable
from headwater.store.cassandra.connection import Connection, Row, said
from headwater.store.cassandra.options import CassandraOptions
from headwater.store.cassandra.tables import MIGRATIONS, SCHEMA, VERSION

BLOCK_S = 900
"""A posting names so many seconds of a node's ids; buckets are multiples of it."""
APART_MS_MAX = 5_000
"""Of two writes to one row the one with the later clock wins, so clocks must not be further apart."""
_DAY_S = 86_400


def wall_ms() -> int:
    """The wall clock, which every write is stamped with."""
    return time.time_ns() // 1_000_000


class Layout(NamedTuple):
    """What was fixed when a keyspace was made."""

    bucket_s: int
    block_s: int
    keep_s: int | None


def made(connection: Connection) -> Layout:
    """The layout of a keyspace that a writer can use, made and migrated where needed; ConfigError when it cannot be."""
    with connection.faults():
        _check_clocks(connection)
        _make(connection)
        _check_replication(connection)
        connection.session.set_keyspace(connection.options.keyspace)
        return _migrated(connection)


def found(connection: Connection) -> Layout:
    """The layout of a keyspace to read. Unavailable while there is none, ConfigError when this program cannot read
    it."""
    keyspace = connection.options.keyspace
    with connection.faults():
        if SCHEMA.name not in _tables(connection):
            raise Unavailable(f"there is no store in keyspace {keyspace} yet", 1.0)
        version, layout = _recorded(connection)
        if version == 0:
            raise Unavailable(f"the store in keyspace {keyspace} is still being made", 1.0)
        if version != VERSION:
            raise _other_version(connection.options, version)
        connection.session.set_keyspace(keyspace)
        return layout


def _check_clocks(connection: Connection) -> None:
    (theirs,) = connection.session.execute("SELECT toUnixTimestamp(now()) FROM system.local").one()
    apart_ms = wall_ms() - theirs
    if abs(apart_ms) > APART_MS_MAX:
        raise ConfigError(
            f"the clock of this machine is {abs(apart_ms) / 1000:.1f} s {'ahead of' if apart_ms > 0 else 'behind'} that"
            f" of {connection.place}, and the later clock wins every write: let NTP or chrony set both"
        )


def _make(connection: Connection) -> None:
    options = connection.options
    if _replication(connection) is not None:
        return
    # What cannot be is refused before a keyspace has it, which no change of the file would alter any more.
    known = ", ".join(f"{name} = {count}" for name, count in sorted(_nodes(connection).items()))
    _check_copies(
        connection, options.replication, "store: replication asks for", f"the most there can be is {{{known}}}"
    )
    statement = f"CREATE KEYSPACE IF NOT EXISTS {options.keyspace} WITH replication = {_wanted_replication(options)}"
    try:
        connection.session.execute(statement)
    except Unauthorized as error:
        raise ConfigError(
            f"there is no keyspace {options.keyspace}, and user {options.user} may not make it: have an administrator"
            f" run {statement}; GRANT ALL PERMISSIONS ON KEYSPACE {options.keyspace} TO {options.user};"
        ) from error
    except (InvalidRequest, ConfigurationException) as error:
        raise ConfigError(f"store: replication {options.replication} is not possible: {said(error)}") from error


def _wanted_replication(options: CassandraOptions) -> str:
    if not options.replication:
        return "{'class': 'SimpleStrategy', 'replication_factor': 1}"
    copies = ", ".join(f"'{name}': {count}" for name, count in options.replication.items())
    return f"{{'class': 'NetworkTopologyStrategy', {copies}}}"


def _check_replication(connection: Connection) -> None:
    keyspace = connection.options.keyspace
    replication = dict(_replication(connection) or {})
    strategy = replication.pop("class", "").rpartition(".")[2]
    copies = {name: int(count.partition("/")[0]) for name, count in replication.items()}
    hint = f"add nodes, or ALTER KEYSPACE {keyspace} WITH replication = … with fewer"
    _check_copies(connection, copies, f"keyspace {keyspace} keeps", hint, is_simple=strategy == "SimpleStrategy")


def _check_copies(
    connection: Connection, copies: Mapping[str, int], who: str, hint: str, is_simple: bool = False
) -> None:
    """Refuse more copies than there are nodes: no write would ever be confirmed by a quorum of them. They are said by
    datacenter, with `is_simple` for the whole cluster."""
    nodes = _nodes(connection)
    for name, count in copies.items():
        there = nodes.total() if is_simple else nodes[name]
        if count > there:
            where = "the cluster" if is_simple else f"datacenter {name}"
            known = ", ".join(sorted(nodes))
            raise ConfigError(
                f"{who} {count} {_plural('copy', 'copies', count)} in {where}, which has {there}"
                f" {_plural('node', 'nodes', there)} (datacenters: {known}): {hint}"
            )


def _nodes(connection: Connection) -> Counter[str]:
    """How many there are by datacenter."""
    return Counter(str(host.datacenter) for host in connection.cluster.metadata.all_hosts())


def _plural(one: str, more: str, count: int) -> str:
    return one if count == 1 else more


def _migrated(connection: Connection) -> Layout:
    """The layout once the tables are those of this version; a migration that broke off is begun again."""
    options = connection.options
    tables = _tables(connection)
    if tables and SCHEMA.name not in tables:
        hint = "; headwater reads the tables of 2018 as kind = cassandra-2018" if "heartbeat" in tables else ""
        raise ConfigError(
            f"keyspace {options.keyspace} holds other tables ({', '.join(sorted(tables)[:5])}): name another{hint}"
        )
    keep_s = None if options.keep_days is None else options.keep_days * _DAY_S
    version, layout = _recorded(connection) if tables else (0, Layout(options.bucket_s, BLOCK_S, keep_s))
    if version > VERSION:
        raise _other_version(options, version)
    if version == 0:
        layout = Layout(options.bucket_s, BLOCK_S, keep_s)
    for step in range(version + 1, VERSION + 1):
        for table in MIGRATIONS[step]:
            _alter(connection, table.cql(layout.keep_s))
        _alter(
            connection,
            f"INSERT INTO {SCHEMA.name} (name, version, bucket_s, block_s, keep_s)"
            f" VALUES ('headwater', {step}, {layout.bucket_s}, {layout.block_s}, {layout.keep_s or 0})",
        )
    return layout


def _alter(connection: Connection, statement: str) -> None:
    try:
        connection.session.execute(statement, timeout=max(60.0, connection.options.request_s))
    except Unauthorized as error:
        raise not_permitted(connection.options, error) from error


def not_permitted(options: CassandraOptions, error: Exception) -> ConfigError:
    """What is refused when the keyspace is read-only for us."""
    return ConfigError(
        f"user {options.user} may not write to keyspace {options.keyspace} ({said(error)}): have an administrator run"
        f" GRANT ALL PERMISSIONS ON KEYSPACE {options.keyspace} TO {options.user};"
    )


def _recorded(connection: Connection) -> tuple[int, Layout]:
    """The version of the schema, 0 for one that was begun and not finished, and its layout."""
    statement = f"SELECT version, bucket_s, block_s, keep_s FROM {connection.options.keyspace}.{SCHEMA.name}"
    row = connection.session.execute(f"{statement} WHERE name = 'headwater'").one()
    return (0, Layout(0, 0, None)) if row is None else (row[0], Layout(row[1], row[2], row[3] or None))


def _other_version(options: CassandraOptions, version: int) -> ConfigError:
    return ConfigError(
        f"keyspace {options.keyspace} has schema version {version}, this program knows version {VERSION}: use a"
        " newer release of headwater, or name another keyspace"
    )


def _tables(connection: Connection) -> set[str]:
    statement = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s"
    return {name for (name,) in _asked(connection, statement)}


def _replication(connection: Connection) -> dict[str, str] | None:
    """How the keyspace is replicated; None when there is no such keyspace."""
    rows = _asked(connection, "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = %s")
    return dict(rows[0][0]) if rows else None


def _asked(connection: Connection, statement: str) -> list[Row]:
    return list(connection.session.execute(statement, [connection.options.keyspace]))
