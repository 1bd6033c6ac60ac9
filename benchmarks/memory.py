"""Memory of every process under full load for a while: what each holds, and whether that grows.

Run:  python -m benchmarks.memory [--seconds S] [--size N] [--report FILE]
Sensor, gateway, endpoint, their agents and the store run on this machine, everything synced, as fast as they can; the
sensor sends one list of batches over and over. Resident memory is read once a second. Growth is the mean of the last
quarter of the time less that of the first. Logs have a budget of 64 MiB, so that segments come and go meanwhile.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from benchmarks.grid.processes import Group, Process
from headwater.config import Topology, format_topology, load_topology, with_free_ports

TWO = Path(__file__).parents[1] / "examples" / "topologies" / "two-node.toml"
LOG_BYTES = 64 << 20
SEGMENT_BYTES = 4 << 20
READINGS = 200_000
"""Of the list that is sent over and over."""
WARM = 20_000
EVERY_S = 1.0
_MIB = 1 << 20
_MAIN = (sys.executable, "-m", "headwater.cli.main")


class Held(NamedTuple):
    """What a process held, in MiB."""

    first: float
    """Mean of the first quarter of the time."""
    last: float
    most: float

    @property
    def growth(self) -> float:
        return self.last - self.first


def held(samples: Sequence[float]) -> Held:
    """Of samples taken in equal steps, four at least."""
    quarter = len(samples) // 4
    return Held(statistics.fmean(samples[:quarter]), statistics.fmean(samples[-quarter:]), max(samples))


class Outcome(NamedTuple):
    """A run: readings delivered, how long that took, and the memory of each process in MiB, second by second."""

    readings: int
    seconds: float
    samples: dict[str, list[float]]


def run(folder: Path, seconds: float, size: int, every_s: float = EVERY_S) -> Outcome:
    """Load the path for so long in a folder of its own."""
    topology = _grid(folder)
    file = folder / "grid.toml"
    file.write_text(format_topology(topology))
    with Group(folder) as group:
        processes = {"store": group.run(None, *_MAIN, "server", "--part", "store", "--config", file)}
        for node in topology.gateways:
            processes[node.name] = group.run(None, *_MAIN, "gateway", "--config", file, "--name", node.name)
            agent = group.run(None, *_MAIN, "agent", "--config", file, "--name", node.name)
            processes[f"agent of {node.name}"] = agent
        sensor = group.start(
            None, "benchmarks.throughput.sensor", "--target", topology.gateways[0].listen, "--size", size,
            "--warm", WARM, "--readings", READINGS, "--seconds", seconds,
        )  # fmt: skip
        sensor.hear("ready")
        begun = time.monotonic()
        sensor.go()
        samples = _sampled(processes, begun + seconds, every_s)
        readings = sensor.hear("acknowledged")["acknowledged"]
        return Outcome(readings, time.monotonic() - begun, samples)


def _grid(folder: Path) -> Topology:
    two = with_free_ports(load_topology(TWO), folder)
    gateways = [replace(node, log_bytes_max=LOG_BYTES, segment_bytes=SEGMENT_BYTES) for node in two.gateways]
    return replace(two, gateways=tuple(gateways), sensors=())


def _sampled(processes: dict[str, Process], until: float, every_s: float) -> dict[str, list[float]]:
    samples: dict[str, list[float]] = {name: [] for name in processes}
    while (now := time.monotonic()) < until:
        for name, process in processes.items():
            samples[name].append(process.used.memory_bytes / _MIB)
        time.sleep(max(0.0, now + every_s - time.monotonic()))
    return samples


def table(outcome: Outcome) -> Iterable[str]:
    """The lines of the report."""
    rate = outcome.readings / outcome.seconds
    yield f"{outcome.readings:,} readings in {outcome.seconds:.0f} s, {rate:,.0f} a second"
    yield f"{'MiB':20} {'first':>7} {'last':>7} {'growth':>7} {'most':>7}"
    for name, samples in outcome.samples.items():
        found = held(samples)
        yield f"{name:20} {found.first:7.1f} {found.last:7.1f} {found.growth:+7.1f} {found.most:7.1f}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="headwater bench memory", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--size", type=int, default=1000, help="readings a batch")
    parser.add_argument("--report", type=Path, help="a file for all samples, as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder:
        outcome = run(Path(folder), options.seconds, options.size)
    print(*table(outcome), sep="\n")
    if options.report is not None:
        options.report.write_text(json.dumps(outcome._asdict()))


if __name__ == "__main__":
    main()
