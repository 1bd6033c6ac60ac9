"""DuckDB for one query: in memory, locked, without files, extensions, or anything else of the outside."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pyarrow as pa

from headwater.store.query.arrow import Relation
from headwater.store.query.faults import SqlFault, fault_at
from headwater.store.query.filters import Constant
from headwater.store.query.guard import Statement, Tree, checked, cte_names, place_of, walk
from headwater.store.query.relation import NAME, NAME_2018, view_2018

ROWS_AT_ONCE = 2_048
SQL_LENGTH_MAX = 100_000
_CONFIG: dict[str, Any] = {
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "python_enable_replacements": False,
    "temp_directory": "",
    "preserve_insertion_order": False,
}


class Engine:
    """A locked DuckDB that knows the relation."""

    def __init__(self, memory_bytes_max: int, threads: int) -> None:
        limits = {"memory_limit": f"{memory_bytes_max}B", "threads": threads}
        self._connection = duckdb.connect(":memory:", config=_CONFIG | limits)
        self._connection.execute("SET errors_as_json = true")
        self._connection.execute("SET TimeZone = 'UTC'")

    def close(self) -> None:
        self._connection.close()

    def interrupt(self) -> None:
        """Break off what is being worked out, from another thread."""
        self._connection.interrupt()

    def statement(self, sql: str, of_2018: bool) -> Statement:
        """The statement of a query; SqlFault when it may not run. With `of_2018` the relation that it names first,
        whatever its name, is the one of 2018."""
        if len(sql) > SQL_LENGTH_MAX:
            raise SqlFault(f"a query has at most {SQL_LENGTH_MAX} characters, this one {len(sql)}")
        sql = _encodable(sql)
        parsed = self._parsed(sql)
        if of_2018 and (renamed := _renamed(sql, parsed)) is not None:
            sql, parsed = renamed, self._parsed(renamed)
        return checked(sql, parsed)

    def lock(self, relation: Relation) -> None:
        """Let the relation be asked, and nothing be changed any more. One transaction: its `now()` stands still."""
        self._connection.register(NAME, relation)
        self._connection.execute(view_2018())
        self._connection.execute("SET lock_configuration = true")
        self._connection.execute("BEGIN TRANSACTION")

    def constants(self, trees: list[Tree]) -> list[Constant | None]:
        """What expressions without columns are; None for those that fail."""
        found = self._worked_out(trees)
        if found is None and len(trees) > 1:
            return [each for tree in trees for each in (self._worked_out([tree]) or [None])]
        return list(found or [None])

    def read(self, sql: str) -> "Answer":
        """Begin to answer a statement; SqlFault says what DuckDB says."""
        try:
            relation = self._connection.sql(sql)
            names, types = list(relation.columns), [str(each) for each in relation.types]
            return Answer(names, types, relation.to_arrow_reader(ROWS_AT_ONCE), lambda error: self._fault(sql, error))
        except (duckdb.Error, MemoryError, RuntimeError) as error:
            raise self._fault(sql, error) from None

    def _parsed(self, sql: str) -> Tree:
        parsed: Tree = json.loads(self._row("SELECT json_serialize_sql(?::VARCHAR)", [sql])[0])
        return parsed

    def _row(self, sql: str, values: list[object] | None = None) -> tuple[Any, ...]:
        """The one row of a question of ours."""
        (row,) = self._connection.execute(sql, values).fetchall()
        return tuple(row)

    def _worked_out(self, trees: list[Tree]) -> list[Constant | None] | None:
        try:
            (listed,) = self._row("SELECT json_deserialize_sql(?::JSON)", [_select(trees)])
            names = [f"c{at}" for at in range(len(trees))]
            shown = ", ".join(
                f"typeof({c}), {c}::VARCHAR, epoch_ms(try_cast({c}::VARCHAR AS TIMESTAMP))" for c in names
            )
            row = self._row(f"SELECT {shown} FROM ({listed}) AS t({', '.join(names)})")
        except duckdb.Error:
            return None
        return [Constant(*row[at : at + 3]) for at in range(0, len(row), 3)]

    def _fault(self, sql: str, error: Exception) -> SqlFault:
        fault = fault_of(sql, error, 0)
        if fault.line is None and isinstance(error, duckdb.BinderException | duckdb.CatalogException):
            # Only a statement that is prepared says where it cannot be bound.
            prefix = "PREPARE asked AS "
            try:
                self._connection.execute(prefix + sql)
            except duckdb.Error as placed:
                return fault_of(sql, placed, len(prefix))
        return fault


class Answer:
    """The rows of an answer, read as they are worked out."""

    def __init__(
        self,
        names: list[str],
        types: list[str],
        reader: pa.RecordBatchReader,
        fault: Callable[[Exception], SqlFault],
    ) -> None:
        self.names = names
        self.types = types
        self.schema = reader.schema
        self._reader = reader
        self._fault = fault

    def batches(self) -> Iterator[pa.RecordBatch]:
        while True:
            try:
                batch = self._reader.read_next_batch()
            except StopIteration:
                return
            except (duckdb.Error, pa.ArrowException, OSError, MemoryError, RuntimeError) as error:
                raise self._fault(error) from None
            if batch.num_rows:
                yield batch

    def close(self) -> None:
        self._reader.close()


def fault_of(sql: str, error: Exception, prefix: int) -> SqlFault:
    """What DuckDB says, with the place in the query; `prefix` bytes stood before it."""
    text = str(error)
    if isinstance(error, MemoryError) or "Out of Memory" in text or "bad_alloc" in text:
        return SqlFault(
            "it needs more memory than a query may have: ask for less at once (WHERE, LIMIT)", reason="memory"
        )
    said = _said(text)
    position = str(said.get("position", ""))
    place = int(position) - prefix if position.isdecimal() else None
    first, _, rest = str(said["exception_message"]).partition("\n")
    candidates = rest.strip().split("\n")[0] if "andidate" in rest[:12] or "mean" in rest[:12] else ""
    return fault_at(sql, place, f"{first} {candidates}".strip())


def _said(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text[text.index("{") :])
        return found if isinstance(found, dict) and "exception_message" in found else {"exception_message": text}
    except ValueError:
        return {"exception_message": text}


def _select(trees: list[Tree]) -> str:
    """A SELECT of expressions, as DuckDB writes parsed statements."""
    node: Tree = {
        "type": "SELECT_NODE",
        "modifiers": [],
        "cte_map": {"map": []},
        "select_list": [tree | {"alias": ""} for tree in trees],
        "from_table": {"type": "EMPTY", "alias": "", "sample": None},
        "where_clause": None,
        "group_expressions": [],
        "group_sets": [],
        "aggregate_handling": "STANDARD_HANDLING",
        "having": None,
        "sample": None,
        "qualify": None,
    }
    return json.dumps({"error": False, "statements": [{"node": node, "named_param_map": []}]})


def _renamed(sql: str, parsed: Tree) -> str | None:
    """The query with the first relation that it names put right, as 2018 did; None when it names none."""
    statements = parsed.get("statements") or [{}]
    ctes = {name.lower() for tree in walk(statements[0]) for name in cte_names(tree)}
    for tree in walk(statements[0]):
        place = place_of(tree)
        if tree.get("type") == "BASE_TABLE" and place is not None and str(tree["table_name"]).lower() not in ctes:
            text = sql.encode()
            end = place + int(tree["query_location_length"])
            # The length may span an alias: the name itself ends where the parser's path of names does.
            return (text[:place] + NAME_2018.encode() + text[place + _name_bytes(text[place:end], tree) :]).decode()
    return None


def _name_bytes(text: bytes, tree: Tree) -> int:
    """How many bytes of a text the qualified name at its start takes."""
    at = 0
    for number in range(len(tree["qualified_name"]["path"])):
        at += 1 if number else 0
        at = text.index(b'"', at + 1) + 1 if text[at : at + 1] == b'"' else at + _word_bytes(text[at:])
    return at


def _word_bytes(text: bytes) -> int:
    return next(
        (at for at, byte in enumerate(text) if not (chr(byte).isalnum() or byte in b"_$" or byte > 127)), len(text)
    )


def _encodable(sql: str) -> str:
    try:
        sql.encode()
    except UnicodeEncodeError:
        raise SqlFault("it holds half a surrogate pair, which is no character") from None
    if "\0" in sql:
        raise SqlFault("it holds a zero character")
    return sql
