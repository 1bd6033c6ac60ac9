"""`headwater up`: starts and supervises every process of a topology file."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from headwater.cli import typed
from headwater.cli.faults import Configuration, Faults
from headwater.cli.processes import addresses, needing_restart, topology_processes
from headwater.cli.supervise import supervise
from headwater.cli.supervisor import Say, Supervisor
from headwater.config import Topology, load_topology
from headwater.health.chaos.control import ControlServer
from headwater.health.chaos.options import CONTROL
from headwater.model.errors import ConfigError, Unavailable

COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "bright_red", "bright_cyan", "bright_green")


def main(arguments: list[str]) -> int:
    """Run until Ctrl-C."""
    return typed.run("up", up, arguments)


def up(
    topology: Annotated[Path, typer.Argument(help="The topology file.", metavar="TOPOLOGY.toml")],
    only: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Start one node, `server`, `idprovider`, or one group of sensors only."),
    ] = None,
) -> int:
    """Start every process of a topology on this machine, and start again what dies, until Ctrl-C.

    One file serves many machines: on each, --only NAME starts what belongs there.

    Example:

        headwater up examples/topologies/fork.toml
    """
    loaded = load_topology(topology)
    configuration = Configuration(loaded) if loaded.chaos.enabled and only is None else None
    specs = topology_processes(loaded, configuration.file if configuration else topology, only)
    say = prefixed(Console(highlight=False, soft_wrap=True), [spec.name for spec in specs])
    report = report_file(loaded, only)
    supervisor = Supervisor(specs, report, say)

    def ready(waiting: list[str]) -> None:
        for address in waiting:
            say("up", f"nothing answers at {address} yet")
        say("up", f"{len(specs)} processes started; {addresses(loaded.server)} (Ctrl-C stops everything)")

    def reload() -> None:
        try:
            fresh = load_topology(topology)
            if configuration is not None:
                configuration.adopt(fresh)
        except (ConfigError, OSError) as error:
            say("up", f"not read again: {error}")
            return
        finally:
            supervisor.reload()
        if behind := needing_restart(loaded, fresh, only):
            say("up", f"{', '.join(behind)}: needs restart; what the file says of it now is not in force")

    with the_only_run(report), _taking_faults(loaded, configuration, supervisor, say):
        return supervise(supervisor, ready, reload=reload)


@contextmanager
def _taking_faults(
    topology: Topology, configuration: Configuration | None, supervisor: Supervisor, say: Say
) -> Iterator[None]:
    """Put faults in when they are asked for, where chaos is enabled."""
    if configuration is None:
        yield
        return
    configuration.write()
    faults = Faults(topology, configuration, supervisor)
    say("up", "chaos is enabled: who reaches the API may break everything here")
    with ControlServer(topology.folder / CONTROL, faults).serving():
        yield


@contextmanager
def the_only_run(report: Path) -> Iterator[None]:
    """Hold a lock beside the list of processes; Unavailable when another run of the same holds it."""
    report.parent.mkdir(parents=True, exist_ok=True)
    with report.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Unavailable(
                f"this topology is running already ({report} lists its processes): stop it first"
            ) from None
        yield


def report_file(topology: Topology, only: str | None) -> Path:
    """Where a run lists its processes: pids, restarts and exit codes."""
    return topology.folder / (f"processes-{only}.json" if only else "processes.json")


def prefixed(console: Console, names: list[str]) -> Say:
    """Prints lines behind the name of their process, each name in its colour."""
    width = max(map(len, [*names, "up"]))
    colours = {name: COLOURS[at % len(COLOURS)] for at, name in enumerate(names)}

    def say(name: str, line: str) -> None:
        console.print(Text(f"{name:<{width}} │ ", colours.get(name, "bold")) + Text(line, "default"))

    return say
