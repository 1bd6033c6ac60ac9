"""What the aggregate step has to make of the batches it was given: the definition again, in the plainest way."""

import math
from collections import defaultdict
from collections.abc import Callable
from typing import NamedTuple

from headwater.model.records import Batch
from headwater.model.stamp import OriginKind
from tests.campaigns.faults import Plan
from tests.campaigns.held import Log, Value, bits_of

Source = tuple[bytes, int]
"""(source id, number of the reading there)"""

FUNCTIONS: dict[str, Callable[[list[float]], float]] = {
    "average": lambda values: math.fsum(values) / len(values),
    "sum": math.fsum,
    "min": min,
    "max": max,
    "count": lambda values: float(len(values)),
    "last": lambda values: values[-1],
}


class Expected(NamedTuple):
    """What has to come out."""

    inputs: dict[Value, set[Source]]
    """Each aggregate, and the readings that it was made from."""
    late: set[Source]
    """Readings that came when their window had closed."""


def expected_aggregates(plan: Plan, endpoint: Log) -> Expected:
    """Fold the batches that the endpoint got from the step's node, in their order, and close what is left open."""
    found = Expected({}, set())
    opened: dict[tuple[str, str], dict[int, list[tuple[Source, Value]]]] = defaultdict(dict)
    closed: dict[tuple[str, str], int] = {}
    newest: dict[tuple[str, str], int] = {}
    window_ms = plan.window_s * 1000

    def close(key: tuple[str, str], start: int) -> None:
        rows = opened[key].pop(start)
        closed[key] = max(closed.get(key, start + window_ms), start + window_ms)
        value = FUNCTIONS[plan.function]([value.value for _, value in rows])
        made = Value(key[0], f"{key[1]}.{plan.function}", start, bits_of(value))
        found.inputs[made] = {source for source, _ in rows}

    for _, batch in endpoint.batches:
        if batch.origin.kind != OriginKind.SOURCE:
            continue
        touched, before = set(), dict(newest)
        for source, value in sourced(endpoint, batch):
            key, start = (value.meter, value.metric), value.timestamp - value.timestamp % window_ms
            passed = before.get(key, value.timestamp) - window_ms - plan.lateness_s * 1000
            if start < closed.get(key, start) or start <= passed:
                found.late.add(source)
                continue
            opened[key].setdefault(start, []).append((source, value))
            if value.timestamp > newest.get(key, value.timestamp - 1):
                newest[key] = value.timestamp
                touched.add(key)
        for key in touched:
            limit = newest[key] - window_ms - plan.lateness_s * 1000
            for start in sorted(start for start in opened[key] if start <= limit):
                close(key, start)
    for key, windows in opened.items():
        for start in sorted(windows):
            close(key, start)
    return found


def sourced(log: Log, batch: Batch) -> list[tuple[Source, Value]]:
    """The readings of a batch with where they come from."""
    origin = batch.origin
    return [((origin.stream, origin.number + at), value) for at, value in enumerate(log.values(batch))]
