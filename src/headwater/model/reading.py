"""A reading, and the series it belongs to."""

from typing import NamedTuple

import msgspec


class SeriesKey(NamedTuple):
    """What a series is called: one metric of one meter."""

    meter: str
    metric: str


class Reading(msgspec.Struct, frozen=True, array_like=True):
    """One measured value; `timestamp` in ms since the epoch, UTC."""

    meter: str
    metric: str
    timestamp: int
    value: float


class SeriesName(NamedTuple):
    """How a series is named inside batches: the log id of its entry node and the sequence of its definition there."""

    log: bytes
    number: int
