"""A SELECT checked against the tables of a keyspace and written anew: whole partitions, bounded, quoted; pure."""

import difflib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from headwater.store.cql.grammar import Column, Literal, Name, Relation, Select
from headwater.store.cql.tokens import fault

PARTITIONS_MAX = 100
"""How many combinations the IN of a statement may name."""
_INTEGERS = {"tinyint": 7, "smallint": 15, "int": 31, "bigint": 63, "counter": 63, "varint": 127}
_TIMESTAMP = "timestamp"


class Table(NamedTuple):
    """A table that can be asked."""

    name: str
    columns: Mapping[str, str]
    """Types by name: the partition key, the clustering key, then the others."""
    partition: tuple[str, ...]
    clustering: tuple[str, ...]


class Scope(NamedTuple):
    """What may be asked."""

    keyspace: str
    tables: Mapping[str, Table]
    site: str | None
    """The value that a partition column `site` must have; None where there are no sites."""


class Asked(NamedTuple):
    """A statement of ours, and the columns of its answer."""

    cql: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    limited: bool
    """Its own LIMIT is not above what is given at once: there is nothing behind it."""
    by_id: bool
    """It names its partitions by a column `id`."""


def bounded(select: Select, scope: Scope, rows: int) -> Asked:
    """The statement for at most `rows` rows and one that tells whether there are more; SqlFault for what may not be
    asked."""
    table = _table(select, scope)
    where = [_relation(select, table, relation) for relation in select.where]
    _check_partition(select, table, scope.site)
    columns = select.columns or tuple(Column("column", (Name(name, 0),)) for name in table.columns)
    shown = [_column(select, table, column) for column in columns]
    order = [
        f"{_quoted(_known(select, table, each.column))} {'DESC' if each.descending else 'ASC'}" for each in select.order
    ]
    limit = min(select.limit or rows + 1, rows + 1)
    parts = [
        f"SELECT {', '.join(cql for cql, _, _ in shown)} FROM {_quoted(scope.keyspace)}.{_quoted(table.name)}",
        f"WHERE {' AND '.join(where)}",
        *([f"ORDER BY {', '.join(order)}"] if order else []),
        *([f"PER PARTITION LIMIT {select.per_partition}"] if select.per_partition else []),
        f"LIMIT {limit}",
    ]
    return Asked(
        " ".join(parts),
        tuple(name for _, name, _ in shown),
        tuple(kind for _, _, kind in shown),
        select.limit is not None and select.limit <= rows,
        table.partition == ("id",),
    )


def _table(select: Select, scope: Scope) -> Table:
    keyspace, name = select.keyspace, select.table
    if keyspace is not None and keyspace.text != scope.keyspace:
        raise fault(select.text, keyspace.at, f"only the keyspace {scope.keyspace} is asked here, not {keyspace.text}")
    table = scope.tables.get(name.text)
    if table is None:
        known = ", ".join(sorted(scope.tables))
        raise fault(select.text, name.at, f"there is no table {name.text[:60]}; there are {known}")
    return table


def _check_partition(select: Select, table: Table, site: str | None) -> None:
    """Refuse what does not name whole partitions, or too many."""
    fixed = {each.column.text: each for each in select.where if each.sign in ("=", "in")}
    lacking = [name for name in table.partition if name not in fixed]
    if lacking:
        raise fault(
            select.text,
            select.end,
            f"WHERE must name the whole partition: {' and '.join(lacking)} {'is' if len(lacking) == 1 else 'are'}"
            f" missing (= or IN); the partition of {table.name} is {', '.join(table.partition)}",
        )
    combinations = 1
    for relation in select.where:
        combinations *= len(relation.values)
        if combinations > PARTITIONS_MAX:
            raise fault(
                select.text, relation.column.at, f"the IN name more than {PARTITIONS_MAX} combinations: ask in parts"
            )
    if site is not None and "site" in table.partition:
        for literal in fixed["site"].values:
            if literal.value != site:
                raise fault(select.text, literal.at, f"this server answers for the site {site}, no other")


def _relation(select: Select, table: Table, relation: Relation) -> str:
    name = _known(select, table, relation.column)
    if name not in (*table.partition, *table.clustering):
        key = ", ".join((*table.partition, *table.clustering))
        raise fault(select.text, relation.column.at, f"{name} is not in the key, which alone can be compared: {key}")
    if name in table.partition and relation.sign not in ("=", "in"):
        raise fault(select.text, relation.column.at, f"{name} is of the partition, which is named by = or IN")
    values = [_literal(select, name, table.columns[name], each) for each in relation.values]
    if relation.sign == "in":
        return f"{_quoted(name)} IN ({', '.join(values)})"
    return f"{_quoted(name)} {relation.sign} {values[0]}"


def _column(select: Select, table: Table, column: Column) -> tuple[str, str, str]:
    """How a column of the answer is asked for, what it is called, and its type; times as ms."""
    names = [_known(select, table, name) for name in column.names]
    match column.of:
        case "count":
            return "count(*)", column.alias or "count", "bigint"
        case "token":
            if tuple(names) != table.partition:
                partition = ", ".join(table.partition)
                raise fault(select.text, column.names[0].at, f"token() is of the whole partition: token({partition})")
            return f"token({', '.join(map(_quoted, names))})", column.alias or f"token({', '.join(names)})", "bigint"
    (name,) = names
    kind = table.columns[name]
    asked = f"toUnixTimestamp({_quoted(name)})" if kind == _TIMESTAMP else _quoted(name)
    return asked, column.alias or name, kind


def _known(select: Select, table: Table, name: Name) -> str:
    if name.text in table.columns:
        return name.text
    near = difflib.get_close_matches(name.text, table.columns, 1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(table.columns)}"
    raise fault(select.text, name.at, f"{table.name} has no column {name.text[:60]}; {hint}")


def _literal(select: Select, name: str, kind: str, literal: Literal) -> str:
    """A value as CQL writes it, when the column's type takes it."""
    value = literal.value
    match value:
        case str() if kind in ("text", "varchar", "ascii"):
            return "'" + value.replace("'", "''") + "'"
        case str() if kind == _TIMESTAMP:
            return str(_ms(select, value, literal.at))
        case bool() if kind == "boolean":
            return str(value).lower()
        case int() if kind in _INTEGERS and not isinstance(value, bool):
            if -(1 << _INTEGERS[kind]) <= value < 1 << _INTEGERS[kind]:
                return str(value)
            raise fault(select.text, literal.at, f"{value} is beyond what {name} can be, {kind}")
        case int() if kind == _TIMESTAMP and not isinstance(value, bool) and -(1 << 63) <= value < 1 << 63:
            return str(value)
        case int() | float() if kind in ("double", "float", "decimal") and not isinstance(value, bool):
            return repr(value)
        case bytes() if kind == "blob":
            return f"0x{value.hex()}"
        case UUID() if kind in ("uuid", "timeuuid"):
            return str(value)
    wanted = {"blob": "0x…", "text": "'text'", _TIMESTAMP: "ms since 1970, or 'ISO 8601'", "boolean": "true or false"}
    raise fault(select.text, literal.at, f"{name} is {kind}: {wanted.get(kind, f'a value of type {kind}')} is needed")


def _ms(select: Select, said: str, at: int) -> int:
    try:
        time = datetime.fromisoformat(said)
        return round((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise fault(select.text, at, f"'{said[:40]}' is no time: ISO 8601, or ms since 1970") from None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
