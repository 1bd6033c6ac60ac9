"""The report of a failure campaign: JSON, a table and a plot beside the figures of 2018."""

from pathlib import Path

import msgspec

from benchmarks.failure.campaign import Outcome
from benchmarks.failure.judging import Findings, Kind, judge
from benchmarks.grid.machine import machine, now

P99_S_MAX = 3.0
PUBLISHED_2018 = {"node": (30.074, 30.199), "link": (30.075, 30.512), "pipeline": (30.074, 30.558)}
"""Median and maximum in seconds as published: a sleep of 30 s and some queries, nothing was killed."""
PUBLISHED_2018_PROVENANCE = (0.073, 0.173)
"""The same without the sleep."""


class Wrong(msgspec.Struct, frozen=True):
    """A fault whose first alarm named another kind or place, and what it said."""

    kind: str
    way: str
    node: str
    said: str
    evidence: str


class Report(msgspec.Struct, frozen=True):
    """Everything that a campaign found out."""

    taken: str
    machine: str
    shape: str
    network: bool
    """Whether each node had a host of its own; else all ran on loopback, and no link could fail."""
    seed: int
    kinds: dict[str, Kind]
    false_alarms: int
    readings_lost: int
    readings_sent: int
    readings_doubled: int
    wrong: list[Wrong]
    findings: Findings
    asked_per_s: float
    """How often the observer got an answer."""
    longest_gap_s: float
    """Between two answers."""
    seconds: float
    load: tuple[float, float, float]
    """The load averages of the machine at the end."""
    unhealed: str


def make(outcome: Outcome, shape: str, network: bool, seed: int, seconds: float, load: tuple[float, ...]) -> Report:
    """Put a campaign's figures together."""
    findings = judge(outcome.done, outcome.sightings)
    wrong = [
        Wrong(one.kind, one.way, one.subject.node, " ".join(one.first.subject), one.first.evidence)
        for one in findings.outcomes
        if one.is_wrong and one.first is not None
    ]
    first, last = outcome.sightings[0], outcome.sightings[-1]
    watched_s = (last.at_ns - first.at_ns) / 1e9
    return Report(
        taken=now(),
        machine=machine(),
        shape=shape,
        network=network,
        seed=seed,
        kinds=findings.kinds,
        false_alarms=findings.false_alarms,
        readings_lost=outcome.delivery.lost,
        readings_sent=outcome.delivery.sent,
        readings_doubled=outcome.delivery.doubled,
        wrong=wrong,
        findings=findings,
        asked_per_s=(last.asked - first.asked) / watched_s if watched_s else 0.0,
        longest_gap_s=last.longest_s,
        seconds=seconds,
        load=(load[0], load[1], load[2]),
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
    where = "each node a host of its own" if report.network else "on loopback: links could not fail"
    rows += [
        "",
        f"{report.shape}, {where}; seed {report.seed}; {report.seconds / 60:.0f} minutes; "
        f"false alarms {report.false_alarms}; readings sent {report.readings_sent:,}, lost {report.readings_lost}, "
        f"doubled {report.readings_doubled}; the observer asked {report.asked_per_s:.0f} times a second, "
        f"at the longest {report.longest_gap_s:.2f} s apart; load average {report.load[0]:.0f} at the end.",
        *([f"It ended early, not all was well again: {report.unhealed}."] if report.unhealed else []),
        "",
        "(*) No detection times: a sleep of 30 s, not for provenance, and some queries; nothing had failed.",
    ]
    rows += [f"- wrong: {one.kind} {one.node} ({one.way}): said {one.said}: {one.evidence}" for one in report.wrong]
    rows += [
        f"- false: {' '.join(one.alarm.subject)}, {one.during or 'in the quiet'}: {one.alarm.evidence}"
        for one in report.findings.false
    ]
    return "\n".join(rows) + "\n"


def write(report: Report, file: Path) -> None:
    """JSON to the file, Markdown and a plot beside it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    file.with_suffix(".md").write_text(f"{report.machine}; {report.taken}.\n\n{table(report)}")
    plot(report, file.with_suffix(".png"))


def plot(report: Report, file: Path) -> None:
    """Every detection as a point; left out where matplotlib is not installed."""
    try:
        import matplotlib as mpl
    except ImportError:
        return
    mpl.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 3.2), layout="constrained")
    for row, kind in enumerate(report.kinds):
        times = sorted(one.detection_s for one in report.findings.outcomes if one.kind == kind and one.detection_s)
        spread = [row + 0.5 * (at / max(1, len(times)) - 0.5) for at in range(len(times))]
        axes.plot(times, spread, ".", alpha=0.7)
    axes.axvline(P99_S_MAX, color="grey", linestyle=":", label=f"{P99_S_MAX:g} s")
    axes.set_yticks(range(len(report.kinds)), list(report.kinds))
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set_xlabel(f"injection to the right alarm, s ({report.shape})")
    axes.legend(loc="lower left")
    figure.savefig(file, dpi=110)
    pyplot.close(figure)
