"""A campaign: faults in a running topology one after the other, each healed and waited for before the next."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from benchmarks.failure.faults import Fault, heal, inject
from benchmarks.failure.judging import Done, Sighting
from benchmarks.failure.watching import Watching
from benchmarks.grid.network import Network
from benchmarks.grid.running import Delivery, Grid
from benchmarks.grid.shapes import hops
from headwater.config import Topology

DETECTION_S_MAX = 15.0
LINGER_S = 1.0
"""How long a fault stays after its alarm: what else is said of it counts too."""
WELL_S_MAX = 120.0

Say = Callable[[str], None]


class Outcome:
    """What a campaign did and saw."""

    def __init__(self, done: list[Done], sightings: list[Sighting], delivery: Delivery, unhealed: str) -> None:
        self.done = done
        self.sightings = sightings
        self.delivery = delivery
        self.unhealed = unhealed
        """What was not well again after its fault, where the campaign ended therefore; empty when all was."""


def with_rate(topology: Topology, rate: float) -> Topology:
    """The topology with sensors that send so many readings a second each, and write down what they sent."""
    sensors = tuple(replace(group, keep_journal=True, rate=rate, loop=True) for group in topology.sensors)
    return replace(topology, sensors=sensors)


def run(
    topology: Topology, folder: Path, network: Network | None, planned: list[Fault], quiet_s: float, say: Say
) -> Outcome:
    """Inject faults in their order; SystemExit when the topology does not even start."""
    with Grid(topology, folder, network) as grid:
        grid.start_daemons()
        nodes, links = len(topology.gateways), len(hops(topology))
        observer = grid.group.start(
            grid.server_host, "benchmarks.failure.observer",
            "--api", grid.topology.server.listen, "--nodes", nodes, "--links", links,
        )  # fmt: skip
        watching = Watching(observer)
        watching.start()
        if _well(watching, 0) is None:
            sys.exit(f"the topology is not well {WELL_S_MAX:.0f} s after its start: {_last(watching)}")
        begun_ns = time.monotonic_ns()
        grid.start_sensors()
        time.sleep(quiet_s)
        done, unhealed = _faults(grid, watching, planned, say)
        grid.end_sensors()
        delivery = grid.drained()
        sightings = [one for one in watching.sightings if one.at_ns >= begun_ns]
        return Outcome(done, sightings, delivery, unhealed)


def _faults(grid: Grid, watching: Watching, planned: list[Fault], say: Say) -> tuple[list[Done], str]:
    done: list[Done] = []
    for number, fault in enumerate(planned, 1):
        time.sleep(fault.phase_s)
        one = _one(grid, watching, fault)
        if one is None:
            return done, f"{fault.kind} {fault.name} ({fault.way}): {_last(watching)}"
        done.append(one)
        say(f"{number} of {len(planned)}: {_line(fault, one, watching.sightings)}")
    return done, ""


def _one(grid: Grid, watching: Watching, fault: Fault) -> Done | None:
    """Inject a fault, wait for its alarm, heal it and wait until all is well; None when that does not come."""
    injected_ns = time.monotonic_ns()
    inject(grid, fault)
    subject = fault.subject
    watching.wait(lambda seen: subject in [alarm.subject for alarm in seen.alarms], DETECTION_S_MAX, injected_ns)
    time.sleep(LINGER_S)
    healed_ns = time.monotonic_ns()
    heal(grid, fault)
    well = _well(watching, healed_ns)
    if well is None:
        return None
    return Done(fault.kind, fault.way, subject, injected_ns, healed_ns, max(well.at_ns, healed_ns))


def _well(watching: Watching, after_ns: int) -> Sighting | None:
    return watching.wait(lambda seen: seen.is_well, WELL_S_MAX, after_ns)


def _line(fault: Fault, one: Done, sightings: list[Sighting]) -> str:
    during = [seen for seen in sightings if one.injected_ns <= seen.at_ns < one.healed_ns]
    first = next((seen for seen in during if seen.alarms), None)
    said = "no alarm"
    if first is not None:
        alarm = first.alarms[0]
        right = "" if alarm.subject == one.subject else f", but said {alarm.part} {alarm.node} {alarm.target}"
        said = f"{(first.at_ns - one.injected_ns) / 1e9:.2f} s{right}: {alarm.evidence}"
    back_s = (one.well_ns - one.healed_ns) / 1e9
    return f"{fault.kind} {fault.name} {fault.target} ({fault.way}): {said}; well {back_s:.1f} s after healing"


def _last(watching: Watching) -> str:
    if not watching.sightings:
        return "the API has not answered"
    alarms = watching.sightings[-1].alarms
    return "; ".join(f"{one.part} {one.node} {one.target}: {one.evidence}" for one in alarms) or "no alarm, not well"
