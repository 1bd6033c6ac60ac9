"""`headwater export`: data points of a time range with their provenance: Parquet, JSON of 2018, or tables of 2018."""

import io
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import msgspec
import typer

from headwater.cli import typed
from headwater.cli.asking_sql import STANDARD_OUTPUT, Answer, asking_sql, whole_file
from headwater.cli.client import DEFAULT_SERVER, SERVER_KEY
from headwater.cli.export_2018 import KIND, TABLE, exported, target_of
from headwater.cli.find import range_of
from headwater.model.errors import ConfigError

ROW_GROUP_ROWS = 1 << 17
SAY_EVERY_S = 1.0
_CONTEXT = {
    "line": "lineNo",
    "application": "appName",
    "class": "className",
    "timestamp": "timestamp",
    "stime": "sendTime",
    "rtime": "receiveTime",
    "meter": "meterId",
    "metric": "metricId",
    "node": "hostId",
}


def main(arguments: list[str]) -> int:
    """Ask and write."""
    return typed.run("export", export, arguments)


def export(
    output: Annotated[
        str, typer.Argument(metavar="FILE", help="The file to write; - is standard output. Or HOST:PORT/KEYSPACE.")
    ],
    from_: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="Event time at or after: ISO 8601 (UTC), or ms.")
    ] = None,
    to: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TIME",
            help="Event time before. Or cassandra-2018: the tables of 2018 in a keyspace, instead of a file.",
        ),
    ] = None,
    meter: Annotated[str | None, typer.Option(metavar="ID", help="Only this meter.")] = None,
    metric: Annotated[str | None, typer.Option(metavar="ID", help="Only this metric.")] = None,
    node: Annotated[str | None, typer.Option(metavar="NODE", help="Only at this node: its id or name.")] = None,
    values: Annotated[bool, typer.Option("--values", help="Fetch values from the nodes.")] = False,
    model: Annotated[bool, typer.Option("--model", help="Write the JSON form of 2018 instead of Parquet.")] = False,
    table: Annotated[str, typer.Option(metavar="NAME", help="The table of data points of 2018.")] = TABLE,
    user: Annotated[str | None, typer.Option(metavar="NAME", help="Who we are to Cassandra.")] = None,
    password_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Holds that user's password on its first line.")
    ] = None,
    ca_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Certificates that Cassandra's are checked against: TLS.")
    ] = None,
    server: Annotated[
        str, typer.Option(metavar="URL", envvar=SERVER_KEY, help="The server's REST address.")
    ] = DEFAULT_SERVER,
) -> int:
    """Export data points with their provenance: a row, or a JSON document, for each value at each place.

    Examples:

        headwater export --from 2026-11-21 --to 2026-11-22 day.parquet

        headwater export --meter meter-00200 --model meter.json

        headwater export --to cassandra-2018 127.0.0.1:9042/provenancekey
    """
    times = [text for text in to or () if text != KIND]
    if len(times) > 1:
        raise ConfigError(f"--to {times[1]}: one time is enough")
    query = selection(*range_of(from_, times[0] if times else None), meter, metric, node)
    question = {"query": query, "format": "arrow", "stream": True, "values": values}
    progress = Progress(time.monotonic, sys.stderr.write, sys.stderr.isatty())
    if KIND not in (to or ()):
        return _to_file(Path(output), question, model, server, progress)
    if values or model:
        raise ConfigError(f"--values and --model do not go with --to {KIND}: its tables have no place for them")
    target = target_of(output, user, password_file, ca_file)
    with asking_sql(server, question) as answer:
        exported(target, table, server, batches(answer, progress))
    progress.end(Path(output))
    return 0


def _to_file(path: Path, question: dict[str, object], model: bool, server: str, progress: "Progress") -> int:
    """Write the answer to a question as a whole file."""
    if path == STANDARD_OUTPUT and sys.stdout.isatty() and not model:
        raise ConfigError("Parquet is not for a terminal: name a file")
    write = write_model if model else write_parquet
    with whole_file(path) as file, asking_sql(server, question) as answer:
        write(file, batches(answer, progress))
    progress.end(path)
    return 0


def selection(first_ms: int | None, end_ms: int | None, meter: str | None, metric: str | None, node: str | None) -> str:
    """The query for data points of a time range, a series and a node; what is None may be anything."""
    where = [f"timestamp >= {first_ms}"] if first_ms is not None else []
    where += [f"timestamp < {end_ms}"] if end_ms is not None else []
    where += [f"meter = {_quoted(meter)}"] if meter is not None else []
    where += [f"metric = {_quoted(metric)}"] if metric is not None else []
    where += [f"(node = {_quoted(node.lower())} OR node_name = {_quoted(node)})"] if node is not None else []
    return "SELECT * FROM provenance" + (f" WHERE {' AND '.join(where)}" if where else "")


class Progress:
    """Says in the end how far it came, and on a terminal before, on one line, each second."""

    def __init__(self, seconds: Callable[[], float], say: Callable[[str], object], terminal: bool) -> None:
        self.rows = 0
        self._seconds = seconds
        self._terminal = terminal
        self._say = say
        self._begun_s = self._due_s = seconds()

    def add(self, rows: int) -> None:
        self.rows += rows
        if self._terminal and self._seconds() >= self._due_s:
            self._due_s = self._seconds() + SAY_EVERY_S
            self._say(f"\r{self._line()}")

    def end(self, output: Path) -> None:
        size = f", {output.stat().st_size:,} bytes in {output}" if output.is_file() else ""
        begin = "\r" if self._terminal else ""
        self._say(f"{begin}{self._line()}{size}\n")

    def _line(self) -> str:
        rate = self.rows / max(self._seconds() - self._begun_s, 0.001)
        return f"{self.rows:,} data points, {rate:,.0f} a second"


class _Stream(io.RawIOBase):
    """The bytes of an answer as a file to read from."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            part = next(self._parts, None)
            if part is None:
                return 0
            self._left = part
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count


def batches(answer: Answer, progress: Progress) -> Iterator[Any]:
    """The schema of an answer, then its record batches."""
    import pyarrow.ipc

    with pyarrow.ipc.open_stream(io.BufferedReader(_Stream(answer.parts()), 1 << 20)) as reader:
        yield reader.schema
        for batch in reader:
            progress.add(batch.num_rows)
            yield batch


def write_parquet(file: BinaryIO, found: Iterator[Any]) -> None:
    """Row groups as they come, so that memory stays what one takes."""
    import pyarrow
    import pyarrow.parquet

    schema = next(found)
    held: list[Any] = []
    with pyarrow.parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in found:
            held.append(batch)
            if sum(each.num_rows for each in held) >= ROW_GROUP_ROWS:
                writer.write_table(pyarrow.Table.from_batches(held, schema))
                held.clear()
        if held:
            writer.write_table(pyarrow.Table.from_batches(held, schema))


def write_model(file: BinaryIO, found: Iterator[Any]) -> None:
    """A JSON array of data points, one on a line, inputs by what they contributed."""
    encode = msgspec.json.Encoder().encode
    next(found)
    file.write(b"[")
    separator = b"\n"
    for batch in found:
        for row in batch.to_pylist():
            file.write(separator + encode(document(row)))
            separator = b",\n"
    file.write(b"\n]\n")


def document(row: dict[str, Any]) -> dict[str, Any]:
    """A data point in the form of the report of 2018: `{"average": [ids]}`."""
    context: dict[str, Any] = {}
    if row["location"] is not None:
        places = {"latitude": row["latitude"] or 0.0, "longitude": row["longitude"] or 0.0}
        context["loc"] = {"lable": row["location"]} | places
    context |= {theirs: row[ours] for ours, theirs in _CONTEXT.items() if row[ours] is not None}
    found: dict[str, Any] = {"id": row["id"]}
    if row["inputs"]:
        found["inputDatapoints"] = [{row["contribution"]: row["inputs"]}]
    found["context"] = context
    if row["value_state"] is not None:
        found |= {"value": row["value"]} if row["value"] is not None else {"valueState": row["value_state"]}
    return found


def _quoted(text: str) -> str:
    if "\0" in text:
        raise ConfigError("a name holds no zero character")
    return "'" + text.replace("'", "''") + "'"
