"""What a black-holed neighbour costs the healthy paths: packets of one link are dropped, and nobody is told.

The fork on a network of its own: gatewayA and gatewayB send to gatewayC, that to the endpoint. In each round the link
from gatewayA is whole for a while, then it swallows everything for as long; the readings that come by gatewayB are
compared, in rate and in the 95th percentile of their time from the sensor to the endpoint's stamp.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from benchmarks.grid.machine import machine
from benchmarks.grid.network import enter
from benchmarks.grid.running import Grid
from benchmarks.grid.shapes import PORT, network_of, shape
from headwater.cli.demo_check import log_records
from headwater.config import Topology
from headwater.model.records import Kind
from headwater.wire import codec
from headwater.wire.records import decode_batch

RATE, SIZE, WARM = 2000.0, 100, 1000
SETTLE_S = 12.0
"""The link comes back, and what was held up by the fault drains, before the next round."""
BEGIN_S = 3.0
LEFT_OUT_S = 0.5
"""Around each change, so that no reading belongs to both."""


class Phase(NamedTuple):
    """A stretch of a round, by the wall clock in us."""

    swallowed: bool
    first_us: int
    end_us: int


class Figures(msgspec.Struct, frozen=True):
    """Of the readings that came by the healthy path in one phase."""

    readings_per_s: float
    p50_ms: float
    p95_ms: float


def wall_us() -> int:
    return time.time_ns() // 1000


def run(rounds: int, seconds: float, folder: Path) -> list[tuple[Figures, Figures]]:
    """The figures of each round: whole, swallowed."""
    topology = _without_steps(shape("fork"))
    network = network_of(topology)
    network.build()
    broken = network.between("gatewayA", "gatewayC")
    phases: list[Phase] = []
    with Grid(topology, folder, network) as grid:
        grid.start_daemons()
        offset_us = wall_us() - time.monotonic_ns() // 1000
        total = int(RATE * (rounds * (2 * seconds + SETTLE_S) + 10))
        for group, node in (("sensorsA", "gatewayA"), ("sensorsB", "gatewayB")):
            sensor = grid.group.start(
                group, "benchmarks.throughput.sensor", "--target", f"{network.own_address(node)}:{PORT}",
                "--size", SIZE, "--warm", WARM, "--readings", total, "--rate", RATE,
            )  # fmt: skip
            sensor.hear("ready")
            sensor.go()
        time.sleep(BEGIN_S)
        for left in reversed(range(rounds)):
            phases.append(_phase(False, seconds))
            network.swallow(broken)
            phases.append(_phase(True, seconds))
            network.pass_on(broken)
            if left:
                time.sleep(SETTLE_S)
        arrived = _arrived(grid, offset_us)
    made = [_figures(phase, *arrived) for phase in phases]
    return list(zip(made[::2], made[1::2], strict=True))


def _without_steps(topology: Topology) -> Topology:
    """Nothing is averaged: timestamps are microseconds here, which would make a window of every 0.9 s."""
    return replace(topology, gateways=tuple(replace(gateway, steps=()) for gateway in topology.gateways))


def _phase(swallowed: bool, seconds: float) -> Phase:
    begun_us = wall_us()
    time.sleep(seconds)
    margin_us = int(LEFT_OUT_S * 1e6)
    return Phase(swallowed, begun_us + margin_us, wall_us() - margin_us)


def _arrived(grid: Grid, offset_us: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """When each reading of the healthy path was sent, wall clock in us, and how long it took to the endpoint, ms."""
    healthy = next(gateway.log for gateway in grid.topology.gateways if gateway.name == "gatewayB")
    source = next(decode_batch(record).origin.stream for record in log_records(healthy) if record.kind == Kind.DATA)
    endpoint = next(gateway.log for gateway in grid.topology.gateways if gateway.next is None)
    sent, took = [], []
    for record in log_records(endpoint):
        if record.kind != Kind.DATA:
            continue
        batch = decode_batch(record)
        if batch.origin.stream != source or batch.stamp is None:
            continue
        times = codec.decode(batch.payload).timestamps + offset_us
        sent.append(times)
        took.append(batch.stamp.received_ms - times / 1000)
    return np.concatenate(sent), np.concatenate(took)


def _figures(phase: Phase, sent: NDArray[np.int64], took: NDArray[np.float64]) -> Figures:
    within = (sent >= phase.first_us) & (sent < phase.end_us)
    seconds = (phase.end_us - phase.first_us) / 1e6
    if not within.any():
        sys.exit(f"the healthy path stood still while the other was {'swallowed' if phase.swallowed else 'whole'}")
    p50, p95 = np.percentile(took[within], (50, 95))
    return Figures(float(within.sum()) / seconds, float(p50), float(p95))


def main() -> int:
    parser = argparse.ArgumentParser(prog="headwater bench blackhole", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="how often the link is broken (5)")
    parser.add_argument("--seconds", type=float, default=10.0, metavar="S", help="for how long each time (10)")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write JSON here")
    options = parser.parse_args()
    enter("benchmarks.blackhole")
    with tempfile.TemporaryDirectory(prefix="headwater-blackhole-") as folder:
        rounds = run(options.rounds, options.seconds, Path(folder))
    ratios = {
        name: [getattr(swallowed, name) / getattr(whole, name) for whole, swallowed in rounds]
        for name in Figures.__struct_fields__
    }
    print("| healthy path | whole | swallowed | ratio, median | min to max |")
    print("|---|---|---|---|---|")
    for name, each in ratios.items():
        whole, swallowed = (statistics.median(getattr(one[at], name) for one in rounds) for at in (0, 1))
        spread = f"{min(each):.3f} to {max(each):.3f}"
        print(f"| {name} | {whole:,.2f} | {swallowed:,.2f} | {statistics.median(each):.3f} | {spread} |")
    if options.report is not None:
        options.report.parent.mkdir(parents=True, exist_ok=True)
        found = {"machine": machine(), "rounds": msgspec.to_builtins(rounds), "ratios": ratios}
        options.report.write_text(json.dumps(found, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
