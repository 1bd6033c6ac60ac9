"""A fork of real processes on free ports of this machine, which die and come back as told."""

import math
import random
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from headwater.cli.processes import not_ready
from headwater.config import Topology, format_topology, load_topology, with_free_ports
from headwater.pipeline.step_options import AggregateOptions
from headwater.store.options import SqliteOptions
from tests.campaigns.child import CLOCK_KEY, DISORDER_KEY, SEGMENT_KEY
from tests.campaigns.disk import NOTES_KEY, SLOW_KEY, lose_power
from tests.campaigns.faults import FOLDERS, HOSTS, PROCESSES, SENSORS, Death, Life, Plan
from tests.campaigns.nursery import Nursery
from tests.campaigns.points import POINT_KEY

FORK = Path(__file__).parents[2] / "examples" / "topologies" / "fork.toml"
START_MS = 1_700_000_000_000 // 86_400_000 * 86_400_000
SPREAD_S = 0.05
FOREVER_S = 10**9
"""Storage time of the endpoint, which keeps everything to be compared, whatever its clock says."""


@dataclass
class Process:
    """One process of the grid, over all its lives."""

    name: str
    arguments: list[str]
    pid: int | None = None
    lives: int = 0
    death: Death | None = None
    """How this life ends, if it comes to that."""
    due_s: float | None = 0.0
    """When it starts (again); None while it runs or has finished."""
    resume_s: float | None = None
    """When it goes on, if it is stopped."""
    finished: bool = False


class Grid:
    """The processes of one run. Not safe for threads."""

    def __init__(self, plan: Plan, folder: Path, nursery: Nursery, choose: Callable[[int, int], int]) -> None:
        self.plan = plan
        self.folder = folder
        self.notes = folder / "notes"
        self.output = folder / "output"
        for made in (folder, self.notes, self.output):
            made.mkdir(parents=True)
        self.topology = topology_of(plan, folder / "data", choose)
        self._file = folder / "fork.toml"
        self._file.write_text(format_topology(self.topology))
        self.processes = {name: Process(name, self._arguments(name)) for name in PROCESSES}
        self._nursery = nursery
        self._rng = random.Random(plan.seed)
        self._began_s = time.monotonic()
        self.calm = False
        """Whether processes that start now live without a planned death."""
        self.events: list[str] = []
        self.died_at: list[str] = []
        self.failures: list[str] = []
        """Processes that ended unasked."""

    @property
    def now_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began_s

    def note(self, event: str) -> None:
        self.events.append(f"{self.now_s:6.2f} {event}")

    def data(self, name: str) -> Path:
        """The folder of a process."""
        return self.folder / "data" / name

    # ---- going on --------------------------------------------------------------------------------------------------

    def turn(self, timeout_s: float) -> None:
        """Start what is due, let go on what was stopped, and see what has ended; waits at most so long."""
        for process in self.processes.values():
            if process.pid is None and process.due_s is not None and process.due_s <= self.now_s:
                self._start(process)
            if process.resume_s is not None and process.resume_s <= self.now_s:
                self._resume(process)
        self._hear(timeout_s)

    def running(self, name: str) -> bool:
        return self.processes[name].pid is not None

    @property
    def sensors_finished(self) -> bool:
        return all(self.processes[name].finished for name in SENSORS)

    def _start(self, process: Process) -> None:
        held = self.plan.lives.get(process.name, ())
        life = held[process.lives] if process.lives < len(held) and not self.calm else Life()
        process.lives += 1
        process.death, process.due_s, process.finished = life.death, None, False
        output = self.output / f"{process.name.replace('/', '.')}.txt"
        with output.open("a") as file:
            file.write(f"---- life {process.lives} at {self.now_s:.2f} s\n")
        process.pid = self._nursery.start(process.arguments, self._environment(process, life), output)

    def _hear(self, timeout_s: float) -> None:
        for pid, code in self._nursery.ended(timeout_s):
            for process in self.processes.values():
                if process.pid == pid:
                    self._ended(process, code)

    def _ended(self, process: Process, code: int) -> None:
        process.pid = process.resume_s = None
        if code == 0 and process.name in SENSORS:
            process.finished = True
            return
        if process.due_s is not None:
            return  # It was killed by a fault that knows when it comes back.
        death = process.death
        self.note(
            f"{process.name} ended with {code}{f' at {death.point}' if death and code == -signal.SIGKILL else ''}"
        )
        if death and code == -signal.SIGKILL:
            self.died_at.append(death.point)
        if code not in (-signal.SIGKILL, -signal.SIGUSR1):
            self.failures.append(f"{process.name} ended by itself with exit code {code}, see {self.output}")
        process.due_s = self.now_s + (death.for_s if death else 0.2)
        if death and code == -signal.SIGKILL and death.power:
            self.lose_power([FOLDERS_HOST[process.name]], death.for_s)

    # ---- faults ----------------------------------------------------------------------------------------------------

    def kill(self, names: Iterable[str], for_s: float, number: signal.Signals = signal.SIGKILL) -> None:
        """kill -9, or with another signal; they start again after a while."""
        for name in names:
            process = self.processes[name]
            if process.pid is not None:
                self._nursery.signal(process.pid, number)
                process.due_s = self.now_s + for_s + self._rng.uniform(0, SPREAD_S)

    def keep_away(self, names: Iterable[str]) -> None:
        """kill -9 whoever of them runs, and do not start them until `bring_back`."""
        self.kill(names, math.inf)
        for name in names:
            self.processes[name].due_s = math.inf

    def bring_back(self, names: Iterable[str]) -> None:
        """Start them now."""
        for name in names:
            self.processes[name].due_s = self.now_s

    def pause(self, name: str, for_s: float) -> None:
        """SIGSTOP, and SIGCONT after a while."""
        process = self.processes[name]
        if process.pid is not None and process.due_s is None:
            self._nursery.signal(process.pid, signal.SIGSTOP)
            process.resume_s = self.now_s + for_s

    def lose_power(self, hosts: Iterable[str], for_s: float) -> None:
        """Everything on the hosts stops at once, and what they had not synced is gone in part."""
        names = [name for host in hosts for name in HOSTS[host]]
        self.kill(names, for_s)
        deadline = self.now_s + 10
        while any(self.running(name) for name in names):
            self._hear(0.05)
            if self.now_s > deadline:
                raise RuntimeError(f"some of {names} cannot be killed")
        for name in names:
            process = self.processes[name]
            if process.due_s is None:
                process.due_s, process.finished = self.now_s + for_s, False
        for host in hosts:
            folder = self.data(FOLDERS[host])
            lost = lose_power(folder, self.notes, self._rng) if folder.exists() else []
            self.note(f"power loss of {host}: {'; '.join(lost) or 'nothing was unsynced'}")

    def drain(self, name: str) -> None:
        """Let a gateway close its open windows."""
        pid = self.processes[name].pid
        if pid is not None:
            self._nursery.signal(pid, signal.SIGUSR1)

    def _resume(self, process: Process) -> None:
        process.resume_s = None
        if process.pid is not None:
            self._nursery.signal(process.pid, signal.SIGCONT)

    def end_faults(self) -> None:
        """From now on everything comes back and stays, but for deaths that wait in those who live."""
        self.calm = True
        for process in self.processes.values():
            if process.resume_s is not None:
                self._resume(process)
            if process.due_s is not None:
                process.due_s = self.now_s

    def disarm(self) -> None:
        """Kill whoever still lives towards a planned death; who comes back lives on."""
        self.calm = True
        self.kill([process.name for process in self.processes.values() if process.death is not None], 0.0)

    @property
    def settled(self) -> bool:
        """Whether everything runs that has not finished, and answers."""
        topology = self.topology
        addresses = [topology.server.listen, topology.server.ingest]
        addresses += [gateway.listen for gateway in topology.gateways] + [agent.listen for agent in topology.agents]
        return (
            all(process.finished or (process.pid and process.death is None) for process in self.processes.values())
            and not any(process.due_s for process in self.processes.values())
            and not not_ready(addresses, 0)
        )

    def stop(self) -> None:
        """Leave nothing behind."""
        for process in self.processes.values():
            process.due_s = None
            if process.pid is not None:
                self._nursery.signal(process.pid, signal.SIGKILL)
        deadline = self.now_s + 10
        while any(process.pid for process in self.processes.values()) and self.now_s < deadline:
            for pid, _ in self._nursery.ended(0.05):
                for process in self.processes.values():
                    if process.pid == pid:
                        process.pid = None

    # ---- how processes are started ---------------------------------------------------------------------------------

    def _arguments(self, name: str) -> list[str]:
        whole, _, part = name.partition("/")
        configured = ["--config", str(self._file)]
        if whole == "server":
            return ["server", *configured, "--part", part]
        command = "agent" if part else "emulate" if whole in SENSORS else "gateway"
        return [command, *configured, "--name", whole]

    def _environment(self, process: Process, life: Life) -> dict[str, str]:
        plan, death = self.plan, life.death
        environment = {
            NOTES_KEY: str(self.notes),
            POINT_KEY: f"{death.point}={death.nth}" if death else "",
            CLOCK_KEY: str(life.clock_ms),
            SLOW_KEY: str(life.slow_ms),
            DISORDER_KEY: str(plan.disorder_ms),
            "HEADWATER_DEBUG": "1",
        }
        budget = 1 << 40 if process.name == "endpoint" else plan.log_bytes_max
        return environment | {SEGMENT_KEY: f"{plan.segment_bytes},{budget}"}


FOLDERS_HOST = {name: host for host, names in HOSTS.items() for name in names}
"""The host of a process."""


def topology_of(plan: Plan, data: Path, choose: Callable[[int, int], int]) -> Topology:
    """The fork of the examples as the plan wants it, on free ports."""
    fork = with_free_ports(load_topology(FORK), data, choose)
    step = AggregateOptions(function=plan.function, window_s=plan.window_s, lateness_s=plan.lateness_s)  # type: ignore[arg-type]
    return replace(
        fork,
        server=replace(fork.server, store=SqliteOptions(period_bytes_max=plan.period_bytes_max)),
        gateways=tuple(
            replace(
                gateway,
                steps=(step,) if gateway.steps else (),
                storagetime_s=FOREVER_S if gateway.next is None else plan.storagetime_s,
            )
            for gateway in fork.gateways
        ),
        sensors=tuple(
            replace(
                group,
                meters=plan.meters,
                ticks=plan.ticks,
                frequency_ms=plan.frequency_ms,
                start_ms=START_MS,
                seed=plan.seed,
                keep_journal=plan.keep_journal,
            )
            for group in fork.sensors
        ),
    )
