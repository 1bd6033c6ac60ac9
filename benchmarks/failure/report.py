"""The report of a failure campaign: JSON, a table and a plot beside the figures of 2018."""

from pathlib import Path
from typing import Any

from benchmarks.failure.campaign import Outcome
from benchmarks.failure.judging import Findings, Kind, judge
from benchmarks.grid import report as common

P99_S_MAX = 3.0
PUBLISHED_2018 = {"node": (30.074, 30.199), "link": (30.075, 30.512), "pipeline": (30.074, 30.558)}
"""Median and maximum in seconds as published: a sleep of 30 s and some queries, nothing was killed."""
PUBLISHED_2018_PROVENANCE = (0.073, 0.173)
"""The same without the sleep."""
TICKS_S = (0, 1, 2, 3, 5, 10, 20, 30)
COLUMNS = ("TOPOLOGY", "KIND", "WAY", "NODE", "TARGET", "DETECTION_S", "RECOVERY_S", "WRONG")


class Report(common.Report, frozen=True, kw_only=True):
    """Everything that a campaign found out."""

    shape: str
    seed: int
    kinds: dict[str, Kind]
    false_alarms: int
    readings_lost: int
    readings_sent: int | None
    """By the sensors' journals; None where they are out of sight, as is what was doubled."""
    readings_doubled: int | None
    findings: Findings
    asked_per_s: float
    """How often the observer got an answer."""
    longest_gap_s: float
    """Between two answers."""
    seconds: float
    unhealed: str
    """What was not well again, or not done."""


def make(outcome: Outcome, shape: str, where: str, seed: int, seconds: float) -> Report:
    """Put a campaign's figures together."""
    findings = judge(outcome.done, outcome.sightings)
    first, last = outcome.sightings[0], outcome.sightings[-1]
    watched_s = (last.at_ns - first.at_ns) / 1e9
    return Report(
        where=where,
        shape=shape,
        seed=seed,
        kinds=findings.kinds,
        false_alarms=findings.false_alarms,
        readings_lost=outcome.delivery.lost,
        readings_sent=outcome.delivery.sent,
        readings_doubled=outcome.delivery.doubled,
        findings=findings,
        asked_per_s=(last.asked - first.asked) / watched_s if watched_s else 0.0,
        longest_gap_s=last.longest_s,
        seconds=seconds,
        unhealed=outcome.unhealed,
    )


def table(report: Report) -> str:
    """The figures as a Markdown table beside those of 2018."""
    rows = [
        "| fault | injected | right alarm | first alarm wrong | min s | p50 s | p99 s | max s | well again, p50 s "
        "| 2018, p50 and max s |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, kind in report.kinds.items():
        p50, most = PUBLISHED_2018.get(name, PUBLISHED_2018_PROVENANCE)
        figures = (kind.min_s, kind.p50_s, kind.p99_s, kind.max_s, kind.recovery_p50_s)
        shown = " | ".join("" if figure is None else f"{figure:.2f}" for figure in figures)
        rows.append(
            f"| {name} | {kind.injected} | {kind.detected} | {kind.wrong_kind} | {shown} | {p50:.2f}, {most:.2f} (*) |"
        )
    sent = "" if report.readings_sent is None else f"sent {report.readings_sent:,}, "
    doubled = "" if report.readings_doubled is None else f", doubled {report.readings_doubled}"
    rows += [
        "",
        f"{report.shape}, {report.where}; seed {report.seed}; {report.seconds / 60:.1f} minutes; "
        f"false alarms {report.false_alarms}; readings {sent}lost {report.readings_lost}{doubled}; "
        f"the observer asked {report.asked_per_s:.0f} times a second, "
        f"at the longest {report.longest_gap_s:.2f} s apart; load average {report.load[0]:.0f} at the end.",
        *([f"Not all was done, or well again: {report.unhealed}."] if report.unhealed else []),
        "",
        "(*) No detection times: a sleep of 30 s, not for provenance, and some queries; nothing had failed.",
    ]
    rows += [
        f"- wrong: {' '.join(part for part in one.subject if part)} ({one.way}): said {one.wrong}"
        for one in report.findings.outcomes
        if one.wrong
    ]
    rows += [f"- false: {said}" for said in report.findings.false]
    return "\n".join(rows) + "\n"


def write(report: Report, file: Path) -> None:
    """JSON to the file; CSV, Markdown and a plot beside it."""
    common.write(
        report, file, f"{report.shape}, seed {report.seed}", table(report), lambda pyplot: draw(report, pyplot)
    )
    rows = [
        (
            report.shape,
            one.kind,
            one.way,
            one.subject.node,
            one.subject.target,
            one.detection_s,
            one.recovery_s,
            one.wrong,
        )
        for one in report.findings.outcomes
    ]
    common.write_csv(file, COLUMNS, rows)


def draw(report: Report, pyplot: Any) -> Any:
    """Every detection as a point, and the median of what was published in 2018."""
    figure, axes = pyplot.subplots(figsize=(7, 3.2), layout="constrained")
    for row, kind in enumerate(report.kinds):
        found = [one.detection_s for one in report.findings.outcomes if one.kind == kind]
        times = sorted(time for time in found if time is not None)
        spread = [row + 0.5 * (at / max(1, len(times)) - 0.5) for at in range(len(times))]
        axes.plot(times, spread, ".", alpha=0.7, color="tab:blue", label="Headwater" if row == 0 else None)
        old, _ = PUBLISHED_2018.get(kind, PUBLISHED_2018_PROVENANCE)
        axes.plot(old, row, "D", color="tab:red", label="2018: a sleep, nothing had failed" if row == 0 else None)
    axes.axvline(P99_S_MAX, color="grey", linestyle=":", label=f"{P99_S_MAX:g} s")
    axes.set_yticks(range(len(report.kinds)), list(report.kinds))
    axes.invert_yaxis()
    axes.set_xscale("symlog", linthresh=5)
    axes.set_xticks(TICKS_S, [f"{tick:g}" for tick in TICKS_S])
    axes.set_xlim(0, 40)
    axes.set_xlabel(f"injection to the right alarm, s ({report.shape})")
    axes.legend(loc="lower center", fontsize=8)
    return figure
