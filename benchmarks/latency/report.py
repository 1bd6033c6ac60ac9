"""The report of latency: CSV, JSON, tables and a plot beside the figures of 2018."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.grid import report as common
from benchmarks.grid.settings import Setting, Spread, to_none
from benchmarks.latency.measure import Run
from benchmarks.latency.published import published
from benchmarks.latency.spans import SENSOR, Figures

COLUMNS = (
    *("TOPOLOGY", "PROV_METRICS", "BUFFER_CAPACITY", "REPEAT", "LATENCY"),
    *("MEAN_MS", "P50_MS", "P95_MS", "MSG_NUMBER", "BENCHMARK_RUNTIME"),
)


class Middle(msgspec.Struct, frozen=True):
    """One latency of one setting over all repeats, in ms: medians."""

    mean: float
    p50: float
    p95: float
    p50_min: float
    """The least and largest p50 of a repeat."""
    p50_max: float


class Report(common.Report, frozen=True, kw_only=True):
    """Everything that a run found out."""

    readings: str
    """What the sensors sent."""
    rounds: list[list[Run]]
    """By repeat."""
    latencies: dict[str, dict[str, Middle]]
    """By setting and name of the latency."""
    to_none: dict[str, Spread]
    """By setting the p50 from sensor to durable at the endpoint against no provenance, taken within a repeat."""

    @property
    def settings(self) -> list[Setting]:
        return list(dict.fromkeys(run.setting for repeat in self.rounds for run in repeat))


def make(rounds: list[list[Run]], readings: str, where: str = common.ON_NETWORK) -> Report:
    """Put all repeats together."""
    held: dict[str, dict[str, list[Figures]]] = {}
    for run in (run for repeat in rounds for run in repeat):
        for name, figures in (run.outside | run.stamped).items():
            held.setdefault(run.setting.name, {}).setdefault(name, []).append(figures)
    return Report(
        where=where,
        readings=readings,
        rounds=rounds,
        latencies={
            setting: {name: _middle(figures) for name, figures in names.items()} for setting, names in held.items()
        },
        to_none=to_none(rounds, lambda run: run.p50),
    )


def _middle(figures: Sequence[Figures]) -> Middle:
    p50s = [one.p50 for one in figures]
    return Middle(
        statistics.median(one.mean for one in figures),
        statistics.median(p50s),
        statistics.median(one.p95 for one in figures),
        min(p50s),
        max(p50s),
    )


def table(report: Report) -> str:
    """A table for each setting's latencies, and the hops beside those of 2018."""
    rows = [
        "| setting | latency | mean ms | p50 ms (min to max of repeats) | p95 ms | p50 to none |",
        "|---|---|---|---|---|---|",
    ]
    for setting, names in report.latencies.items():
        for name, held in names.items():
            ratio = report.to_none[setting].text(2) if name == SENSOR and setting in report.to_none else ""
            rows.append(
                f"| {setting} | {name} | {held.mean:.1f} | {held.p50:.1f} ({held.p50_min:.1f} to {held.p50_max:.1f}) "
                f"| {held.p95:.1f} | {ratio} |"
            )
    return "\n".join([*rows, "", *_beside(report)]) + "\n"


def hops_of(report: Report, setting: Setting) -> list[float]:
    """Mean ms of each hop, from stamps; in the order of the names of the nodes, as those of 2018."""
    return [held.mean for name, held in sorted(report.latencies[setting.name].items()) if name.startswith("hop ")]


def _beside(report: Report) -> list[str]:
    rows = ["| mean ms of a hop | ours | 2018 (buffer 10, other machines) |", "|---|---|---|"]
    for setting in report.settings:
        ours, old = hops_of(report, setting), published(setting.shape, setting.context)
        if ours or old:
            shown = " / ".join(f"{mean:.1f}" for mean in ours) or "no stamps"
            rows.append(f"| {setting.name} | {shown} | {' / '.join(map(str, old or ()))} |")
    return rows


def write(report: Report, file: Path) -> None:
    """JSON to the file; CSV, Markdown and a plot beside it."""
    about = f"{report.readings}; {len(report.rounds)} repeats"
    common.write(report, file, about, table(report), lambda pyplot: draw(report, pyplot))
    rows = [row for at, repeat in enumerate(report.rounds, 1) for run in repeat for row in csv_rows(at, run)]
    common.write_csv(file, COLUMNS, rows)


def csv_rows(repeat: int, run: Run) -> list[tuple[object, ...]]:
    """The rows of a run, one for each latency, in the order of `COLUMNS`."""
    of = run.setting
    return [
        (
            *(of.shape, of.metrics, of.buffer, repeat, name),
            *(round(one.mean, 3), round(one.p50, 3), round(one.p95, 3), one.readings, of.seconds),
        )
        for name, one in (run.outside | run.stamped).items()
    ]


def draw(report: Report, pyplot: Any) -> Any:
    """From sensor to durable in every setting, and the mean of its hops with that of 2018."""
    settings = report.settings
    figure, (whole, hop) = pyplot.subplots(
        1, 2, sharey=True, figsize=(9, 0.25 * len(settings) + 1.2), layout="constrained"
    )
    for row, setting in enumerate(settings):
        held = report.latencies[setting.name][SENSOR]
        whole.plot([held.p50_min, held.p50_max], [row, row], color="tab:blue", linewidth=3)
        whole.plot(held.p50, row, "o", color="tab:blue")
        whole.plot(held.p95, row, "|", color="tab:orange")
        if ours := hops_of(report, setting):
            hop.plot(statistics.mean(ours), row, "o", color="tab:blue", label="Headwater")
        if old := published(setting.shape, setting.context):
            hop.plot(statistics.mean(old), row, "D", color="tab:red", label="2018")
    whole.set_yticks(range(len(settings)), [one.name for one in settings], fontsize=8)
    whole.invert_yaxis()
    whole.set_xlim(left=0)
    hop.set_xlim(left=0)
    whole.set_xlabel("sensor to durable, ms: p50 and range, p95 |")
    hop.set_xlabel("mean of a hop, ms")
    by_name = dict(zip(*reversed(hop.get_legend_handles_labels()), strict=True))
    if by_name:
        hop.legend(by_name.values(), by_name.keys())
    return figure
