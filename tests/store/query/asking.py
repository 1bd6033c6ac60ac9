"""Asks the relation of a store in this process, as a query's own process does."""

from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from headwater.model.ids import DataPointId
from headwater.store.query.child import answer
from headwater.store.query.engine import Engine
from headwater.store.query.frames import BEGUN, DATA, ENDED, HEAD, Begun, Ended, Request
from tests.store.stores import Store

Row = dict[str, Any]


class Asked:
    """An answer, and what it cost."""

    def __init__(self, said: bytes) -> None:
        parts: list[bytes] = []
        while said:
            kind, length = HEAD.unpack(said[: HEAD.size])
            body, said = said[HEAD.size : HEAD.size + length], said[HEAD.size + length :]
            if kind == BEGUN:
                self.begun = msgspec.msgpack.decode(body, type=Begun)
            elif kind == DATA:
                parts.append(body)
            else:
                assert kind == ENDED
                self.ended = msgspec.msgpack.decode(body, type=Ended)
        self.body = b"".join(parts)

    @property
    def rows(self) -> list[Row]:
        lists: list[list[Any]] = msgspec.json.decode(b"[" + self.body + b"]")
        return [dict(zip(self.begun.columns, row, strict=True)) for row in lists]


def ask(folder: Path, site: str, sql: str, **options: Any) -> Asked:
    """The answer to a query of the embedded store; raises what it is refused with."""
    return _asked(Request(sql, str(folder), site, **options))


def ask_of(store: Store, sql: str, **options: Any) -> Asked:
    """The same of any store."""
    return _asked(Request(sql, str(store.folder), store.site, store.options, **options))


def _asked(request: Request) -> Asked:
    said: list[bytes] = []
    with closing(Engine(request.memory_bytes_max, request.threads)) as engine:
        answer(engine, request, said.append, no_values)
    return Asked(b"".join(said))


def no_values(ids: list[DataPointId]) -> list[tuple[str, float | None]]:
    return [("unknown", None)] * len(ids)
