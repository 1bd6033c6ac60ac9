"""A process that answers query after query behind the same walls as a query's own process, for as long as it lives."""

import os
import sys
import threading
from contextlib import closing

import msgspec

from headwater.store.query import frames
from headwater.store.query.child import answer, fault_of, limit
from headwater.store.query.engine import Engine
from headwater.store.query.frames import HEAD, Fault, Request


def main() -> None:
    """Answer requests until there are no more: a fault or nothing, and all that would have been sent."""
    say, asked = os.fdopen(os.dup(1), "wb"), os.fdopen(os.dup(0), "rb")
    os.dup2(2, 1)
    parser: Engine | None = None
    while len(head := asked.read(HEAD.size)) == HEAD.size:
        request = msgspec.msgpack.decode(asked.read(HEAD.unpack(head)[1]), type=Request)
        if parser is None:
            parser = Engine(request.memory_bytes_max, request.threads)
            limit(request)
        fault, said = _answered(parser, request)
        body = frames.encode((fault, said[:1_000_000]))
        say.write(frames.frame(b"A", body))
        say.flush()


def _answered(parser: Engine, request: Request) -> tuple[Fault | None, bytes]:
    """What becomes of a request; the parser refuses most of them, so that an engine for each is not needed."""
    refused = fault_of(lambda: parser.statement(request.sql, request.of_2018) and None)
    if refused is not None:
        return refused, b""
    said: list[bytes] = []

    def work() -> None:
        with closing(Engine(request.memory_bytes_max, request.threads)) as engine:
            timer = threading.Timer(LIMIT_S, engine.interrupt)
            timer.start()
            try:
                answer(engine, request, said.append, lambda ids: [("unknown", None)] * len(ids))
            finally:
                timer.cancel()
                timer.join()

    fault = fault_of(work)
    return fault, b"".join(said)


LIMIT_S = float(sys.argv[1]) if len(sys.argv) > 1 else 0.3

if __name__ == "__main__":
    main()
