"""The detector: reports and a clock in, verdicts and their changes out. Pure.

Its clock is patient: when its own look comes late it counts little of the pause, for it cannot know what was sent to it
meanwhile. What gets worse is said at once; what gets better is Yellow until it has lasted, longer each time it flaps.
"""

from collections import deque
from collections.abc import Iterable

import msgspec

from headwater.health.rules import SERVER, Finding, View, assess, view_of
from headwater.health.signals import Told
from headwater.health.suspicion import Arrivals, Bounds
from headwater.model.errors import NotFound, Rejected
from headwater.model.health import Change, Health, Part, Subject, Verdict
from headwater.model.ids import format_node
from headwater.model.patience import PatientClock
from headwater.model.report import NodeReport

LOOK_EVERY_MS = 100
PAUSE_MS_MAX = 300
REPORT_EVERY_MS = 500
GRACE_MS = 6000
"""How long a node that this judge never heard may take to find the way to it, and what another failure took down to
come back once that is over."""
RECOVERY_MS = 1000
RECOVERY_MS_MAX = 30_000
FLAPS_REMEMBERED_MS = 300_000


class _Node:
    """How a node was heard."""

    def __init__(self, now_ms: int, red_ms: int) -> None:
        self.report: NodeReport | None = None
        self.heard_ms = now_ms + GRACE_MS
        self._red_ms = red_ms
        self.arrivals = Arrivals(REPORT_EVERY_MS)

    def take(self, report: NodeReport, now_ms: int) -> None:
        if self.report is not None:
            self.arrivals.add(now_ms - self.heard_ms)
        self.report, self.heard_ms = report, now_ms

    def sends_to(self, node: int) -> bool:
        """Whether it says that it does."""
        return self.report is not None and any(end.outgoing and end.node == node for end in self.report.links)

    def forget(self, node: int) -> None:
        """Leave out what it told of a node."""
        if self.report is not None:
            self.report = msgspec.structs.replace(
                self.report,
                links=tuple(end for end in self.report.links if end.node != node),
                neighbours=tuple(one for one in self.report.neighbours if one.node != node),
            )

    def told(self, now_ms: int) -> Told:
        return Told(self.report, 0 if self.is_awaited(now_ms) else now_ms - self.heard_ms, self.arrivals)

    def is_awaited(self, now_ms: int) -> bool:
        """Whether it was not heard yet and may still come. After that its silence is Red: it never was any better."""
        return self.report is None and now_ms - self.heard_ms < self._red_ms


class _Standing:
    """The verdict on a subject, and what damps it."""

    def __init__(self, verdict: Verdict, now_ms: int) -> None:
        self.verdict = verdict
        self._better_since_ms: int | None = None
        self._reds: deque[int] = deque(maxlen=32)
        self._explained_ms = now_ms if verdict.cause is not None else now_ms - GRACE_MS
        """When another failure last explained it."""

    def follow(self, finding: Finding, now_ms: int, wall_ms: int) -> Verdict:
        """The verdict after one more look."""
        before = self.verdict
        health, evidence = finding.health, finding.evidence
        if health.rank >= before.health.rank:
            self._better_since_ms = None
        else:
            self._better_since_ms = now_ms if self._better_since_ms is None else self._better_since_ms
            if now_ms - self._better_since_ms < self._recovery_ms(now_ms):
                if health is not Health.GREEN:
                    return before  # What is hardly below Red would be Red again at once.
                health = Health.YELLOW
                evidence = f"recovering: {evidence}"
        if health is Health.RED and before.health is not Health.RED:
            self._reds.append(now_ms)
        cause = self._cause(finding, now_ms)
        # What was once known stays known for as long as it is Red.
        is_known = before.is_alarm and health is Health.RED and cause is None
        self.verdict = Verdict(
            finding.subject,
            health,
            before.since_ms if health is before.health else wall_ms,
            evidence,
            cause,
            is_known or finding.is_settled,
            before.doubt if is_known else finding.doubt,
        )
        return self.verdict

    def _cause(self, finding: Finding, now_ms: int) -> Subject | None:
        """What explains it; a failure that is over still does for a while, for links and daemons come back later."""
        if finding.cause is not None:
            self._explained_ms = now_ms
            return finding.cause
        before = self.verdict.cause
        if finding.health is not Health.RED or before is None or before.part is Part.SERVER:
            return None
        return before if now_ms - self._explained_ms < GRACE_MS else None

    def _recovery_ms(self, now_ms: int) -> int:
        recent = sum(1 for at_ms in self._reds if now_ms - at_ms <= FLAPS_REMEMBERED_MS)
        return min(RECOVERY_MS_MAX, RECOVERY_MS << max(0, recent - 1))


class Detector:
    """Judges all nodes of one site."""

    def __init__(self, bounds: Bounds, numbered_from: int = 1, before: Iterable[Verdict] = ()) -> None:
        """`before` is how everything stood by the judge before, which holds until there is something to judge by."""
        self._bounds = bounds
        self._clock = PatientClock(PAUSE_MS_MAX)
        self._nodes: dict[int, _Node] = {}
        self._standing = {verdict.subject: _Standing(verdict, 0) for verdict in before}
        self._number = numbered_from
        self._abstained = False
        self.forgotten: set[int] = set()
        """Nodes that are gone on purpose; who reports again is none of them."""

    @property
    def verdicts(self) -> list[Verdict]:
        """How everything stands, in the order of subjects."""
        return [self._standing[subject].verdict for subject in sorted(self._standing, key=_place)]

    @property
    def late(self) -> int:
        """How often a look came late."""
        return self._clock.late

    def know(self, nodes: Iterable[int]) -> None:
        """Wait for nodes that are known from before."""
        for node in nodes:
            self._nodes.setdefault(node, _Node(self._clock.now_ms, self._bounds.red_ms_max))

    def hear(self, report: NodeReport) -> None:
        """Take a report in, as of the last look."""
        self.forgotten.discard(report.node)
        self.know([report.node])
        self._nodes[report.node].take(report, self._clock.now_ms)

    def forget(self, node: int, wall_ms: int) -> list[Change]:
        """Judge a node, its daemons and links no longer, until it reports again; what that changes.

        NotFound when it is none that is judged, Rejected("in-use") while it is heard on any path, a node that is
        heard sends to it, or it waits for its first look.
        """
        if node in self.forgotten:
            return []
        self._check_gone(node)
        self._nodes.pop(node, None)
        for held in self._nodes.values():
            held.forget(node)
        self.forgotten.add(node)
        gone = [subject for subject in self._standing if node in (subject.node, subject.target)]
        return self._end(gone, "forgotten: it is gone on purpose", wall_ms)

    def _check_gone(self, node: int) -> None:
        standing, name = self._standing.get(Subject(Part.NODE, node)), format_node(node)
        if standing is None and node in self._nodes:
            raise Rejected(
                "in-use", f"node {name} is yet to be judged; ask again when headwater status shows it as Red"
            )
        if standing is None:
            raise NotFound(f"node {name} is not judged here; headwater status lists those that are")
        verdict = standing.verdict
        if verdict.health is not Health.RED:
            said = f"node {name} is {verdict.health} ({verdict.evidence})"
            raise Rejected("in-use", f"{said}: only a node that is Red can be forgotten; stop its two daemons first")
        for source, held in self._nodes.items():
            if source != node and held.sends_to(node) and not self._is_red(source):
                said = f"node {format_node(source)} still sends to {name}"
                raise Rejected("in-use", f"{said}: give it another next hop, or stop it too")

    def look(self, monotonic_ms: int, wall_ms: int) -> list[Change]:
        """Judge anew; what has changed: a word, a cause, or whether it is settled. A late look abstains, unless the
        one before did: what was sent meanwhile is yet to be heard."""
        late = self._clock.late
        now_ms = self._clock.look(monotonic_ms)
        self._abstained = self._clock.late > late and not self._abstained
        if self._abstained:
            return []
        findings = assess(self.view(now_ms))
        awaited = self._awaited(now_ms)
        in_order = [findings[subject] for subject in sorted(findings, key=_place) if subject not in awaited]
        changes = [change for finding in in_order if (change := self._follow(finding, now_ms, wall_ms)) is not None]
        return changes + self._end(
            self._standing.keys() - findings.keys() - awaited, "nobody tells of it any longer", wall_ms
        )

    def _awaited(self, now_ms: int) -> set[Subject]:
        """What stood somehow before, and is about nodes that this judge has yet to hear."""
        nodes = {node for node, held in self._nodes.items() if held.is_awaited(now_ms)}
        if not nodes:
            return set()
        are_all = len(nodes) == len(self._nodes)
        return {
            subject
            for subject in self._standing
            if (are_all if subject == SERVER else nodes & {subject.node, subject.target})
        }

    def view(self, now_ms: int) -> View:
        """What is known at a patient time."""
        return view_of({node: held.told(now_ms) for node, held in self._nodes.items()}, self._bounds)

    def _follow(self, finding: Finding, now_ms: int, wall_ms: int) -> Change | None:
        standing = self._standing.get(finding.subject)
        if standing is None:
            verdict = Verdict(
                finding.subject, finding.health, wall_ms, finding.evidence, finding.cause, finding.is_settled,
                finding.doubt,
            )  # fmt: skip
            self._standing[finding.subject] = _Standing(verdict, now_ms)
            return self._change(None, verdict)
        before = standing.verdict
        after = standing.follow(finding, now_ms, wall_ms)
        return None if _essence(before) == _essence(after) else self._change(before.health, after)

    def _end(self, gone: Iterable[Subject], why: str, wall_ms: int) -> list[Change]:
        """Judge some subjects no longer. What was wrong with them is over then, for whoever was told so."""
        changes = []
        for subject in sorted(gone, key=_place):
            before = self._standing.pop(subject).verdict.health
            if before is not Health.GREEN:
                changes.append(self._change(before, Verdict(subject, Health.YELLOW, wall_ms, f"not judged: {why}")))
        return changes

    def _is_red(self, node: int) -> bool:
        standing = self._standing.get(Subject(Part.NODE, node))
        return standing is not None and standing.verdict.health is Health.RED

    def _change(self, before: Health | None, verdict: Verdict) -> Change:
        self._number += 1
        return Change(self._number - 1, before, verdict)


def _essence(verdict: Verdict) -> tuple[object, ...]:
    """What makes two verdicts different."""
    return (verdict.health, verdict.cause, verdict.is_settled)


def _place(subject: Subject) -> tuple[int, str, int]:
    return (subject.node, subject.part, -1 if subject.target is None else subject.target)
