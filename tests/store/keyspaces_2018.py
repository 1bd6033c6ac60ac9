"""Keyspaces of 2018 for tests: made by statements as the system of 2018 issued them."""

from pathlib import Path

from headwater.store.cassandra2018.options import Cassandra2018Options
from tests.services.fixtures import CassandraNode

ALL = "meterid text, metricid text, location text, latitude double, longitude double, line bigint, class text, app text"
TIMES = "ctime timestamp, stime timestamp, rtime timestamp"


def options_2018(cassandra: CassandraNode, folder: Path, keyspace: str, **more: object) -> Cassandra2018Options:
    """A keyspace of 2018, read by the superuser."""
    password = folder / "password"
    password.write_text(cassandra.password + "\n")
    usual: dict[str, object] = {
        "hosts": (cassandra.address,),
        "keyspace": keyspace,
        "user": cassandra.user,
        "password_file": str(password),
        "request_s": 60,
        "scan_s": 60,
    }
    return Cassandra2018Options(**(usual | more))  # type: ignore[arg-type]


def make_tables(cassandra: CassandraNode, keyspace: str, columns: str = f"{ALL}, {TIMES}") -> None:
    """The four tables, that of data points with the columns of some METRICS."""
    execute = cassandra.session.execute
    execute(f"CREATE TABLE {keyspace}.node (id text PRIMARY KEY, name text, successor text)")
    execute(
        f"CREATE TABLE {keyspace}.heartbeat"
        " (id text PRIMARY KEY, time timestamp, pldaemon timestamp, channels map<text, timestamp>)"
    )
    execute(f"CREATE TABLE {keyspace}.noderate (id text PRIMARY KEY, time timestamp, srate double, rrate double)")
    execute(
        f"CREATE TABLE {keyspace}.provenancetable (id text, inputdps map<text, text>, time timeuuid, nodeid text,"
        f" {columns}, PRIMARY KEY ((id), nodeid, ctime)) WITH CLUSTERING ORDER BY (nodeid DESC, ctime ASC)"
    )
