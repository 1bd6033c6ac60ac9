"""One run of the demo: a topology on free ports, watched until everything sent is delivered and explained."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec
from msgspec.structs import replace

from headwater.agent.messages import REDIS
from headwater.cli.client import asking
from headwater.cli.demo_check import Arrival, Check, Findings, StepPlan
from headwater.cli.demo_redis import redis_processes, redis_urls
from headwater.cli.processes import not_ready, topology_processes
from headwater.cli.supervisor import ProcessState, Supervisor
from headwater.cli.traffic import Traffic
from headwater.client import NodeStat
from headwater.config import Topology, format_topology
from headwater.config.address import found_at, parse_address
from headwater.emulator.options import SensorOptions
from headwater.log.cursors import load_cursor
from headwater.log.disk import RealDisk
from headwater.log.manifest import load_manifest
from headwater.log.reader import LogReader
from headwater.log.recovery import MARK
from headwater.log.standing import ACKNOWLEDGED, RECEIVED
from headwater.model.errors import HeadwaterError, NotFound, Unavailable
from headwater.model.ids import format_node
from headwater.model.records import Kind
from headwater.model.stamp import OriginKind
from headwater.pipeline.step_options import AggregateOptions
from headwater.wire.records import decode_batch

READY_S = 60.0
STALLED_S = 20.0
"""Without any progress for so long, waiting makes no sense."""
LOG_LINES = 500
WATCH_EVERY_S = 0.001
TRAFFIC_EVERY_S = 0.5


class Report(Findings, kw_only=True):
    """The report of a run."""

    stamps_stored: int = 0
    bytes_per_reading: float | None = None
    seconds: float = 0.0
    topology: str = ""


class Progress(NamedTuple):
    """How far a run is."""

    received: dict[str, int]
    """Name of a node -> readings in its log."""
    delivered: int


class Watch(threading.Thread):
    """Reads the endpoint's log as it grows, and notes when each batch was durable there."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self._disk = RealDisk(folder)
        self._ending = threading.Event()
        self.arrivals: list[Arrival] = []
        self.began_s: float | None = None
        """When the first reading arrived, by the monotonic clock."""
        self.latest: deque[str] = deque(maxlen=1)
        """The id of a reading that arrived lately."""

    def run(self) -> None:
        reader = LogReader(self._disk, 0, lambda: self._disk.load_word(MARK), lambda first, last: True)
        while not self._ending.wait(WATCH_EVERY_S):
            records = reader.read().records
            now_ms = time.time_ns() / 1e6
            for record in records:
                if record.kind == Kind.DATA:
                    batch = decode_batch(record)
                    if batch.origin.kind == OriginKind.SOURCE:
                        source = batch.origin.stream.hex()
                        self.began_s = self.began_s or time.monotonic()
                        self.arrivals.append(Arrival(source, batch.origin.number, batch.count, now_ms))
                    if batch.stamp is not None:
                        self.latest.append(str(batch.stamp.run.at(0)))

    def stop(self) -> None:
        self._ending.set()
        self.join()


class Processes(Protocol):
    """What runs the processes of a topology."""

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def processes(self) -> list[ProcessState]: ...


class DemoRun:
    """Starts a topology in a folder; leaving the block stops every process."""

    def __init__(self, topology: Topology, folder: Path, processes: Processes | None = None) -> None:
        """`processes` run it already where the topology says; by default a supervisor starts them in the folder."""
        self.topology = topology
        self.folder = folder
        self.output: deque[str] = deque(maxlen=LOG_LINES)
        """The last lines of all processes, for when something fails."""
        file = folder / "topology.toml"
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(format_topology(topology))
        self._supervisor = processes or Supervisor(
            [*redis_processes(topology, folder), *topology_processes(topology, file)],
            folder / "processes.json",
            lambda name, line: self.output.append(f"{name} | {line}"),
        )
        self._disks = {gateway.name: RealDisk(gateway.log) for gateway in topology.gateways}
        self.endpoint = next(gateway for gateway in topology.gateways if gateway.next is None)
        self.watch = Watch(self.endpoint.log)
        ingest = parse_address(topology.server.ingest).port
        self._traffic = Traffic([ingest, *(parse_address(gateway.listen).port for gateway in topology.gateways)])
        self._traffic_works = True
        self._looked = 0.0

    def __enter__(self) -> "DemoRun":
        self._supervisor.start()
        self.watch.start()
        waiting = not_ready([state.listen for state in self._supervisor.processes() if state.listen], READY_S)
        if waiting:
            self.__exit__()
            raise Unavailable(
                f"nothing answers at {', '.join(waiting)}; last lines: {' / '.join(list(self.output)[-3:])}"
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.watch.stop()
        self._supervisor.stop()
        for disk in self._disks.values():
            disk.close()

    # ---- looking -----------------------------------------------------------------------------------------------------

    def progress(self) -> Progress:
        """How far everything is now; also takes the traffic counts in, now and then."""
        if time.monotonic() - self._looked > TRAFFIC_EVERY_S:
            self._looked = time.monotonic()
            self._look_at_traffic()
        received = {name: disk.load_word(RECEIVED) for name, disk in self._disks.items()}
        return Progress(received, sum(arrival.count for arrival in self.watch.arrivals))

    def _look_at_traffic(self) -> None:
        try:
            self._traffic.look()
        except OSError:
            self._traffic_works = False

    @property
    def bytes(self) -> int | None:
        """What passed over all links and to the store, None where the kernel does not tell."""
        self._look_at_traffic()
        return self._traffic.total if self._traffic_works else None

    def sensors_done(self) -> bool:
        """Whether every group of sensors has ended, everything it sent being acknowledged."""
        names = {group.name for group in self.topology.sensors}
        states = [state for state in self._supervisor.processes() if state.name in names]
        failed = [state.name for state in states if state.state == "failed"]
        if failed:
            raise HeadwaterError(f"{', '.join(failed)} gave up: {' / '.join(list(self.output)[-3:])}")
        return all(state.state == "finished" for state in states)

    # ---- ending ------------------------------------------------------------------------------------------------------

    def end_sensors(self) -> None:
        """Let the sensors send no more; they end when all is acknowledged."""
        self._signal({group.name for group in self.topology.sensors})

    def drain(self, tell: Callable[[str], None]) -> None:
        """Wait until everything is at the endpoint, close open windows, and wait until the store has all stamps."""
        tell("waiting for the sensors to finish")
        self._wait(self.sensors_done, "the sensors")
        tell("waiting for the readings to arrive")
        self._wait(self._forwarded, "the gateways")
        stepping = [gateway for gateway in self.topology.gateways if gateway.steps]
        for gateway in sorted(stepping, key=lambda gateway: -self.topology.hops(gateway.name)):
            self._drain_steps(gateway.name)
        tell("waiting for the stamps")
        self._wait(self._shipped, "the agents")
        if redis_urls(self.topology):
            tell("waiting for the readings in Redis")
            self._wait(self._kept, "Redis")

    def _drain_steps(self, name: str) -> None:
        """Close the open windows of a node, and let their results arrive."""
        before = self._disks[name].load_word(MARK)
        self._signal({name})
        self._wait(lambda: self._disks[name].load_word(MARK) > before, name)
        self._wait(self._forwarded, "the gateways")

    def _signal(self, names: set[str]) -> None:
        for state in self._supervisor.processes():
            if state.name in names and state.pid is not None and state.state == "running":
                os.kill(state.pid, signal.SIGUSR1)

    def _wait(self, done: Callable[[], bool], who: str) -> None:
        """Wait as long as anything moves."""
        last, since = self._moving(), time.monotonic()
        settled = 0
        while settled < 3:
            settled = settled + 1 if done() else 0
            time.sleep(0.15)
            now = self._moving()
            if now != last:
                last, since = now, time.monotonic()
            elif not settled and time.monotonic() - since > STALLED_S:
                raise HeadwaterError(f"nothing moves any more, waiting for {who}: {' / '.join(list(self.output)[-3:])}")

    def _moving(self) -> tuple[object, ...]:
        return (self.progress(), tuple(disk.load_word(MARK) for disk in self._disks.values()), self.stamps())

    def _forwarded(self) -> bool:
        self.progress()
        for gateway in self.topology.gateways:
            disk = self._disks[gateway.name]
            if gateway.next is not None and disk.load_word(ACKNOWLEDGED) < disk.load_word(MARK):
                return False
        return True

    def _shipped(self) -> bool:
        with asking(self.topology.api_url) as client:
            try:
                stats = client.stats(detail=True)
            except NotFound:  # No agent has reached the store yet.
                return False
        return have_all_shipped({format_node(agent.node) for agent in self.topology.agents}, stats)

    def _kept(self) -> bool:
        """Whether everything durable is in Redis, as far as its agents have noted it."""
        keeping = [self._disks[agent.name] for agent in self.topology.agents if agent.redis is not None]
        return all(load_cursor(disk, REDIS).sequence >= disk.load_word(MARK) for disk in keeping)

    def stamps(self) -> int:
        """Data points whose stamps the store has."""
        with asking(self.topology.api_url) as client:
            return client.totals().stamps

    # ---- judging -----------------------------------------------------------------------------------------------------

    def check(self) -> Findings:
        """Let a separate process compare what was delivered with the sensors' journals."""
        topology = self.topology
        arrivals = self.folder / "arrivals.json"
        arrivals.write_bytes(msgspec.json.encode(self.watch.arrivals))
        check = Check(
            topology.api_url,
            self.endpoint.log,
            {group.name: group.journal for group in topology.sensors},
            {group.name: self._path(group) for group in topology.sensors},
            [
                StepPlan(gateway.log, step.function, step.window_s * 1000)
                for gateway in topology.gateways
                for step in gateway.steps
                if isinstance(step, AggregateOptions)
            ],
            arrivals,
            redis_urls(topology),
        )
        file = self.folder / "check.json"
        file.write_bytes(msgspec.json.encode(check, enc_hook=str))
        command = (sys.executable, "-m", "headwater.cli.demo_check", str(file))
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode:
            raise HeadwaterError(
                f"the check failed with {done.returncode}: {done.stderr.decode(errors='replace').strip()[-500:]}"
            )
        return msgspec.json.decode(done.stdout, type=Findings)

    def _path(self, group: SensorOptions) -> list[str]:
        """The ids of the nodes that readings of a group pass, the endpoint first."""
        listening = {found_at(gateway): gateway for gateway in self.topology.gateways}
        gateway = listening.get(group.target)
        path: list[str] = []
        while gateway is not None:
            path.insert(0, format_node(gateway.node))
            gateway = listening.get(gateway.next or "")
        return path

    def log_ids(self) -> dict[str, str]:
        """Name of a node -> its log id."""
        found = {name: load_manifest(disk) for name, disk in self._disks.items()}
        return {name: manifest.log for name, manifest in found.items() if manifest is not None}


def have_all_shipped(nodes: set[str], stats: Iterable[NodeStat]) -> bool:
    """Whether the store has every stamp of some nodes, each of which it must know."""
    return nodes <= {stat.id for stat in stats if stat.unshipped == 0}


def with_load(topology: Topology, data: Path | None, rate: float, folder: Path) -> Topology:
    """The topology with its sensors set up for a demo: kept journals, the rate shared, files dealt out."""
    groups = topology.sensors
    if data is not None:
        groups = _deal(groups, data, folder)
    share = rate / len(groups)
    sensors = tuple(replace(group, keep_journal=True, rate=share, ticks=group.ticks or _day(group)) for group in groups)
    return replace(topology, sensors=sensors)


def _day(group: SensorOptions) -> int | None:
    """How many ticks make a generated day; recorded data end by themselves."""
    return None if group.data is not None else round(86_400 / group.step_s)


def _deal(groups: tuple[SensorOptions, ...], data: Path, folder: Path) -> tuple[SensorOptions, ...]:
    """Give every group its part of the files: a meter must not be sent twice."""
    files = sorted(data.glob("*.csv*")) if data.is_dir() else []
    if len(files) < 2:
        return (replace(groups[0], data=data.absolute()),)
    dealt = []
    for at, group in enumerate(groups[: len(files)]):
        part = folder / f"data-{group.name}"
        part.mkdir(parents=True, exist_ok=True)
        for file in files[at :: len(groups)]:
            (part / file.name).symlink_to(file.absolute())
        dealt.append(replace(group, data=part))
    return tuple(dealt)
