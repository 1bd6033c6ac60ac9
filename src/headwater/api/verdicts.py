"""Green, Yellow or Red: what the last reports of a node say about its health, as pure functions.

No verdict compares two clocks: an age is a difference within the server's clock, a difference within the node's clock,
or the sum of the two. What is not known to work is not shown as working.
"""

import enum

import msgspec

from headwater.model.report import NodeReport
from headwater.store.port import Node


class Health(enum.StrEnum):
    """The words of the 2018 dashboard, best first."""

    GREEN = "Green"
    YELLOW = "Yellow"
    RED = "Red"


class Thresholds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Green up to one age, Yellow up to another, Red beyond."""

    green_ms: int = 3_000
    yellow_ms: int = 6_000

    def __post_init__(self) -> None:
        if not 0 < self.green_ms <= self.yellow_ms:
            raise ValueError(f"0 < green_ms = {self.green_ms} <= yellow_ms = {self.yellow_ms} does not hold")


PRESETS = {
    "default": Thresholds(),
    "master": Thresholds(5_000, 10_000),
    "image": Thresholds(30_000, 60_000),
}
"""Ours, and the two profiles of the 2018 system."""


class Movement(msgspec.Struct, frozen=True):
    """How far a node's outgoing channel was when it last moved, or had nothing to do."""

    acknowledged: int
    received: int
    """Readings in the node's log then."""
    moved_ms: int


class Verdicts(msgspec.Struct, frozen=True):
    """The health of a node and of its parts."""

    node: Health
    provenance_daemon: Health
    pipeline_daemon: Health
    outgoing_channel: Health | None
    """None at an endpoint, and where no configuration is known."""


def verdict(age_ms: int, thresholds: Thresholds) -> Health:
    """The word for an age."""
    if age_ms <= thresholds.green_ms:
        return Health.GREEN
    return Health.YELLOW if age_ms <= thresholds.yellow_ms else Health.RED


def follow(before: Movement | None, report: NodeReport, now_ms: int) -> Movement:
    """The movement after one more report.

    A channel stands still when readings have come since its last acknowledgement and none has followed. Sequences
    alone do not show it: some records stay in their log and are never acknowledged.
    """
    if before and report.acknowledged == before.acknowledged and report.received > before.received:
        return before
    return Movement(report.acknowledged, report.received, now_ms)


def judge(node: Node, movement: Movement | None, now_ms: int, thresholds: Thresholds) -> Verdicts:
    """The health of a node by its last report; Red where there is none."""
    report = node.report
    if report is None:
        channel = Health.RED if _sends(node) else None
        return Verdicts(Health.RED, Health.RED, Health.RED, channel)
    silent_ms = max(0, now_ms - node.reported_ms)
    stuck_ms = max(0, report.time_ms - report.progress_ms)
    provenance = verdict(silent_ms, thresholds)
    pipeline = verdict(silent_ms + stuck_ms, thresholds)
    channel = None
    if _sends(node):
        still_ms = now_ms - movement.moved_ms if movement else 0
        channel = verdict(max(silent_ms, still_ms), thresholds)
    return Verdicts(_better(provenance, pipeline), provenance, pipeline, channel)


def _sends(node: Node) -> bool:
    return node.config is not None and node.config.next is not None


def _better(one: Health, other: Health) -> Health:
    order = list(Health)
    return min(one, other, key=order.index)
