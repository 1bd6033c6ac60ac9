"""What a programmer hands in, checked: Rejected says which part is wrong, and what would be right."""

from collections.abc import Iterable
from itertools import islice
from operator import index
from typing import SupportsFloat, SupportsIndex

from headwater.capture.results import Point
from headwater.model.errors import Rejected
from headwater.model.ids import DataPointId, IdRun, parse_id, valid_run
from headwater.wire.codec import READINGS_MAX

INPUTS_MAX = 65_536
"""Inputs of one value."""

_TIME_MAX = (1 << 63) - 1


def number(value: SupportsFloat) -> float:
    """The double that a number is; Rejected("value") for what is none, or an integer that no double equals."""
    if isinstance(value, float):
        return float(value)
    try:
        if isinstance(value, str | bytes | bytearray):
            raise TypeError
        double = float(value)
    except (TypeError, ValueError, OverflowError):
        raise Rejected("value", f"{_shown(value)} is not a number that a 64-bit float holds") from None
    if isinstance(value, int) and double != value:
        raise Rejected("value", f"{_shown(value)} would be changed to {double!r}: integers beyond 2**53 are not exact")
    return double


def milliseconds(timestamp: SupportsIndex) -> int:
    """The time in ms since the epoch; Rejected("timestamp") for what is no 64-bit integer."""
    try:
        time_ms = index(timestamp)
    except TypeError:
        raise Rejected(
            "timestamp", f"{_shown(timestamp)} is no time: whole milliseconds since 1970-01-01 UTC are needed"
        ) from None
    if not -_TIME_MAX - 1 <= time_ms <= _TIME_MAX:
        raise Rejected("timestamp", f"{_shown(time_ms)} ms are more than 64 bits hold")
    return time_ms


def point_of(point: Point | DataPointId | str) -> DataPointId:
    """An id given as such, by its value or as 20 hex digits; Rejected("id") for anything else."""
    if isinstance(point, Point):
        return point.id
    if isinstance(point, str):
        return parse_id(point)
    if not isinstance(point, DataPointId) or not valid_run(IdRun(point.node, point.ordinal, 1)):
        raise Rejected("id", f"{_shown(point)} is not a data point id: one that was recorded, or its 20 hex digits")
    return point


def input_points(inputs: Iterable[Point | DataPointId | str], *, none_is_fine: bool = False) -> list[DataPointId]:
    """The ids of inputs in the given order, each once; Rejected("inputs") for none or too many."""
    if isinstance(inputs, str | DataPointId | Point):
        raise Rejected("inputs", f"inputs = {str(inputs)[:40]}: a list of ids is needed, also for one")
    found = [point_of(point) for point in islice(inputs, INPUTS_MAX + 1)]
    if not found and not none_is_fine:
        raise Rejected("inputs", "a derived value without inputs: record a value that was made from nothing known")
    if len(found) > INPUTS_MAX:
        raise Rejected("inputs", f"more than {INPUTS_MAX} inputs for one value: derive it in several steps")
    return list(dict.fromkeys(found))


def runs_of(points: Iterable[DataPointId]) -> tuple[IdRun, ...]:
    """Ids as runs, in their order; no run is longer than a batch."""
    runs: list[IdRun] = []
    node, start, end = -1, 0, 0
    for at_node, ordinal in points:
        if at_node == node and ordinal == end and end - start < READINGS_MAX:
            end += 1
            continue
        if end > start:
            runs.append(IdRun(node, start, end - start))
        node, start, end = at_node, ordinal, ordinal + 1
    if end > start:
        runs.append(IdRun(node, start, end - start))
    return tuple(runs)


def _shown(thing: object) -> str:
    """The beginning of how Python writes it, which for very long integers it refuses to."""
    try:
        return repr(thing)[:60]
    except ValueError:
        return type(thing).__name__
