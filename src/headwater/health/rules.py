"""What follows from the signals: a word for every part, and which failure explains which. Pure.

The word is a function of silence alone, so that silence only ever worsens it. Who is to blame is a second question:
of two things that fell silent, the one is to blame of which the other is known to have lived on `MARGIN_MS` longer.
"""

from typing import NamedTuple

from headwater.health.signals import LinkKey, LinkSignals, NodeSignals, Told, link_signals, node_signals, witnessed
from headwater.health.suspicion import Bounds
from headwater.model.health import Health, Part, Subject

MARGIN_MS = 1000
"""More than the gap between two signs of life of any kind: what is heard that much later lived on."""
UNSETTLED_MS_MAX = 2000
"""So much longer than Red it stays open what has failed, before it is said with its doubt."""
SERVER = Subject(Part.SERVER)


class Finding(NamedTuple):
    """What is found of a subject at one moment."""

    subject: Subject
    health: Health
    evidence: str
    cause: Subject | None = None
    is_settled: bool = True
    doubt: str = ""


class View(NamedTuple):
    """Everything that is known at one moment."""

    nodes: dict[int, NodeSignals]
    links: dict[LinkKey, LinkSignals]
    bounds: Bounds


def view_of(told: dict[int, Told], bounds: Bounds) -> View:
    """What the last reports say."""
    others = witnessed(told)
    nodes = {node: node_signals(held, others.get(node, [])) for node, held in told.items()}
    return View(nodes, link_signals(told), bounds)


def assess(view: View) -> dict[Subject, Finding]:
    """A finding for every node, its two daemons, and every link."""
    found: dict[Subject, Finding] = {}
    reports = _Reports(view)
    for node, signals in view.nodes.items():
        found[Subject(Part.NODE, node)] = _node(view, node, signals, reports)
    for node, signals in view.nodes.items():
        above = found[Subject(Part.NODE, node)]
        for finding in (_pipeline(view, node, signals, above), _provenance(view, node, signals, above, reports)):
            found[finding.subject] = finding
    for key, link in view.links.items():
        finding = _link(view, key, link, found)
        found[finding.subject] = finding
    _explain(view, found)
    return found


class _Reports:
    """Whether reports reach the server at all."""

    def __init__(self, view: View) -> None:
        silences = [signals.report_ms for signals in view.nodes.values()]
        self.freshest_ms = min(silences, default=0)
        self.are_all_silent = len(silences) > 1 and view.bounds.level(self.freshest_ms) is Health.RED


def _node(view: View, node: int, signals: NodeSignals, reports: _Reports) -> Finding:
    subject = Subject(Part.NODE, node)
    health = view.bounds.level(signals.any_ms, signals.arrivals)
    if health is not Health.RED:
        evidence = "it reports" if health is Health.GREEN else f"not heard on any path for {_seconds(signals.any_ms)}"
        return Finding(subject, health, evidence)
    evidence = f"silent on every path for {_seconds(signals.any_ms)}"
    if reports.are_all_silent:
        return Finding(subject, health, f"{evidence}, as all nodes are", SERVER)
    if any(_lives(view, witness, signals.any_ms) for witness in signals.witnesses):
        return Finding(subject, health, evidence)
    return Finding(subject, health, f"unreachable: {evidence}, and no second path to tell", doubt="node or link")


def _lives(view: View, witness: int, silent_ms: int) -> bool:
    """Whether a witness reported so long after something fell silent that it would have heard it."""
    return view.nodes[witness].report_ms + MARGIN_MS <= silent_ms


def _pipeline(view: View, node: int, signals: NodeSignals, above: Finding) -> Finding:
    subject = Subject(Part.PIPELINE, node)
    silence = view.bounds.level(signals.pipeline_ms)
    waiting = view.bounds.level(signals.waiting_ms)
    agent_ms = min(signals.report_ms, signals.beat_ms)
    if silence is Health.RED:
        evidence = f"no progress for {_seconds(signals.pipeline_ms)}"
        if above.health is Health.RED:
            return Finding(subject, silence, evidence, above.subject)
        lived_on = signals.pipeline_ms - agent_ms >= MARGIN_MS
        return _blamed(view, subject, evidence, signals.pipeline_ms, lived_on, "node or pipeline daemon")
    if waiting is not Health.GREEN:
        return Finding(subject, waiting, f"what came in has waited {_seconds(signals.waiting_ms)} to become durable")
    if silence is Health.YELLOW:
        return Finding(subject, silence, f"no progress for {_seconds(signals.pipeline_ms)}")
    if signals.withheld_ms >= view.bounds.yellow_ms:
        return Finding(
            subject, Health.YELLOW, f"takes nothing in since {_seconds(signals.withheld_ms)}: its log is full"
        )
    return Finding(subject, Health.GREEN, "it makes progress")


def _provenance(view: View, node: int, signals: NodeSignals, above: Finding, reports: _Reports) -> Finding:
    subject = Subject(Part.PROVENANCE, node)
    health = view.bounds.level(signals.report_ms, signals.arrivals)
    unshipped = view.bounds.level(signals.unshipped_ms)
    if health is Health.RED:
        if above.health is Health.RED:
            return Finding(subject, health, f"no report for {_seconds(signals.report_ms)}", above.subject)
        if reports.are_all_silent:
            return Finding(subject, health, f"no report for {_seconds(signals.report_ms)}, as of all nodes", SERVER)
        if signals.report_ms - signals.beat_ms >= MARGIN_MS:
            evidence = f"it beats, but has not reported for {_seconds(signals.report_ms)}"
            return Finding(subject, health, evidence)
        evidence = f"no beats or reports for {_seconds(min(signals.report_ms, signals.beat_ms))}"
        lived_on = min(signals.report_ms, signals.beat_ms) - signals.pipeline_ms >= MARGIN_MS
        if lived_on:
            evidence += ", but its pipeline daemon answers"
        return _blamed(view, subject, evidence, signals.report_ms, lived_on, "node or provenance daemon")
    if unshipped is not Health.GREEN:
        return Finding(subject, unshipped, f"stamps have waited {_seconds(signals.unshipped_ms)} to be shipped")
    if health is Health.YELLOW:
        return Finding(subject, health, f"no report for {_seconds(signals.report_ms)}")
    return Finding(subject, Health.GREEN, "it reports and ships")


def _link(view: View, key: LinkKey, link: LinkSignals, found: dict[Subject, Finding]) -> Finding:
    source, target = key
    subject = Subject(Part.LINK, source, target)
    health = view.bounds.level(link.passing_ms)
    if health is Health.GREEN:
        return _passing(view, subject, link)
    evidence = f"nothing passes for {_seconds(link.passing_ms)}"
    if link.problem:
        evidence += f" ({link.address}: {link.problem})"
    if health is Health.YELLOW:
        return Finding(subject, health, evidence)
    for end in (source, target):
        for part in (Part.NODE, Part.PIPELINE):
            failed = found.get(Subject(part, end)) if end is not None else None
            if failed is not None and failed.health is Health.RED:
                return Finding(subject, health, evidence, failed.subject)
    alive_ms = [view.nodes[end].pipeline_ms for end in (source, target) if end is not None and end in view.nodes]
    lived_on = link.passing_ms - max(alive_ms, default=0) >= MARGIN_MS
    return _blamed(view, subject, evidence, link.passing_ms, lived_on, "link or an end of it")


def _passing(view: View, subject: Subject, link: LinkSignals) -> Finding:
    """What there is to say of a link that passes data."""
    if link.stuck_ms >= view.bounds.yellow_ms:
        return Finding(subject, Health.YELLOW, f"nothing was acknowledged for {_seconds(link.stuck_ms)}")
    if link.beat_ms is not None and link.beat_ms >= view.bounds.red_ms:
        return Finding(subject, Health.YELLOW, f"data passes, but no beats for {_seconds(link.beat_ms)}")
    return Finding(subject, Health.GREEN, "it passes data")


def _blamed(view: View, subject: Subject, evidence: str, silent_ms: int, lived_on: bool, doubt: str) -> Finding:
    """Red, once it is known that it is this and not what is around it; after a while also with the doubt."""
    if lived_on:
        return Finding(subject, Health.RED, evidence)
    is_settled = silent_ms >= view.bounds.red_ms_max + UNSETTLED_MS_MAX
    return Finding(subject, Health.RED, evidence, None, is_settled, doubt)


def _explain(view: View, found: dict[Subject, Finding]) -> None:
    """Name what has failed in front of nodes and daemons that are out of reach behind it."""
    for node in view.nodes:
        subject = Subject(Part.NODE, node)
        finding = found[subject]
        if not finding.doubt or finding.cause is not None:
            continue
        for source, target in view.links:
            failed = found.get(Subject(Part.NODE, target)) if source == node and target is not None else None
            if failed is not None and failed.health is Health.RED:
                found[subject] = finding._replace(cause=failed.subject)
    for subject, finding in found.items():
        # The doubtful link of a node that cannot be reached over it is the same failure.
        if finding.cause is not None and (above := found.get(finding.cause)) is not None and above.cause is not None:
            found[subject] = finding._replace(cause=above.cause)


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.1f} s"
