"""A topology whose processes run, each on its host."""

import signal
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Self

from benchmarks.grid.network import Network
from benchmarks.grid.processes import Group, Process
from benchmarks.grid.shapes import hops, placed
from headwater.cli.demo_check import Source, log_records
from headwater.cli.processes import topology_processes
from headwater.config import Topology, format_topology
from headwater.config.topology import SERVER
from headwater.log.disk import RealDisk
from headwater.log.standing import RECEIVED
from headwater.model.errors import Unavailable
from headwater.model.records import Kind
from headwater.model.report import NodeReport
from headwater.model.stamp import OriginKind
from headwater.store.opening import open_reader
from headwater.wire.records import decode_batch

PATIENCE_S = 120.0


def _received(log: Path) -> int:
    """The readings that came in at a node."""
    with closing(RealDisk(log)) as disk:
        return disk.load_word(RECEIVED)


class Delivery:
    """What became of all that the sensors had written down when it was taken."""

    def __init__(self, topology: Topology) -> None:
        journals = [Source([], group.journal) for group in topology.sensors]
        self.sent = sum(len(journal.series) for journal in journals)
        sources = {journal.id for journal in journals}
        endpoint = next(gateway for gateway in topology.gateways if gateway.next is None)
        batches = [decode_batch(record) for record in log_records(endpoint.log) if record.kind == Kind.DATA]
        arrived = [
            (batch.origin.stream, batch.origin.number + at)
            for batch in batches
            if batch.origin.kind == OriginKind.SOURCE and batch.origin.stream.hex() in sources
            for at in range(batch.count)
        ]
        self.delivered = len(set(arrived))
        self.doubled = len(arrived) - self.delivered

    @property
    def lost(self) -> int:
        """Sent and not delivered."""
        return self.sent - self.delivered


class Grid:
    """A topology in a folder; `with` ends all its processes. They are named as `headwater up` names them."""

    def __init__(self, topology: Topology, folder: Path, network: Network | None) -> None:
        self.topology = placed(topology, folder, network)
        self.network = network
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "topology.toml"
        file.write_text(format_topology(self.topology))
        self._commands = {spec.name: spec.command for spec in topology_processes(self.topology, file)}
        self._sensors = [group.name for group in topology.sensors]
        self.group = Group(folder)
        self.processes: dict[str, Process] = {}

    def __enter__(self) -> Self:
        self.group.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.group.__exit__()

    def start(self, name: str) -> None:
        """Start a process, or start it again after it was killed."""
        self.processes[name] = self.group.run(self.host(name.partition("/")[0]), *self._commands[name])

    def start_daemons(self) -> None:
        """Start everything but the sensors."""
        for name in self._commands:
            if name not in self._sensors:
                self.start(name)

    def wait_for_nodes(self) -> None:
        """Wait until every node has reported, and every link is heard of; TimeoutError when they do not."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            time.sleep(0.2)
            reports = self._reports()
            heard = [end for report in reports for end in report.links if end.outgoing and end.node is not None]
            if len(reports) == len(self.topology.gateways) and len(heard) == len(hops(self.topology)):
                return
        raise TimeoutError(f"not all nodes reported within {PATIENCE_S:.0f} s")

    def _reports(self) -> list[NodeReport]:
        server = self.topology.server
        try:
            with closing(open_reader(server.store, server.data / "store", server.site)) as reader:
                return [node.report for node in reader.nodes() if node.report is not None]
        except Unavailable:
            return []

    def start_sensors(self) -> None:
        """Start them and wait until the readings of all have come in somewhere; TimeoutError when they do not."""
        for name in self._sensors:
            self.start(name)
        targets = {group.target for group in self.topology.sensors}
        entries = [gateway for gateway in self.topology.gateways if gateway.listen in targets]
        deadline = time.monotonic() + PATIENCE_S
        while not all(_received(gateway.log) for gateway in entries):
            if time.monotonic() > deadline:
                raise TimeoutError(f"no readings within {PATIENCE_S:.0f} s")
            time.sleep(0.05)

    def end_sensors(self) -> None:
        """Let them send no more, and wait until all they sent is acknowledged; SystemExit when that does not come."""
        for name in self._sensors:
            self.processes[name].signal(signal.SIGUSR1)
        for name in self._sensors:
            if not self.processes[name].ended(PATIENCE_S):
                sys.exit(f"{name}: not all of its readings were acknowledged within {PATIENCE_S:.0f} s of the end")

    def kill(self, name: str) -> None:
        """Kill a process and wait until it is gone."""
        self.group.end(self.processes.pop(name))

    def processes_of(self) -> dict[str, list[int]]:
        """By name of a node, group of sensors or server, those of its processes that run."""
        found: dict[str, list[int]] = {}
        for name, process in list(self.processes.items()):
            found.setdefault(name.partition("/")[0], []).append(process.pid)
        return found

    def drained(self) -> Delivery:
        """Wait until all that was sent is delivered; what is not, after a time, is lost."""
        deadline = time.monotonic() + PATIENCE_S
        while (delivery := Delivery(self.topology)).lost and time.monotonic() < deadline:
            time.sleep(1.0)
        return delivery

    def host(self, name: str) -> str | None:
        """Where a node, group of sensors or server runs; None on this machine itself."""
        return None if self.network is None else name

    @property
    def server_host(self) -> str | None:
        return self.host(SERVER)
