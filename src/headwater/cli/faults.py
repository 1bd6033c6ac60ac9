"""Faults in the processes of a supervisor: how each is put in and taken out again."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec.structs import replace

from headwater.cli.processes import AGENT, RELAY
from headwater.cli.supervisor import Supervisor
from headwater.config import Topology, format_topology
from headwater.config.relays import without_relays
from headwater.health.chaos.relay import Conduct, write_conduct
from headwater.health.chaos.scenario import LINK_KINDS, Fault, Place
from headwater.log.disk import RealDisk
from headwater.log.segments import segment_name, segments
from headwater.model.errors import Rejected, Unavailable

NOBODY = "127.0.0.1:1"
"""A next hop where nothing answers."""
LOG_BYTES_MIN = 2 << 20
"""The least that a log may be given."""
SKEW_KEY = "HEADWATER_CLOCK_SKEW_MS"
DIED_S_MAX = 10.0


class Configuration:
    """The topology file that the processes of a run read: the user's, with what faults change in it.

    All methods raise OSError when the file cannot be written. Safe to use from several threads.
    """

    def __init__(self, topology: Topology) -> None:
        self._plain = without_relays(topology)
        self._changes: dict[str, Mapping[str, object]] = {}
        self._lock = threading.Lock()
        self.file = topology.folder / "chaos.toml"

    def adopt(self, topology: Topology) -> None:
        """Take over what the user's file says now; relays stay where they are until the next start."""
        with self._lock:
            self._plain = replace(without_relays(topology), chaos=self._plain.chaos)
        self.write()

    def change(self, name: str, **values: object) -> None:
        """Have a node read other values than the user's, until `restore`."""
        with self._lock:
            self._changes[name] = values
        self.write()

    def restore(self, name: str) -> None:
        with self._lock:
            self._changes.pop(name, None)
        self.write()

    def write(self) -> None:
        """Make the file say what holds."""
        with self._lock:
            gateways = [
                replace(gateway, **dict(self._changes.get(gateway.name, {}))) for gateway in self._plain.gateways
            ]
            text = format_topology(replace(self._plain, gateways=tuple(gateways)))
            self.file.parent.mkdir(parents=True, exist_ok=True)
            fresh = self.file.with_name(f".{self.file.name}.new")
            fresh.write_text(text, encoding="utf-8")
            fresh.replace(self.file)


class Faults:
    """Puts one fault in at a time."""

    def __init__(self, topology: Topology, configuration: Configuration, supervisor: Supervisor) -> None:
        self._topology = topology
        self._configuration = configuration
        self._supervisor = supervisor
        self._healing = contextlib.ExitStack()
        for relay in topology.relays:
            write_conduct(relay.conduct, Conduct())
        self._ways: dict[str, Callable[[Fault], int]] = {
            "cut-link": lambda fault: self._link(fault, Conduct("cut")),
            "refuse-link": lambda fault: self._link(fault, Conduct("refuse")),
            "slow-link": lambda fault: self._link(
                fault, Conduct("pass", delay_ms=fault.delay_ms, bytes_per_s=fault.bytes_per_s)
            ),
            "wrong-next-hop": self._wrong_next_hop,
            "full-log": self._full_log,
            "corrupt-log": self._corrupt_log,
            "skew-clock": self._skew_clock,
        }

    def places(self) -> list[Place]:
        """Every node of the topology."""
        linked = {relay.name for relay in self._topology.relays}
        return [Place(gateway.name, gateway.node, gateway.name in linked) for gateway in self._topology.gateways]

    def inject(self, fault: Fault) -> int:
        """See `headwater.health.chaos.control.Doer`; what was put in before is healed first."""
        self.heal()
        place = next((place for place in self.places() if place.name == fault.target), None)
        if place is None:
            raise Rejected("fault", f"no node is called {fault.target}")
        if fault.kind in LINK_KINDS and not place.has_next:
            raise Rejected("fault", f"{fault.target} has no link to a next hop")
        try:
            return self._ways.get(fault.kind, self._processes)(fault)
        except BaseException:
            self.heal()
            raise

    def heal(self) -> int:
        """See `headwater.health.chaos.control.Doer`."""
        now_ns = time.monotonic_ns()
        self._healing.close()
        return now_ns

    def _processes(self, fault: Fault) -> int:
        """Kill or pause the daemons that a kind of fault names."""
        how, _, which = fault.kind.partition("-")
        pipeline, agent = fault.target, f"{fault.target}{AGENT}"
        names = {"node": (pipeline, agent), "pipeline": (pipeline,), "provenance": (agent,)}[which]
        now_ns = time.monotonic_ns()
        if how == "kill":
            self._healing.callback(self._supervisor.release, names)
            self._supervisor.hold(names)
        else:
            self._healing.callback(self._supervisor.signal, names, signal.SIGCONT)
            self._supervisor.signal(names, signal.SIGSTOP)
        return now_ns

    def _link(self, fault: Fault, conduct: Conduct) -> int:
        self._healing.callback(self._conduct, fault.target, Conduct())
        now_ns = time.monotonic_ns()
        self._conduct(fault.target, conduct)
        return now_ns

    def _conduct(self, name: str, conduct: Conduct) -> None:
        write_conduct(self._topology.relay(name).conduct, conduct)
        self._supervisor.signal((f"{name}{RELAY}",), signal.SIGHUP)

    def _wrong_next_hop(self, fault: Fault) -> int:
        return self._reloaded(fault.target, next=NOBODY)

    def _reloaded(self, name: str, **values: object) -> int:
        """Have a pipeline daemon read another configuration."""

        def back() -> None:
            self._configuration.restore(name)
            self._supervisor.signal((name,), signal.SIGHUP)

        self._healing.callback(back)
        self._configuration.change(name, **values)
        now_ns = time.monotonic_ns()
        self._supervisor.signal((name,), signal.SIGHUP)
        return now_ns

    def _full_log(self, fault: Fault) -> int:
        """The smallest log, and a link that takes nothing from it."""
        segment_bytes = self._topology.gateway(fault.target).segment_bytes
        self._reloaded(fault.target, log_bytes_max=max(LOG_BYTES_MIN, 2 * segment_bytes))
        return self._link(fault, Conduct("cut"))

    def _corrupt_log(self, fault: Fault) -> int:
        """Flip a byte in the oldest sealed segment while the pipeline daemon is down."""
        now_ns = time.monotonic_ns()
        self._healing.callback(self._supervisor.release, (fault.target,))
        self._down(fault.target)
        folder = self._topology.gateway(fault.target).log
        flip(folder)
        return now_ns

    def _skew_clock(self, fault: Fault) -> int:
        """Start both daemons again with a clock that goes wrong; a machine's own clock is nothing to play with."""
        names = (fault.target, f"{fault.target}{AGENT}")

        def again(environment: Mapping[str, str]) -> None:
            self._down(*names)
            self._supervisor.release(names, environment)

        self._healing.callback(again, {})
        now_ns = time.monotonic_ns()
        again({SKEW_KEY: str(fault.skew_ms)})
        return now_ns

    def _down(self, *names: str) -> None:
        """Kill and hold processes, and wait until they are dead."""
        self._supervisor.hold(names)
        deadline_s = time.monotonic() + DIED_S_MAX
        while any(process.pid for process in self._supervisor.processes() if process.name in names):
            if time.monotonic() > deadline_s:
                raise Unavailable(f"{', '.join(names)} did not die within {DIED_S_MAX:.0f} s")
            time.sleep(0.01)


def flip(folder: Path) -> None:
    """Flip a bit in the middle of the oldest sealed segment of a log; Unavailable when none is sealed yet."""
    with contextlib.closing(RealDisk(folder)) as disk:
        sealed = segments(disk)[:-1]
    if not sealed:
        raise Unavailable(f"{folder} has no sealed segment yet that could be corrupted (segment_bytes)")
    file = folder / segment_name(sealed[0])
    with file.open("r+b") as opened:
        opened.seek(file.stat().st_size // 2)
        byte = opened.read(1)
        opened.seek(-1, os.SEEK_CUR)
        opened.write(bytes([byte[0] ^ 0x10]))
