"""The tables of a keyspace, as values and as CQL.

Every partition is named by what its question knows: the batches of a node by the seconds that begin their ids, edges by
those of the parents, postings by the day of the event. No partition grows for ever, and nothing is ever deleted by a
statement: what has a time to live goes with its whole sstable (time windows).
"""

from typing import NamedTuple

VERSION = 1
"""Of the schema; MIGRATIONS lead from each version to the next."""


class Table(NamedTuple):
    """A table: columns with their types, and which of them make the key."""

    name: str
    columns: dict[str, str]
    partition: tuple[str, ...]
    clustering: tuple[str, ...] = ()
    descending: tuple[str, ...] = ()
    grows: bool = False
    """Holds stamps, which age; else what is known of the site."""
    about: str = ""

    def cql(self, keep_s: int | None = None) -> str:
        """The statement that makes it; `keep_s` is how long stamps are kept, None for ever."""
        columns = ", ".join(f"{name} {kind}" for name, kind in self.columns.items())
        key = ", ".join([f"({', '.join(self.partition)})", *self.clustering])
        order = ", ".join(f"{name} {'DESC' if name in self.descending else 'ASC'}" for name in self.clustering)
        options = [f"CLUSTERING ORDER BY ({order})"] if order else []
        options += _growing(keep_s) if self.grows else []
        tail = f" WITH {' AND '.join(options)}" if options else ""
        return f"CREATE TABLE IF NOT EXISTS {self.name} ({columns}, PRIMARY KEY ({key})){tail}"


WINDOWS = 30
"""Into so many time windows what is kept is divided, so that about so many sstables are left of each table."""
WINDOW_DAYS_ENDLESS = 7


def _growing(keep_s: int | None) -> list[str]:
    days = WINDOW_DAYS_ENDLESS if keep_s is None else max(1, keep_s // 86_400 // WINDOWS)
    window = (
        "{'class': 'TimeWindowCompactionStrategy', 'compaction_window_unit': 'DAYS',"
        f" 'compaction_window_size': {days}}}"
    )
    return [
        f"compaction = {window}",
        "compression = {'class': 'ZstdCompressor', 'chunk_length_in_kb': 16}",
        f"default_time_to_live = {keep_s or 0}",
    ]


SCHEMA = Table(
    "headwater_schema",
    {"name": "text", "version": "int", "bucket_s": "int", "block_s": "int", "keep_s": "int"},
    ("name",),
    about="one row: the version, and what was fixed when the keyspace was made",
)
BATCH = Table(
    "stored_batch",
    {
        "site": "text",
        "node": "int",
        "bucket": "int",
        "start": "bigint",
        "count": "int",
        "taken": "bigint",
        "t_min": "bigint",
        "t_max": "bigint",
        "stamp": "blob",
        "keys": "blob",
    },
    ("site", "node", "bucket"),
    ("start",),
    grows=True,
    about="a row per batch: its stamp, and with a first stamp series and event times",
)
EDGE = Table(
    "edge",
    {
        "site": "text",
        "parent_node": "int",
        "bucket": "int",
        "parent_start": "bigint",
        "node": "int",
        "start": "bigint",
        "length": "int",
        "sent_ms": "bigint",
    },
    ("site", "parent_node", "bucket"),
    ("parent_start", "node", "start"),
    grows=True,
    about="a row per run of inputs and batch that was made from them",
)
NODE_BUCKET = Table(
    "node_bucket",
    {"site": "text", "node": "int", "bucket": "int"},
    ("site", "node"),
    ("bucket",),
    ("bucket",),
    grows=True,
    about="the buckets of a node that hold batches",
)
POSTING = Table(
    "posting",
    {"site": "text", "log": "blob", "series": "bigint", "day": "bigint", "node": "int", "block": "int"},
    ("site", "log", "series", "day"),
    ("node", "block"),
    grows=True,
    about="the blocks of nodes that hold event times of a series on a day",
)
SERIES_DAY = Table(
    "series_day",
    {"site": "text", "log": "blob", "series": "bigint", "day": "bigint"},
    ("site", "log", "series"),
    ("day",),
    grows=True,
    about="the days that a series has event times on",
)
BLOCK = Table(
    "block",
    {"site": "text", "day": "bigint", "node": "int", "block": "int", "t_min": "bigint", "t_max": "bigint"},
    ("site", "day", "node"),
    ("block",),
    grows=True,
    about="the event times that a node's block has on a day, widened to whole minutes",
)
EVENT_DAY = Table(
    "event_day",
    {"site": "text", "day": "bigint", "node": "int"},
    ("site",),
    ("day", "node"),
    grows=True,
    about="the days that nodes have event times on",
)
ARRIVAL = Table(
    "arrival",
    {"site": "text", "page": "bigint", "taken": "bigint", "batches": "blob"},
    ("site", "page"),
    ("taken",),
    grows=True,
    about="a row per transaction: which batches it stored, in their order",
)
HEAD = Table(
    "head",
    {
        "site": "text",
        "log": "blob",
        "sequence": "bigint",
        "taken": "bigint static",
        "batches": "bigint static",
        "points": "bigint static",
        "losses": "bigint static",
        "alarms": "bigint static",
        "changes": "bigint static",
        "refused": "frozen<map<text, bigint>> static",
    },
    ("site",),
    ("log",),
    about="how far everything is: the last transaction, totals, and the last record stored of each log",
)
WRITER = Table(
    "writer",
    {"site": "text", "holder": "text", "at_ms": "bigint"},
    ("site",),
    about="who writes a site; lapses by itself",
)
LOG = Table(
    "log",
    {"site": "text", "id": "blob", "node": "int"},
    ("site",),
    ("id",),
    about="every log that was named, and the node whose agent has said hello with it",
)
NODE = Table(
    "node",
    {
        "site": "text",
        "id": "int",
        "name": "text",
        "address": "text",
        "log": "blob",
        "begun": "int",
        "config": "blob",
        "config_log": "blob",
        "config_sequence": "bigint",
        "report": "blob",
        "reported_ms": "bigint",
    },
    ("site",),
    ("id",),
    about="the nodes, with their configuration and latest report",
)
SERIES = Table(
    "series",
    {"site": "text", "log": "blob", "number": "bigint", "meter": "text", "metric": "text", "damaged": "boolean"},
    ("site", "log"),
    ("number",),
    about="what a log calls its series",
)
SERIES_BY_METER = Table(
    "series_by_meter",
    {"site": "text", "meter": "text", "metric": "text", "log": "blob", "number": "bigint"},
    ("site", "meter"),
    ("metric", "log", "number"),
    about="the same by meter",
)
SERIES_BY_METRIC = Table(
    "series_by_metric",
    {"site": "text", "metric": "text", "log": "blob", "number": "bigint"},
    ("site", "metric"),
    ("log", "number"),
    about="the same by metric",
)
CONTEXT = Table(
    "context", {"site": "text", "id": "blob", "body": "blob"}, ("site", "id"), about="contexts by their name"
)
_LOSS = {"node": "int", "log": "blob", "sequence": "bigint", "body": "blob"}
LOSS = Table(
    "loss",
    {"site": "text", "page": "bigint", "number": "bigint", **_LOSS},
    ("site", "page"),
    ("number",),
    ("number",),
    about="what was named lost, in the order of its coming",
)
LOSS_BY_NODE = Table(
    "loss_by_node",
    {"site": "text", "node": "int", "number": "bigint", "log": "blob", "sequence": "bigint", "body": "blob"},
    ("site", "node"),
    ("number",),
    ("number",),
    about="the same by node",
)
LOSS_BY_RECORD = Table(
    "loss_by_record",
    {"site": "text", "log": "blob", "sequence": "bigint", "number": "bigint", "body": "blob"},
    ("site", "log"),
    ("sequence",),
    about="the same by the record that names it",
)
ALARM = Table(
    "alarm",
    {
        "site": "text",
        "page": "bigint",
        "number": "bigint",
        "at_ms": "bigint",
        "reason": "text",
        "node": "int",
        "log": "blob",
        "sequence": "bigint",
        "detail": "text",
    },
    ("site", "page"),
    ("number",),
    ("number",),
    about="what someone must look into",
)

TABLES = (
    *(SCHEMA, BATCH, EDGE, NODE_BUCKET, POSTING, SERIES_DAY, BLOCK, EVENT_DAY, ARRIVAL, HEAD, WRITER, LOG, NODE),
    *(SERIES, SERIES_BY_METER, SERIES_BY_METRIC, CONTEXT, LOSS, LOSS_BY_NODE, LOSS_BY_RECORD, ALARM),
)
MIGRATIONS: dict[int, tuple[Table, ...]] = {1: TABLES}
"""What each version adds to the one before it. A migration only adds, so that one that broke off is begun again."""


def named(name: str) -> Table:
    """The table of a name."""
    return next(table for table in TABLES if table.name == name)
