"""One deployment tried: its containers run as processes, sensors send, and the demo's judge compares.

Run as `python -m tests.deploy.trial KIND FOLDER STATE SECONDS` inside `engine.contained_command`; KIND says what the
folder holds. Only this is changed of what is deployed: the sensors keep their journals, for the judge to compare with,
and their rate is that of a trial. Containers start in any order. Prints the findings as JSON.
"""

import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from headwater.cli.demo_check import Findings
from headwater.cli.demo_run import DemoRun
from headwater.config import Topology, format_topology, load_topology
from headwater.config.address import found_at
from headwater.deploy.names import host_of
from headwater.deploy.plan import REST_PORT, UID
from headwater.emulator.options import SensorOptions
from tests.deploy.boxes import Pod
from tests.deploy.compose_file import read_compose
from tests.deploy.engine import Engine, settle
from tests.deploy.images import images_here

RATE = 1000.0
TICKS_MAX = 1000
HEALTHY_S = 120.0
READERS: dict[str, Callable[[Path, Path], list[Pod]]] = {"compose": read_compose}


class Tried(msgspec.Struct, frozen=True):
    """What came of it."""

    findings: Findings
    restarted: list[str]
    """Containers that ended unasked, with their last words."""
    unhealthy: list[str]
    containers: int


def tried(kind: str, folder: Path, state: Path, seconds: float) -> Tried:
    """Run a deployment for so long, drain it, and compare."""
    topology = load_topology(folder / "topology.toml")
    sensors = [replace(group, keep_journal=True, rate=RATE, ticks=TICKS_MAX) for group in topology.sensors]
    (folder / "topology.toml").write_text(format_topology(replace(topology, sensors=tuple(sensors))))
    volumes = state / "volumes"
    pods = READERS[kind](folder, volumes)
    random.shuffle(pods)
    engine = Engine(pods, images_here(state), state)
    seen = seen_from_outside(replace(topology, sensors=tuple(sensors)), pods, volumes)
    run = DemoRun(seen, state / "judge", engine)
    for path in (volumes, *volumes.rglob("*")):
        os.chown(path, UID, UID)  # Whoever looks on has made the folders of the logs.
    with run:
        unhealthy = engine.unhealthy(HEALTHY_S)
        if unhealthy:
            return Tried(Findings(), engine.restarted(), unhealthy, len(pods))
        time.sleep(seconds)
        run.end_sensors()
        run.drain(lambda line: None)
        findings = run.check()
        restarted = engine.restarted()
    return Tried(findings, restarted, [], len(pods))


def seen_from_outside(topology: Topology, pods: list[Pod], volumes: Path) -> Topology:
    """The topology as it looks from this machine: every folder where its volume is, every replica a group."""

    def moved(volume: str, path: Path) -> Path:
        return volumes / volume / path.relative_to("/var/lib/headwater")

    gateways = [
        replace(
            gateway,
            name=host_of(gateway.name),
            listen=found_at(gateway),
            data=moved(host_of(gateway.name), gateway.data),
        )
        for gateway in topology.gateways
    ]
    sensors: list[SensorOptions] = []
    for group in topology.sensors:
        host = host_of(group.name)
        replicas = [pod.name for pod in pods if host in pod.hosts]
        for at, replica in enumerate(replicas, 1):
            journal = moved(host, group.journal)
            sensors.append(replace(group, name=replica, journal=journal / str(at) if group.shared_journal else journal))
    return replace(
        topology,
        server=replace(topology.server, listen=f"server:{REST_PORT}"),
        gateways=tuple(gateways),
        sensors=tuple(sensors),
    )


def main() -> int:
    kind, folder, state, seconds = sys.argv[1:]
    settle()
    found = tried(kind, Path(folder), Path(state), float(seconds))
    sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
