"""One deployment tried: its containers run as processes, sensors send, and the demo's judge compares.

Run as `python -m tests.deploy.trial KIND FOLDER STATE SECONDS [built]` inside `engine.contained_command`; KIND says
what the folder holds. With `built` our images are built by the Dockerfile first, else they have the packages of this
checkout. Only this is changed of what is deployed: the sensors keep their journals, for the judge to compare with, and
their rate is that of a trial. Containers start in any order. Prints the findings as JSON.
"""

import os
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from headwater.cli.demo_check import Findings
from headwater.cli.demo_run import DemoRun
from headwater.config import Topology, format_topology, load_topology
from headwater.config.address import found_at
from headwater.deploy.names import host_of
from headwater.deploy.plan import STATE
from headwater.emulator.options import SensorOptions
from tests.deploy.boxes import Pod
from tests.deploy.builder import builder_in
from tests.deploy.checks import explained, is_judged, send_otherwise, until_ready
from tests.deploy.compose_file import read_compose
from tests.deploy.engine import Engine, settle_files, settle_network
from tests.deploy.images import OURS, Image, images_here
from tests.deploy.kubernetes_file import read_kubernetes
from tests.deploy.unit_file import read_units

RATE = 500.0
TICKS_MAX = 60
"""24,000 readings of a group that makes them up."""
HEALTHY_S = 300.0
READERS: dict[str, Callable[[Path, Path], list[Pod]]] = {
    "compose": read_compose,
    "kubernetes": read_kubernetes,
    "units": read_units,
}


class Tried(msgspec.Struct, frozen=True):
    """What came of it."""

    findings: Findings
    restarted: list[str]
    """Containers that ended unasked, with their last words."""
    unhealthy: list[str]
    pods: int


def tried(kind: str, folder: Path, state: Path, seconds: float, images: dict[str, Image]) -> Tried:
    """Run a deployment for so long, drain it, and compare."""
    files = [*folder.glob("topology.toml"), *folder.glob("*/etc/headwater/*.toml")]
    topology = load_topology(files[0])
    sensors = [replace(group, keep_journal=True, rate=RATE, ticks=TICKS_MAX) for group in topology.sensors]
    for file in files:
        file.write_text(format_topology(replace(topology, sensors=tuple(sensors))))
    volumes = state / "volumes"
    pods = READERS[kind](folder, volumes)
    random.shuffle(pods)
    engine = Engine(pods, images, state)
    seen = seen_from_outside(replace(topology, sensors=tuple(sensors)), pods)
    run = DemoRun(seen, state / "judge", engine)
    for pod in pods:
        for path in (Path(pod.keeps), *Path(pod.keeps).rglob("*")):
            if path.exists():
                # Whoever looks on has made the folders of the logs.
                os.chown(path, pod.boxes[0].user, pod.boxes[0].user)
    engine.let_end([group.name for group in seen.sensors])
    with run:
        unhealthy = engine.unhealthy(HEALTHY_S)
        if unhealthy:
            return Tried(Findings(), engine.restarted(), unhealthy, len(pods))
        until_ready(run.topology.api_url)
        if seen.sensors:
            time.sleep(seconds)
        else:
            send_otherwise(run)
        run.end_sensors()
        run.drain(lambda line: None)
        findings = run.check() if is_judged(seen) else explained(run)
        restarted = engine.restarted()
    return Tried(findings, restarted, [], len(pods))


def seen_from_outside(topology: Topology, pods: list[Pod]) -> Topology:
    """The topology as it looks from this machine: every folder where its volume is, every replica a group."""
    of: dict[str, list[Pod]] = defaultdict(list)
    for pod in pods:
        for host in pod.of:
            of[host].append(pod)

    def moved(pod: Pod, path: Path) -> Path:
        return Path(pod.keeps) / path.relative_to(STATE)

    gateways = []
    for gateway in topology.gateways:
        host = host_of(gateway.name)
        data = moved(of[host][0], gateway.data)
        gateways.append(replace(gateway, name=host, listen=found_at(gateway), data=data))
    sensors: list[SensorOptions] = []
    for group in topology.sensors:
        places: Counter[str] = Counter()
        host = host_of(group.name)
        for pod in of[host]:
            places[pod.keeps] += 1
            called = host if any(box.name == host for box in pod.boxes) else pod.name
            journal = moved(pod, group.journal)
            place = journal / str(places[pod.keeps]) if group.shared_journal else journal
            sensors.append(replace(group, name=called, journal=place))
    names = {gateway.name: host_of(gateway.name) for gateway in topology.gateways}
    return replace(
        topology,
        agents=tuple(replace(agent, name=names[agent.name]) for agent in topology.agents),
        server=replace(topology.server, listen=found_at(topology.server)),
        gateways=tuple(gateways),
        sensors=tuple(sensors),
    )


def main() -> int:
    kind, folder, state, seconds, *built = sys.argv[1:]
    settle_files()
    images = images_here(Path(state))
    if built:
        builder = builder_in(Path(state))
        images |= {name: builder.image(name) for name in OURS}
    settle_network()
    found = tried(kind, Path(folder), Path(state), float(seconds), images)
    sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
