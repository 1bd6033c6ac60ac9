"""One run of one setting: what each component sent and received while the sensors' readings passed."""

import time
from pathlib import Path

import msgspec

from benchmarks.grid.load import loaded
from benchmarks.grid.network import Network
from benchmarks.grid.running import Grid
from benchmarks.grid.settings import Setting
from benchmarks.grid.shapes import hops, shape
from benchmarks.overhead.counters import counters_of
from headwater.cli.demo_check import Source
from headwater.config import Topology
from headwater.config.topology import SERVER

SETTLE_S = 1.0


class Component(msgspec.Struct, frozen=True):
    """What one host sent and received in a run."""

    name: str
    received: int
    sent: int
    messages: int
    """Readings that passed it."""


class Run(msgspec.Struct, frozen=True):
    """One run of one setting."""

    setting: Setting
    components: list[Component]
    path_bytes: int
    """On all links, those from the sensors and to the server too."""
    messages: int
    """Readings that the sensors sent; all of them arrived."""
    idle_bytes_s: float
    """On all links in a second before the first reading: beats, reports and signs of life."""
    counted_s: float
    """From the first look at the counters to the last, with the drain."""

    @property
    def path_a_reading(self) -> float:
        return self.path_bytes / self.messages

    @property
    def above_idle(self) -> float:
        """Of these bytes those that would not have passed without readings."""
        return (self.path_bytes - self.idle_bytes_s * self.counted_s) / self.messages

    @property
    def nodes_a_reading(self) -> float:
        """In and out of all nodes for each reading, which is what was published in 2018."""
        return sum(one.received + one.sent for one in self.components if one.name != SERVER) / self.messages

    def __str__(self) -> str:
        return (
            f"{self.setting.name}: {self.messages:,} readings, path {self.path_a_reading:.1f} B a reading, "
            f"of which {self.above_idle:.1f} B above what idle links carry"
        )


def measure(
    setting: Setting, folder: Path, network: Network | None, rate: float | None, drain_s: float, idle_s: float
) -> Run:
    """Measure a setting in a folder of its own; TimeoutError when the topology does not start or deliver."""
    topology = loaded(shape(setting.shape), setting.context, setting.buffer, rate)
    with Grid(topology, folder, network) as grid, counters_of(grid) as counters:
        grid.start_daemons()
        grid.wait_for_nodes()
        time.sleep(SETTLE_S)
        _, idle = counters.now()
        time.sleep(idle_s)
        before, begun = counters.now()
        idle_bytes_s = (begun - idle) / idle_s
        begun_s = time.monotonic()
        grid.start_sensors()
        time.sleep(setting.seconds)
        grid.end_sensors()
        time.sleep(drain_s)
        counted_s = time.monotonic() - begun_s
        after, ended = counters.now()
        delivery = grid.drained()
        if delivery.lost:
            raise TimeoutError(f"{setting.name}: {delivery.lost} of {delivery.sent} readings did not arrive")
        passed = _passed(grid.topology) | {SERVER: delivery.sent}
        components = [
            Component(
                host, after[host].received - before[host].received, after[host].sent - before[host].sent, messages
            )
            for host, messages in passed.items()
        ]
        return Run(setting, components, ended - begun, delivery.sent, idle_bytes_s, counted_s)


def _passed(topology: Topology) -> dict[str, int]:
    """By name of a node the readings that passed it."""
    after = dict(hops(topology))
    passed = {gateway.name: 0 for gateway in topology.gateways}
    for group in topology.sensors:
        sent = len(Source([], group.journal).series)
        node: str | None = next(gateway.name for gateway in topology.gateways if gateway.listen == group.target)
        while node is not None:
            passed[node] += sent
            node = after.get(node)
    return passed
