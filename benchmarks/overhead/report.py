"""The report of data overhead: CSV with the columns of 2018, JSON, tables and a plot beside the figures of 2018."""

import csv
import statistics
from pathlib import Path

import msgspec

from benchmarks.grid.load import CONTEXTS
from benchmarks.grid.machine import machine, now
from benchmarks.overhead.measure import Run
from benchmarks.overhead.published import published, published_store
from headwater.config.topology import SERVER

COLUMNS = (
    *("TOPOLOGY", "PROV_METRICS", "BUFFER_CAPACITY", "COMPONENT", "NET_IN", "NET_IN_TYPE", "NET_OUT", "NET_OUT_TYPE"),
    *("MSG_NUMBER", "NORMALIZED_MSG_SIZE_IN", "NORMALIZED_MSG_SIZE_OUT", "NORMALIZED_MSG_SIZE_TYPE"),
    "BENCHMARK_RUNTIME",
)


class Spread(msgspec.Struct, frozen=True):
    """A figure over all repeats."""

    median: float
    min: float
    max: float

    @property
    def text(self) -> str:
        return f"{self.median:.1f} [{self.min:.1f} to {self.max:.1f}]"


class Report(msgspec.Struct, frozen=True):
    """Everything that a run found out."""

    taken: str
    machine: str
    load: str
    repeats: int
    drain_s: float
    runs: list[Run]
    path_a_reading: dict[str, Spread]
    """By setting the bytes on all links for each reading."""
    above_idle: dict[str, Spread]
    """The same without what idle links carry in that time: beats, reports and signs of life."""
    path_to_none: dict[str, Spread]
    """By setting the same against no provenance with the same buffer, taken within a repeat."""


def make(rounds: list[list[Run]], load: str, drain_s: float) -> Report:
    """Put all repeats together; each has the same settings."""
    runs = [run for repeat in rounds for run in repeat]
    ratios: dict[str, list[float]] = {}
    for repeat in rounds:
        none = {
            (run.setting.shape, run.setting.buffer): run.path_a_reading
            for run in repeat
            if run.setting.context == "none"
        }
        for run in repeat:
            if (key := (run.setting.shape, run.setting.buffer)) in none:
                ratios.setdefault(run.setting.name, []).append(run.path_a_reading / none[key])
    names = dict.fromkeys(run.setting.name for run in runs)
    paths = {name: _spread([run.path_a_reading for run in runs if run.setting.name == name]) for name in names}
    above = {name: _spread([run.above_idle for run in runs if run.setting.name == name]) for name in names}
    to_none = {name: _spread(values) for name, values in ratios.items()}
    return Report(now(), machine(), load, len(rounds), drain_s, runs, paths, above, to_none)


def _spread(values: list[float]) -> Spread:
    return Spread(statistics.median(values), min(values), max(values))


def line(run: Run) -> str:
    """One run in one line."""
    return (
        f"{run.setting.name}: {run.messages:,} readings, path {run.path_a_reading:.1f} B a reading, "
        f"of which {run.above_idle:.1f} B above what idle links carry"
    )


def table(report: Report) -> str:
    """Tables of each shape: bytes per reading in / out of every component, ours and those of 2018."""
    runs: dict[tuple[str, int], dict[str, list[Run]]] = {}
    for run in report.runs:
        runs.setdefault((run.setting.shape, run.setting.buffer), {}).setdefault(run.setting.context, []).append(run)
    lines: list[str] = []
    for (shape, buffer), by_context in runs.items():
        names = [component.name for component in next(iter(by_context.values()))[0].components]
        lines += ["", f"{shape}, buffer {buffer}: bytes a reading in / out, in brackets those of 2018", ""]
        lines += [
            "| context | " + " | ".join(names) + " | whole path | to none | above idle |",
            "|---" * (len(names) + 4) + "|",
        ]
        for context in (context for context in CONTEXTS if context in by_context):
            cells = [_cell(shape, context, name, by_context[context]) for name in names]
            setting = by_context[context][0].setting.name
            to_none = report.path_to_none.get(setting)
            ratio = "" if to_none is None else f"{to_none.median:.3f} [{to_none.min:.3f} to {to_none.max:.3f}]"
            path, above = report.path_a_reading[setting].text, report.above_idle[setting].text
            lines.append(f"| {context} | {' | '.join(cells)} | {path} | {ratio} | {above} |")
    return "\n".join(lines[1:]) + "\n"


def _cell(shape: str, context: str, name: str, runs: list[Run]) -> str:
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
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    head = f"{report.machine}; {report.taken}; {report.load}; {report.repeats} repeats.\n\n"
    file.with_suffix(".md").write_text(head + table(report))
    with file.with_suffix(".csv").open("w", newline="") as opened:
        rows = csv.writer(opened)
        rows.writerow(COLUMNS)
        rows.writerows(row for run in report.runs for row in csv_rows(run))
    _plot(report, file.with_suffix(".png"))


def csv_rows(run: Run) -> list[tuple[object, ...]]:
    """The rows of a run, one for each component, in the order of `COLUMNS`."""
    metrics = CONTEXTS[run.setting.context]
    named = "none" if metrics is None else " ".join(metrics)
    return [
        (
            *(run.setting.shape, named, run.setting.buffer, one.name, one.received, "B", one.sent, "B", one.messages),
            *(round(one.received / one.messages, 3), round(one.sent / one.messages, 3), "B", run.setting.seconds),
        )
        for one in run.components
    ]


def _plot(report: Report, file: Path) -> None:
    """The whole path of every setting; left out where matplotlib is not installed."""
    try:
        import matplotlib as mpl
    except ImportError:
        return
    mpl.use("agg")
    from matplotlib import pyplot

    names = list(report.path_a_reading)
    held = [report.path_a_reading[name] for name in names]
    figure, axes = pyplot.subplots(figsize=(8, 0.3 * len(names) + 1.2), layout="constrained")
    medians = [one.median for one in held]
    errors = [[one.median - one.min for one in held], [one.max - one.median for one in held]]
    axes.barh(range(len(names)), medians, xerr=errors, height=0.6)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("bytes a reading on all links: median, min to max")
    figure.savefig(file, dpi=110)
    pyplot.close(figure)
