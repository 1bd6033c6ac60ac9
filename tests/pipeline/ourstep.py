"""Functions that the step `python` is given in tests."""

from collections.abc import Iterator
from typing import Any

from headwater.model.reading import Derived, Reading

CALLS: list[list[Reading]] = []
"""What each call was given."""


def doubled(readings: list[Reading]) -> list[Derived]:
    CALLS.append(readings)
    return [Derived(r.meter, "doubled", r.timestamp, 2 * r.value, [at]) for at, r in enumerate(readings)]


def total(readings: list[Reading]) -> Iterator[tuple[Any, ...]]:
    """One plain tuple of all, and nothing of readings below 0."""
    used = [at for at, reading in enumerate(readings) if reading.value >= 0]
    if used:
        yield "all", "total", readings[used[-1]].timestamp, sum(readings[at].value for at in used), used


def differently(readings: list[Reading]) -> list[Derived]:
    """Another value whenever it is asked."""
    CALLS.append(readings)
    return [Derived("m", "calls", 0, len(CALLS), [0])]


def failing(readings: list[Reading]) -> list[Derived]:
    CALLS.append(readings)
    if readings[0].value == 13:
        raise ValueError("thirteen")
    return [Derived(r.meter, "ok", r.timestamp, r.value, [at]) for at, r in enumerate(readings)]


def without_inputs(readings: list[Reading]) -> list[Derived]:
    return [Derived("m", "x", 0, 1.0, [])]


def beyond(readings: list[Reading]) -> list[Derived]:
    return [Derived("m", "x", 0, 1.0, [len(readings)])]


def nonsense(readings: list[Reading]) -> list[Any]:
    return ["abc"]


def unnamed(readings: list[Reading]) -> list[Derived]:
    return [Derived("", "x", 0, 1.0, [0])]


def too_many(readings: list[Reading]) -> Iterator[Derived]:
    while True:
        yield Derived("m", "x", 0, 1.0, [0])
