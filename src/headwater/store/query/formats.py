"""How an answer is written: JSON, CSV, Arrow IPC or Parquet, piece by piece."""

import csv
import datetime
import decimal
import io
import json
import math
from collections.abc import Iterator
from typing import Any, Protocol

import msgspec
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet

ROW_GROUP_ROWS = 1 << 17


class Writer(Protocol):
    """Turns record batches into bytes; nothing is kept but what a format needs."""

    def add(self, batch: pa.RecordBatch) -> bytes: ...

    def end(self) -> bytes: ...


def writer_of(format: str, schema: pa.Schema) -> Writer:
    """The writer of json, csv, arrow or parquet."""
    kinds: dict[str, type[Json] | type[Csv] | type[Arrow] | type[Parquet]]
    kinds = {"json": Json, "csv": Csv, "arrow": Arrow, "parquet": Parquet}
    return kinds[format](schema)


class Json:
    """Rows as JSON arrays, each with a comma before it but the first: what stands between `[` and `]`."""

    def __init__(self, schema: pa.Schema) -> None:
        self._first = True
        self._encode = msgspec.json.Encoder(decimal_format="number", enc_hook=str).encode

    def add(self, batch: pa.RecordBatch) -> bytes:
        rows = b",".join(self._encode(row) for row in rows_of(batch))
        found = rows if self._first else b"," + rows
        self._first = False
        return found

    def end(self) -> bytes:
        return b""


class Csv:
    """RFC 4180 with a header; lists and structures as JSON, NULL as nothing."""

    def __init__(self, schema: pa.Schema) -> None:
        self._text = io.StringIO(newline="")
        self._writer = csv.writer(self._text, lineterminator="\r\n")
        self._writer.writerow(schema.names)

    def add(self, batch: pa.RecordBatch) -> bytes:
        self._writer.writerows([_cell(value) for value in row] for row in rows_of(batch))
        return self.end()

    def end(self) -> bytes:
        text = self._text.getvalue()
        self._text.seek(0)
        self._text.truncate()
        return text.encode()


class _Pipe(io.RawIOBase):
    """A file that is only appended to, and given away in pieces."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._size

    def write(self, part: Any) -> int:
        piece = bytes(part)
        self._parts.append(piece)
        self._size += len(piece)
        return len(piece)

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


class Arrow:
    """The Arrow IPC stream, compressed with zstd."""

    def __init__(self, schema: pa.Schema) -> None:
        self._pipe = _Pipe()
        options = pa.ipc.IpcWriteOptions(compression="zstd", use_threads=False)
        self._writer = pa.ipc.new_stream(self._pipe, schema, options=options)

    def add(self, batch: pa.RecordBatch) -> bytes:
        self._writer.write_batch(batch)
        return self._pipe.taken()

    def end(self) -> bytes:
        self._writer.close()
        return self._pipe.taken()


class Parquet:
    """Parquet, compressed with zstd, in row groups that fit in memory."""

    def __init__(self, schema: pa.Schema) -> None:
        self._pipe = _Pipe()
        self._schema = schema
        self._held: list[pa.RecordBatch] = []
        self._rows = 0
        self._writer = pa.parquet.ParquetWriter(self._pipe, schema, compression="zstd")

    def add(self, batch: pa.RecordBatch) -> bytes:
        self._held.append(batch)
        self._rows += batch.num_rows
        if self._rows >= ROW_GROUP_ROWS:
            self._write()
        return self._pipe.taken()

    def end(self) -> bytes:
        self._write()
        self._writer.close()
        return self._pipe.taken()

    def _write(self) -> None:
        held, self._held, self._rows = self._held, [], 0
        if held:
            self._writer.write_table(pa.Table.from_batches(held, self._schema))


def rows_of(batch: pa.RecordBatch) -> Iterator[list[Any]]:
    """The rows of a batch as values that JSON and CSV can say."""
    columns = [_said(column) for column in batch.columns]
    for row in zip(*columns, strict=True):
        yield list(row)


def _said(column: pa.Array) -> list[Any]:
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        found: list[Any] = column.to_pylist()
        return found
    return [_value(value) for value in column.to_pylist()]


def _value(value: Any) -> Any:
    if isinstance(value, float):
        return (
            value if math.isfinite(value) else "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        )
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() and value.as_tuple().exponent == 0 else value
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, list):
        return [_value(each) for each in value]
    if isinstance(value, tuple):
        return [_value(each) for each in value]
    if isinstance(value, dict):
        return {str(key): _value(each) for key, each in value.items()}
    if isinstance(value, bytes):
        return value.hex()
    if value is None or isinstance(value, str | int | bool):
        return value
    return str(value)


def _cell(value: Any) -> Any:
    if isinstance(value, list | dict):
        return json.dumps(value, default=str, separators=(",", ":"))
    if isinstance(value, bool):
        return "true" if value else "false"
    return value
