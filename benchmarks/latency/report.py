"""The report of latency: CSV, JSON, tables and a plot beside the figures of 2018."""

import csv
import statistics
from pathlib import Path

import msgspec

from benchmarks.grid.machine import machine, now
from benchmarks.latency.measure import Run
from benchmarks.latency.published import published
from benchmarks.latency.spans import Figures

COLUMNS = (
    "TOPOLOGY",
    "PROV_METRICS",
    "BUFFER_CAPACITY",
    "REPEAT",
    "LATENCY",
    "MEAN_MS",
    "P50_MS",
    "P95_MS",
    "MSG_NUMBER",
)
OUTSIDE = ("sensor to durable", "durable to durable")


class Middle(msgspec.Struct, frozen=True):
    """One latency of one setting over all repeats, in ms."""

    mean: float
    p50: float
    p95: float
    p50_min: float
    """The least and largest p50 of a repeat."""
    p50_max: float


class Report(msgspec.Struct, frozen=True):
    """Everything that a run found out."""

    taken: str
    machine: str
    load: str
    repeats: int
    seconds: float
    runs: list[list[Run]]
    """By repeat."""
    latencies: dict[str, dict[str, Middle]]
    """By setting and name of the latency."""
    to_none: dict[str, float]
    """By setting the p50 from sensor to durable at the endpoint against no provenance; median of ratios in a repeat."""


def make(rounds: list[list[Run]], load: str, seconds: float) -> Report:
    """Put all repeats together; each has the same settings."""
    held: dict[str, dict[str, list[Figures]]] = {}
    ratios: dict[str, list[float]] = {}
    for repeat in rounds:
        none = {
            (run.setting.shape, run.setting.buffer): run.outside[OUTSIDE[0]].p50
            for run in repeat
            if run.setting.context == "none"
        }
        for run in repeat:
            for name, figures in (run.outside | run.stamped).items():
                held.setdefault(run.setting.name, {}).setdefault(name, []).append(figures)
            if (key := (run.setting.shape, run.setting.buffer)) in none:
                ratios.setdefault(run.setting.name, []).append(run.outside[OUTSIDE[0]].p50 / none[key])
    return Report(
        taken=now(),
        machine=machine(),
        load=load,
        repeats=len(rounds),
        seconds=seconds,
        runs=rounds,
        latencies={
            setting: {name: _middle(figures) for name, figures in names.items()} for setting, names in held.items()
        },
        to_none={setting: statistics.median(values) for setting, values in ratios.items()},
    )


def _middle(figures: list[Figures]) -> Middle:
    p50s = [one.p50 for one in figures]
    return Middle(
        statistics.median(one.mean for one in figures),
        statistics.median(p50s),
        statistics.median(one.p95 for one in figures),
        min(p50s),
        max(p50s),
    )


def line(run: Run) -> str:
    """One run in one line."""
    end = run.outside[OUTSIDE[0]]
    return f"{run.setting.name}: {run.readings:,} readings, sensor to durable p50 {end.p50:.1f}, p95 {end.p95:.1f} ms"


def table(report: Report) -> str:
    """A table for each setting's latencies, and the hops beside those of 2018."""
    rows = [
        "| setting | latency | mean ms | p50 ms (min to max of repeats) | p95 ms | p50 to none |",
        "|---|---|---|---|---|---|",
    ]
    for setting, names in report.latencies.items():
        for name, held in names.items():
            ratio = f"{report.to_none[setting]:.2f}" if name == OUTSIDE[0] and setting in report.to_none else ""
            rows.append(
                f"| {setting} | {name} | {held.mean:.1f} | {held.p50:.1f} ({held.p50_min:.1f} to {held.p50_max:.1f}) "
                f"| {held.p95:.1f} | {ratio} |"
            )
    return "\n".join([*rows, "", *_beside(report)]) + "\n"


def _beside(report: Report) -> list[str]:
    rows = ["| mean ms of a hop | ours | 2018 (buffer 10, other machines) |", "|---|---|---|"]
    for run in report.runs[0] if report.runs else []:
        hops = [held for name, held in report.latencies[run.setting.name].items() if name.startswith("hop ")]
        old = published(run.setting.shape, run.setting.context)
        if hops or old:
            ours = " / ".join(f"{held.mean:.1f}" for held in hops) or "no stamps"
            rows.append(f"| {run.setting.name} | {ours} | {' / '.join(map(str, old or ()))} |")
    return rows


def write(report: Report, file: Path) -> None:
    """JSON to the file; CSV, Markdown and a plot beside it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    head = f"{report.machine}; {report.taken}; {report.load}; {report.repeats} repeats of {report.seconds:g} s.\n\n"
    file.with_suffix(".md").write_text(head + table(report))
    with file.with_suffix(".csv").open("w", newline="") as opened:
        rows = csv.writer(opened)
        rows.writerow(COLUMNS)
        for number, repeat in enumerate(report.runs, 1):
            rows.writerows(row for run in repeat for row in csv_rows(number, run))
    _plot(report, file.with_suffix(".png"))


def csv_rows(repeat: int, run: Run) -> list[tuple[object, ...]]:
    """The rows of a run, one for each latency, in the order of `COLUMNS`."""
    return [
        (*run.setting, repeat, name, round(one.mean, 3), round(one.p50, 3), round(one.p95, 3), one.readings)
        for name, one in (run.outside | run.stamped).items()
    ]


def _plot(report: Report, file: Path) -> None:
    """From sensor to durable in every setting; left out where matplotlib is not installed."""
    try:
        import matplotlib as mpl
    except ImportError:
        return
    mpl.use("agg")
    from matplotlib import pyplot

    names = list(report.latencies)
    figure, axes = pyplot.subplots(figsize=(8, 0.3 * len(names) + 1.2), layout="constrained")
    for row, name in enumerate(names):
        held = report.latencies[name][OUTSIDE[0]]
        axes.plot([held.p50_min, held.p50_max], [row, row], color="tab:blue", linewidth=3)
        axes.plot(held.p50, row, "o", color="tab:blue")
        axes.plot(held.p95, row, "|", color="tab:orange")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlim(left=0)
    axes.set_xlabel("sensor to durable at the endpoint, ms: p50 with its spread, p95 as a bar")
    figure.savefig(file, dpi=110)
    pyplot.close(figure)
