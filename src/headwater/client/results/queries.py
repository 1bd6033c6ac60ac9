"""Answers to SQL, CQL and PQL."""

from typing import Any

import msgspec


class PqlAnswer(msgspec.Struct, frozen=True):
    """What 2018 calls a QueryResult: data points, or what is wrong."""

    error: bool
    datapoints: list[Any] = []
    message: str | None = None


class SqlColumn(msgspec.Struct, frozen=True):
    """A column of an answer, with its DuckDB type."""

    name: str
    type: str


class SqlAnswer(msgspec.Struct, frozen=True):
    """What SQL answers; each row has a value for each column, in their order."""

    query: str
    """The query's id."""
    columns: tuple[SqlColumn, ...]
    rows: tuple[tuple[Any, ...], ...]
    count: int
    truncated: bool
    """There is more than is here ..."""
    next: str = ""
    """... and what to do about that."""


class CqlTable(msgspec.Struct, frozen=True):
    """A table that CQL may ask; WHERE names its partition, and may compare its clustering columns."""

    name: str
    columns: tuple[SqlColumn, ...]
    partition: tuple[str, ...]
    clustering: tuple[str, ...] = ()


class CqlKeyspace(msgspec.Struct, frozen=True):
    """What CQL may ask."""

    keyspace: str
    tables: tuple[CqlTable, ...]


class SqlQuery(msgspec.Struct, frozen=True):
    """A query that waits or runs, since `begun` (ms since the epoch)."""

    id: str
    query: str
    begun: int
    running: bool
