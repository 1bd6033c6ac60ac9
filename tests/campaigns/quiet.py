"""The quiet campaign: nothing fails while every core is busy, so nothing may be Red.

python -m tests.campaigns.quiet --seconds 600
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from headwater.client import Client, ClusterHealth, Retries
from headwater.config import format_topology, load_topology, with_free_ports
from headwater.model.errors import HeadwaterError

FORK = Path(__file__).parents[2] / "examples" / "topologies" / "fork.toml"
LOOK_EVERY_S = 0.1
LOOKS_MIN = 20
"""However long each takes on a busy machine."""
PATIENCE_S = 100.0


class Outcome(NamedTuple):
    """What was seen."""

    looks: int
    yellow: int
    """Looks at which anything was Yellow: what that is for."""
    red: tuple[str, ...]
    """What was Red, each once, with its evidence."""
    late: int
    """Looks of the judge that came late."""


@contextmanager
def running(command: list[str], output: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that is stopped at the end."""
    with output.open("wb") as written:
        process = subprocess.Popen(command, stdout=written, stderr=written)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def run(seconds: float, busy: int, folder: Path) -> Outcome:
    """Run the fork for so long beside as many processes that do nothing but compute."""
    topology = with_free_ports(load_topology(FORK), folder / "run")
    file = folder / "fork.toml"
    file.write_text(format_topology(topology))
    with ExitStack() as held:
        held.enter_context(running([sys.executable, "-m", "headwater.cli.main", "up", str(file)], folder / "up.txt"))
        client = held.enter_context(Client(topology.api_url, retries=Retries(times=0)))
        _until_green(client, len(topology.gateways))
        for number in range(busy):
            held.enter_context(running([sys.executable, "-c", "while True: pass"], folder / f"busy-{number}.txt"))
        return _watched(client, seconds)


def _until_green(client: Client, nodes: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            health = client.health()
        except HeadwaterError:
            time.sleep(LOOK_EVERY_S)
            continue
        words = dict(_words(health))
        if len(health.nodes) == nodes and len(health.links) == nodes - 1 and set(words.values()) == {"Green"}:
            return
        time.sleep(LOOK_EVERY_S)
    raise TimeoutError(f"not everything was Green within {PATIENCE_S:.0f} s: {words}")


def _watched(client: Client, seconds: float) -> Outcome:
    looks = yellow = 0
    red: dict[str, str] = {}
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline or looks < LOOKS_MIN:
        health = client.health()
        words = dict(_words(health))
        looks += 1
        yellow += "Yellow" in words.values()
        red.update({about: word for about, word in words.items() if word == "Red"})
        time.sleep(LOOK_EVERY_S)
    return Outcome(looks, yellow, tuple(sorted(red)), health.late_looks)


def _words(health: ClusterHealth) -> Iterator[tuple[str, str]]:
    for node in health.nodes:
        for part, judged in (("node", node.node), ("pipeline", node.pipeline), ("provenance", node.provenance)):
            yield f"{part} {node.name}", judged.health
    for link in health.links:
        yield f"link {link.source} to {link.target}", link.link.health


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.quiet", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, metavar="S", help="how long to look (600)")
    parser.add_argument("--busy", type=int, default=os.cpu_count(), metavar="N", help="processes that compute (cores)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="headwater-quiet-") as folder:
        outcome = run(options.seconds, options.busy, Path(folder))
    print(f"{outcome.looks:,} looks in {options.seconds:.0f} s beside {options.busy} busy processes: ", end="")
    print(
        f"{len(outcome.red)} false Reds, {outcome.yellow:,} looks with Yellow, {outcome.late:,} late looks of the judge"
    )
    for about in outcome.red:
        print(f"  Red: {about}")
    return 1 if outcome.red else 0


if __name__ == "__main__":
    sys.exit(main())
