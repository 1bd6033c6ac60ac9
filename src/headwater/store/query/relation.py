"""The relation `provenance`: what SQL sees of every data point."""

from typing import NamedTuple

NAME = "provenance"
NAME_2018 = "provenancetable"
"""The same under the column names of 2018."""

TEXT, INTEGER, NUMBER, FLAG, TEXTS = "VARCHAR", "BIGINT", "DOUBLE", "BOOLEAN", "VARCHAR[]"


class Column(NamedTuple):
    """A column: its name, its DuckDB type and what it says."""

    name: str
    type: str
    about: str


COLUMNS = (
    Column("id", TEXT, "the data point's id: 20 lowercase hex digits; later ids of a node are greater"),
    Column("node", TEXT, "its node: 6 hex digits"),
    Column("node_name", TEXT, "what its node calls itself"),
    Column("site", TEXT, "the site of the store"),
    Column("meter", TEXT, "the meter of its series"),
    Column("metric", TEXT, "the metric of its series"),
    Column("timestamp", INTEGER, "event time (`ctime` of 2018), ms; the window's start for an aggregate"),
    Column("stime", INTEGER, "when its node sent it on, ms; NULL until the next hop has stamped it"),
    Column("rtime", INTEGER, "when its node received or made it, ms"),
    Column("location", TEXT, "label of the node's place"),
    Column("latitude", NUMBER, "degrees, WGS 84"),
    Column("longitude", NUMBER, "degrees, WGS 84"),
    Column("application", TEXT, "the application that made it"),
    Column("class", TEXT, "the class that made it"),
    Column("line", INTEGER, "the line of code that made it"),
    Column("step", TEXT, "the step or function with its parameters; NULL for what was received"),
    Column("kind", TEXT, "`data` when received, `out` when made by a step"),
    Column("inputs", TEXTS, "ids of what it was made from; empty for a first stamp"),
    Column("contribution", TEXT, "what the inputs contributed, `simple` when passed on; NULL without inputs"),
    Column("outside", FLAG, "the inputs were named by a client of 2018 and were never in this store"),
    Column("origin", TEXT, "where the reading entered or was made: `source`, `entry` or `step`"),
    Column("origin_stream", TEXT, "the source's, log's or step's id there, in hex"),
    Column("origin_number", INTEGER, "its number there, the same at every hop"),
    Column("clock_offset", INTEGER, "the node's estimate of its clock's error when it stamped, ms; NULL when unknown"),
    Column("node_health", TEXT, "how its node stood when it was made: Green, Yellow or Red; NULL when unknown"),
    Column("pipeline_health", TEXT, "the same of the pipeline daemon there"),
    Column("provenance_health", TEXT, "the same of the provenance daemon there"),
    Column("link_health", TEXT, "the same of the link from its node to the next"),
    Column("value", NUMBER, "the value, only when asked for (`values`); NULL when it is not kept any more"),
    Column("value_state", TEXT, "with `values`: `ok`, `unknown`, `expired`, `damaged` or `unreachable`"),
)
NAMES = tuple(column.name for column in COLUMNS)

OF_2018 = {
    "id": "id",
    "nodeid": "node",
    "meterid": "meter",
    "metricid": "metric",
    "location": "location",
    "latitude": "latitude",
    "longitude": "longitude",
    "line": "line",
    "class": "class",
    "app": "application",
    "ctime": "timestamp",
    "stime": "stime",
    "rtime": "rtime",
}
"""Columns of 2018 that are ours by another name; `inputdps` is made of inputs and contribution."""


def view_2018() -> str:
    """The statement that makes the relation of 2018 from ours."""
    columns = ", ".join(f'"{ours}" AS "{theirs}"' for theirs, ours in OF_2018.items())
    inputs = "map_from_entries(list_transform(inputs, lambda point: (point, contribution))) AS inputdps"
    return f"CREATE TEMP VIEW {NAME_2018} AS SELECT {columns}, {inputs} FROM {NAME}"
