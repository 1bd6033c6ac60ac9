"""The JSON documents of queries: SQL, and the language of 2018."""

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from headwater.api.documents.words import Milliseconds


class SqlQuestion(msgspec.Struct, forbid_unknown_fields=True):
    """One SELECT over the relation `provenance`."""

    query: str
    id: str | None = None
    """Names it, to cancel it by; made up when it is left out."""
    format: Literal["json", "csv", "arrow", "parquet"] | None = None
    """What the answer is written as, before ?format= and Accept."""
    rows: int | None = None
    """The most rows of the answer."""
    values: bool = False
    """Fill `value` and `value_state`, which asks the nodes for every data point that is read."""
    stream: bool = False
    """Send rows as they are found, all there are."""


class CqlQuestion(msgspec.Struct, forbid_unknown_fields=True):
    """One SELECT of CQL over a table of the store's keyspace."""

    query: str
    id: str | None = None
    """Names it, to cancel it by; made up when it is left out."""
    rows: int | None = None
    """The most rows of the answer."""


class CqlTable(msgspec.Struct):
    """A table that CQL may ask."""

    name: str
    columns: list["SqlColumn"]
    """With their CQL types; the key first."""
    partition: list[str]
    """What WHERE must name by = or IN."""
    clustering: list[str]
    """What it may compare besides."""


class CqlKeyspace(msgspec.Struct):
    """What CQL may ask."""

    keyspace: str
    tables: list[CqlTable]


class SqlColumn(msgspec.Struct):
    """A column of an answer, with its type: DuckDB's, or that of CQL."""

    name: str
    type: str


class SqlAnswer(msgspec.Struct):
    """The rows of an answer, each a list in the order of the columns."""

    query: str
    """The query's id."""
    columns: list[SqlColumn]
    rows: list[list[Any]]
    count: int
    truncated: bool
    """There is more than is here."""
    next: str | UnsetType = UNSET
    """What to do about that."""


class SqlQuery(msgspec.Struct):
    """A query that waits or runs."""

    id: str
    query: str
    begun: Milliseconds
    running: bool


class PqlQuestion(msgspec.Struct):
    """A query of 2018."""

    query: str


class PqlAnswer(msgspec.Struct):
    """What 2018 calls a QueryResult: data points, or what is wrong."""

    error: bool
    datapoints: list[Any] | UnsetType = UNSET
    message: str | UnsetType = UNSET
