"""How the parts of a node stood, as the strips of its page show it. Pure."""

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from headwater.client import results
from headwater.ui.evidence import Said, said

HEALTH = {"Green": 0, "Yellow": 1, "Red": 2}
UNKNOWN = -1
DAY_MS = 86_400_000
CHANGES_MAX = 200
"""So many are listed, the newest."""

Part = tuple[str, str]
"""A part of a node, and the target of a link, else empty."""


class Strip(msgspec.Struct, frozen=True):
    """One part over time."""

    part: str
    target: str
    pieces: tuple[tuple[int, int], ...]
    """From when on which health, oldest first; each holds until the next one, the last until now."""


class Changed(msgspec.Struct, frozen=True):
    """One line of the list of changes."""

    at: int
    part: str
    target: str
    health: int
    evidence: Said


def strips(
    events: Sequence[results.HealthEvent], verdicts: Sequence[tuple[Part, results.Judged]], now_ms: int
) -> tuple[Strip, ...]:
    """The last day of each part that is judged, in the order of `verdicts`; `events` are newest first."""
    found: dict[Part, list[results.HealthEvent]] = defaultdict(list)
    for event in events:
        found[part_of(event)].append(event)
    return tuple(_strip(part, verdict, found[part], now_ms) for part, verdict in verdicts)


def part_of(event: results.HealthEvent) -> Part:
    """What an event is about."""
    return event.subject.part, event.subject.target or ""


def _strip(part: Part, verdict: results.Judged, events: list[results.HealthEvent], now_ms: int) -> Strip:
    begin = now_ms - DAY_MS
    pieces: list[tuple[int, int]] = []
    for event in reversed(events):  # Oldest first.
        before = UNKNOWN if event.before is None else HEALTH[event.before]
        if event.at > begin and not pieces:
            pieces.append((begin, before))
        if event.at <= begin:
            pieces = [(begin, HEALTH[event.health])]
        elif pieces[-1][1] != HEALTH[event.health]:
            pieces.append((event.at, HEALTH[event.health]))
    if not pieces:
        pieces = [(max(begin, verdict.since), HEALTH[verdict.health])]
        if verdict.since > begin:
            pieces.insert(0, (begin, UNKNOWN))
    elif pieces[-1][1] != HEALTH[verdict.health]:  # Events may be older than the verdict by a moment.
        pieces.append((max(verdict.since, pieces[-1][0]), HEALTH[verdict.health]))
    return Strip(*part, tuple(pieces))


def changed(events: Sequence[results.HealthEvent]) -> tuple[Changed, ...]:
    """The changes of health among the newest events, newest first."""
    found = [event for event in events if event.before != event.health][:CHANGES_MAX]
    return tuple(Changed(event.at, *part_of(event), HEALTH[event.health], said(event.evidence)) for event in found)
