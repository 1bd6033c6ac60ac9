"""`headwater sql`: a SELECT over the relation `provenance`, as a table or written to a file."""

import sys
from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from headwater.cli import typed
from headwater.cli.asking_sql import Answer, asking_sql, whole_file
from headwater.cli.client import DEFAULT_SERVER, SERVER_KEY
from headwater.cli.printable import printable
from headwater.client.calls import reading
from headwater.client.results import SqlAnswer
from headwater.model.errors import ConfigError

WIDE = 1000
BINARY = ("arrow", "parquet")
_NUMBERS_OF_CQL = (
    "tinyint",
    "smallint",
    "int",
    "bigint",
    "varint",
    "counter",
    "float",
    "double",
    "decimal",
    "timestamp",
)


class Format(StrEnum):
    """How an answer is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    ARROW = "arrow"
    PARQUET = "parquet"


def main(arguments: list[str]) -> int:
    """Ask and print."""
    return typed.run("sql", sql, arguments)


def sql(
    query: Annotated[str | None, typer.Argument(metavar="QUERY", help="A SELECT; else it is read from stdin.")] = None,
    format: Annotated[Format, typer.Option(help="What to print.")] = Format.TABLE,
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it to this file.")] = None,
    rows: Annotated[int | None, typer.Option(min=0, metavar="N", help="At most so many rows (10000).")] = None,
    all_: Annotated[bool, typer.Option("--all", help="All rows, streamed, however many they are.")] = False,
    values: Annotated[bool, typer.Option("--values", help="Fetch values from the nodes.")] = False,
    cql: Annotated[
        bool, typer.Option("--cql", help="It is CQL over the tables of a store on Cassandra; a table or JSON.")
    ] = False,
    server: Annotated[
        str, typer.Option(metavar="URL", envvar=SERVER_KEY, help="The server's REST address.")
    ] = DEFAULT_SERVER,
) -> int:
    """Answer a SELECT over the relation provenance; docs/sql.md describes its columns. Ctrl-C cancels the query.

    Examples:

        headwater sql "SELECT node_name, count(*) FROM provenance GROUP BY ALL"

        headwater sql --format parquet --output average.parquet < average.sql

        headwater sql --cql "SELECT id, name FROM node WHERE site = 'default'"
    """
    text = _query(query)
    if all_ and (rows is not None or format is Format.TABLE):
        raise ConfigError("--all goes with --format json, csv, arrow or parquet, and without --rows")
    if output is not None and format is Format.TABLE:
        raise ConfigError("--output needs --format json, csv, arrow or parquet")
    if format in BINARY and output is None and sys.stdout.isatty():
        raise ConfigError(f"--format {format} is not for a terminal: name a file with --output")
    if cql:
        if values or all_ or format not in (Format.TABLE, Format.JSON):
            raise ConfigError("--cql goes with --format table or json, without --all and --values")
        question: dict[str, Any] = {"query": text, "rows": rows}
        return _show(asking_sql(server, question, "/v1/cql"), format, output)
    asked = "json" if format is Format.TABLE else str(format)
    question = {"query": text, "format": asked, "rows": rows, "stream": all_, "values": values}
    return _show(asking_sql(server, question), format, output)


def _show(asking: AbstractContextManager[Answer], format: Format, output: Path | None) -> int:
    with asking as answer:
        if format is Format.TABLE:
            draw(reading(SqlAnswer)(answer.body()))
        else:
            _write(answer, output, format)
        _warn(answer)
    return 0


def draw(answer: SqlAnswer) -> None:
    """An answer as a table for people; a terminal folds what is too long for it."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in answer.columns:
        table.add_column(
            Text(printable(column.name)), justify="right" if _is_number(column.type) else "left", no_wrap=True
        )
    for row in answer.rows:
        table.add_row(*(Text(shown(value)) for value in row))
    Console(width=WIDE, soft_wrap=True, highlight=False).print(table)


def shown(value: Any) -> str:
    """A value in a table, on one line: NULL is nothing, lists and structures are JSON."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return printable(text)


def _query(text: str | None) -> str:
    if text in (None, "-"):
        if sys.stdin.isatty():
            raise ConfigError('a query is needed, as in headwater sql "SELECT count(*) FROM provenance"')
        text = sys.stdin.read()
    if not str(text).strip():
        raise ConfigError("the query is empty")
    return str(text)


def _write(answer: Answer, output: Path | None, format: Format) -> None:
    if output is not None:
        with whole_file(output) as file:
            file.writelines(answer.parts())
        return
    for part in answer.parts():
        sys.stdout.buffer.write(part)
    if format is Format.JSON:
        sys.stdout.buffer.write(b"\n")
    sys.stdout.buffer.flush()


def _warn(answer: Answer) -> None:
    if answer.truncated:
        how = "--rows N takes more, --all with --format all of it"
        print(f"headwater: cut after {answer.rows} rows ({answer.truncated}); {how}", file=sys.stderr)


def _is_number(kind: str) -> bool:
    return "INT" in kind or kind.startswith(("DECIMAL", "DOUBLE", "FLOAT")) or kind in _NUMBERS_OF_CQL
