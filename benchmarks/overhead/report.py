"""The report of data overhead: CSV with the columns of 2018, JSON, tables and a plot beside the figures of 2018."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.grid import report as common
from benchmarks.grid.load import CONTEXTS
from benchmarks.grid.settings import Setting, Spread, over_repeats, to_none
from benchmarks.overhead.measure import Run
from benchmarks.overhead.published import published, published_nodes, published_store
from headwater.config.topology import SERVER

COLUMNS = (
    *("TOPOLOGY", "PROV_METRICS", "BUFFER_CAPACITY", "COMPONENT", "NET_IN", "NET_IN_TYPE", "NET_OUT", "NET_OUT_TYPE"),
    *("MSG_NUMBER", "NORMALIZED_MSG_SIZE_IN", "NORMALIZED_MSG_SIZE_OUT", "NORMALIZED_MSG_SIZE_TYPE"),
    "BENCHMARK_RUNTIME",
)


class Report(common.Report, frozen=True, kw_only=True):
    """Everything that a run found out."""

    readings: str
    """What the sensors sent."""
    drain_s: float
    rounds: list[list[Run]]
    """By repeat."""
    path_a_reading: dict[str, Spread]
    """By setting the bytes on all links for each reading."""
    above_idle: dict[str, Spread]
    """The same without what idle links carry in that time: beats, reports and signs of life."""
    path_to_none: dict[str, Spread]
    """By setting the same against no provenance with the same buffer, taken within a repeat."""

    @property
    def runs(self) -> list[Run]:
        return [run for repeat in self.rounds for run in repeat]


def make(rounds: list[list[Run]], readings: str, drain_s: float, where: str = common.ON_NETWORK) -> Report:
    """Put all repeats together."""
    return Report(
        where=where,
        readings=readings,
        drain_s=drain_s,
        rounds=rounds,
        path_a_reading=over_repeats(rounds, lambda run: run.path_a_reading),
        above_idle=over_repeats(rounds, lambda run: run.above_idle),
        path_to_none=to_none(rounds, lambda run: run.path_a_reading),
    )


def table(report: Report) -> str:
    """Tables of each shape: bytes per reading in / out of every component, ours and those of 2018."""
    tables: dict[tuple[str, int, float], dict[str, list[Run]]] = {}
    for run in report.runs:
        of = run.setting
        tables.setdefault((of.shape, of.buffer, of.seconds), {}).setdefault(of.context, []).append(run)
    lines: list[str] = []
    for (shape, buffer, seconds), by_context in tables.items():
        names = [component.name for component in next(iter(by_context.values()))[0].components]
        lines += [
            *("", f"{shape}, buffer {buffer}, {seconds:g} s: bytes a reading in / out, in brackets those of 2018", ""),
            "| context | " + " | ".join(names) + " | whole path | to none | above idle |",
            "|---" * (len(names) + 4) + "|",
        ]
        for context in (context for context in CONTEXTS if context in by_context):
            cells = [_cell(shape, context, name, by_context[context]) for name in names]
            setting = Setting(shape, context, buffer, seconds).name
            ratio = report.path_to_none[setting].text(3) if setting in report.path_to_none else ""
            path, above = report.path_a_reading[setting].text(), report.above_idle[setting].text()
            lines.append(f"| {context} | {' | '.join(cells)} | {path} | {ratio} | {above} |")
    return "\n".join(lines[1:]) + "\n"


def _cell(shape: str, context: str, name: str, runs: Sequence[Run]) -> str:
    held = [component for run in runs for component in run.components if component.name == name]
    got = statistics.median(one.received / one.messages for one in held)
    gave = statistics.median(one.sent / one.messages for one in held)
    if name == SERVER:
        before = published_store(shape, context)
        return f"{got:.1f} / {gave:.1f}" + (f" ({before:.0f} in)" if before is not None else "")
    old = published(shape, context, name)
    return f"{got:.1f} / {gave:.1f}" + (f" ({old[0]:.0f} / {old[1]:.0f})" if old is not None else "")


def write(report: Report, file: Path) -> None:
    """JSON to the file; CSV, Markdown and a plot beside it."""
    about = f"{report.readings}; {len(report.rounds)} repeats, drained for {report.drain_s:g} s"
    common.write(report, file, about, table(report), lambda pyplot: draw(report, pyplot))
    common.write_csv(file, COLUMNS, [row for run in report.runs for row in csv_rows(run)])


def csv_rows(run: Run) -> list[tuple[object, ...]]:
    """The rows of a run, one for each component, in the order of `COLUMNS`."""
    of = run.setting
    return [
        (
            *(of.shape, of.metrics, of.buffer, one.name, one.received, "B", one.sent, "B", one.messages),
            *(round(one.received / one.messages, 3), round(one.sent / one.messages, 3), "B", of.seconds),
        )
        for one in run.components
    ]


def draw(report: Report, pyplot: Any) -> Any:
    """What goes in and out of all nodes for a reading, in every setting, with that of 2018."""
    nodes = over_repeats(report.rounds, lambda run: run.nodes_a_reading)
    settings = list(dict.fromkeys(run.setting for run in report.runs))
    held = [nodes[one.name] for one in settings]
    figure, axes = pyplot.subplots(figsize=(8, 0.22 * len(settings) + 1.2), layout="constrained")
    errors = [[one.median - one.min for one in held], [one.max - one.median for one in held]]
    axes.barh(range(len(held)), [one.median for one in held], xerr=errors, height=0.6, label="Headwater")
    old = [(published_nodes(one.shape, one.context), row) for row, one in enumerate(settings)]
    known = [(bytes_, row) for bytes_, row in old if bytes_ is not None]
    if known:
        axes.plot([bytes_ for bytes_, _ in known], [row for _, row in known], "D", color="tab:red", label="2018")
    axes.set_yticks(range(len(settings)), [one.name for one in settings], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlabel("bytes in and out of all nodes for each reading: median, min to max")
    axes.legend()
    return figure
