"""`headwater export --to cassandra-2018`: data points and nodes in the tables that tools of 2018 read."""

import importlib.util
import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headwater.cli.client import asking
from headwater.client import ClusterHealth, NodeStat
from headwater.model.errors import ConfigError, NotFound
from headwater.store.cassandra.options import CassandraOptions

if TYPE_CHECKING:
    from headwater.store.cassandra2018.rows import Point
    from headwater.store.cassandra2018.sink import Beat, Sink2018

KIND = "cassandra-2018"
TABLE = "provenancetable"
ROWS_AT_ONCE = 1_000
"""Rows that are under way together."""
_TARGET = re.compile(r"(?P<host>[^/]+:\d{1,5})/(?P<keyspace>[a-zA-Z][a-zA-Z0-9_]{0,47})", re.ASCII)
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]{0,47}", re.ASCII)


def target_of(text: str, user: str | None, password_file: Path | None, ca_file: Path | None = None) -> CassandraOptions:
    """The keyspace that HOST:PORT/KEYSPACE names; ConfigError when it names none."""
    found = _TARGET.fullmatch(text)
    if found is None:
        raise ConfigError(
            f"{text}: --to {KIND} needs HOST:PORT/KEYSPACE, such as 127.0.0.1:9042/provenancekey, instead of a file"
        )
    return CassandraOptions(
        hosts=(found["host"],),
        keyspace=found["keyspace"].lower(),  # Names of 2018 are not quoted.
        user=user,
        password_file=None if password_file is None else str(password_file),
        ca_file=None if ca_file is None else str(ca_file),
    )


def open_sink(options: CassandraOptions, table: str) -> "Sink2018":
    """The tables to write; ConfigError for what cannot be one."""
    if not _NAME.fullmatch(table):
        raise ConfigError(f"--table {table}: a name of letters, digits and _ is needed")
    if importlib.util.find_spec("cassandra") is None:
        raise ConfigError(f'--to {KIND} needs the driver: pip install "headwater[cassandra]"')
    from headwater.store.cassandra2018.sink import Sink2018

    return Sink2018(options, table.lower())


def write_2018(sink: "Sink2018", server: str, found: Iterator[Any]) -> None:
    """Write what a query has found, then the nodes and how they stand now."""
    next(found)  # The schema.
    for batch in found:
        for at in range(0, batch.num_rows, ROWS_AT_ONCE):
            rows = batch.slice(at, ROWS_AT_ONCE).to_pylist()
            sink.add((point_of(row), row["inputs"] or (), row["contribution"]) for row in rows)
    write_nodes(sink, server)


def point_of(row: dict[str, Any]) -> "Point":
    """A row of the relation as a row of the table."""
    from headwater.store.cassandra2018.rows import Point

    return Point(
        id=row["id"],
        meterid=row["meter"],
        metricid=row["metric"],
        location=row["location"],
        latitude=row["latitude"],
        longitude=row["longitude"],
        line=row["line"],
        class_=row["class"],
        app=row["application"],
        ctime=row["timestamp"],
        stime=row["stime"],
        rtime=row["rtime"],
    )


def write_nodes(sink: "Sink2018", server: str) -> None:
    """Write what the server says of its nodes."""
    with asking(server) as client:
        try:
            nodes, stats, health = client.topology(), client.stats(detail=True), client.health()
        except NotFound:
            return
    sink.nodes((node.id, node.name, node.successor) for node in nodes)
    sink.beats(beats_of(stats, health))
    sink.rates(
        (stat.id, stat.reported, stat.reported_send_rate or 0.0, stat.reported_receive_rate or 0.0)
        for stat in stats
        if stat.reported
    )


def beats_of(stats: Iterable[NodeStat], health: ClusterHealth) -> "Iterator[Beat]":
    """The heartbeat of every node that has ever reported, with the links that it is an end of."""
    from headwater.store.cassandra2018.sink import Beat

    pipelines = {node.id: node.pipeline for node in health.nodes}
    links = [(link.source, link.target, link.link.health) for link in health.links if link.target is not None]
    for stat in stats:
        if not stat.reported:
            continue
        pipeline = pipelines.get(stat.id)
        alive = pipeline is None or pipeline.health == "Green"
        yield Beat(
            stat.id,
            stat.reported,
            stat.reported if pipeline is None or alive else min(pipeline.since, stat.reported),
            {
                f"{source}:{target}": health.at if word == "Green" else 0
                for source, target, word in links
                if stat.id in (source, target)
            },
        )


def exported(target: CassandraOptions, table: str, server: str, found: Iterator[Any]) -> None:
    """Write everything, and let go of the tables whatever happens."""
    with closing(open_sink(target, table)) as sink:
        write_2018(sink, server, found)
