"""The standing of the nodes as 2018 shows it: words, rates and, in detail, their last report."""

from headwater.api import documents
from headwater.api.cluster_health import Verdicts
from headwater.model.health import Health, Part
from headwater.model.ids import format_node
from headwater.store.port import Node


def stats(nodes: list[Node], verdicts: Verdicts, detail: bool) -> list[documents.NodeStat]:
    """One document per node, whether it has ever reported or not."""
    return [_stat(node, verdicts, detail) for node in nodes]


def _stat(node: Node, verdicts: Verdicts, detail: bool) -> documents.NodeStat:
    health = verdicts.of(Part.NODE, node.id).health
    # A rate that nobody has confirmed lately is not a rate.
    report = node.report if health is Health.GREEN else None
    document = documents.NodeStat(
        id=format_node(node.id),
        node_health=health.value,
        provenance_daemon_health=verdicts.of(Part.PROVENANCE, node.id).health.value,
        pipeline_daemon_health=verdicts.of(Part.PIPELINE, node.id).health.value,
        send_rate=report.send_rate if report else 0.0,
        receive_rate=report.receive_rate if report else 0.0,
    )
    links = verdicts.links_of(node.id)
    if links:
        document.outgoing_channel_health = max(links, key=lambda link: link.health.rank).health.value
    if detail:
        _describe(document, node, bool(links))
    return document


def _describe(document: documents.NodeStat, node: Node, sends: bool) -> None:
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
    if sends:
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
