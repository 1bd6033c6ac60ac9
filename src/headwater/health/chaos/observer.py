"""What an observer makes of its looks: which fault was told when, what was told wrongly, and when all was well. Pure.

Times are ns of one monotonic clock.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from headwater.health.chaos.documents import ChaosFault, ChaosNow
from headwater.health.chaos.scenario import Fault
from headwater.model.health import Subject

NS = 1e9
SETTLED_NS = 1_000_000_000


class Look(NamedTuple):
    """What the API said at one moment."""

    at_ns: int
    """When the answer was there."""
    alarms: frozenset[Subject]
    is_well: bool
    """Nothing is Red."""


class FalseAlarm(NamedTuple):
    """An alarm while nothing was wrong."""

    at_ns: int
    subject: Subject


class _Open:
    """A fault that is not over."""

    def __init__(self, number: int, fault: Fault, at_ns: int) -> None:
        self.number, self.fault, self.at_ns = number, fault, at_ns
        self.detected_ns: int | None = None
        self.healed_ns: int | None = None
        self.wrong: list[str] = []


class Observer:
    """Follows one run. `names` are those of nodes by their ids."""

    def __init__(self, names: Mapping[int, str], begun_ns: int) -> None:
        self._names = names
        self._ids = {name: node for node, name in names.items()}
        self._begun_ns = begun_ns
        self._open: _Open | None = None
        self._alarms: frozenset[Subject] = frozenset()
        self.false: list[FalseAlarm] = []
        self.faults: list[ChaosFault] = []
        self.looks = 0
        self.gaps_ms: Counter[int] = Counter()
        """How often two looks lay so far apart."""
        self._looked_ns = begun_ns
        self.failed = 0
        self._well_ns: int | None = None
        """Since when nothing has been Red."""

    def is_told(self, now_ns: int) -> bool:
        """Whether the open fault has been told for a while, so that what else is told of it has been said too."""
        told_ns = None if self._open is None else self._open.detected_ns
        return told_ns is not None and now_ns - told_ns >= SETTLED_NS

    def begin(self, fault: Fault, at_ns: int) -> None:
        """A fault was put in."""
        self._open = _Open(len(self.faults) + 1, fault, at_ns)

    def injected(self, at_ns: int) -> None:
        """When exactly that was, as whoever put it in says."""
        assert self._open is not None
        self._open.at_ns = at_ns

    def heal(self, at_ns: int) -> None:
        """It was taken out again."""
        if self._open is not None:
            self._open.healed_ns = at_ns
            self._well_ns = None

    def under_way(self) -> ChaosNow | None:
        """What is known of the open fault so far."""
        open = self._open
        if open is None:
            return None
        return ChaosNow(
            number=open.number,
            fault=open.fault,
            stage="in" if open.healed_ns is None else "healed",
            detected_s=None if open.detected_ns is None else _seconds(open.at_ns, open.detected_ns),
            wrong=list(open.wrong),
        )

    def is_well(self, now_ns: int) -> bool:
        """Whether nothing has been Red for a while, so that nothing that was healed can still be told."""
        return self._well_ns is not None and now_ns - self._well_ns >= SETTLED_NS

    def end(self) -> ChaosFault:
        """It is over: everything is well, or the patience for that is at its end."""
        open = self._open
        assert open is not None
        self._open = None
        healed_ns = open.healed_ns or open.at_ns
        over = ChaosFault(
            number=open.number,
            fault=open.fault,
            injected_s=_seconds(self._begun_ns, open.at_ns),
            detected_s=None if open.detected_ns is None else _seconds(open.at_ns, open.detected_ns),
            wrong=open.wrong,
            recovered_s=None if self._well_ns is None else max(0.0, _seconds(healed_ns, self._well_ns)),
        )
        self.faults.append(over)
        return over

    def skip(self, fault: Fault, at_ns: int, problem: str) -> ChaosFault:
        """A fault could not be put in."""
        self._open = None
        number = len(self.faults) + 1
        skipped = ChaosFault(number=number, fault=fault, injected_s=_seconds(self._begun_ns, at_ns), problem=problem)
        self.faults.append(skipped)
        return skipped

    def see(self, look: Look) -> None:
        """Take a look in."""
        if self.looks:
            self.gaps_ms[round((look.at_ns - self._looked_ns) / 1e6)] += 1
        self.looks, self._looked_ns = self.looks + 1, look.at_ns
        self._well_ns = (self._well_ns or look.at_ns) if look.is_well else None
        for subject in sorted(look.alarms - self._alarms):
            self._new(subject, look.at_ns)
        self._alarms = look.alarms

    def told(self, subject: Subject) -> str:
        """A subject in words."""
        words = f"{subject.part} {self._name(subject.node)}"
        return words if subject.target is None else f"{words} to {self._name(subject.target)}"

    def false_in_words(self) -> Iterable[str]:
        """The false alarms, each with its time."""
        for alarm in self.false:
            yield f"{self.told(alarm.subject)} at {_seconds(self._begun_ns, alarm.at_ns):.1f} s"

    def _new(self, alarm: Subject, at_ns: int) -> None:
        open = self._open
        if open is None:
            self.false.append(FalseAlarm(at_ns, alarm))
            return
        node = self._ids.get(open.fault.target, -1)
        if open.fault.is_told_by(alarm, node):
            if open.healed_ns is None and open.detected_ns is None:
                open.detected_ns = at_ns
        elif not open.fault.excuses(alarm, node):
            open.wrong.append(f"{self.told(alarm)} after {_seconds(open.at_ns, at_ns):.1f} s")

    def _name(self, node: int) -> str:
        return self._names.get(node, f"{node:06x}")


def _seconds(from_ns: int, to_ns: int) -> float:
    return round((to_ns - from_ns) / NS, 4)
