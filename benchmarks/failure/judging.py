"""What a campaign shows: detection times, wrong alarms and false ones, from what was done and what was seen. Pure."""

import math
from collections.abc import Sequence

import msgspec

from benchmarks.failure.faults import KINDS, Subject


class Alarm(msgspec.Struct, frozen=True):
    """An alarm as the API gives it."""

    part: str
    node: str
    target: str
    evidence: str

    @property
    def subject(self) -> Subject:
        return Subject(self.part, self.node, self.target)


class Sighting(msgspec.Struct, frozen=True):
    """What the observer saw from a moment on."""

    at_ns: int
    """By its monotonic clock, after the answer had come."""
    alarms: tuple[Alarm, ...]
    is_well: bool
    asked: int = 0
    longest_s: float = 0.0


class Done(msgspec.Struct, frozen=True):
    """A fault that was injected."""

    kind: str
    way: str
    subject: Subject
    injected_ns: int
    """By the monotonic clock, before the first act."""
    healed_ns: int
    well_ns: int
    """When everything was seen well again: Green, or Yellow only because it has not been Green for long."""


class Raised(msgspec.Struct, frozen=True):
    """An alarm that was not there before."""

    at_ns: int
    alarm: Alarm
    during: str = ""
    """Which fault there was then; empty for none."""


class Fate(msgspec.Struct, frozen=True):
    """What became of one fault."""

    kind: str
    way: str
    subject: Subject
    detection_s: float | None
    """From the injection to the first alarm of the right kind and place; None when there was none."""
    wrong: str
    """What the first alarm said, where it named another kind or place; empty where it did not."""
    recovery_s: float | None
    """From the healing until all was well; None when that did not come."""


class Kind(msgspec.Struct, frozen=True):
    """The figures of one kind of fault; times in seconds, None when nothing was detected."""

    injected: int
    detected: int
    wrong_kind: int
    """Faults whose first alarm named another kind or place."""
    p50_s: float | None
    p99_s: float | None
    max_s: float | None
    min_s: float | None
    recovery_p50_s: float | None


class Findings(msgspec.Struct, frozen=True):
    """What a campaign shows."""

    kinds: dict[str, Kind]
    false_alarms: int
    """Alarms that no fault explains: while nothing was wrong, or of what a fault did not touch."""
    false: list[str]
    """What they said, and when."""
    healing_alarms: int
    """Alarms of the failed node itself, or its links, between the healing and all being well: it was coming back."""
    outcomes: list[Fate]


def raised(sightings: Sequence[Sighting]) -> list[Raised]:
    """Every alarm at the moment that it was first seen, again when it had gone meanwhile."""
    found: list[Raised] = []
    before: set[Subject] = set()
    for sighting in sightings:
        found += [Raised(sighting.at_ns, alarm) for alarm in sighting.alarms if alarm.subject not in before]
        before = {alarm.subject for alarm in sighting.alarms}
    return found


def judge(done: Sequence[Done], sightings: Sequence[Sighting]) -> Findings:
    """The findings of a campaign, its faults in the order in which they were injected."""
    alarms = raised(sightings)
    outcomes = [_outcome(one, alarms) for one in done]
    false, healing = [], 0
    for alarm in alarms:
        during = next((one for one in done if one.injected_ns <= alarm.at_ns <= one.well_ns), None)
        if during is None:
            false.append(alarm)
            continue
        alarm = msgspec.structs.replace(alarm, during=_at(alarm, during))
        if alarm.alarm.subject == during.subject:
            continue
        if alarm.at_ns >= during.healed_ns and _touches(during.subject, alarm.alarm.subject):
            healing += 1
        elif not _is_first(alarm, during, alarms):
            false.append(alarm)
    kinds = {kind: _kind([one for one in outcomes if one.kind == kind]) for kind in KINDS}
    said = [f"{one.during or 'in the quiet'}: {_in_words(one.alarm)}" for one in false]
    return Findings(kinds, len(false), said, healing, outcomes)


def _outcome(one: Done, alarms: list[Raised]) -> Fate:
    during = [alarm for alarm in alarms if one.injected_ns <= alarm.at_ns < one.healed_ns]
    right = next((alarm for alarm in during if alarm.alarm.subject == one.subject), None)
    return Fate(
        one.kind,
        one.way,
        one.subject,
        (right.at_ns - one.injected_ns) / 1e9 if right is not None else None,
        _in_words(during[0].alarm) if during and during[0].alarm.subject != one.subject else "",
        (one.well_ns - one.healed_ns) / 1e9,
    )


def _in_words(alarm: Alarm) -> str:
    return f"{' '.join(part for part in alarm.subject if part)}: {alarm.evidence}"


def _at(alarm: Raised, during: Done) -> str:
    """When an alarm was raised, in words."""
    healed = alarm.at_ns >= during.healed_ns
    after_s = (alarm.at_ns - (during.healed_ns if healed else during.injected_ns)) / 1e9
    name = " ".join(part for part in during.subject if part)
    return f"{after_s:.1f} s after {name} ({during.way}) was {'healed' if healed else 'injected'}"


def _is_first(alarm: Raised, during: Done, alarms: list[Raised]) -> bool:
    """Whether an alarm is the first of a fault: then it is counted as its wrong kind."""
    first = next((other for other in alarms if during.injected_ns <= other.at_ns < during.healed_ns), None)
    return first is not None and alarm.at_ns == first.at_ns and alarm.alarm == first.alarm


def _touches(failed: Subject, other: Subject) -> bool:
    """Whether a subject is a part of what failed, or a link of it."""
    return bool({failed.node, failed.target} & {other.node, other.target} - {""})


def _kind(outcomes: list[Fate]) -> Kind:
    times = sorted(one.detection_s for one in outcomes if one.detection_s is not None)
    recoveries = sorted(one.recovery_s for one in outcomes if one.recovery_s is not None)
    return Kind(
        injected=len(outcomes),
        detected=len(times),
        wrong_kind=sum(1 for one in outcomes if one.wrong),
        p50_s=quantile(times, 0.5),
        p99_s=quantile(times, 0.99),
        max_s=quantile(times, 1.0),
        min_s=quantile(times, 0.0),
        recovery_p50_s=quantile(recoveries, 0.5),
    )


def quantile(ordered: Sequence[float], part: float) -> float | None:
    """The smallest of ordered values that so large a part of them does not exceed; None when there are none."""
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)] if ordered else None
