"""The JSON documents that are about no resource: that a process lives, and what is wrong with a question."""

import msgspec


class Alive(msgspec.Struct):
    """The process answers."""

    status: str
    version: str


class Problem(msgspec.Struct, omit_defaults=True):
    """An error as RFC 9457 writes it (application/problem+json)."""

    type: str
    title: str
    status: int
    detail: str = ""
    line: int | None = None
    """Where in a query it is, from 1 on."""
    column: int | None = None
