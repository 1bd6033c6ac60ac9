"""From the times of batches to latencies: in nodes, on hops and from end to end. Pure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from benchmarks.latency.eyes import Key

SENSOR, DURABLE = "sensor to durable", "durable to durable"
"""What is seen from outside, with provenance and without."""


class Stamped(NamedTuple):
    """What the stamp of a batch at one node says."""

    received_ms: int
    upstream_sent_ms: int | None
    readings: int
    """In the batch."""


class Figures(msgspec.Struct, frozen=True):
    """A latency in ms; each reading counts once."""

    mean: float
    p50: float
    p95: float
    readings: int


def from_stamps(ways: Sequence[Sequence[str]], stamps: Mapping[str, Mapping[Key, Stamped]]) -> dict[str, Figures]:
    """`node N` from received to sent, `hop N to M` from sent to received, `pipeline` from the first to the last.

    `ways` are the nodes from each entry to the endpoint. Nothing where there are no stamps.
    """
    spans: dict[str, list[tuple[float, int]]] = {}
    for way in ways:
        for key, last in stamps[way[-1]].items():
            at = [stamps[node].get(key) for node in way]
            if any(one is None for one in at):
                continue
            known = [one for one in at if one is not None]
            spans.setdefault("pipeline", []).append((last.received_ms - known[0].received_ms, last.readings))
            for here, there, one, other in zip(way, way[1:], known, known[1:], strict=False):
                if other.upstream_sent_ms is not None:
                    sent_ms = other.upstream_sent_ms
                    spans.setdefault(f"node {here}", []).append((sent_ms - one.received_ms, one.readings))
                    spans.setdefault(f"hop {here} to {there}", []).append((other.received_ms - sent_ms, one.readings))
    return {name: figures(held) for name, held in sorted(spans.items())}


def from_outside(
    ways: Sequence[Sequence[str]], seen: Mapping[str, Mapping[Key, float]], sent: Mapping[Key, tuple[float, int]]
) -> dict[str, Figures]:
    """`durable to durable` from the first node's log to the endpoint's, `sensor to durable` from the sensor's sending.

    `sent` has the time in ms and the readings of each batch.
    """
    spans: dict[str, list[tuple[float, int]]] = {SENSOR: []}
    for key, (sent_ms, count) in sent.items():
        way = next((way for way in ways if key in seen[way[0]]), None)
        if way is None or key not in seen[way[-1]]:
            continue
        spans[SENSOR].append((seen[way[-1]][key] - sent_ms, count))
        if len(way) > 1:
            spans.setdefault(DURABLE, []).append((seen[way[-1]][key] - seen[way[0]][key], count))
    return {name: figures(held) for name, held in spans.items() if held}


def figures(spans: Sequence[tuple[float, int]]) -> Figures:
    """The figures of (ms, readings), at least one."""
    each = np.repeat([ms for ms, _ in spans], [count for _, count in spans])
    p50, p95 = np.percentile(each, [50, 95])
    return Figures(float(each.mean()), float(p50), float(p95), len(each))
