"""The report of a run: ratios within each round, their targets, and everything measured; JSON, Markdown, plots."""

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks.grid.machine import machine, now
from benchmarks.throughput.result import Case, Result


class Spread(msgspec.Struct, frozen=True):
    """A figure over all rounds."""

    median: float
    min: float
    max: float


class Wanted(NamedTuple):
    """A ratio, how it is made, and what it should be at least or at most."""

    name: str
    of: tuple[str, int, float, bool]
    """Path, readings a batch, rate and provenance of the case in the numerator."""
    to: tuple[str, int, float, bool]
    figure: Callable[[Result], float]
    at_least: float | None = None
    at_most: float | None = None


def _on_off(name: str, size: int, rate: float, figure: Callable[[Result], float], **target: float) -> Wanted:
    return Wanted(name, ("ours", size, rate, True), ("ours", size, rate, False), figure, **target)


_SLOW_2018 = ("2018", 1, 1_000.0, True)
_FAST_2018 = ("2018", 1, 0.0, True)
_FAST_OURS = ("ours", 1000, 0.0, True)

RATIOS = (
    _on_off("throughput_on_off_1000", 1000, 0.0, lambda result: result.readings_per_s, at_least=0.95),
    _on_off("throughput_on_off_100", 100, 0.0, lambda result: result.readings_per_s, at_least=0.90),
    _on_off("link_bytes_on_off_1000", 1000, 0.0, lambda result: result.link_bytes, at_most=1.01),
    _on_off("link_bytes_on_off_100", 100, 0.0, lambda result: result.link_bytes, at_most=1.05),
    _on_off("path_bytes_on_off_1000", 1000, 0.0, lambda result: result.path_bytes, at_most=1.10),
    _on_off("path_bytes_on_off_100", 100, 0.0, lambda result: result.path_bytes, at_most=1.25),
    _on_off("cpu_on_off_1000", 1000, 0.0, lambda result: result.cpu_us),
    _on_off("cpu_on_off_100", 100, 0.0, lambda result: result.cpu_us),
    _on_off("p50_on_off_20k", 1000, 20_000.0, lambda result: result.p50_ms, at_most=1.05),
    Wanted("throughput_vs_baseline_1000", _FAST_OURS, _FAST_2018, lambda result: result.readings_per_s, at_least=300),
    Wanted("bytes_vs_baseline_1000", _FAST_OURS, _FAST_2018, lambda result: result.path_bytes, at_most=1 / 150),
    Wanted("p50_vs_baseline_1k", ("ours", 1000, 1_000.0, True), _SLOW_2018, lambda result: result.p50_ms, at_most=1.0),
)


class Measured(msgspec.Struct, frozen=True):
    """A case and its figures, round by round."""

    name: str
    case: Case
    rounds: list[Result]
    spread: dict[str, Spread]
    process_cpu_us: dict[str, Spread]
    """Processor time of each process, per reading."""
    memory_mib: dict[str, Spread]
    """The largest resident set of each process."""


class Report(msgspec.Struct, frozen=True):
    """Everything a run found out."""

    taken: str
    """When, in ISO 8601."""
    machine: str
    rounds: int
    ratios: dict[str, Spread]
    met: dict[str, bool]
    """Whether the median keeps the target, of the ratios that have one."""
    cases: list[Measured]


def make(measured: dict[Case, list[Result]]) -> Report:
    """Put the figures of all rounds together; each case has as many results as there were rounds."""
    by_load = {(case.path, case.size, case.rate, case.provenance): results for case, results in measured.items()}
    ratios: dict[str, Spread] = {}
    for wanted in RATIOS:
        if wanted.of in by_load and wanted.to in by_load:
            pairs = zip(by_load[wanted.of], by_load[wanted.to], strict=True)
            ratios[wanted.name] = _spread([wanted.figure(one) / wanted.figure(other) for one, other in pairs])
    met = {
        wanted.name: _keeps(wanted, ratios[wanted.name].median)
        for wanted in RATIOS
        if wanted.name in ratios and (wanted.at_least is not None or wanted.at_most is not None)
    }
    return Report(
        taken=now(),
        machine=machine(),
        rounds=max((len(results) for results in measured.values()), default=0),
        ratios=ratios,
        met=met,
        cases=[
            Measured(
                case.name,
                case,
                results,
                _spreads(results),
                _each([result.process_cpu_us for result in results]),
                _each([result.memory_mib for result in results]),
            )
            for case, results in measured.items()
        ],
    )


def _keeps(wanted: Wanted, value: float) -> bool:
    return (wanted.at_least is None or value >= wanted.at_least) and (wanted.at_most is None or value <= wanted.at_most)


def _spread(values: list[float]) -> Spread:
    return Spread(statistics.median(values), min(values), max(values))


def _spreads(results: list[Result]) -> dict[str, Spread]:
    fields = [field for field in Result.__struct_fields__ if field not in ("process_cpu_us", "memory_mib")]
    return {field: _spread([getattr(result, field) for result in results]) for field in fields}


def _each(figures: list[dict[str, float]]) -> dict[str, Spread]:
    return {name: _spread([one[name] for one in figures]) for name in figures[0]}


def line(case: Case, result: Result) -> str:
    """One run in one line."""
    latency = f", p50 {result.p50_ms:.1f} ms" if case.rate else ""
    return (
        f"{case.name}: {result.readings_per_s:,.0f}/s, link {result.link_bytes:.2f} B, path {result.path_bytes:.2f} B, "
        f"CPU {result.cpu_us:.2f} us a reading, {sum(result.memory_mib.values()):.0f} MiB{latency}"
    )


def table(report: Report) -> str:
    """The ratios as a Markdown table, with their targets, and the figures that they come from."""
    rows = [
        "| ratio | median | min to max | target | met |",
        "|---|---|---|---|---|",
        *(_ratio_row(wanted, report) for wanted in RATIOS if wanted.name in report.ratios),
        "",
        "| case | readings/s | link B | path B | CPU us | p50 ms | p95 ms | gateway MiB (grew by) |",
        "|---|---|---|---|---|---|---|---|",
        *map(_case_row, report.cases),
        "",
        "| case | CPU of each process, us a reading | memory of each process at most, MiB |",
        "|---|---|---|",
        *map(_processes_row, report.cases),
    ]
    return "\n".join(rows) + "\n"


def _ratio_row(wanted: Wanted, report: Report) -> str:
    held = report.ratios[wanted.name]
    target = f"≥ {_short(wanted.at_least)}" if wanted.at_least is not None else ""
    target = f"≤ {_short(wanted.at_most)}" if wanted.at_most is not None else target
    met = {None: "", True: "yes", False: "no"}[report.met.get(wanted.name)]
    return f"| {wanted.name} | {_short(held.median)} | {_short(held.min)} to {_short(held.max)} | {target} | {met} |"


def _case_row(measured: Measured) -> str:
    held = {name: spread.median for name, spread in measured.spread.items()}
    latency = (f"{held['p50_ms']:.1f} | {held['p95_ms']:.1f}") if measured.case.rate else "| "
    gateway = f"{measured.memory_mib['gateway'].median:.0f} ({held['memory_growth_mib']:.1f})"
    return (
        f"| {measured.name} | {held['readings_per_s']:,.0f} | {held['link_bytes']:.2f} | {held['path_bytes']:.2f} | "
        f"{held['cpu_us']:.2f} | {latency} | {gateway} |"
    )


def _processes_row(measured: Measured) -> str:
    cpu = ", ".join(f"{name} {spread.median:.3f}" for name, spread in measured.process_cpu_us.items())
    memory = ", ".join(f"{name} {spread.max:.0f}" for name, spread in measured.memory_mib.items())
    return f"| {measured.name} | {cpu} | {memory} |"


def _short(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 100 else f"{value:.3f}" if value >= 0.1 else f"1/{1 / value:.0f}"


def write(report: Report, file: Path) -> None:
    """JSON to the file, Markdown and plots beside it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    head = f"{report.machine}; {report.taken}; {report.rounds} rounds.\n\n"
    file.with_suffix(".md").write_text(head + table(report))
    _plot(report, file.with_suffix(".svg"))


def _plot(report: Report, file: Path) -> None:
    """Ratios against their targets; left out where matplotlib is not installed."""
    try:
        import matplotlib as mpl
    except ImportError:
        return
    mpl.use("svg")
    from matplotlib import pyplot

    shown = [wanted for wanted in RATIOS if wanted.name in report.met]
    figure, axes = pyplot.subplots(figsize=(8, 0.45 * len(shown) + 1), layout="constrained")
    for row, wanted in enumerate(reversed(shown)):
        target = wanted.at_least if wanted.at_least is not None else wanted.at_most
        assert target is not None
        held = report.ratios[wanted.name]
        colour = "tab:green" if report.met[wanted.name] else "tab:red"
        axes.plot([held.min / target, held.max / target], [row, row], color=colour, linewidth=3)
        axes.plot(held.median / target, row, "o", color=colour)
    labels = [f"{wanted.name} {'≥' if wanted.at_least is not None else '≤'} target" for wanted in reversed(shown)]
    axes.axvline(1.0, color="grey", linestyle=":")
    axes.set_yticks(range(len(shown)), labels)
    axes.set_xscale("log")
    axes.set_xlabel("ratio divided by its target: median, min to max")
    figure.savefig(file)
    pyplot.close(figure)
