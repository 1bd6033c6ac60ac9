"""`headwater demo`: the whole path on this machine, from sensors to lineage, checked reading by reading."""

import enum
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import Annotated

import msgspec
import typer
from rich.console import Console

import headwater
from headwater.cli import typed
from headwater.cli.client import asking
from headwater.cli.demo_redis import need_redis, redis_urls, with_redis
from headwater.cli.demo_run import DemoRun, Report, with_load
from headwater.cli.demo_store import need_cassandra, on_cassandra
from headwater.cli.processes import addresses
from headwater.cli.trace import LINE_MAX, drawn
from headwater.config import Topology, load_topology, with_free_ports
from headwater.model.errors import ConfigError

LOOK_EVERY_S = 1.0
TRACE_AFTER_S = 12.0
RATE = 2000.0


class Kind(enum.StrEnum):
    """A kind of store."""

    SQLITE = "sqlite"
    CASSANDRA = "cassandra"


def main(arguments: list[str]) -> int:
    """Run the demo."""
    return typed.run("demo", demo, arguments)


def demo(
    seconds: Annotated[
        float | None, typer.Option(min=0.1, metavar="N", help="Send for N seconds, check everything, and end.")
    ] = None,
    report: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the findings there, as JSON.")] = None,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", exists=True, help="Replay these CSV files, not a generated day.")
    ] = None,
    topology: Annotated[
        str, typer.Option(metavar="NAME", help="One of examples/topologies, or a topology file.")
    ] = "fork",
    rate: Annotated[float, typer.Option(min=0.1, metavar="R", help="Readings a second, over all meters.")] = RATE,
    redis: Annotated[
        bool, typer.Option("--redis", help="Keep recent readings in a redis-server too, and look them up there.")
    ] = False,
    store: Annotated[
        Kind, typer.Option(metavar="KIND", help="Where stamps are kept: sqlite, or cassandra, which is started too.")
    ] = Kind.SQLITE,
) -> int:
    """Start gateways, agents and a server on free ports, replay a day of readings, and trace values to their sensors.

    Examples:

        headwater demo

        headwater demo --seconds 30 --report demo.json --data recordings/

        headwater demo --seconds 30 --store cassandra --redis
    """
    if report is not None and (report.is_dir() or not report.absolute().parent.is_dir()):
        raise ConfigError(f"--report {report}: there is no folder for it, or it is one")
    console = Console(width=LINE_MAX, highlight=False, soft_wrap=True)
    folder = Path(tempfile.mkdtemp(prefix="headwater-demo-"))
    loaded = with_free_ports(load_topology(topology_file(topology)), folder)
    if redis:
        need_redis()
        loaded = with_redis(loaded)
    if not loaded.sensors:
        raise ConfigError(f"the topology {topology!r} has no [[sensors]]: there is nothing to show")
    if store is Kind.CASSANDRA:
        need_cassandra()
    ends = seconds is not None or report is not None
    try:
        with (
            _stopping() as stop,
            _stored(store, with_load(loaded, data, rate, folder), folder, console) as loaded,
            DemoRun(loaded, folder) as run,
        ):
            console.print(f"{len(loaded.gateways)} nodes of topology {topology!r} are up; {addresses(loaded.server)}")
            if ends:
                found = _measure(run, console, seconds, topology, stop)
                _tell(found, console)
                if report is not None:
                    report.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
                return 0 if _right(found) else 1
            _show(run, console, stop)
            return 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _stored(store: Kind, topology: Topology, folder: Path, console: Console) -> AbstractContextManager[Topology]:
    """The topology with the store that was asked for."""
    return nullcontext(topology) if store is Kind.SQLITE else on_cassandra(topology, folder, console.print)


def topology_file(name: str) -> Path:
    """The file of a topology named as in `examples/topologies`, or the file itself; ConfigError lists the names."""
    if Path(name).is_file():
        return Path(name)
    package = Path(headwater.__file__).parent
    for folder in (package / "topologies", package.parents[1] / "examples" / "topologies"):
        if (folder / f"{name}.toml").is_file():
            return folder / f"{name}.toml"
        if folder.is_dir():
            names = ", ".join(sorted(file.stem for file in folder.glob("*.toml")))
            raise ConfigError(f"no topology {name!r}: there are {names}, or give the path of a file")
    raise ConfigError(f"no topology {name!r} beside this installation: give the path of a file")


def _measure(run: DemoRun, console: Console, seconds: float | None, topology: str, stop: list[int]) -> Report:
    """Send, drain and compare."""
    began = time.monotonic()
    _send(run, console, stop, seconds)
    run.end_sensors()
    run.drain(console.print)
    sent_s = time.monotonic() - began
    carried, stamps = run.bytes, run.stamps()
    console.print("comparing every reading's lineage with the sensors' journals")
    findings = run.check()
    found = Report(
        **msgspec.structs.asdict(findings), stamps_stored=stamps, seconds=round(sent_s, 2), topology=topology
    )
    if carried is not None and found.readings_delivered:
        found.bytes_per_reading = round(carried / found.readings_delivered, 2)
    for example in (found.example, found.example_aggregate):
        if example is not None:
            _trace(run, console, example)
    return found


def _send(run: DemoRun, console: Console, stop: list[int], seconds: float | None) -> None:
    """Print live rates until the time is over, the readings end, or Ctrl-C."""
    # Sensors begin when they are started, which is before the slowest process answers.
    began = run.watch.began_s or time.monotonic()
    before = run.progress()
    while not stop and not run.sensors_done():
        left_s = LOOK_EVERY_S if seconds is None else min(LOOK_EVERY_S, began + seconds - time.monotonic())
        if left_s <= 0:
            return
        time.sleep(left_s)
        now = run.progress()
        rates = "  ".join(
            f"{name} {(count - before.received[name]) / LOOK_EVERY_S:,.0f}/s" for name, count in now.received.items()
        )
        console.print(f"{time.monotonic() - began:6.1f} s  {rates}  delivered {now.delivered:,}")
        before = now


def _show(run: DemoRun, console: Console, stop: list[int]) -> None:
    """Live rates, one reading and one aggregated value traced, totals, and then on until Ctrl-C."""
    _send(run, console, stop, time.monotonic() - (run.watch.began_s or time.monotonic()) + TRACE_AFTER_S)
    if stop:
        return
    for example in _examples(run):
        _trace(run, console, example)
    console.print(f"{run.progress().delivered:,} readings delivered, {run.stamps():,} stamps stored")
    console.print(f"{addresses(run.topology.server)}  headwater trace ID --server {run.topology.api_url}")
    console.print("Ctrl-C stops everything.")
    _send(run, console, stop, None)
    while not stop:
        time.sleep(0.2)


def _examples(run: DemoRun) -> list[str]:
    """A delivered reading, and an aggregated value as soon as a window has closed."""
    found = list(run.watch.latest)
    endpoint = f"{run.endpoint.node:06x}"
    with asking(run.topology.api_url) as client:
        made = [point.id for point in client.newest(endpoint, 1000, detail=True, values=True) if point.kind == "out"]
    return found + made[:1]


def _trace(run: DemoRun, console: Console, example: str) -> None:
    console.print(f"\nheadwater trace {example}", style="bold")
    with asking(run.topology.api_url) as client:
        console.print(drawn(client.trace(example), False, 5))
    if url := redis_urls(run.topology).get(example[-6:]):
        console.print(f"redis-cli -u {url} hgetall {example}", style="bold")
    console.print()


def _tell(found: Report, console: Console) -> None:
    for name, value in msgspec.structs.asdict(found).items():
        if value is msgspec.UNSET:
            continue
        console.print(f"{name:>22}  {value:,}" if isinstance(value, int | float) else f"{name:>22}  {value}")


def _right(found: Report) -> bool:
    """Whether everything sent was delivered once and explained exactly."""
    return (
        found.readings_delivered == found.readings_sent
        and not found.readings_duplicated
        and found.lineage_exact == found.lineage_checked
        and found.aggregates_exact == found.aggregates_checked
        and found.redis_exact == found.redis_checked
    )


@contextmanager
def _stopping() -> Iterator[list[int]]:
    """The signals to stop that have come; a second one ends at once."""
    asked: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        asked.append(number)
        if len(asked) > 1:
            sys.exit(130)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
