"""A really running grid for the pages: the fork with its dashboard, started by `headwater up`."""

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from msgspec.structs import replace

from headwater.config import Topology, format_topology, load_topology, with_free_ports
from headwater.health.chaos.options import ChaosOptions
from headwater.model.context import Location
from headwater.store.query.options import QueryOptions
from tests.pipeline import grid2018

FORK = Path(__file__).parents[2] / "examples" / "topologies" / "fork.toml"
HEADWATER = (sys.executable, "-m", "headwater.cli.main")
PATIENCE_S = 100.0
FAULT_S = 10 * PATIENCE_S
"""How long a fault would last that is not healed before."""
SQL_S = 10 * PATIENCE_S
"""How long a query may run: what ends before has been ended."""
WINDOW_MS = 900_000
"""Of what gatewayC averages."""
BEGIN_MS = WINDOW_MS * 1_900_000
METERS = 20
"""Of each group of sensors: what pages show needs no more, and a busy machine starts no faster with more."""
PLACES = {"gatewayA": (52.5325, 13.3269), "gatewayB": (52.5186, 13.3761), "gatewayC": (52.4537, 13.31)}
"""Where nodes say they are; the endpoint says nothing."""


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

    @contextmanager
    def failing(self, kind: str, target: str) -> Iterator[None]:
        """Something fails until the block is left, however long a busy machine takes for what is in it."""
        fault = {"kind": kind, "target": target, "for_s": FAULT_S}
        run = self.post("/chaos/runs", {"scenario": {"fault": [fault]}})
        try:
            yield
        finally:
            over = urllib.request.Request(f"{self.url}/v1/chaos/runs/{run['id']}", method="DELETE")
            urllib.request.urlopen(over, timeout=PATIENCE_S).close()

    def has_pages(self) -> bool:
        """Whether pages are answered."""
        try:
            with urllib.request.urlopen(self.url, timeout=PATIENCE_S):
                return True
        except OSError:
            return False

    def is_well(self) -> bool:
        """Whether everything is Green and pages are answered."""
        try:
            health = self.get("/cluster/health")
        except OSError:
            return False
        judged = [node[part] for node in health["nodes"] for part in ("node", "pipeline", "provenance")]
        judged += [link["link"] for link in health["links"]]
        links = sum(gateway.next is not None for gateway in self.topology.gateways)
        count = 3 * len(self.topology.gateways) + links
        return len(judged) == count and all(one["health"] == "Green" for one in judged) and self.has_pages()


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def newest_known_whole(grid: Grid) -> list[dict[str, Any]]:
    """The newest reading, no average, that is at the endpoint, and the data points it came from back to the sensor,
    once all are in the store: each node's agent delivers when it likes, so the last may well be there first."""
    [endpoint] = [node["id"] for node in grid.get("/cluster/topology") if node["name"] == "endpoint"]
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        newest = grid.get(f"/cluster/{endpoint}/provenance?size=50&detail=true")
        readings = [point for point in newest if point["context"].get("metricId") == "energy"]
        if readings:
            found[:] = grid.get(f"/provenance/{readings[0]['id']}?structure=linear&detail=true")
        return bool(found) and all("node" in point for point in found)

    eventually(is_there)
    return found


def push(grid: Grid, node: str, meter: str, readings: Iterable[tuple[int, float]], metric: str = "energy") -> None:
    """Send readings, each a time in ms and a value, to a node as a client of 2018 does."""
    listen = next(gateway.listen for gateway in grid.topology.gateways if gateway.name == node)
    stream = [{"meter": meter, "metric": metric, "timestamp": time, "value": value} for time, value in readings]
    command = [sys.executable, grid2018.__file__, "client", listen]
    answer = subprocess.run(command, input=json.dumps([stream]), capture_output=True, text=True, check=True)
    assert json.loads(answer.stdout)["code"] == "200"


def averaged(grid: Grid, meter: str, many: int) -> str:
    """Send so many readings of one window to gatewayA; the id of their average, once known back to the sensor."""
    push(grid, "gatewayA", meter, [(BEGIN_MS + number * WINDOW_MS // many, float(number)) for number in range(many)])
    push(grid, "gatewayA", meter, [(BEGIN_MS + 2 * WINDOW_MS, 0.0)])  # It closes the window.
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        found[:] = grid.get(f"/find?meter={quote(meter)}&metric=energy.average")["points"]
        if not found:
            return False
        first = grid.get(f"/folded/{found[0]['id']}")["cards"][-1]
        return bool(
            first["count"] == many
            and first["group"]["nodes"] == [{"node": "000001", "name": "gatewayA", "count": many}]
        )

    eventually(is_there)
    [average] = [one["id"] for one in found]
    return str(average)


def with_one_more(topology: Topology, name: str) -> Topology:
    """The topology with an endpoint more, that nobody sends to."""
    node, data = topology.gateways[-1].node + 1, Path(name)
    gateway = replace(topology.gateways[-1], node=node, name=name, data=data, listen="127.0.0.1:1")
    agent = replace(topology.agents[-1], node=node, name=name, data=data, listen="127.0.0.1:2")
    return replace(topology, gateways=(*topology.gateways, gateway), agents=(*topology.agents, agent))


@contextmanager
def running(folder: Path, alone: str | None = None) -> Iterator[Grid]:
    """The fork, with faults allowed, and with a node besides, of that name, that nothing is linked to."""
    given = load_topology(FORK)
    few = tuple(replace(sensors, meters=METERS) for sensors in given.sensors)
    gateways = tuple(
        replace(each, location=Location(each.name, *PLACES[each.name])) if each.name in PLACES else each
        for each in given.gateways
    )
    server = replace(given.server, sql=QueryOptions(time_s_max=SQL_S))
    given = replace(given, server=server, gateways=gateways, sensors=few, chaos=ChaosOptions(enabled=True))
    if alone is not None:
        given = with_one_more(given, alone)
    file = folder / "fork.toml"
    file.write_text(format_topology(with_free_ports(given, folder / "var")))
    with up(file):
        grid = Grid(load_topology(file))
        eventually(grid.is_well)
        yield grid


@contextmanager
def up(file: Path, only: str | None = None) -> Iterator[None]:
    """The processes of a topology file, or of one name in it."""
    command = [*HEADWATER, "up", str(file), *(("--only", only) if only is not None else ())]
    with file.with_suffix(f".{only}.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE_S)
