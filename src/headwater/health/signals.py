"""What is known of a grid at one moment: how long each part has been silent, on each path. Pure.

Silences are in ms of the judge's patient clock. What a witness told is that much older as its report is.
"""

from typing import NamedTuple

from headwater.health.suspicion import Arrivals
from headwater.model.report import LinkEnd, Neighbour, NodeReport, Progress

NEVER_MS = 1 << 40
"""The silence of who was never heard on a path."""
TOLD_MS_MAX = 700
"""The most by which the age of a report adds to the silences of links that it tells: a node that does not report is
no evidence that its links do not pass anything."""
WAITED_MS_MAX = 300
"""The most by which the age of a report adds to what waits, for what was waited for may have come since."""


class Told(NamedTuple):
    """The last report of a node."""

    report: NodeReport | None
    """None before the first."""
    silent_ms: int
    """Since it came; before the first since the node is waited for."""
    arrivals: Arrivals


class NodeSignals(NamedTuple):
    """How a node was heard last."""

    report_ms: int
    """On the way to the server."""
    beat_ms: int
    """By neighbouring agents."""
    pipeline_ms: int
    """Its pipeline daemon: by its own agent, told to the server or in a beat, and by neighbours on the data stream."""
    waiting_ms: int
    """For how long input has waited to become durable, by its own telling only: what is late is said by who is late."""
    unshipped_ms: int
    """For how long stamps have waited to be shipped."""
    withheld_ms: int
    witnesses: tuple[int, ...]
    """Neighbours that could hear it, by their own telling."""
    arrivals: Arrivals

    @property
    def any_ms(self) -> int:
        """On whatever path."""
        return min(self.report_ms, self.beat_ms, self.pipeline_ms)


class LinkSignals(NamedTuple):
    """What passes on a link."""

    back_ms: int | None
    """Since the sender heard the receiver's pipeline daemon; None when it does not tell."""
    forth_ms: int | None
    """Since the receiver heard the sender's."""
    beat_ms: int | None
    """Since beats passed, the worse of both ways; None where there are none."""
    stuck_ms: int
    """For how long something has been under way and nothing was acknowledged."""
    problem: str
    address: str

    @property
    def passing_ms(self) -> int:
        """Since data passed, on the worse of both ways; 0 when neither can be told."""
        return max(self.back_ms or 0, self.forth_ms or 0)


LinkKey = tuple[int, int | None]


class Witnessed(NamedTuple):
    """What one node told of another."""

    witness: int
    age_ms: int
    """Of the report that tells it."""
    beat: Neighbour | None
    end: LinkEnd | None


def witnessed(told: dict[int, Told]) -> dict[int, list[Witnessed]]:
    """What is told of each node by others."""
    found: dict[int, list[Witnessed]] = {}
    for witness, (report, age_ms, _) in told.items():
        if report is None:
            continue
        for beat in report.neighbours:
            if beat.node != witness:
                found.setdefault(beat.node, []).append(Witnessed(witness, age_ms, beat, None))
        for end in report.links:
            if end.node not in (None, witness):
                found.setdefault(end.node, []).append(Witnessed(witness, age_ms, None, end))
    return found


def node_signals(held: Told, others: list[Witnessed]) -> NodeSignals:
    """How a node was heard last, by itself and by all that told of it."""
    own, silent_ms, arrivals = held
    beats = [(age_ms + beat.heard_ms, beat.progress) for _, age_ms, beat, _ in others if beat is not None]
    heard = [age_ms + end.heard_ms for _, age_ms, _, end in others if end is not None and end.heard_ms is not None]
    heard += [beat_ms + progress.pipeline_ms for beat_ms, progress in beats]
    progress = Progress() if own is None else own.progress
    # Before its first report a node is waited for as a whole.
    heard.append(silent_ms + progress.pipeline_ms)
    return NodeSignals(
        report_ms=silent_ms,
        beat_ms=min((beat_ms for beat_ms, _ in beats), default=NEVER_MS),
        pipeline_ms=min(heard, default=NEVER_MS),
        waiting_ms=_waited(progress.waiting_ms, silent_ms),
        unshipped_ms=_waited(progress.unshipped_ms, silent_ms),
        withheld_ms=own.withheld_ms if own is not None else 0,
        witnesses=tuple(sorted({one.witness for one in others})),
        arrivals=arrivals,
    )


def _waited(told_ms: int, age_ms: int) -> int:
    """For how long something waits by now that waited when it was told."""
    return told_ms + min(age_ms, WAITED_MS_MAX) if told_ms else 0


def link_signals(told: dict[int, Told]) -> dict[LinkKey, LinkSignals]:
    """All links that are told of by either end."""
    links: dict[LinkKey, LinkSignals] = {}
    beats = _beats(told)
    for node, end, age_ms in _ends(told):
        if end.outgoing:
            back_ms = None if end.heard_ms is None else end.heard_ms + age_ms
            beat_ms = _worse(beats, node, end.node)
            links[node, end.node] = LinkSignals(back_ms, None, beat_ms, end.stuck_ms, end.problem, end.address)
    for node, end, age_ms in _ends(told):
        if end.outgoing or end.node is None or end.node not in told or end.heard_ms is None:
            continue
        key = (end.node, node)
        if key not in links and told[end.node].report is not None:
            continue  # Whose link it is says that there is none: it sends elsewhere now, or never did.
        before = links.get(key) or LinkSignals(None, None, _worse(beats, end.node, node), 0, "", "")
        report_of_receiver = told[node].report
        withheld = report_of_receiver is not None and report_of_receiver.withheld_ms > 0
        # Who withholds reads hears nothing, and that is no silence.
        links[key] = before._replace(forth_ms=None if withheld else end.heard_ms + age_ms)
    return links


def _ends(told: dict[int, Told]) -> list[tuple[int, LinkEnd, int]]:
    """Each end of a link, with the node that tells of it and what the age of its report adds to silences."""
    return [
        (node, end, min(age_ms, TOLD_MS_MAX))
        for node, (report, age_ms, _) in told.items()
        for end in (report.links if report is not None else ())
        if end.node != node
    ]


def _beats(told: dict[int, Told]) -> dict[tuple[int, int], int]:
    """Since a node heard the agent of another, by (hearer, heard)."""
    return {
        (node, beat.node): beat.heard_ms + min(age_ms, TOLD_MS_MAX)
        for node, (report, age_ms, _) in told.items()
        for beat in (report.neighbours if report is not None else ())
    }


def _worse(beats: dict[tuple[int, int], int], one: int, other: int | None) -> int | None:
    """Since beats passed between two nodes, on the worse of both ways; None when neither tells of any."""
    if other is None:
        return None
    return max((beats[way] for way in ((one, other), (other, one)) if way in beats), default=None)
