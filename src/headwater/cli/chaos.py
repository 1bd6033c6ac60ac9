"""`headwater chaos`: puts faults into a running topology, and shows how they were noticed."""

import sys
import tomllib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from headwater.cli import typed
from headwater.cli.chaos_run import begin, interrupted_by_signals, steps, stopped
from headwater.cli.client import DEFAULT_SERVER, SERVER_KEY, asking
from headwater.client import Client
from headwater.config.toml import meant
from headwater.health.chaos.documents import ChaosFault, ChaosKind, ChaosQuestion, ChaosReport, ChaosRun
from headwater.health.chaos.scenario import BUILT_IN, read_scenario
from headwater.model.errors import ConfigError, HeadwaterError, Rejected

WIDE = 140


class Action(StrEnum):
    """What to do."""

    LIST = "list"
    RUN = "run"


def main(arguments: list[str]) -> int:
    """Ask, show how far it is, and print the report."""
    return typed.run("chaos", chaos, arguments)


def chaos(
    action: Annotated[Action, typer.Argument(help="List the built-in scenarios, or run one.")],
    scenario: Annotated[
        str | None, typer.Argument(metavar="[NAME|FILE.toml]", help="What to run: a name from the list, or a file.")
    ] = None,
    server: Annotated[
        str, typer.Option(metavar="URL", envvar=SERVER_KEY, help="The server's REST address.")
    ] = DEFAULT_SERVER,
    seed: Annotated[int | None, typer.Option(metavar="N", help="Draw by this seed, not the scenario's.", min=0)] = None,
    report: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the report here too, as JSON.")] = None,
) -> int:
    """Put faults into a running topology one after another, and time how health tells them; Ctrl-C heals everything.

    The topology file has to allow it: chaos = {enabled = true}. docs/chaos.md explains scenarios and the report.

    Examples:

        headwater chaos run failures --server http://127.0.0.1:5000 --report chaos.json

        headwater chaos run nightly.toml --seed 7
    """
    if action is Action.LIST:
        for name, (about, _) in BUILT_IN.items():
            print(f"{name:<10}{about}")
        return 0
    if scenario is None:
        raise ConfigError("a scenario is needed: a name of headwater chaos list, or a file")
    values = values_of(scenario)
    console = Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=WIDE)
    with asking(server) as client, interrupted_by_signals():
        run = begin(client, server, ChaosQuestion(values, seed))
        try:
            run = _follow(client, run, console)
        except KeyboardInterrupt:
            console.print("healing everything …")
            _show(stopped(client, run.id), console, report)
            raise
    _show(run, console, report)
    lost = 0 if run.report is None else run.report.readings_lost + run.report.undelivered
    if lost:
        raise HeadwaterError(f"{lost} readings were lost or not delivered")
    return 0


def values_of(scenario: str) -> Mapping[str, object]:
    """What a built-in scenario or a file says; ConfigError when it cannot be a scenario."""
    if scenario in BUILT_IN:
        values = msgspec.to_builtins(BUILT_IN[scenario][1])
        assert isinstance(values, dict)
        return values
    path = Path(scenario)
    if not path.exists() and path.suffix != ".toml":
        raise ConfigError(f'no scenario and no file is called "{scenario}"; {meant(scenario, BUILT_IN)}')
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        read_scenario(values)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: not TOML: {error}") from None
    except Rejected as error:
        raise ConfigError(f"{path}: {error.detail}") from None
    return values


def table(kinds: Mapping[str, ChaosKind], heading: str) -> Table:
    """A row for each kind of fault; seconds from injection to alarm, and from healing until nothing was Red."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    made.add_column(heading)
    for name in ("injected", "detected", "wrong kind", "min", "median", "p95", "p99", "max", "recovery", "max"):
        made.add_column(name, justify="right")
    for kind, one in kinds.items():
        seconds = (one.min_s, one.p50_s, one.p95_s, one.p99_s, one.max_s, one.recovery_p50_s, one.recovery_max_s)
        counts = (one.injected, one.detected, one.wrong_kind)
        made.add_row(kind, *map(str, counts), *map(_seconds, seconds))
    return made


def told(fault: ChaosFault) -> str:
    """What became of one fault, in a line."""
    words = f"{fault.number:>4} {fault.fault.kind:<17}{fault.fault.target:<14}"
    if fault.problem:
        return f"{words}not put in: {fault.problem}"
    if fault.fault.expected is None:
        words += "nothing to detect"
    else:
        words += "NOT detected" if fault.detected_s is None else f"detected {fault.detected_s:6.2f} s"
    words += "  NOT recovered" if fault.recovered_s is None else f"  recovered {fault.recovered_s:6.2f} s"
    return words + (f"  wrong: {', '.join(fault.wrong)}" if fault.wrong else "")


def _follow(client: Client, run: ChaosRun, console: Console) -> ChaosRun:
    """Show how far a run is until it ends; HeadwaterError when it failed."""
    shown, now = 0, run
    with console.status("") as status:
        for now in steps(client, run):
            if now.last is not None and now.last.number > shown:
                shown = now.last.number
                console.print(told(now.last))
            status.update(now.doing)
    return now


def _show(run: ChaosRun, console: Console, file: Path | None) -> None:
    made = run.report
    if made is None:
        return
    if file is not None:
        file.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n")
    console.print()
    console.print(table(made.kinds, "seconds"))
    console.print()
    console.print(table(made.ways, "kind of fault"))
    for line in summary(made):
        console.print(line)


def summary(report: ChaosReport) -> Iterator[str]:
    """What the tables do not say, line by line."""
    yield ""
    skipped = sum(1 for fault in report.faults if fault.problem)
    undetected = sum(one.injected - one.detected for one in report.kinds.values())
    yield f"faults: {len(report.faults)}, not detected: {undetected}, not put in: {skipped}, seed {report.seed}"
    yield f"false alarms: {report.false_alarms}" + (f" ({'; '.join(report.false[:5])})" if report.false else "")
    yield (
        f"readings: {report.delivered:,} passed on, {report.readings_lost:,} lost, {report.undelivered:,} not "
        "delivered at the end"
    )
    seen = report.observer
    yield f"observer: {seen.looks:,} looks, {seen.failed} failed, 99 % within {seen.gap_p99_ms} ms of the one before"


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
