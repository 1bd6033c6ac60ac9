"""What follows from the signals: a word for every part, and which failure explains which. Pure.

The word is a function of silence alone, so that silence only ever worsens it. Who is to blame is a second question:
of two things that fell silent, the one is to blame of which the other is known to have lived on `MARGIN_MS` longer.
"""

from typing import NamedTuple

from headwater.health.signals import LinkKey, LinkSignals, NodeSignals, Told, link_signals, node_signals, witnessed
from headwater.health.suspicion import Bounds
from headwater.model.health import Health, Part, Subject

MARGIN_MS = 1200
"""More than the gap between two signs of life of any kind: what is heard that much later lived on."""
UNSETTLED_MS_MAX = 2000
"""So much longer than Red it stays open what has failed, before it is said with its doubt."""
PROBLEM_CHARACTERS_MAX = 200
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
    """A finding for every node, its two daemons, every link, and the way to the server when there are nodes to tell."""
    found: dict[Subject, Finding] = {}
    reports = _Reports(view)
    if reports.are_many:
        found[SERVER] = reports.finding()
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
    """Whether reports and stamps reach the server at all: what holds for all nodes is no failure of each."""

    def __init__(self, view: View) -> None:
        self._bounds = view.bounds
        signals = view.nodes.values()
        self.are_many = len(signals) > 1
        self.freshest_ms = min((each.report_ms for each in signals), default=0)
        self.unshipped_ms = min((each.unshipped_ms for each in signals), default=0)
        self.are_all_silent = self.are_many and view.bounds.level(self.freshest_ms) is Health.RED
        self.are_all_unshipped = self.are_many and view.bounds.level(self.unshipped_ms) is Health.RED

    def finding(self) -> Finding:
        """On the judge's own way to the nodes."""
        reported, shipped = self._bounds.level(self.freshest_ms), self._bounds.level(self.unshipped_ms)
        if shipped.rank > reported.rank:
            return Finding(SERVER, shipped, f"the store has taken no stamps for {_seconds(self.unshipped_ms)}")
        if reported is Health.GREEN:
            return Finding(SERVER, reported, "nodes report")
        evidence = f"no node has reported for {_seconds(self.freshest_ms)}"
        return Finding(SERVER, reported, evidence, doubt="the way to the server, or all nodes")


def _node(view: View, node: int, signals: NodeSignals, reports: _Reports) -> Finding:
    subject = Subject(Part.NODE, node)
    health = view.bounds.level(signals.any_ms, signals.arrivals)
    if health is not Health.RED:
        evidence = "it reports" if health is Health.GREEN else f"not heard on any path for {_seconds(signals.any_ms)}"
        return Finding(subject, health, evidence)
    evidence = f"silent on every path for {_seconds(signals.any_ms)}"
    if reports.are_all_silent:
        return Finding(subject, health, f"{evidence}, as all nodes are", SERVER)
    # A witness that reported so long after the node fell silent would have heard it.
    if any(_outlived(view, signals.any_ms, view.nodes[witness].report_ms) for witness in signals.witnesses):
        return Finding(subject, health, evidence)
    # Whether it is this node or the way of all reports is open until another one has reported.
    reports_pass = not reports.are_many or _outlived(view, signals.any_ms, reports.freshest_ms)
    evidence = f"unreachable: {evidence}, and no second path to tell"
    return _blamed(view, Finding(subject, health, evidence, doubt="node or link"), signals.any_ms, reports_pass)


def _outlived(view: View, silent_ms: int, alive_ms: int) -> bool:
    """Whether what was last heard `alive_ms` ago lived on when something else fell silent."""
    return silent_ms - alive_ms >= MARGIN_MS and alive_ms <= view.bounds.red_ms - MARGIN_MS


def _pipeline(view: View, node: int, signals: NodeSignals, above: Finding) -> Finding:
    subject = Subject(Part.PIPELINE, node)
    silence = view.bounds.level(signals.pipeline_ms, signals.arrivals)
    waiting = view.bounds.level(signals.waiting_ms, signals.arrivals)
    agent_ms = min(signals.report_ms, signals.beat_ms)
    if silence is Health.RED:
        evidence = f"no progress for {_seconds(signals.pipeline_ms)}"
        if above.health is Health.RED:
            return Finding(subject, silence, evidence, above.subject)
        if _outlived(view, signals.pipeline_ms, agent_ms):
            return Finding(subject, silence, evidence)
        doubtful = Finding(subject, silence, evidence, doubt="node or pipeline daemon")
        return _blamed(view, doubtful, signals.pipeline_ms)
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
    unshipped = view.bounds.level(signals.unshipped_ms, signals.arrivals)
    if health is Health.RED:
        return _unreported(view, subject, signals, above, reports)
    if unshipped is not Health.GREEN:
        finding = Finding(subject, unshipped, f"stamps have waited {_seconds(signals.unshipped_ms)} to be shipped")
        if unshipped is not Health.RED or not reports.are_many:
            return finding
        if reports.are_all_unshipped:
            return finding._replace(evidence=f"{finding.evidence}, as those of all nodes", cause=SERVER)
        others_ship = signals.unshipped_ms - reports.unshipped_ms >= MARGIN_MS
        return _blamed(view, finding._replace(doubt="provenance daemon or server"), signals.unshipped_ms, others_ship)
    if health is Health.YELLOW:
        return Finding(subject, health, f"no report for {_seconds(signals.report_ms)}")
    return Finding(subject, Health.GREEN, "it reports and ships")


def _unreported(view: View, subject: Subject, signals: NodeSignals, above: Finding, reports: _Reports) -> Finding:
    """What there is to say of an agent that does not report."""
    evidence = f"no report for {_seconds(signals.report_ms)}"
    if above.health is Health.RED:
        return Finding(subject, Health.RED, evidence, above.subject)
    if reports.are_all_silent:
        return Finding(subject, Health.RED, f"{evidence}, as of all nodes", SERVER)
    if _outlived(view, signals.report_ms, signals.beat_ms):
        return Finding(subject, Health.RED, f"it beats, but has not reported for {_seconds(signals.report_ms)}")
    agent_ms = min(signals.report_ms, signals.beat_ms)
    evidence = f"no beats or reports for {_seconds(agent_ms)}"
    if _outlived(view, agent_ms, signals.pipeline_ms):
        return Finding(subject, Health.RED, f"{evidence}, but its pipeline daemon answers")
    doubtful = Finding(subject, Health.RED, evidence, doubt="node or provenance daemon")
    return _blamed(view, doubtful, signals.report_ms)


def _link(view: View, key: LinkKey, link: LinkSignals, found: dict[Subject, Finding]) -> Finding:
    source, target = key
    subject = Subject(Part.LINK, source, target)
    ends = [view.nodes[end].arrivals for end in key if end is not None and end in view.nodes]
    # What makes an end report late makes it speak late on its links, too.
    health = view.bounds.level(link.passing_ms, max(ends, key=lambda end: end.jitter_ms, default=None))
    if health is Health.GREEN:
        return _passing(view, subject, link)
    evidence = f"nothing passes for {_seconds(link.passing_ms)}"
    if link.problem:
        evidence += f" ({link.address}: {link.problem})"[:PROBLEM_CHARACTERS_MAX]
    if health is Health.YELLOW:
        return Finding(subject, health, evidence)
    for end in (source, target):
        for part in (Part.NODE, Part.PIPELINE):
            failed = found.get(Subject(part, end)) if end is not None else None
            if failed is not None and failed.health is Health.RED:
                return Finding(subject, health, evidence, failed.subject)
    live = _outlived(view, link.passing_ms, view.nodes[source].pipeline_ms)
    if target is None or target not in view.nodes:
        # Nobody else knows of the other end, and waiting will not change that.
        return _blamed(
            view, Finding(subject, health, evidence, doubt="link, or what is behind it"), link.passing_ms, live
        )
    if live and _outlived(view, link.passing_ms, view.nodes[target].pipeline_ms):
        return Finding(subject, health, evidence)
    return _blamed(view, Finding(subject, health, evidence, doubt="link or an end of it"), link.passing_ms)


def _passing(view: View, subject: Subject, link: LinkSignals) -> Finding:
    """What there is to say of a link that passes data."""
    if link.stuck_ms >= view.bounds.yellow_ms:
        return Finding(subject, Health.YELLOW, f"nothing was acknowledged for {_seconds(link.stuck_ms)}")
    if link.beat_ms is not None and link.beat_ms >= view.bounds.red_ms:
        return Finding(subject, Health.YELLOW, f"data passes, but no beats for {_seconds(link.beat_ms)}")
    return Finding(subject, Health.GREEN, "it passes data")


def _blamed(view: View, finding: Finding, silent_ms: int, is_known: bool = False) -> Finding:
    """What is Red with a doubt: settled when no more can become known, and else after a while."""
    is_settled = is_known or silent_ms >= view.bounds.red_ms_max + UNSETTLED_MS_MAX
    return finding._replace(is_settled=is_settled)


def _explain(view: View, found: dict[Subject, Finding]) -> None:
    """Name what has failed in front of nodes and daemons that are out of reach behind it."""
    hops = _failed_hops(view, found)
    for node in hops:
        root = _root(hops, node)
        if root != node:
            subject = Subject(Part.NODE, node)
            found[subject] = found[subject]._replace(cause=Subject(Part.NODE, root))
    for subject, finding in found.items():
        # The doubtful link of a node that cannot be reached over it is the same failure.
        if finding.cause is not None and (above := found.get(finding.cause)) is not None and above.cause is not None:
            found[subject] = finding._replace(cause=above.cause)


def _failed_hops(view: View, found: dict[Subject, Finding]) -> dict[int, int]:
    """The next hop that is Red, for each node that may only be out of reach behind it."""
    hops: dict[int, int] = {}
    for source, target in view.links:
        finding, hop = found.get(Subject(Part.NODE, source)), found.get(Subject(Part.NODE, target or 0))
        is_open = finding is not None and finding.doubt and finding.cause is None
        if target is not None and is_open and hop is not None and hop.health is Health.RED:
            hops[source] = min(target, hops.get(source, target))
    return hops


def _root(hops: dict[int, int], node: int) -> int:
    """Where the way over failed hops ends; in a circle the lowest id stands for all of it."""
    passed = [node]
    while (hop := hops.get(passed[-1])) is not None:
        if hop in passed:
            return min(passed[passed.index(hop) :])
        passed.append(hop)
    return passed[-1]


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.1f} s"
