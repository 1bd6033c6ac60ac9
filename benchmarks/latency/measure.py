"""One run of one setting: the latencies that its stamps tell, and those seen from outside."""

import time
from pathlib import Path

import msgspec

from benchmarks.grid.load import loaded
from benchmarks.grid.network import Network
from benchmarks.grid.running import Grid
from benchmarks.grid.settings import Setting
from benchmarks.grid.shapes import hops, shape
from benchmarks.latency.eyes import Eyes, Key
from benchmarks.latency.spans import SENSOR, Figures, Stamped, from_outside, from_stamps
from headwater.cli.demo_check import log_records
from headwater.config import Topology
from headwater.emulator.journal import journal_entries
from headwater.log.disk import RealDisk
from headwater.model.records import Kind
from headwater.model.stamp import OriginKind
from headwater.wire.records import decode_batch


class Run(msgspec.Struct, frozen=True):
    """One run of one setting."""

    setting: Setting
    stamped: dict[str, Figures]
    """From stamps: `node N`, `hop N to M`, `pipeline`; empty without provenance."""
    outside: dict[str, Figures]
    """From the logs as they grew: `durable to durable`, `sensor to durable`."""
    readings: int

    @property
    def p50(self) -> float:
        """From sensor to durable at the endpoint, in ms."""
        return self.outside[SENSOR].p50

    def __str__(self) -> str:
        end = self.outside[SENSOR]
        shown = f"p50 {end.p50:.1f}, p95 {end.p95:.1f} ms"
        return f"{self.setting.name}: {self.readings:,} readings, sensor to durable {shown}"


def measure(setting: Setting, folder: Path, network: Network | None, rate: float | None) -> Run:
    """Measure a setting in a folder of its own; TimeoutError when not all readings arrive."""
    topology = loaded(shape(setting.shape), setting.context, setting.buffer, rate)
    with Grid(topology, folder, network) as grid:
        grid.start_daemons()
        grid.wait_for_nodes()
        eyes = Eyes(grid.topology)
        eyes.start()
        grid.start_sensors()
        time.sleep(setting.seconds)
        grid.end_sensors()
        delivery = grid.drained()
        if delivery.lost:
            raise TimeoutError(f"{setting.name}: {delivery.lost} of {delivery.sent} readings did not arrive")
        seen = eyes.stop()
        ways = _ways(grid.topology)
        stamps = {gateway.name: _stamps(gateway.log) for gateway in grid.topology.gateways}
        return Run(setting, from_stamps(ways, stamps), from_outside(ways, seen, _sent(grid.topology)), delivery.sent)


def _ways(topology: Topology) -> list[list[str]]:
    """The nodes from each entry to the endpoint."""
    after = dict(hops(topology))
    ways = []
    for group in topology.sensors:
        way = [next(gateway.name for gateway in topology.gateways if gateway.listen == group.target)]
        while way[-1] in after:
            way.append(after[way[-1]])
        ways.append(way)
    return ways


def _stamps(log: Path) -> dict[Key, Stamped]:
    """The stamps of a log; the store has the same."""
    found: dict[Key, Stamped] = {}
    for record in log_records(log):
        if record.kind == Kind.DATA:
            batch = decode_batch(record)
            if batch.stamp is not None and batch.origin.kind == OriginKind.SOURCE:
                key = (batch.origin.stream, batch.origin.number)
                found[key] = Stamped(batch.stamp.received_ms, batch.stamp.sent_ms, batch.count)
    return found


def _sent(topology: Topology) -> dict[Key, tuple[float, int]]:
    """When each message of the sensors was made ready to send, in ms since the epoch, and its readings."""
    found: dict[Key, tuple[float, int]] = {}
    for group in topology.sensors:
        disk = RealDisk(group.journal)
        source = bytes.fromhex(str(msgspec.json.decode(disk.read("source", 0, 4096))["source"]))
        for entry in journal_entries(disk):
            found[source, entry.first] = (entry.sent_ms, entry.count)
        disk.close()
    return found
