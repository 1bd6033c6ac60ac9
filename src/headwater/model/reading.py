"""A reading, and the series it belongs to."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from headwater.model.errors import Rejected

NAME_LENGTH_MAX = 256
"""Characters in the id of a meter or a metric, and in other names given from outside."""


class SeriesKey(NamedTuple):
    """What a series is called: one metric of one meter."""

    meter: str
    metric: str


class Reading(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One measured value; `timestamp` in ms since the epoch, UTC."""

    meter: str
    metric: str
    timestamp: int
    value: float


def check_name(what: str, name: object) -> None:
    """Rejected("empty-id" | "long-id" | "id") unless it is text that can name something."""
    if not isinstance(name, str):
        raise Rejected("id", f"the {what} is {repr(name)[:60]}: a string is needed")
    if not name:
        raise Rejected("empty-id", f"the {what} is empty")
    if len(name) > NAME_LENGTH_MAX:
        raise Rejected("long-id", f"the {what} {name[:40]!r}… has {len(name)} characters, {NAME_LENGTH_MAX} at most")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise Rejected("id", f"the {what} {name[:40]!a} holds half a surrogate pair, which is no character") from None


def check_key(meter: object, metric: object) -> None:
    """Rejected, as `check_name` does, unless these can name a series."""
    check_name("meter id", meter)
    check_name("metric id", metric)


class SeriesName(NamedTuple):
    """How a series is named inside batches: the log id of its entry node and the sequence of its definition there."""

    log: bytes
    number: int


class Derived(NamedTuple):
    """A reading that a function of a user made, and the positions of the readings that it was made of."""

    meter: str
    metric: str
    timestamp: int
    value: float
    inputs: Sequence[int]
