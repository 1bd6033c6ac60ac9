"""The grid of `grid.py` behind a real server, with the agents of two nodes and the dead address of a third."""

import math
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from headwater.api.options import ApiOptions
from headwater.model.ids import DataPointId
from headwater.model.reading import Reading
from tests.api import grid
from tests.api.served import Agent, agent_of, dead_address, served

READINGS: dict[DataPointId, Reading | str] = {
    grid.point(grid.A, position): Reading(grid.METER, grid.METRIC, grid.T0 + 1000 * position, value)
    for position, value in enumerate((1.5, -0.0, math.nan, -math.inf))
}
EXPIRING: dict[DataPointId, Reading | str] = {
    grid.point(grid.E, 0): Reading(grid.METER, grid.METRIC, grid.T0, 1.5),
    grid.point(grid.E, 1): "expired",
    grid.point(grid.E, 4): Reading(grid.METER, f"{grid.METRIC}.average", grid.T0, 0.75),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of the grid's store."""
    folder = tmp_path_factory.mktemp("store")
    with agent_of(Agent(READINGS)) as of_a, agent_of(Agent(EXPIRING)) as of_e, dead_address() as dead:
        writer = grid.open_writer(folder)
        grid.fill(writer, {grid.A: of_a, grid.C: dead, grid.E: of_e})
        yield folder
        writer.close()


@pytest.fixture(scope="module")
def api(store: Path) -> Iterator[httpx.Client]:
    """A client of the API over the grid; its clock stands still."""
    reports = store.parent / "reports"
    reports.mkdir(exist_ok=True)
    (reports / "throughput.json").write_text('{"rounds": 1}')
    options = ApiOptions(folder=str(store), site=grid.SITE, reports=str(reports))
    with served(lambda: grid.open_reader(store), lambda: grid.NOW_MS, options) as client:
        yield client


@pytest.fixture
def narrow(store: Path) -> Iterator[httpx.Client]:
    """The same with small limits."""
    options = ApiOptions(points_max=5, depth_max=2, ids_max=3, body_bytes_max=200)
    with served(lambda: grid.open_reader(store), lambda: grid.NOW_MS, options) as client:
        yield client


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[httpx.Client]:
    """The API over a store that no node has ever spoken to."""
    grid.open_writer(tmp_path).close()
    with served(lambda: grid.open_reader(tmp_path), lambda: grid.NOW_MS) as client:
        yield client
