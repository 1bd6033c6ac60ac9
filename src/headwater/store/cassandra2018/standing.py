"""How nodes, their daemons and links stand by the rules of 2018: by the age of their heartbeats; pure."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from headwater.model.errors import Rejected
from headwater.model.health import Health, Part, Subject, Verdict
from headwater.model.ids import parse_node
from headwater.store.port import Standing


class Heartbeat(NamedTuple):
    """The heartbeat row of a node; times in ms, None where there is none."""

    node: int
    time_ms: int | None
    pipeline_ms: int | None
    channels: Mapping[str, int]
    """When `<from>:<to>` was last well, by who wrote it; 0 when it was not."""


class Ages(NamedTuple):
    """Up to which ages something is Green and Yellow, in ms."""

    green_ms: int
    yellow_ms: int


def standing(nodes: Iterable[int], beats: Mapping[int, Heartbeat], ages: Ages, now_ms: int) -> Standing:
    """How every node stands; one without a heartbeat is Red."""
    channels = _channels(beats.values())
    verdicts: list[Verdict] = []
    for node in nodes:
        beat = beats.get(node, Heartbeat(node, None, None, {}))
        heard = max(
            [beat.time_ms or 0, *(at for ends, at in channels.items() if node in ends)],
            default=0,
        )
        verdicts.append(_judged(Subject(Part.NODE, node), heard, "heard", ages, now_ms))
        verdicts.append(_judged(Subject(Part.PIPELINE, node), beat.pipeline_ms, "marked alive", ages, now_ms))
        verdicts.append(_judged(Subject(Part.PROVENANCE, node), beat.time_ms, "heartbeat", ages, now_ms))
    verdicts += [
        _judged(Subject(Part.LINK, source, target), at, "probe succeeded", ages, now_ms)
        for (source, target), at in sorted(channels.items())
    ]
    return Standing(now_ms, 0, verdicts)


def _channels(beats: Iterable[Heartbeat]) -> dict[tuple[int, int], int]:
    """The newest success on each channel, whoever wrote it; a name that is none is left out."""
    newest: dict[tuple[int, int], int] = {}
    for beat in beats:
        for name, at in beat.channels.items():
            source, colon, target = name.partition(":")
            try:
                ends = parse_node(source), parse_node(target)
            except Rejected:
                continue
            if colon:
                newest[ends] = max(at, newest.get(ends, 0))
    return newest


def _judged(subject: Subject, at_ms: int | None, what: str, ages: Ages, now_ms: int) -> Verdict:
    if not at_ms or at_ms <= 0:
        return Verdict(subject, Health.RED, 0, f"never {what}" if what == "heard" else f"no {what} is recorded")
    age_ms = now_ms - at_ms
    health = Health.GREEN if age_ms <= ages.green_ms else Health.YELLOW if age_ms <= ages.yellow_ms else Health.RED
    return Verdict(subject, health, at_ms, f"{what} {max(age_ms, 0) / 1000:.1f} s ago")
