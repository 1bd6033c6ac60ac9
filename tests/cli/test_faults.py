"""Faults put into small real processes: what each does to them, and that healing takes all of it back."""

import queue
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from headwater.cli.faults import LOG_BYTES_MIN, NOBODY, SKEW_KEY, Configuration, Faults, flip
from headwater.cli.supervisor import Spec, Supervisor
from headwater.config import Topology, load_topology, with_free_ports
from headwater.health.chaos.options import ChaosOptions
from headwater.health.chaos.relay import Conduct, read_conduct
from headwater.health.chaos.scenario import Fault, Kind
from headwater.log.disk import RealDisk
from headwater.log.segments import segment_name
from headwater.model.errors import ConfigError, Rejected, Unavailable

FORK = Path(__file__).resolve().parents[2] / "examples/topologies/fork.toml"
TELLS = f"""
import os, signal
signal.signal(signal.SIGHUP, lambda *_: print("reads", flush=True))
print("up", os.environ.get("{SKEW_KEY}"), flush=True)
while True: signal.pause()
"""
PATIENCE_S = 60
NAMES = ("gatewayA", "gatewayA/agent", "gatewayA/relay", "endpoint", "endpoint/agent")


class Grid:
    """Processes with the names of a topology's, which say what is done to them."""

    def __init__(self, folder: Path) -> None:
        small = replace(load_topology(FORK), chaos=ChaosOptions(enabled=True))
        gateways = tuple(replace(gateway, segment_bytes=1 << 20) for gateway in small.gateways)
        self.topology: Topology = with_free_ports(replace(small, gateways=gateways), folder)
        self.said: queue.Queue[tuple[str, str]] = queue.Queue()
        self.supervisor = Supervisor(
            [Spec(name=name, command=(sys.executable, "-c", TELLS)) for name in NAMES],
            say=lambda name, line: self.said.put((name, line)),
        )
        self.configuration = Configuration(self.topology)
        self.configuration.write()
        self.faults = Faults(self.topology, self.configuration, self.supervisor)

    def until(self, name: str, line: str) -> None:
        while self.said.get(timeout=PATIENCE_S) != (name, line):
            pass

    def inject(self, kind: Kind, target: str = "gatewayA") -> int:
        return self.faults.inject(Fault(kind=kind, target=target, skew_ms=-5000, delay_ms=7, bytes_per_s=9))

    def states(self) -> dict[str, str]:
        return {process.name: process.state for process in self.supervisor.processes()}

    def conduct(self) -> Conduct:
        return read_conduct(self.topology.relay("gatewayA").conduct)


@pytest.fixture
def grid(tmp_path: Path) -> Iterator[Grid]:
    made = Grid(tmp_path)
    made.supervisor.start()
    try:
        waiting = set(NAMES)
        while waiting:
            waiting.discard(made.said.get(timeout=PATIENCE_S)[0])
        yield made
    finally:
        made.faults.heal()
        made.supervisor.hurry()
        made.supervisor.stop()


@pytest.mark.parametrize(
    ("kind", "down"),
    [
        ("kill-node", {"gatewayA", "gatewayA/agent"}),
        ("kill-pipeline", {"gatewayA"}),
        ("kill-provenance", {"gatewayA/agent"}),
    ],
)
def test_who_is_killed_stays_down_until_it_is_healed(grid: Grid, kind: Kind, down: set[str]) -> None:
    grid.inject(kind)
    for _ in down:
        while grid.said.get(timeout=PATIENCE_S)[1] != "killed by SIGKILL; held down":
            pass
    assert {name for name, state in grid.states().items() if state != "running"} == down
    grid.faults.heal()
    for _ in down:
        while grid.said.get(timeout=PATIENCE_S)[1] != "up None":
            pass


@pytest.mark.parametrize(
    ("kind", "conduct"),
    [("cut-link", Conduct("cut")), ("refuse-link", Conduct("refuse")), ("slow-link", Conduct("pass", 7, 9))],
)
def test_the_relay_of_a_link_is_told_how_to_treat_bytes(grid: Grid, kind: Kind, conduct: Conduct) -> None:
    grid.inject(kind)
    grid.until("gatewayA/relay", "reads")
    assert grid.conduct() == conduct
    grid.faults.heal()
    grid.until("gatewayA/relay", "reads")
    assert grid.conduct() == Conduct()


def test_a_wrong_next_hop_is_in_the_file_that_is_read_and_nowhere_else(grid: Grid) -> None:
    before = load_topology(grid.configuration.file)
    assert before == grid.topology
    grid.inject("wrong-next-hop")
    grid.until("gatewayA", "reads")
    wrong = load_topology(grid.configuration.file)
    assert wrong.gateway("gatewayA").next == NOBODY
    assert wrong.gateways[1:] == before.gateways[1:]
    assert wrong.relays == tuple(relay for relay in before.relays if relay.name != "gatewayA")
    grid.faults.heal()
    grid.until("gatewayA", "reads")
    assert load_topology(grid.configuration.file) == before


def test_a_full_log_is_the_least_there_can_be_behind_a_cut_link(grid: Grid) -> None:
    grid.inject("full-log")
    grid.until("gatewayA", "reads")
    assert load_topology(grid.configuration.file).gateway("gatewayA").log_bytes_max == LOG_BYTES_MIN
    assert grid.conduct() == Conduct("cut")
    grid.faults.heal()
    assert load_topology(grid.configuration.file) == grid.topology
    assert grid.conduct() == Conduct()


def test_a_skewed_clock_is_in_the_environment_of_both_daemons_until_it_is_healed(grid: Grid) -> None:
    grid.inject("skew-clock")
    started = {grid.said.get(timeout=PATIENCE_S) for _ in range(4)}
    assert {("gatewayA", "up -5000"), ("gatewayA/agent", "up -5000")} <= started
    grid.faults.heal()
    started = {grid.said.get(timeout=PATIENCE_S) for _ in range(4)}
    assert {("gatewayA", "up None"), ("gatewayA/agent", "up None")} <= started


def test_a_byte_of_a_sealed_segment_flips_while_its_writer_is_down(grid: Grid) -> None:
    folder = grid.topology.gateway("endpoint").log
    folder.mkdir(parents=True)
    contents = {segment_name(first): bytes(range(200)) for first in (1, 5, 9)}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    grid.inject("corrupt-log", "endpoint")
    assert grid.states()["endpoint"] == "held"
    changed = {name: (folder / name).read_bytes() for name in contents}
    differs = [at for at, byte in enumerate(changed[segment_name(1)]) if byte != at]
    assert (differs, len(changed[segment_name(1)])) == ([100], 200)
    assert [changed[segment_name(first)] for first in (5, 9)] == [contents[segment_name(first)] for first in (5, 9)]
    grid.faults.heal()
    grid.until("endpoint", "up None")


def test_what_cannot_be_corrupted_is_said_and_its_writer_is_up_again(grid: Grid, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no sealed segment yet"):
        grid.inject("corrupt-log")
    grid.until("gatewayA", "up None")
    RealDisk(tmp_path / "log").close()
    with pytest.raises(Unavailable, match="no sealed segment yet"):
        flip(tmp_path / "log")


def test_the_next_fault_heals_the_one_before(grid: Grid) -> None:
    grid.inject("cut-link")
    grid.inject("kill-provenance")
    assert grid.conduct() == Conduct()
    grid.until("gatewayA/agent", "killed by SIGKILL; held down")


def test_a_place_that_is_none_is_refused(grid: Grid) -> None:
    with pytest.raises(Rejected, match="no node is called gatewayX"):
        grid.inject("kill-node", "gatewayX")
    with pytest.raises(Rejected, match="endpoint has no link"):
        grid.inject("cut-link", "endpoint")
    with pytest.raises(ConfigError, match="gatewayB"):  # It is in the topology, and not among these processes.
        grid.inject("kill-node", "gatewayB")
    assert [place.name for place in grid.faults.places() if place.has_next] == ["gatewayA", "gatewayB", "gatewayC"]


def test_what_the_user_changes_is_read_with_what_the_fault_changes(grid: Grid) -> None:
    grid.inject("wrong-next-hop")
    gateways = tuple(replace(gateway, storagetime_s=77) for gateway in grid.topology.gateways)
    grid.configuration.adopt(replace(grid.topology, gateways=gateways, chaos=ChaosOptions()))
    changed = load_topology(grid.configuration.file)
    assert (changed.gateway("gatewayA").next, changed.gateway("gatewayA").storagetime_s) == (NOBODY, 77)
    assert len(changed.relays) == 2
    grid.faults.heal()
    assert len(load_topology(grid.configuration.file).relays) == 3
