"""Every CQL statement that the store issues, by what it is for. Each names one whole partition (tests hold it)."""

from typing import NamedTuple

from headwater.store.cassandra.tables import Table, named


class Statement(NamedTuple):
    """A statement to prepare, and the table it is about."""

    cql: str
    table: Table
    keyed_at: tuple[int, ...] = ()
    """Of a write: where among its values those of the partition key stand."""
    row_at: tuple[int, ...] = ()
    """Of a write: where those of the whole key stand that it has."""
    page: int = 5_000
    """Of a question: the rows that are fetched at once."""


def _select(columns: str, table: str, where: str, tail: str = "", page: int = 5_000) -> Statement:
    cql = f"SELECT {columns} FROM {table} WHERE {where}{' ' + tail if tail else ''}"
    return Statement(cql, named(table), page=page)


def _insert(table: str, *columns: str, tail: str = "") -> Statement:
    """All columns unless some are named."""
    target = named(table)
    names = columns or tuple(target.columns)
    marks = ", ".join("?" * len(names))
    keyed_at = tuple(names.index(column) for column in target.partition)
    row_at = (*keyed_at, *(names.index(column) for column in target.clustering if column in names))
    cql = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks}){' ' + tail if tail else ''}"
    return Statement(cql, target, keyed_at, row_at)


_BATCH = "node, start, count, stamp, keys, taken"
_OF_BUCKET = "site = ? AND node = ? AND bucket = ?"

BATCH_AT = _select(_BATCH, "stored_batch", f"{_OF_BUCKET} AND start <= ?", "ORDER BY start DESC LIMIT 1")
BATCHES_FROM = _select(_BATCH, "stored_batch", f"{_OF_BUCKET} AND start >= ? AND start < ?", page=500)
BATCHES_BEFORE = _select(_BATCH, "stored_batch", f"{_OF_BUCKET} AND start < ?", "ORDER BY start DESC", page=16)
BATCHES_TAKEN = _select("start, count, taken", "stored_batch", f"{_OF_BUCKET} AND start >= ? AND start < ?")
BATCH_SPANS = _select("start, count, t_min, t_max", "stored_batch", f"{_OF_BUCKET} AND start >= ? AND start < ?")
COUNTS_BEFORE = _select("start, count, taken", "stored_batch", f"{_OF_BUCKET} AND start < ?", "ORDER BY start DESC")
BUCKETS = _select("bucket", "node_bucket", "site = ? AND node = ?")
BUCKETS_BETWEEN = _select("bucket", "node_bucket", "site = ? AND node = ? AND bucket >= ? AND bucket <= ?")
OLDEST_BUCKET = _select("bucket", "node_bucket", "site = ? AND node = ?", "ORDER BY bucket ASC LIMIT 1")
NEWEST_BUCKET = _select("bucket", "node_bucket", "site = ? AND node = ?", "LIMIT 1")
EDGES = _select(
    "parent_start, length, node, start, sent_ms",
    "edge",
    "site = ? AND parent_node = ? AND bucket = ? AND parent_start > ? AND parent_start < ?",
)
DAYS_OF_SERIES = _select("day", "series_day", "site = ? AND log = ? AND series = ? AND day >= ? AND day <= ?")
DAYS = _select("day, node", "event_day", "site = ? AND day >= ? AND day <= ?")
POSTINGS = _select("node, block", "posting", "site = ? AND log = ? AND series = ? AND day = ?")
BLOCKS = _select("block, t_min, t_max", "block", "site = ? AND day = ? AND node = ?")
BLOCK_AT = _select("t_min, t_max", "block", "site = ? AND day = ? AND node = ? AND block = ?")
ARRIVALS = _select("taken, batches", "arrival", "site = ? AND page = ? AND taken >= ? AND taken <= ?")
ARRIVAL_AT = _select("batches", "arrival", "site = ? AND page = ? AND taken = ?")
HEAD = _select("taken, batches, points, losses, alarms, changes, refused", "head", "site = ?", "LIMIT 1")
HEAD_WRITTEN = _select("writetime(taken)", "head", "site = ?", "LIMIT 1")
POSITIONS = _select("log, sequence", "head", "site = ?")
WRITER = _select("holder, at_ms", "writer", "site = ?")
LOGS = _select("id, node", "log", "site = ?")
NODES = _select(
    "id, name, address, log, begun, config, config_log, config_sequence, report, reported_ms", "node", "site = ?"
)
NODE = _select("begun", "node", "site = ? AND id = ?")
SERIES = _select("number, meter, metric, damaged", "series", "site = ? AND log = ? AND number IN ?")
SERIES_COUNT = _select("count(*)", "series", "site = ? AND log = ?")
SERIES_OF_METER = _select("log, number, metric", "series_by_meter", "site = ? AND meter = ?")
SERIES_OF_METER_AND_METRIC = _select("log, number", "series_by_meter", "site = ? AND meter = ? AND metric = ?")
SERIES_OF_METRIC = _select("log, number", "series_by_metric", "site = ? AND metric = ?")
CONTEXT = _select("body", "context", "site = ? AND id = ?")
LOSSES = _select("node, sequence, body, number", "loss", "site = ? AND page = ? AND number < ?")
LOSSES_OF_NODE = _select(
    "node, sequence, body, number, log", "loss_by_node", "site = ? AND node = ? AND number < ?", "LIMIT ?"
)
LOSS_OF_RECORD = _select("number, body", "loss_by_record", "site = ? AND log = ? AND sequence = ?")
LOSS_AT = _select("log, sequence", "loss", "site = ? AND page = ? AND number = ?")
ALARMS = _select("at_ms, reason, node, log, sequence, detail, number", "alarm", "site = ? AND page = ? AND number < ?")

ADD_BATCH = _insert("stored_batch")
ADD_EDGE = _insert("edge")
ADD_BUCKET = _insert("node_bucket")
ADD_POSTING = _insert("posting")
ADD_SERIES_DAY = _insert("series_day")
ADD_BLOCK = _insert("block")
ADD_DAY = _insert("event_day")
ADD_ARRIVAL = _insert("arrival")
SET_HEAD = _insert("head", "site", "taken", "batches", "points", "losses", "alarms", "changes", "refused")
SET_CHANGES = _insert("head", "site", "changes")
SET_POSITION = _insert("head", "site", "log", "sequence")
SET_WRITER = _insert("writer", tail="USING TTL ?")
ADD_LOG = _insert("log", "site", "id")
SET_LOG = _insert("log")
SET_NODE = _insert("node", "site", "id", "name", "address", "log")
SET_BEGUN = _insert("node", "site", "id", "begun")
SET_CONFIG = _insert("node", "site", "id", "config", "config_log", "config_sequence")
SET_REPORT = _insert("node", "site", "id", "report", "reported_ms")
SET_SERIES = _insert("series")
ADD_SERIES_OF_METER = _insert("series_by_meter")
ADD_SERIES_OF_METRIC = _insert("series_by_metric")
ADD_CONTEXT = _insert("context")
ADD_LOSS = _insert("loss")
ADD_LOSS_OF_NODE = _insert("loss_by_node")
ADD_LOSS_OF_RECORD = _insert("loss_by_record")
ADD_ALARM = _insert("alarm")


def statements() -> dict[str, Statement]:
    """All of them by name."""
    return {name: found for name, found in sorted(globals().items()) if isinstance(found, Statement)}
