"""What is found for every combination of signals, as a table; `python -m tests.health.truth_table` writes it anew.

A node S sends to a node W. Each signal of S is F (fresh), L (late) or S (silent). A line holds for all combinations
of the letters in it, * for any; every combination is in exactly one line. Found: G (Green), Y (Yellow), R (Red) of the
node S, its pipeline daemon, its provenance daemon and its link; R<... names the cause, R~ is not settled yet, R? has a
doubt. Alarms are what is Red, settled and not caused by something else.
"""

import itertools
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

from headwater.health.rules import Finding, assess, view_of
from headwater.health.signals import Told
from headwater.health.suspicion import Arrivals, Bounds
from headwater.model.health import Health, Part, Subject
from headwater.model.report import LinkEnd, Neighbour, NodeReport, Progress
from tests.health.reports import report_of

GOLDEN = Path(__file__).parents[1] / "golden" / "health" / "truth_table.txt"
S, W = 1, 2
AGES_MS = {"F": 200, "L": 1800, "S": 2700}
"""A silence of 2.7 s is Red, and too short for a doubtful verdict to be settled."""
SIGNALS = {
    "witness": "FS-",
    "report": "FLS",
    "beats": "FLS",
    "answers": "FLS",
    "progress": "FLS",
    "back": "FLS",
    "input": "FLS",
    "ships": "FLS",
}
"""W reports, or is not there | S reports to the server | W hears its agent | W hears its pipeline daemon | what its
agent says of the rounds of its pipeline daemon | S hears the pipeline daemon of W | input of S becomes durable | its
stamps are taken."""

Combination = tuple[str, ...]


class Line(NamedTuple):
    """Which letters of each signal, and what is found for all of them."""

    letters: tuple[str, ...]
    found: str


@cache
def found_for(combination: Combination) -> dict[Subject, Finding]:
    """What is found."""
    witness, report, beats, answers, progress, back, waits, ships = combination
    stalled = [0 if letter == "F" else AGES_MS[letter] for letter in (waits, ships)]
    said = Progress(AGES_MS[progress], *stalled)
    told = {S: _told(AGES_MS[report], report_of(S, progress=said, links=(LinkEnd(True, W, "w:1", AGES_MS[back]),)))}
    if witness != "-":
        heard = LinkEnd(False, S, heard_ms=AGES_MS[answers])
        neighbours = (Neighbour(S, AGES_MS[beats], said),)
        told[W] = _told(AGES_MS[witness], report_of(W, links=(heard,), neighbours=neighbours))
    return assess(view_of(told, Bounds()))


def _told(age_ms: int, report: NodeReport) -> Told:
    return Told(report, age_ms, Arrivals(500))


def described(findings: dict[Subject, Finding]) -> str:
    """The findings on S, and all alarms."""
    own = [Subject(part, S) for part in (Part.NODE, Part.PIPELINE, Part.PROVENANCE)] + [Subject(Part.LINK, S, W)]
    alarms = [_name(each.subject) for each in findings.values() if is_alarm(each)]
    return " ".join(f"{_word(findings[subject]):<12}" for subject in own) + "| " + ", ".join(sorted(alarms))


def is_alarm(finding: Finding) -> bool:
    """As `Verdict.is_alarm`."""
    return finding.health is Health.RED and finding.cause is None and finding.is_settled


def _word(finding: Finding) -> str:
    cause = "" if finding.cause is None else f"<{_name(finding.cause)}"
    return finding.health[0] + cause + "~" * (not finding.is_settled) + "?" * bool(finding.doubt)


def _name(subject: Subject) -> str:
    return subject.part if subject.part is Part.SERVER else f"{subject.part} {'SW'[subject.node - S]}"


def combinations() -> Iterator[Combination]:
    """All of them."""
    return itertools.product(*SIGNALS.values())


def lines() -> list[Line]:
    """The whole table, with lines that differ in one signal only made one."""
    table = {combination: described(found_for(combination)) for combination in combinations()}
    return _merged((), table)


def _merged(prefix: Combination, table: dict[Combination, str]) -> list[Line]:
    """The lines below a prefix; letters with the same lines behind them share these."""
    letters = list(SIGNALS.values())
    if len(prefix) == len(letters):
        return [Line((), table[prefix])]
    choices = letters[len(prefix)]
    behind: dict[tuple[Line, ...], str] = {}
    for letter in choices:
        rest = tuple(_merged((*prefix, letter), table))
        behind[rest] = behind.get(rest, "") + letter
    return [
        Line(("*" if group == choices else group, *line.letters), line.found)
        for rest, group in behind.items()
        for line in rest
    ]


def text() -> str:
    """The golden file."""
    head = " ".join(f"{name:<8}" for name in SIGNALS) + "| "
    head += " ".join(f"{name:<12}" for name in ("node", "pipeline", "provenance", "link")) + "| alarms"
    rows = [" ".join(f"{group:<8}" for group in line.letters) + "| " + line.found for line in lines()]
    return "\n".join(row.rstrip() for row in [head, *rows]) + "\n"


if __name__ == "__main__":
    GOLDEN.write_text(text(), "utf-8")
