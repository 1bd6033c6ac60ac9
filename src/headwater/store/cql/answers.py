"""Answers of CQL as JSON says them, and what they may take; imports no driver."""

import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from headwater.store.cql.bounds import Asked


class Limits(NamedTuple):
    """What an answer may take."""

    rows: int
    bytes: int
    seconds: float


class Answered(NamedTuple):
    """The rows of an answer, values as JSON can say them."""

    asked: Asked
    rows: list[list[Any]]
    truncated: str | None
    """What cut it: rows or bytes."""


def plain(value: Any) -> Any:
    """A value as JSON says it: bytes as 0x…, times as ms, mappings with keys that are no texts as pairs."""
    match value:
        case bool() | int() | str() | None:
            return value
        case float():
            return value if math.isfinite(value) else _word(value)
        case bytes():
            return f"0x{value.hex()}"
        case datetime():
            return round((value - datetime(1970, 1, 1)).total_seconds() * 1000)
        case UUID() | date():
            return str(value)
        case Mapping():
            pairs = [(plain(key), plain(each)) for key, each in value.items()]
            return dict(pairs) if all(isinstance(key, str) for key, _ in pairs) else [list(pair) for pair in pairs]
    if isinstance(value, Iterable):
        return [plain(each) for each in value]
    return str(value)


def _word(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
