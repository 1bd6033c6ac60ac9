"""What the conditions of a query say about ids, nodes, series and times, read from its parsed tree.

Only conditions that every row must meet are read, where the relation is all of FROM or joined INNER to the rest. What
is not understood narrows nothing.
"""

import math
import re
from collections.abc import Callable, Iterator
from functools import reduce
from typing import NamedTuple

from headwater.model.errors import Rejected
from headwater.model.ids import ORDINAL_MAX, parse_id, parse_node
from headwater.store.query.functions import AGGREGATES, VOLATILE
from headwater.store.query.guard import Statement, Tree, walk
from headwater.store.query.relation import NAMES, OF_2018
from headwater.store.query.wanted import ALL, NOTHING, Bounds, Wanted


class Constant(NamedTuple):
    """A constant of a condition."""

    type: str
    """DuckDB's name of its type."""
    text: str | None
    """None for NULL."""
    at_ms: int | None = None
    """What it is as a time, ms since the epoch."""


Constants = Callable[[list[Tree]], list[Constant | None]]
"""The constants that expressions are; None for one that fails or is none."""

_FLIPPED = {
    "COMPARE_EQUAL": "COMPARE_EQUAL",
    "COMPARE_LESSTHAN": "COMPARE_GREATERTHAN",
    "COMPARE_GREATERTHAN": "COMPARE_LESSTHAN",
    "COMPARE_LESSTHANOREQUALTO": "COMPARE_GREATERTHANOREQUALTO",
    "COMPARE_GREATERTHANOREQUALTO": "COMPARE_LESSTHANOREQUALTO",
}
_TIME_OF_MS = frozenset({"epoch_ms", "make_timestamp_ms"})
_NUMBER = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|DECIMAL\(.*")
_HEX = re.compile(r"[0-9a-f]*", re.ASCII)


class Newest(NamedTuple):
    """A query for the first `rows` rows by falling id."""

    rows: int
    returned: int
    """How many of them it returns."""


def wanted_of(statement: Statement, constants: Constants) -> Wanted:
    """What all readings of the relation in a statement can want."""
    found = [
        wanted
        for node in walk(statement.tree)
        if node.get("type") == "SELECT_NODE"
        for wanted in _of_node(node, statement, constants)
    ]
    if not found or len(found) != len(statement.tables):
        return ALL
    return reduce(Wanted.either, found)


def newest_of(statement: Statement) -> Newest | None:
    """What a statement asks of the newest ids, when it is no more than that."""
    node = statement.tree
    if node["type"] != "SELECT_NODE" or len(statement.tables) != 1 or node["from_table"] is not statement.tables[0]:
        return None
    if any(node.get(part) for part in ("group_expressions", "group_sets", "having", "qualify", "sample")):
        return None
    if not _plain(statement.tables[0]) or any(map(_spans_rows, walk(node))):
        return None
    modifiers = {modifier["type"]: modifier for modifier in node["modifiers"]}
    if set(modifiers) != {"ORDER_MODIFIER", "LIMIT_MODIFIER"} or not _newest_first(modifiers["ORDER_MODIFIER"], node):
        return None
    limit = modifiers["LIMIT_MODIFIER"]
    returned, skipped = _literal(limit.get("limit"), None), _literal(limit.get("offset"), 0)
    if limit.get("limit_type") != "ROW_COUNT" or returned is None or skipped is None:
        return None
    return Newest(returned + skipped, returned)


def _of_node(node: Tree, statement: Statement, constants: Constants) -> Iterator[Wanted]:
    """What one SELECT wants of each reading of the relation that stands in its FROM."""
    source = node.get("from_table")
    if not isinstance(source, dict):
        return
    sampled = bool(node.get("sample"))
    joined = source.get("type") == "JOIN"
    for table in _tables(source):
        if not any(table is known for known in statement.tables):
            continue
        if sampled or not _plain(table):
            yield ALL
            continue
        names = {str(table.get("alias") or table["table_name"]).lower()}
        yield _Conditions(names, not joined, constants).of(node.get("where_clause"))


def _tables(source: Tree) -> Iterator[Tree]:
    """The tables of a FROM whose rows a condition may narrow."""
    if source.get("type") == "BASE_TABLE":
        yield source
    inner = source.get("join_type") == "INNER" and source.get("ref_type") in ("REGULAR", "CROSS")
    if inner and not source.get("sample"):
        yield from _tables(source["left"])
        yield from _tables(source["right"])


def _plain(table: Tree) -> bool:
    return not (table.get("sample") or table.get("column_name_alias"))


class _Conditions:
    """Reads the conditions on one table."""

    def __init__(self, names: set[str], alone: bool, constants: Constants) -> None:
        self._names = names
        self._alone = alone
        self._constants = constants

    def of(self, tree: Tree | None) -> Wanted:
        if not isinstance(tree, dict):
            return ALL
        kind = tree.get("type")
        if kind == "CONJUNCTION_AND":
            return reduce(Wanted.both, map(self.of, tree["children"]), ALL)
        if kind == "CONJUNCTION_OR":
            return reduce(Wanted.either, map(self.of, tree["children"]))
        if tree.get("class") == "COMPARISON" and kind in _FLIPPED:
            return self._compared(tree["left"], kind, tree["right"])
        if tree.get("class") == "BETWEEN":
            lower = self._compared(tree["input"], "COMPARE_GREATERTHANOREQUALTO", tree["lower"])
            return lower.both(self._compared(tree["input"], "COMPARE_LESSTHANOREQUALTO", tree["upper"]))
        if kind == "COMPARE_IN":
            return self._listed(*tree["children"])
        return ALL

    def _listed(self, left: Tree, *listed: Tree) -> Wanted:
        column = self._column(left)
        constants = self._known(list(listed)) if column is not None else []
        if column is None or None in constants:
            return ALL
        each = [_narrowed(*column, "COMPARE_EQUAL", constant) for constant in constants if constant is not None]
        return reduce(Wanted.either, each, NOTHING)

    def _compared(self, left: Tree, kind: str, right: Tree) -> Wanted:
        column = self._column(left)
        if column is None:
            column, kind, right = self._column(right), _FLIPPED[kind], left
        if column is None:
            return ALL
        (constant,) = self._known([right])
        return ALL if constant is None else _narrowed(*column, kind, constant)

    def _known(self, trees: list[Tree]) -> list[Constant | None]:
        known = [_written(tree) for tree in trees]
        asked = [tree for tree, one in zip(trees, known, strict=True) if one is None and is_constant(tree)]
        worked_out = iter(self._constants(asked) if asked else [])
        return [
            next(worked_out) if one is None and is_constant(tree) else one
            for tree, one in zip(trees, known, strict=True)
        ]

    def _column(self, tree: Tree) -> tuple[str, bool] | None:
        """The column that an expression is, and whether it is a time made of its milliseconds."""
        if tree.get("class") == "FUNCTION" and str(tree.get("function_name")).lower() in _TIME_OF_MS:
            found = self._column(tree["arguments"][0]["expression"]) if len(tree["arguments"]) == 1 else None
            return None if found is None or found[1] else (found[0], True)
        if tree.get("class") != "COLUMN_REF":
            return None
        path = [str(name).lower() for name in tree["column_names"]]
        if len(path) == 2 and path[0] in self._names:
            path = path[1:]
        elif len(path) != 1 or not self._alone:
            return None
        name = OF_2018.get(path[0], path[0])
        return (name, False) if name in NAMES else None


def _written(tree: Tree) -> Constant | None:
    """The constant of a number or text that is written as such."""
    literal = tree.get("literal")
    if tree.get("class") != "CONSTANT" or not isinstance(literal, dict):
        return None
    kinds = {"STRING": "VARCHAR", "INTEGER": "BIGINT"}
    kind = kinds.get(str(literal.get("kind")))
    # A text may be a time as well: that is worked out.
    return (
        Constant(kind, str(literal.get("text")))
        if kind == "BIGINT" or (_HEX.fullmatch(str(literal.get("text"))) and kind)
        else None
    )


def is_constant(tree: Tree) -> bool:
    """Whether an expression is the same for every row, and for each time that it is worked out."""
    for part in walk(tree):
        kind = part.get("class")
        if kind in ("COLUMN_REF", "SUBQUERY", "LAMBDA", "LAMBDA_REF", "STAR", "WINDOW", "POSITIONAL_REFERENCE"):
            return False
        if kind == "FUNCTION" and str(part.get("function_name")).lower() in VOLATILE | AGGREGATES | {"unnest"}:
            return False
    return True


def _narrowed(name: str, as_time: bool, kind: str, constant: Constant) -> Wanted:
    typed, text, at_ms = constant
    if text is None:
        return NOTHING  # Nothing compares with NULL.
    if name in ("timestamp", "rtime"):
        at = at_ms if as_time else _milliseconds(typed, text)
        return ALL if at is None else _within("timestamps" if name == "timestamp" else "received", kind, at)
    if as_time or typed != "VARCHAR":
        return ALL
    if name == "id":
        return _ids(kind, text)
    return _equal(name, text) if kind == "COMPARE_EQUAL" else ALL


def _equal(name: str, text: str) -> Wanted:
    if name == "meter":
        return Wanted(meters=frozenset({text}))
    if name == "metric":
        return Wanted(metrics=frozenset({text}))
    if name == "node":
        try:
            return Wanted(nodes=frozenset({parse_node(text)})) if text == text.lower() else NOTHING
        except Rejected:
            return NOTHING
    return ALL


def _ids(kind: str, text: str) -> Wanted:
    if kind == "COMPARE_EQUAL":
        try:
            return Wanted(ids=frozenset({parse_id(text)})) if text == text.lower() else NOTHING
        except Rejected:
            return NOTHING
    if not _HEX.fullmatch(text):
        return ALL
    # As texts sort, so do the numbers that they begin with.
    if "GREATER" in kind:
        return Wanted(ordinals=Bounds(int(f"{text[:14]:0<14}", 16), ORDINAL_MAX))
    return Wanted(ordinals=Bounds(0, int(f"{text[:14]:f<14}", 16)))


def _milliseconds(typed: str, text: str) -> float | None:
    if not _NUMBER.fullmatch(typed):
        return None
    try:
        at = float(text) if "." in text or "e" in text.lower() or "n" in text.lower() else int(text)
    except ValueError:
        return None
    return at if math.isfinite(at) else None


def _within(field: str, kind: str, at: float) -> Wanted:
    low, high = math.floor(at) - 1, math.ceil(at) + 1
    bounds = Bounds(
        low if "GREATER" in kind or kind == "COMPARE_EQUAL" else Bounds().first,
        high if "LESS" in kind or kind == "COMPARE_EQUAL" else Bounds().last,
    )
    return Wanted(timestamps=bounds) if field == "timestamps" else Wanted(received=bounds)


def _spans_rows(tree: Tree) -> bool:
    """Whether a part makes an answer of more than one row of the relation, or more than one answer of a row."""
    kind = tree.get("class")
    if kind in ("SUBQUERY", "WINDOW"):
        return True
    return kind == "FUNCTION" and str(tree.get("function_name")).lower() in AGGREGATES | {"unnest", "unpivot_list"}


def _newest_first(order: Tree, node: Tree) -> bool:
    first = order["orders"][0]
    path = first["expression"].get("column_names", ())
    named = [str(name).lower() for name in path]
    shadowed = any(
        str(one.get("alias", "")).lower() == "id"
        and [str(x).lower() for x in one.get("column_names", ())][-1:] != ["id"]
        for one in node["select_list"]
    )
    return first["type"] == "DESCENDING" and named[-1:] == ["id"] and not shadowed


def _literal(tree: Tree | None, absent: int | None) -> int | None:
    """The integer that is written; None for anything else."""
    if tree is None:
        return absent
    text = str(tree.get("literal", {}).get("text", ""))
    return int(text) if tree.get("class") == "CONSTANT" and text.isdecimal() and len(text) < 10 else None
