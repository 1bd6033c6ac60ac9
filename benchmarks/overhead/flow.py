"""What the links of a running topology pass on, in readings: its API knows no bytes, and the report says so."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.grid import report as common
from benchmarks.grid.outside import RUNNING, Books, books, client_of, where
from benchmarks.grid.settings import spread
from benchmarks.overhead.report import COLUMNS

REPORT_S_MAX = 5.0
"""Nodes report more often than this."""
NO_BYTES = (
    "Bytes are not known here: the API of a running topology has none, and the counters of interfaces are on its "
    "hosts. `headwater bench overhead` without --server starts topologies of its own and counts them; the columns of "
    "bytes are empty."
)


class LinkFlow(msgspec.Struct, frozen=True):
    """What one link did in one repeat, in readings."""

    source: str
    target: str
    seconds: float
    """Between the two reports of the source."""
    sent: int
    delivered: int
    dropped: int
    buffered: int
    """At the end."""
    oldest_ms: int
    """Age of the oldest of these."""

    @property
    def rate(self) -> float:
        return self.delivered / self.seconds if self.seconds else 0.0


class NodeFlow(msgspec.Struct, frozen=True):
    """What one node did in one repeat."""

    name: str
    seconds: float
    received: int
    unshipped: int
    """Records whose stamps were not in the store at the end."""
    metrics: str
    """What its stamps record."""

    @property
    def rate(self) -> float:
        return self.received / self.seconds if self.seconds else 0.0


class Flow(msgspec.Struct, frozen=True):
    """One repeat."""

    nodes: list[NodeFlow]
    links: list[LinkFlow]


class Flows(common.Report, frozen=True, kw_only=True):
    """Everything that was seen."""

    seconds: float
    rounds: list[Flow]
    bytes_known: bool = False


def between(before: Books, after: Books) -> Flow:
    """What happened between two looks; of what was there at both. Pure."""
    seconds = {
        id: (after.nodes[id].reported_ms - node.reported_ms) / 1000
        for id, node in before.nodes.items()
        if id in after.nodes
    }
    nodes = [
        NodeFlow(now.name, seconds[id], now.received - before.nodes[id].received, now.unshipped, now.metrics)
        for id, now in after.nodes.items()
        if id in seconds
    ]
    links = []
    for ends, now in after.links.items():
        if (then := before.links.get(ends)) is not None and ends[0] in seconds:
            source, target = (after.nodes[id].name if id in after.nodes else id for id in ends)
            dropped = sum(now.dropped.values()) - sum(then.dropped.values())
            sent, delivered = now.sent - then.sent, now.delivered - then.delivered
            links.append(
                LinkFlow(source, target, seconds[ends[0]], sent, delivered, dropped, now.buffered, now.oldest_ms)
            )
    return Flow(nodes, links)


def watch(server: str, repeats: int, seconds: float) -> Flows:
    """Watch a topology for so long, so many times; Unavailable says what does not answer."""
    rounds = []
    with client_of(server) as client:
        before = books(client)
        for _ in range(repeats):
            time.sleep(seconds)
            after = books(client)
            deadline_s = time.monotonic() + REPORT_S_MAX
            while _is_stale(before, after) and time.monotonic() < deadline_s:
                time.sleep(0.2)
                after = books(client)
            rounds.append(between(before, after))
            before = after
    return Flows(where=where(server), seconds=seconds, rounds=rounds)


def _is_stale(before: Books, after: Books) -> bool:
    """Whether a node has not reported since the first look."""
    return any(
        id in after.nodes and after.nodes[id].reported_ms <= then.reported_ms for id, then in before.nodes.items()
    )


def table(flows: Flows) -> str:
    """What bytes are not known of, then links and nodes: medians with their ranges over the repeats."""
    rows = [
        *(NO_BYTES, "", "| link | readings/s | waiting at the end | oldest ms | dropped |", "|---|---|---|---|---|"),
        *[
            f"| {source} to {target} | {_spread(links, lambda one: one.rate)} | {links[-1].buffered} | "
            f"{links[-1].oldest_ms} | {sum(one.dropped for one in links)} |"
            for (source, target), links in _links(flows).items()
        ],
        *("", "| node | stamps record | readings in/s | records not shipped at the end |", "|---|---|---|---|"),
        *[
            f"| {name} | {nodes[-1].metrics} | {_spread(nodes, lambda one: one.rate)} | {nodes[-1].unshipped} |"
            for name, nodes in _nodes(flows).items()
        ],
    ]
    return "\n".join(rows) + "\n"


def _links(flows: Flows) -> dict[tuple[str, str], list[LinkFlow]]:
    found: dict[tuple[str, str], list[LinkFlow]] = {}
    for link in (link for flow in flows.rounds for link in flow.links):
        found.setdefault((link.source, link.target), []).append(link)
    return found


def _nodes(flows: Flows) -> dict[str, list[NodeFlow]]:
    found: dict[str, list[NodeFlow]] = {}
    for node in (node for flow in flows.rounds for node in flow.nodes):
        found.setdefault(node.name, []).append(node)
    return found


def _spread(held: Sequence[Any], figure: Callable[[Any], float]) -> str:
    return spread([figure(one) for one in held]).text()


def csv_rows(flow: Flow) -> list[tuple[object, ...]]:
    """The rows of a repeat, one for each node, in the order of `COLUMNS`; what is not known is empty."""
    nothing = ("", "B", "", "B")
    return [
        (RUNNING, one.metrics, "", one.name, *nothing, one.received, "", "", "B", one.seconds) for one in flow.nodes
    ]


def write(flows: Flows, file: Path) -> None:
    """JSON to the file; CSV, Markdown and a plot beside it."""
    about = f"{len(flows.rounds)} repeats of {flows.seconds:g} s"
    common.write(flows, file, about, table(flows), lambda pyplot: draw(flows, pyplot))
    common.write_csv(file, COLUMNS, [row for flow in flows.rounds for row in csv_rows(flow)])


def draw(flows: Flows, pyplot: Any) -> Any:
    """What came in at every node, a second."""
    held = {name: spread([one.rate for one in nodes]) for name, nodes in _nodes(flows).items()}
    figure, axes = pyplot.subplots(figsize=(8, 0.3 * len(held) + 1.2), layout="constrained")
    axes.barh(range(len(held)), [one.median for one in held.values()], height=0.6)
    axes.set_yticks(range(len(held)), list(held))
    axes.invert_yaxis()
    axes.set_xlabel("readings a second that came in (bytes are not known from outside)")
    return figure
