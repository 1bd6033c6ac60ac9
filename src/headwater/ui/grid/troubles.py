"""What is wrong in the grid, as the home page tells it: alarms, and what is impaired or not yet known. Pure."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from headwater.client import results
from headwater.ui.evidence import said

EXPLAINED_MAX = 6
"""How many of the parts that stand still because of an alarm are named; of others there is a number."""
TROUBLES_MAX = 8

Names = Mapping[str, str]
"""Of nodes, by id."""
Told = dict[str, object]
"""As the script of the page reads it."""


class Troubles(NamedTuple):
    """What is impaired, or Red and not yet known to be the failure itself."""

    told: tuple[Told, ...]
    more: int
    """How many are not told."""


def alarm_of(alarm: results.HealthAlarm, names: Names) -> Told:
    """An alarm: what has failed, since when, how that is known, what else it may be, and what it explains."""
    return {
        **_named(alarm.subject, names),
        "since": alarm.since,
        "evidence": said(alarm.evidence),
        "doubt": said(alarm.doubt) if alarm.doubt else None,
        "explains": [_named(subject, names) for subject in alarm.explains[:EXPLAINED_MAX]],
        "more": max(0, len(alarm.explains) - EXPLAINED_MAX),
    }


def troubles_of(health: results.ClusterHealth, names: Names) -> Troubles:
    """What is neither well, nor an alarm, nor explained by one; Red first."""
    found = [
        (subject, judged)
        for subject, judged in _parts(health)
        if judged.health != "Green" and not judged.alarm and judged.cause is None
    ]
    found.sort(key=lambda one: one[1].health != "Red")
    told = tuple(_trouble(subject, judged, names) for subject, judged in found[:TROUBLES_MAX])
    return Troubles(told, max(0, len(found) - TROUBLES_MAX))


def _parts(health: results.ClusterHealth) -> Iterator[tuple[results.Subject, results.Judged]]:
    """What is judged; the daemons only of nodes that are well themselves."""
    for node in health.nodes:
        if node.node.health != "Green":
            yield results.Subject("node", node.id), node.node
        else:
            yield results.Subject("pipeline", node.id), node.pipeline
            yield results.Subject("provenance", node.id), node.provenance
    for link in health.links:
        yield results.Subject("link", link.source, link.target), link.link


def _trouble(subject: results.Subject, judged: results.Judged, names: Names) -> Told:
    return {**_named(subject, names), "health": 2 if judged.health == "Red" else 1, "evidence": said(judged.evidence)}


def _named(subject: results.Subject, names: Names) -> Told:
    node, target = subject.node or "", subject.target or ""
    return {"part": subject.part, "node": node, "name": names.get(node, node), "target": names.get(target, target)}
