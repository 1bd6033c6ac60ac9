"""The report of a run: figures from what its observer noted, and from the books before and after. Pure."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from headwater.health.chaos.documents import ChaosFault, ChaosKind, ChaosObserver, ChaosReport
from headwater.health.chaos.observer import Observer
from headwater.model.health import Part

MEASURED = (Part.NODE, Part.LINK, Part.PIPELINE, Part.PROVENANCE)
DAMAGE = "damaged"


N = TypeVar("N", int, float)


class Books(NamedTuple):
    """What links and losses came to at one moment, in readings."""

    delivered: int = 0
    buffered: int = 0
    waiting: int = 0
    """Of these, on links whose oldest reading has waited longer than passing on takes."""
    dropped: int = 0
    losses: Mapping[str, int] = MappingProxyType({})


def percentile(values: Sequence[N], share: float) -> N | None:
    """The least value that so large a share of all values does not exceed; None of none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def report(seed: int, begun_ms: int, lasted_s: float, observer: Observer, before: Books, after: Books) -> ChaosReport:
    """All of it."""
    faults = observer.faults
    losses = {why: count for why, total in after.losses.items() if (count := total - before.losses.get(why, 0))}
    corrupted = any(one.fault.kind == "corrupt-log" and not one.problem for one in faults)
    named = sum(count for why, count in losses.items() if not (corrupted and why == DAMAGE))
    return ChaosReport(
        seed=seed,
        begun_ms=begun_ms,
        lasted_s=round(lasted_s, 3),
        kinds={part.value: _kind(faults, lambda one, part=part: one.fault.expected is part) for part in MEASURED},  # type: ignore[misc]
        ways={
            kind: _kind(faults, lambda one, kind=kind: one.fault.kind == kind)  # type: ignore[misc]
            for kind in dict.fromkeys(one.fault.kind for one in faults)
        },
        false_alarms=len(observer.false),
        false=list(observer.false_in_words()),
        readings_lost=max(named, after.dropped - before.dropped),
        losses=losses,
        undelivered=after.waiting,
        delivered=after.delivered - before.delivered,
        observer=_observer(observer),
        faults=faults,
    )


def _kind(faults: Iterable[ChaosFault], belongs: Callable[[ChaosFault], bool]) -> ChaosKind:
    done = [one for one in faults if belongs(one) and not one.problem]
    detected = [one.detected_s for one in done if one.detected_s is not None]
    recovered = [one.recovered_s for one in done if one.recovered_s is not None]
    return ChaosKind(
        injected=len(done),
        detected=len(detected),
        wrong_kind=sum(1 for one in done if one.wrong),
        min_s=min(detected, default=None),
        p50_s=percentile(detected, 0.5),
        p95_s=percentile(detected, 0.95),
        p99_s=percentile(detected, 0.99),
        max_s=max(detected, default=None),
        recovery_p50_s=percentile(recovered, 0.5),
        recovery_max_s=max(recovered, default=None),
    )


def _observer(observer: Observer) -> ChaosObserver:
    gaps = sorted(observer.gaps_ms.elements())
    return ChaosObserver(
        looks=observer.looks,
        failed=observer.failed,
        gap_p99_ms=percentile(gaps, 0.99),
        gap_max_ms=max(gaps, default=None),
    )
