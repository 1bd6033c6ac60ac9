"""One run of one setting: what each component sent and received while the sensors' readings passed."""

import time
from pathlib import Path

import msgspec

from benchmarks.grid.load import loaded
from benchmarks.grid.network import Counted, Network
from benchmarks.grid.running import Grid
from benchmarks.grid.shapes import hops, shape
from benchmarks.overhead.settings import Setting
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


def measure(setting: Setting, folder: Path, network: Network, rate: float | None, drain_s: float, idle_s: float) -> Run:
    """Measure a setting in a folder of its own; TimeoutError when the topology does not start or deliver."""
    topology = loaded(shape(setting.shape), setting.context, setting.buffer, rate)
    with Grid(topology, folder, network) as grid:
        grid.start_daemons()
        grid.wait_for_nodes()
        time.sleep(SETTLE_S)
        idle = sum(network.link_bytes().values())
        time.sleep(idle_s)
        idle_bytes_s = (sum(network.link_bytes().values()) - idle) / idle_s
        begun_s = time.monotonic()
        before, begun = _counted(network), sum(network.link_bytes().values())
        grid.start_sensors()
        time.sleep(setting.seconds)
        grid.end_sensors()
        time.sleep(drain_s)
        counted_s = time.monotonic() - begun_s
        after, path_bytes = _counted(network), sum(network.link_bytes().values()) - begun
        delivery = grid.drained()
        if delivery.lost:
            raise TimeoutError(f"{setting.name}: {delivery.lost} of {delivery.sent} readings did not arrive")
        passed = _passed(grid.topology)
        components = [
            Component(
                host,
                after[host].received - before[host].received,
                after[host].sent - before[host].sent,
                delivery.sent if host == SERVER else passed[host],
            )
            for host in (*passed, SERVER)
        ]
        return Run(setting, components, path_bytes, delivery.sent, idle_bytes_s, counted_s)


def _counted(network: Network) -> dict[str, Counted]:
    """What each host received and sent so far on all its links."""
    found = {}
    for host in network.hosts:
        counts = [network.counted(link, host) for link in network.of(host)]
        found[host] = Counted(sum(one.received for one in counts), sum(one.sent for one in counts))
    return found


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
