"""What a parsed statement may hold: one SELECT over the relation, and functions that reach nothing outside.

The tree is DuckDB's own (`json_serialize_sql`). What is not known to be harmless is refused.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from headwater.store.query import functions
from headwater.store.query.faults import SqlFault, fault_at
from headwater.store.query.relation import NAME, NAME_2018, NAMES, OF_2018

Tree = dict[str, Any]

_EXPRESSIONS = frozenset(
    {"BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "FUNCTION"}
    | {"LAMBDA", "LAMBDA_REF", "OPERATOR", "POSITIONAL_REFERENCE", "STAR", "SUBQUERY", "TYPE", "WINDOW"}
)
_TABLES = frozenset(
    {"BASE_TABLE", "EMPTY", "EXPRESSION_LIST", "JOIN", "PIVOT", "SHOW_REF", "SUBQUERY", "TABLE_FUNCTION"}
)
_NODES = frozenset({"CTE_NODE", "RECURSIVE_CTE_NODE", "SELECT_NODE", "SET_OPERATION_NODE"})
_MODIFIERS = frozenset(
    {"ASCENDING", "DESCENDING", "DISTINCT_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER"}
    | {"ORDER_DEFAULT", "ORDER_MODIFIER"}
)
_TYPED = _TABLES | _NODES | _MODIFIERS
_CTE_NAME = re.compile(r"(?!pg_|duckdb_|sqlite_|pragma_|information_schema)[a-z_][a-z0-9_]{0,62}", re.ASCII)
_NESTED_MAX = 200


class Statement(NamedTuple):
    """A statement that may run."""

    sql: str
    tree: Tree
    """Its one query node."""
    tables: tuple[Tree, ...]
    """Where it reads the relation."""
    columns: frozenset[str]
    """The columns of the relation that it may need, never fewer."""


def checked(sql: str, parsed: Tree) -> Statement:
    """The statement of a parse; SqlFault, with its place, when it may not run."""
    if parsed.get("error"):
        raise _parse_fault(sql, parsed)
    statements = parsed.get("statements", [])
    if len(statements) != 1:
        raise SqlFault(f"one SELECT is needed, {len(statements) or 'no'} statements are here")
    node = statements[0]["node"]
    _check_depth(node)
    names = {name.lower() for tree in walk(node) for name in cte_names(tree)}
    for name in names:
        if name in (NAME, NAME_2018) or not _CTE_NAME.fullmatch(name):
            raise SqlFault(f'WITH cannot be called "{name[:63]}": use another name of letters, digits and _')
    tables = [tree for tree in walk(node) if (table := _checked_part(sql, tree, names)) is not None and table]
    return Statement(sql, node, tuple(tables), _columns(node, tables))


def walk(tree: object) -> Iterator[Tree]:
    """All parts of a tree, outer ones first."""
    stack = [tree]
    while stack:
        at = stack.pop()
        if isinstance(at, dict):
            yield at
            stack.extend(reversed(at.values()))
        elif isinstance(at, list):
            stack.extend(reversed(at))


def place_of(tree: Tree) -> int | None:
    """The byte offset of a part in its query, None where the parser names none."""
    offset = tree.get("query_location")
    return offset if isinstance(offset, int) and offset < 1 << 62 else None


def _parse_fault(sql: str, parsed: Tree) -> SqlFault:
    said = str(parsed.get("error_message", "it cannot be read"))
    if "Only SELECT" in said:
        return SqlFault(
            "only SELECT is answered here: nothing can be written, attached, copied or set", reason="select"
        )
    position = str(parsed.get("position", ""))
    return fault_at(sql, int(position) if position.isdecimal() else None, said)


def _check_depth(node: Tree) -> None:
    level: list[object] = [node]
    for _ in range(_NESTED_MAX):
        level = [
            each
            for at in level
            for each in (at.values() if isinstance(at, dict) else at if isinstance(at, list) else ())
            if isinstance(each, dict | list)
        ]
        if not level:
            return
    raise SqlFault(f"it is nested more than {_NESTED_MAX} levels deep")


def cte_names(tree: Tree) -> list[str]:
    ctes = tree.get("cte_map")
    return [str(one["key"]) for one in ctes["map"]] if isinstance(ctes, dict) else []


def _checked_part(sql: str, tree: Tree, names: set[str]) -> bool | None:
    """Whether a part reads the relation; SqlFault when it may not stand in a query."""
    kind = tree.get("class")
    if isinstance(kind, str):
        _check_expression(sql, tree, kind)
        return None
    kind = tree.get("type")
    if not isinstance(kind, str):
        return None
    if kind not in _TYPED:
        raise fault_at(sql, place_of(tree), f"{kind} cannot be used here")
    check = _TABLE_CHECKS.get(kind)
    return None if check is None else check(sql, tree, names)


def _check_expression(sql: str, tree: Tree, kind: str) -> None:
    if kind == "PARAMETER":
        raise fault_at(sql, place_of(tree), "parameters cannot be used here: write the value itself")
    if kind not in _EXPRESSIONS:
        raise fault_at(sql, place_of(tree), f"{kind} cannot be used here")
    if kind in ("FUNCTION", "WINDOW"):
        _check_function(sql, tree, functions.ALLOWED)


def _check_function(sql: str, tree: Tree, allowed: frozenset[str], place: int | None = None) -> None:
    name = str(tree.get("function_name", "")).lower()
    qualified = tree.get("schema") or tree.get("catalog") or len(tree.get("qualified_name", {}).get("path", [0])) > 1
    if name not in allowed or qualified:
        where = place_of(tree) if place is None else place
        raise fault_at(sql, where, f'the function "{name[:60]}" cannot be used here; docs/sql.md says what can')


def _table(sql: str, tree: Tree, names: set[str]) -> bool:
    name = str(tree.get("table_name", "")).lower()
    alone = not tree.get("schema_name") and not tree.get("catalog_name") and not tree.get("at_clause")
    if alone and name in names:
        return False
    if not alone or name not in (NAME, NAME_2018):
        shown = ".".join(map(str, tree.get("qualified_name", {}).get("path", [name])))
        raise fault_at(sql, place_of(tree), f'there is no relation "{shown[:80]}": ask {NAME}')
    return True


def _table_function(sql: str, tree: Tree, names: set[str]) -> bool:
    _check_function(sql, tree["function"], functions.TABLES, place_of(tree))
    return False


def _described(sql: str, tree: Tree, names: set[str]) -> bool:
    if tree.get("query") is not None:
        return False
    name = str(tree.get("table_name", "")).strip('"').lower()
    if name != NAME:
        raise fault_at(sql, place_of(tree), f"this cannot be shown: DESCRIBE {NAME} lists the columns")
    return True


_TABLE_CHECKS: dict[str, Callable[[str, Tree, set[str]], bool]] = {
    "BASE_TABLE": _table,
    "TABLE_FUNCTION": _table_function,
    "SHOW_REF": _described,
}


def _columns(node: Tree, tables: list[Tree]) -> frozenset[str]:
    """The columns that a query may need: those whose name occurs anywhere, or all when it names them otherwise."""
    whole = {NAME, NAME_2018, *(str(table.get("alias", "")).lower() for table in tables)}
    found: set[str] = set()
    for tree in walk(node):
        kind = tree.get("class") or tree.get("type")
        references = tree.get("column_names") or [""]
        if (
            kind in ("STAR", "POSITIONAL_REFERENCE", "SHOW_REF", "PIVOT")
            or tree.get("ref_type") == "NATURAL"
            or tree.get("column_name_alias")
            or (kind == "COLUMN_REF" and str(references[-1]).lower() in whole)
        ):
            return frozenset(NAMES)
        found.update(_texts(tree))
    if "inputdps" in found:
        found |= {"inputs", "contribution"}
    return frozenset(NAMES) & (found | {OF_2018[name] for name in found if name in OF_2018})


def _texts(tree: Tree) -> Iterator[str]:
    for value in tree.values():
        for one in value if isinstance(value, list) else (value,):
            if isinstance(one, str):
                yield one.lower()
