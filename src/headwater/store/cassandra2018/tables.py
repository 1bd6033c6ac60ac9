"""The tables of 2018: their columns, which METRICS name makes which, and what a keyspace has of them."""

from typing import NamedTuple

from headwater.model.errors import ConfigError, Unavailable
from headwater.store.cassandra.connection import FAULTS, Connection, said
from headwater.store.cassandra.tables import Table

NODE = Table("node", {"id": "text", "name": "text", "successor": "text"}, ("id",))
HEARTBEAT = Table(
    "heartbeat",
    {"id": "text", "time": "timestamp", "pldaemon": "timestamp", "channels": "map<text, timestamp>"},
    ("id",),
)
NODERATE = Table("noderate", {"id": "text", "time": "timestamp", "srate": "double", "rrate": "double"}, ("id",))
ALWAYS = ("id", "inputdps", "time", "nodeid")
COLUMNS_OF_METRIC = {
    "meterid": ("meterid",),
    "metricid": ("metricid",),
    "loc": ("location", "latitude", "longitude"),
    "line": ("line",),
    "class": ("class",),
    "app": ("app",),
    "ctime": ("ctime",),
    "stime": ("stime",),
    "rtime": ("rtime",),
}
_POINT_COLUMNS = {
    "id": "text",
    "inputdps": "map<text, text>",
    "time": "timeuuid",
    "nodeid": "text",
    "meterid": "text",
    "metricid": "text",
    "location": "text",
    "latitude": "double",
    "longitude": "double",
    "line": "bigint",
    "class": "text",
    "app": "text",
    "ctime": "timestamp",
    "stime": "timestamp",
    "rtime": "timestamp",
}


def points_table(name: str) -> Table:
    """The table of data points with the columns of all METRICS."""
    return Table(name, _POINT_COLUMNS, ("id",), ("nodeid", "ctime"), ("nodeid",))


class Column(NamedTuple):
    """A column as a keyspace has it."""

    name: str
    kind: str
    """partition_key, clustering, regular or static."""
    type: str


def columns_of(connection: Connection, table: str) -> dict[str, Column]:
    """The columns that a table of the connection's keyspace has; none when there is no such table."""
    statement = "SELECT column_name, kind, type FROM system_schema.columns WHERE keyspace_name = %s AND table_name = %s"
    try:
        rows = connection.session.execute(statement, [connection.options.keyspace, table])
        return {name: Column(name, kind, type) for name, kind, type in rows}
    except FAULTS as error:
        raise Unavailable(f"{connection.place} does not answer: {said(error)}") from error


def check_points(keyspace: str, table: str, found: dict[str, Column]) -> None:
    """Refuse a table that has not the key and the column types of 2018; ConfigError says what is there instead."""
    key = {name for name, column in found.items() if column.kind in ("partition_key", "clustering")}
    if key != {"id", "nodeid", "ctime"} or found["id"].kind != "partition_key":
        raise ConfigError(
            f"{keyspace}.{table} is no table of 2018: its key is ({', '.join(sorted(key))}), not ((id), nodeid, ctime):"
            " name another table"
        )
    for name, column in found.items():
        wanted = _POINT_COLUMNS.get(name)
        if wanted is not None and column.type != wanted:
            raise ConfigError(f"{keyspace}.{table} is no table of 2018: {name} is {column.type}, not {wanted}")
