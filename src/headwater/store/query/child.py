"""The process that answers one query and ends: `python -m headwater.store.query.child`.

It reads a request from its input and writes frames to its output. It is started with nothing of its parent but the path
to the package, limits its own memory and time, and knows no one to talk to but the process that started it.
"""

import contextlib
import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import msgspec
import pyarrow as pa

from headwater.model.errors import HeadwaterError, Rejected, Unavailable
from headwater.model.ids import DataPointId
from headwater.store.query import frames
from headwater.store.query.arrow import Relation, Values
from headwater.store.query.engine import Answer, Engine
from headwater.store.query.faults import SqlFault
from headwater.store.query.filters import newest_of, wanted_of
from headwater.store.query.formats import Writer, writer_of
from headwater.store.query.frames import BEGUN, DATA, ENDED, FAULT, HEAD, VALUES, Begun, Ended, Fault, Request
from headwater.store.query.guard import Statement
from headwater.store.query.opening import open_view
from headwater.store.query.view import View
from headwater.store.query.wanted import Bounds, Wanted

MEMORY_BESIDE = 384 << 20
"""Address space that a query may take beside the memory that DuckDB counts: decoded batches, the answer."""
FIRST_LOOK_ROWS = 1 << 14
LOOK_FURTHER = 16
_PR_SET_PDEATHSIG = 1
_STATES = msgspec.msgpack.Decoder(list[tuple[str, float | None]])


def main() -> int:
    """Answer the request of the input."""
    say, asked = os.fdopen(os.dup(1), "wb"), os.fdopen(os.dup(0), "rb")
    os.dup2(2, 1)  # What a library prints is no frame.
    _end_with_parent()
    body = _read_frame(asked)
    if body is None:
        return 0
    request = msgspec.msgpack.decode(body, type=Request)
    limit(request)

    def work() -> None:
        with closing(Engine(request.memory_bytes_max, request.threads)) as engine:
            answer(engine, request, say.write, _Fetched(request, say, asked))

    fault = fault_of(work)
    if fault is not None:
        say.write(frames.frame(FAULT, frames.encode(fault)))
    with contextlib.suppress(BrokenPipeError):
        say.flush()
    os._exit(0)  # Nothing is left to tidy up, and libraries take their time for it.


def fault_of(work: Callable[[], None]) -> Fault | None:
    """What ended some work too early, None when it was done."""
    try:
        work()
    except SqlFault as fault:
        return Fault(fault.reason, fault.said, fault.line, fault.column)
    except Rejected as refusal:
        return Fault(refusal.reason, refusal.detail)
    except Unavailable as error:
        return Fault("unavailable", str(error))
    except HeadwaterError as error:
        return Fault("failed", str(error))
    except MemoryError:
        return Fault("memory", "it needs more memory than a query may have: ask for less at once (WHERE, LIMIT)")
    except Exception as error:
        return Fault("failed", f"the query's process failed: {type(error).__name__}: {error}"[:500])
    return None


def answer(engine: Engine, request: Request, say: Callable[[bytes], object], values: Values) -> None:
    """Answer a request in frames; raises what the query is refused with."""
    statement = engine.statement(request.sql, request.of_2018)
    with closing(open_view(request.store, Path(request.folder), request.site)) as view:
        _ask(engine, view, statement, request, say, values)


def _ask(
    engine: Engine,
    view: View,
    statement: Statement,
    request: Request,
    say: Callable[[bytes], object],
    values: Values,
) -> None:
    relation = Relation(view, request.site, statement.columns, values if request.values else None)
    engine.lock(relation)
    relation.wanted = wanted_of(statement, engine.constants)
    try:
        if request.stream:
            _stream(engine.read(statement.sql), request, relation, say)
        else:
            _spool(engine, statement, request, relation, view, say)
    except SqlFault as fault:
        raise relation.failed or fault from None


def _stream(answer: Answer, request: Request, relation: Relation, say: Callable[[bytes], object]) -> None:
    writer = writer_of(request.format, answer.schema)
    say(frames.frame(BEGUN, frames.encode(Begun(answer.names, answer.types))))
    rows = 0
    for batch in answer.batches():
        rows += batch.num_rows
        _say_data(say, writer.add(batch))
    _say_data(say, writer.end())
    say(frames.frame(ENDED, frames.encode(Ended(rows, relation.rows))))


def _spool(
    engine: Engine,
    statement: Statement,
    request: Request,
    relation: Relation,
    view: View,
    say: Callable[[bytes], object],
) -> None:
    """Gather the answer, so that it is known whether it is cut before its first byte is sent."""
    wanted = relation.wanted
    for looked in _looks(statement, wanted, view):
        relation.wanted = looked
        spool = _Spool(engine.read(statement.sql), request)
        newest = newest_of(statement)
        if newest is None or spool.truncated or spool.rows >= newest.returned:
            break
    begun = Begun(spool.answer.names, spool.answer.types, spool.truncated, spool.rows, wanted.ids is not None)
    say(frames.frame(BEGUN, frames.encode(begun)))
    for part in spool.parts:
        _say_data(say, part)
    say(frames.frame(ENDED, frames.encode(Ended(spool.rows, relation.rows))))


def _looks(statement: Statement, wanted: Wanted, view: View) -> Iterator[Wanted]:
    """What to look at: of the newest ids ever more, until all; else all at once."""
    newest = newest_of(statement)
    if newest is not None and not wanted.nothing and wanted.ids is None:
        rows = max(FIRST_LOOK_ROWS, 2 * newest.rows)
        while (first := view.newest_from(wanted, rows)) > wanted.ordinals.first:
            yield wanted._replace(ordinals=Bounds(first, wanted.ordinals.last))
            rows *= LOOK_FURTHER
    yield wanted


class _Spool:
    """An answer as far as its limits let it be."""

    def __init__(self, answer: Answer, request: Request) -> None:
        self.answer = answer
        self.parts: list[bytes] = []
        self.rows = 0
        self.truncated: str | None = None
        self._room = request.bytes_max
        writer = writer_of(request.format, answer.schema)
        for batch in answer.batches():
            if not self._take(batch, writer, request.rows_max):
                break
        answer.close()
        self.parts.append(writer.end())

    def _take(self, batch: pa.RecordBatch, writer: Writer, rows_max: int) -> bool:
        if self.rows + batch.num_rows > rows_max:
            batch = batch.slice(0, rows_max - self.rows)
            self.truncated = "rows"
        if batch.num_rows:
            part = writer.add(batch)
            self._room -= len(part)
            self.parts.append(part)
            self.rows += batch.num_rows
        if self._room < 0 and self.truncated is None:
            self.truncated = "bytes"
        return self.truncated is None


class _Fetched:
    """Asks the process that started this one for values."""

    def __init__(self, request: Request, say: BinaryIO, asked: BinaryIO) -> None:
        self._left = request.values_max
        self._most = request.values_max
        self._say = say
        self._asked = asked

    def __call__(self, ids: list[DataPointId]) -> list[tuple[str, float | None]]:
        self._left -= len(ids)
        if self._left < 0:
            raise SqlFault(
                f"the values of more than {self._most} data points would have to be fetched: narrow it down to fewer"
                " by id, node, meter, metric or timestamp",
                reason="values",
            )
        self._say.write(frames.frame(VALUES, frames.encode([tuple(id) for id in ids])))
        self._say.flush()
        body = _read_frame(self._asked)
        if body is None:
            os._exit(1)
        return _STATES.decode(body)


def _say_data(say: Callable[[bytes], object], part: bytes) -> None:
    if part:
        say(frames.frame(DATA, part))


def _read_frame(asked: BinaryIO) -> bytes | None:
    head = asked.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    return asked.read(HEAD.unpack(head)[1])


def limit(request: Request) -> None:
    """The second wall: the system refuses what DuckDB does not count, such as one very long text."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        taken = int(statm.read().split()[0]) * resource.getpagesize()
    most = taken + request.memory_bytes_max + MEMORY_BESIDE
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (request.cpu_s_max, request.cpu_s_max + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _end_with_parent() -> None:
    """Whatever ends the parent ends this process too."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal goes to the parent, which then stops this.


if __name__ == "__main__":
    sys.exit(main())
