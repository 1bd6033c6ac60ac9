"""The latencies of a running topology, from stamps that its API tells: in nodes, on hops and over the pipeline."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.grid import report as common
from benchmarks.grid.outside import RUNNING, books, client_of, where
from benchmarks.grid.settings import spread
from benchmarks.latency.report import COLUMNS
from benchmarks.latency.spans import Figures, figures
from headwater.client import Client, Datapoint
from headwater.model.errors import NotFound

EVERY_S = 1.0
SAMPLE = 1000
"""The most data points that are asked for at each endpoint, each time."""
GRACE_S = 2.0
"""So long after the end the stamps of the last hops are waited for."""
ASKED_MAX = 500
"""Lineages in one question."""
NO_SENSOR = (
    "From outside there is no `sensor to durable`: what sensors send has the time of the event, and logs grow out of "
    "sight. Each hop compares the clocks of two nodes."
)


class Answer(common.Report, frozen=True, kw_only=True):
    """Everything that was found out."""

    seconds: float
    metrics: str
    """What the stamps of the endpoints record."""
    rounds: list[dict[str, Figures]]
    """By repeat: `node N`, `hop N to M`, `pipeline`."""
    offsets_ms: dict[str, float]
    """By two nodes how much the clock of the second is ahead of that of the first, as estimated by the first."""


def watch(server: str, repeats: int, seconds: float) -> Answer:
    """Watch a topology for so long, so many times; Unavailable says what does not answer."""
    with client_of(server) as client:
        names = {node.id: node.name for node in client.topology()}
        endpoints = [node.id for node in client.topology() if node.successor is None]
        rounds = []
        for _ in range(repeats):
            counts = _sampled(client, endpoints, seconds)
            time.sleep(GRACE_S)
            rounds.append(of_ways(_ways(client, counts), names))
        known = books(client).nodes
        metrics = " ".join(dict.fromkeys(known[id].metrics for id in endpoints if id in known))
        offsets = {
            f"{node.name} to {names.get(clock.node, clock.node)}": clock.offset_ms
            for node in client.health().nodes
            for clock in node.clocks
        }
    return Answer(where=where(server), seconds=seconds, metrics=metrics, rounds=rounds, offsets_ms=offsets)


def _sampled(client: Client, endpoints: Sequence[str], seconds: float) -> dict[str, int]:
    """Data points that were stamped at the endpoints meanwhile, one of each batch, and how many were seen of it."""
    before = {point.id for endpoint in endpoints for point in _newest(client, endpoint)}
    found: dict[object, dict[str, None]] = {}
    deadline_s = time.monotonic() + seconds
    while (left_s := deadline_s - time.monotonic()) > 0:
        time.sleep(min(EVERY_S, left_s))
        for endpoint in endpoints:
            for point in _newest(client, endpoint):
                if point.id not in before:
                    batch = (endpoint, point.origin and point.origin.stream, point.context.receive_time)
                    found.setdefault(batch, {})[point.id] = None
    return {next(iter(ids)): len(ids) for ids in found.values()}


def _newest(client: Client, endpoint: str) -> tuple[Datapoint, ...]:
    try:
        return client.newest(endpoint, SAMPLE, detail=True)
    except NotFound:
        return ()


def _ways(client: Client, counts: Mapping[str, int]) -> Iterator[tuple[Sequence[Datapoint], int]]:
    """The lineage of each, and how many data points it stands for."""
    ids = list(counts)
    for at in range(0, len(ids), ASKED_MAX):
        for answer in client.lineages(ids[at : at + ASKED_MAX]):
            yield answer.points, counts[answer.id]


def of_ways(ways: Iterable[tuple[Sequence[Datapoint], int]], names: Mapping[str, str]) -> dict[str, Figures]:
    """The latencies along lineages, each from the endpoint back. Pure.

    Where a step made one of many there is no one way; that is passed over, as is a time that nodes do not record.
    """
    spans: dict[str, list[tuple[float, int]]] = {}
    for points, count in ways:
        way = [point.context for point in reversed(points)]
        hosts = [one.host_id or "" for one in way]
        if len(set(hosts)) < len(hosts):
            continue
        for host, other, one, then in zip(hosts, hosts[1:], way, way[1:], strict=False):
            name, next_name = names.get(host, host), names.get(other, other)
            _add(spans, f"node {name}", one.receive_time, one.send_time, count)
            _add(spans, f"hop {name} to {next_name}", one.send_time, then.receive_time, count)
        if way:
            _add(spans, "pipeline", way[0].receive_time, way[-1].receive_time, count)
    return {name: figures(held) for name, held in sorted(spans.items())}


def _add(
    spans: dict[str, list[tuple[float, int]]], name: str, from_ms: int | None, to_ms: int | None, count: int
) -> None:
    if from_ms is not None and to_ms is not None:
        spans.setdefault(name, []).append((to_ms - from_ms, count))


def table(answer: Answer) -> str:
    """A row for each latency, medians over the repeats, and the offsets of the clocks."""
    rows = [NO_SENSOR, "", "| latency | mean ms | p50 ms | p95 ms | data points |", "|---|---|---|---|---|"]
    for name, held in _by_name(answer).items():
        shown = [spread([figure(one) for one in held]).text() for figure in (_mean, _p50, _p95)]
        rows.append(f"| {name} | {' | '.join(shown)} | {sum(one.readings for one in held):,} |")
    if not _by_name(answer):
        rows.append("| nothing arrived at an endpoint with stamps that record stime and rtime | | | | 0 |")
    if answer.offsets_ms:
        offsets = ", ".join(f"{name} {offset:+.1f} ms" for name, offset in answer.offsets_ms.items())
        rows += ["", f"Estimated offsets of the clocks: {offsets}."]
    return "\n".join(rows) + "\n"


def _mean(one: Figures) -> float:
    return one.mean


def _p50(one: Figures) -> float:
    return one.p50


def _p95(one: Figures) -> float:
    return one.p95


def _by_name(answer: Answer) -> dict[str, list[Figures]]:
    found: dict[str, list[Figures]] = {}
    for repeat in answer.rounds:
        for name, one in repeat.items():
            found.setdefault(name, []).append(one)
    return found


def write(answer: Answer, file: Path) -> None:
    """JSON to the file; CSV, Markdown and a plot beside it."""
    about = f"stamps record {answer.metrics or 'nothing'}; {len(answer.rounds)} repeats of {answer.seconds:g} s"
    common.write(answer, file, about, table(answer), lambda pyplot: draw(answer, pyplot))
    common.write_csv(
        file, COLUMNS,
        [
            (RUNNING, answer.metrics, "", at, name, one.mean, one.p50, one.p95, one.readings, answer.seconds)
            for at, repeat in enumerate(answer.rounds, 1)
            for name, one in repeat.items()
        ],
    )  # fmt: skip


def draw(answer: Answer, pyplot: Any) -> Any:
    """Median and 95th percentile of each latency."""
    held = _by_name(answer)
    figure, axes = pyplot.subplots(figsize=(8, 0.3 * len(held) + 1.2), layout="constrained")
    for row, each in enumerate(held.values()):
        axes.plot(spread([one.p50 for one in each]).median, row, "o", color="tab:blue")
        axes.plot(spread([one.p95 for one in each]).median, row, "|", color="tab:orange")
    axes.set_yticks(range(len(held)), list(held))
    axes.invert_yaxis()
    axes.set_xlabel("ms: p50, and p95 as a bar")
    return figure
