"""The report of provenance and none in turns: CSV, JSON, a table and a plot."""

from pathlib import Path
from typing import Any

from benchmarks.grid import report as common
from benchmarks.latency.turns import Turns

TARGET = 1.05
COLUMNS = (
    *("TOPOLOGY", "PROV_METRICS", "RATE", "PAIRS", "NONE_P50_MS", "P50_MS", "RATIO", "RATIO_LOW", "RATIO_HIGH"),
    *("PIPELINE_CPU_US", "PIPELINE_CPU_US_NONE", "AGENT_CPU_US", "AGENT_CPU_US_NONE"),
)


class Turned(common.Report, frozen=True, kw_only=True):
    """Everything that was found out."""

    seconds: float
    """Of a slice."""
    turns: list[Turns]


def table(report: Turned) -> str:
    """A row for each shape and context."""
    rows = [
        "| shape, context | readings/s | pairs | p50 ms without (quartiles) | p50 ms with | ratio (quartiles) "
        "| 95 % of its median | CPU us a message, pipeline daemons without / with | agents |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for one in report.turns:
        used = " | ".join(f"{none:.0f} / {held:.0f}" for none, held in one.cpu_us.values())
        rows.append(
            f"| {one.shape}, {one.context} | {one.rate:,.0f} | {one.pairs} | {one.none_ms.text(2)} | {one.ms.text(2)} "
            f"| {one.ratio:.3f} [{one.quartiles[0]:.3f} to {one.quartiles[1]:.3f}] "
            f"| {one.interval[0]:.3f} to {one.interval[1]:.3f} | {used} |"
        )
    return "\n".join(rows) + "\n"


def write(report: Turned, file: Path) -> None:
    """JSON to the file; CSV, Markdown and a plot beside it."""
    about = f"slices of {report.seconds:g} s in turns"
    common.write(report, file, about, table(report), lambda pyplot: draw(report, pyplot))
    rows = [
        (
            *(one.shape, one.context, one.rate, one.pairs, one.none_ms.median, one.ms.median, one.ratio, *one.interval),
            *(us for none, held in one.cpu_us.values() for us in (held, none)),
        )
        for one in report.turns
    ]
    common.write_csv(file, COLUMNS, rows)


def draw(report: Turned, pyplot: Any) -> Any:
    """The ratio of each, with the interval of its median, beside the target."""
    figure, axes = pyplot.subplots(figsize=(8, 0.4 * len(report.turns) + 1.2), layout="constrained")
    for row, one in enumerate(report.turns):
        axes.plot(one.interval, [row, row], color="tab:blue", linewidth=3)
        axes.plot(one.ratio, row, "o", color="tab:blue")
    axes.axvline(TARGET, color="grey", linestyle=":")
    axes.set_yticks(
        range(len(report.turns)), [f"{one.shape}, {one.context}, {one.rate:,.0f}/s" for one in report.turns]
    )
    axes.invert_yaxis()
    axes.set_xlabel(f"p50 with provenance to without, 95 % of the median; dotted: {TARGET:g}")
    return figure
