"""A really running grid for the pages: the fork with its dashboard, started by `headwater up`."""

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from headwater.config import Topology, format_topology, load_topology, with_free_ports
from headwater.health.chaos.options import ChaosOptions

FORK = Path(__file__).parents[2] / "examples" / "topologies" / "fork.toml"
HEADWATER = (sys.executable, "-m", "headwater.cli.main")
PATIENCE_S = 60.0


class Grid:
    """A grid that runs."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.url = topology.api_url

    def get(self, path: str) -> Any:
        """What the API answers at a path below /v1."""
        with urllib.request.urlopen(f"{self.url}/v1{path}", timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def post(self, path: str, body: object) -> Any:
        """What the API answers to a body at a path below /v1."""
        headers = {"Content-Type": "application/json"}
        question = urllib.request.Request(f"{self.url}/v1{path}", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(question, timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def fail(self, kind: str, target: str, for_s: float) -> None:
        """Put a fault in, healed after so long."""
        self.post("/chaos/runs", {"scenario": {"fault": [{"kind": kind, "target": target, "for_s": for_s}]}})

    def is_well(self) -> bool:
        """Whether everything is Green and pages are answered."""
        try:
            health = self.get("/cluster/health")
            with urllib.request.urlopen(self.url, timeout=PATIENCE_S):
                pass
        except OSError:
            return False
        judged = [node[part] for node in health["nodes"] for part in ("node", "pipeline", "provenance")]
        judged += [link["link"] for link in health["links"]]
        return len(judged) == 15 and all(one["health"] == "Green" for one in judged)


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@contextmanager
def running(folder: Path) -> Iterator[Grid]:
    """The fork, with faults allowed."""
    given = replace(load_topology(FORK), chaos=ChaosOptions(enabled=True))
    file = folder / "fork.toml"
    file.write_text(format_topology(with_free_ports(given, folder / "var")))
    with (folder / "up.log").open("wb") as log:
        process = subprocess.Popen([*HEADWATER, "up", str(file)], stdout=log, stderr=subprocess.STDOUT)
        try:
            grid = Grid(load_topology(file))
            eventually(grid.is_well)
            yield grid
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE_S)
