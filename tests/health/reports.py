"""Reports of nodes to begin tests with."""

from typing import Any

from headwater.model.report import NodeReport

COUNTS = (
    "time_ms",
    "received",
    "sent",
    "receive_rate",
    "send_rate",
    "durable",
    "acknowledged",
    "shipped",
    "progress_ms",
)


def report_of(node: int, **more: Any) -> NodeReport:
    """A report of a node that is well."""
    counts: dict[str, Any] = dict.fromkeys(COUNTS, 0)
    return NodeReport(node=node, **counts, **more)
