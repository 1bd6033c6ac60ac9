"""The standing of the nodes as documents: verdicts, rates and, in detail, their last report."""

from headwater.api import documents
from headwater.api.verdicts import Health, Movement, Thresholds, Verdicts, follow, judge
from headwater.model.ids import format_node
from headwater.store.port import Node


class Standing:
    """Judges nodes, remembering from one look to the next how far their channels had come."""

    def __init__(self, thresholds: Thresholds) -> None:
        self._thresholds = thresholds
        self._movements: dict[int, Movement] = {}

    def of(self, nodes: list[Node], now_ms: int, detail: bool) -> list[documents.NodeStat]:
        """One document per node, whether it has ever reported or not."""
        self._movements = {
            node.id: follow(self._movements.get(node.id), node.report, now_ms)
            for node in nodes
            if node.report is not None
        }
        return [self._stat(node, now_ms, detail) for node in nodes]

    def _stat(self, node: Node, now_ms: int, detail: bool) -> documents.NodeStat:
        verdicts = judge(node, self._movements.get(node.id), now_ms, self._thresholds)
        document = _summary(node, verdicts)
        if detail:
            _describe(document, node, verdicts)
        return document


def _summary(node: Node, verdicts: Verdicts) -> documents.NodeStat:
    # A rate that nobody has confirmed lately is not a rate.
    report = node.report if verdicts.node is Health.GREEN else None
    document = documents.NodeStat(
        id=format_node(node.id),
        node_health=verdicts.node.value,
        provenance_daemon_health=verdicts.provenance_daemon.value,
        pipeline_daemon_health=verdicts.pipeline_daemon.value,
        send_rate=report.send_rate if report else 0.0,
        receive_rate=report.receive_rate if report else 0.0,
    )
    if verdicts.outgoing_channel is not None:
        document.outgoing_channel_health = verdicts.outgoing_channel.value
    return document


def _describe(document: documents.NodeStat, node: Node, verdicts: Verdicts) -> None:
    document.name = node.name
    report = node.report
    if report is None:
        return
    document.reported = node.reported_ms
    document.received = report.received
    document.sent = report.sent
    document.durable = report.durable
    document.acknowledged = report.acknowledged
    document.shipped = report.shipped
    if verdicts.outgoing_channel is not None:
        document.backlog = max(0, report.durable - report.acknowledged)
    document.unshipped = max(0, report.durable - report.shipped)
    document.refused = report.refused
    document.dropped = report.dropped
    if report.redis:
        document.redis = report.redis
    if report.troubles:
        document.troubles = report.troubles
    document.reported_send_rate = report.send_rate
    document.reported_receive_rate = report.receive_rate
