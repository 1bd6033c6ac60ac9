"""What the API answers about lineage, as far as the demo's judge compares it."""

import math

import msgspec
import numpy as np


class Point(msgspec.Struct, rename="camel"):
    """A data point as the API gives it, as far as it is compared."""

    id: str
    context: dict[str, object] = {}
    origin: dict[str, object] = {}
    value: float | str | None = None
    input_datapoints: list["Input"] = []


class Input(msgspec.Struct):
    dp: Point
    contribution: str = ""


class Answer(msgspec.Struct):
    id: str
    found: bool
    points: list[Point]


def leaves(point: Point) -> list[Point]:
    """The data points without inputs that a lineage ends at."""
    if not point.input_datapoints:
        return [point]
    return [leaf for entry in point.input_datapoints for leaf in leaves(entry.dp)]


def leads_to(point: Point, source: str, number: int) -> bool:
    return point.origin == {"kind": "source", "stream": source, "number": number}


def reading_of(point: Point) -> tuple[object, ...]:
    context = point.context
    return (context.get("meterId"), context.get("metricId"), context.get("timestamp"), point.value)


def said(meter: str, metric: str, timestamp: int, value: float) -> tuple[object, ...]:
    return (meter, metric, timestamp, json_value(value))


def json_value(value: float) -> float | str:
    """A value as the API writes it: JSON has no NaN and no infinities."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def same(one: float, other: float) -> bool:
    return np.float64(one).tobytes() == np.float64(other).tobytes()
