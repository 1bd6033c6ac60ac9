"""Pages of a list: cursors that say where the next page begins, bound to the question that they came from.

A cursor names a place in the order of the list, not a count of what lay before it, so a page neither skips nor repeats
what was there when the first page was asked, whatever is added meanwhile.
"""

import binascii
import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar
from urllib.parse import urlencode

import msgspec
from fastapi import Request

from headwater.api import openapi
from headwater.api.answers import number
from headwater.model.errors import Rejected

SIZE_MAX = 1000
VERSION = 1
_CURSOR_LENGTH_MAX = 200
_INTEGER_MAX = 1 << 62
_NAME_BYTES = 6

T = TypeVar("T")
Key = Sequence[str | int | float | bool | None]
Start = tuple[int, ...] | tuple[None, ...]


class _Cursor(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """What a cursor holds, as MessagePack in base64."""

    version: int
    question: bytes
    place: list[int]


class Question(NamedTuple):
    """A list that was asked for: which one, and everything that decides what is in it."""

    list: str
    key: Key = ()

    @property
    def name(self) -> bytes:
        body = msgspec.msgpack.encode((self.list, tuple(self.key)))
        return hashlib.blake2b(body, digest_size=_NAME_BYTES).digest()

    def place_in(self, request: Request, integers: int) -> Start:
        """The place that the cursor of a request names, Nones without one; Rejected("cursor") when it is not a cursor
        of this question."""
        text = request.query_params.get("cursor")
        return (None,) * integers if text is None else self.place(text, integers)

    def place(self, text: str, integers: int) -> tuple[int, ...]:
        """The place that a cursor names, as so many integers; Rejected("cursor")."""
        cursor = _decoded(text)
        if cursor.version != VERSION:
            raise Rejected("cursor", f"a cursor of version {cursor.version}: begin again without a cursor")
        if cursor.question != self.name:
            raise Rejected(
                "cursor", "the cursor is of another question: only size, detail and values may differ between pages"
            )
        if len(cursor.place) != integers or any(abs(each) > _INTEGER_MAX for each in cursor.place):
            raise _no_cursor(text)
        return tuple(cursor.place)

    def cursor(self, place: Sequence[int]) -> str:
        """The cursor for what lies behind a place."""
        body = msgspec.msgpack.encode(_Cursor(VERSION, self.name, list(place)))
        return urlsafe_b64encode(body).decode().rstrip("=")


class Page(NamedTuple, Generic[T]):
    """Some of a list, and the cursor for what follows."""

    items: list[T]
    next: str | None

    @staticmethod
    def cut(question: Question, found: list[T], size: int, place: Callable[[T], Sequence[int]]) -> "Page[T]":
        """The first `size` of what was found; one more than that shows that there is a next page."""
        items = found[:size]
        return Page(items, question.cursor(place(items[-1])) if items and len(found) > size else None)

    def link(self, request: Request) -> dict[str, str] | None:
        """The header that leads to the next page (RFC 8288)."""
        return None if self.next is None else next_link(request, self.next)


def next_link(request: Request, cursor: str) -> dict[str, str]:
    asked = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    return {"Link": f'<{request.url.path}?{urlencode([*asked, ("cursor", cursor)])}>; rel="next"'}


def size_of(request: Request, default: int) -> int:
    return number(request, "size", default, SIZE_MAX)


def size_parameter(default: int) -> openapi.Schema:
    shape = {"type": "integer", "minimum": 0, "maximum": SIZE_MAX, "default": default}
    return openapi.parameter("size", "query", False, shape, "The most to list on one page")


CURSOR = openapi.parameter(
    "cursor",
    "query",
    False,
    {"type": "string"},
    "Where the page begins: from the link of the page before, with nothing else changed but size, detail and values",
)
PAGE_HEADERS: openapi.Schema = {
    "Link": {
        "description": 'The next page, `<...>; rel="next"` (RFC 8288); absent on the last one',
        "required": False,
        "schema": {"type": "string"},
    }
}


def _decoded(text: str) -> _Cursor:
    if len(text) > _CURSOR_LENGTH_MAX:
        raise _no_cursor(text)
    try:
        return _decode(urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4)))
    except (msgspec.DecodeError, binascii.Error, UnicodeEncodeError):
        raise _no_cursor(text) from None


def _no_cursor(text: str) -> Rejected:
    return Rejected("cursor", f"{text[:40]!r} is not a cursor: take it from the link of an answer, or leave it away")


_decode = msgspec.msgpack.Decoder(_Cursor).decode
