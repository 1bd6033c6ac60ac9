"""A server with its dashboard over the store of tests/api/wide.py, and agents that answer for two of its nodes."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headwater.config import format_topology, load_topology, with_free_ports
from headwater.model.ids import DataPointId
from headwater.model.reading import Reading
from tests.api import grid, wide
from tests.api.served import Agent, agent_of, dead_address
from tests.ui.running import FORK, HEADWATER, PATIENCE_S, Grid, eventually

VALUE = 412.625


def readings() -> dict[DataPointId, Reading | str]:
    """What the agent of gatewayC has: all readings and their average."""
    held: dict[DataPointId, Reading | str] = {
        grid.point(grid.C, at): Reading(
            wide.meter_of(node, position), wide.METRIC, grid.T0 + 100 * position, 400.0 + at % 50
        )
        for at, (node, position) in enumerate(
            (node, position) for node in (grid.A, grid.B) for position in range(wide.EACH)
        )
    }
    held[wide.AVERAGE] = Reading("all", f"{wide.METRIC}.average", grid.T0, VALUE)
    return held


class Wide(Grid):
    """A server that runs over a store whose nodes are all over."""

    def is_well(self) -> bool:
        try:
            self.get("/totals")
            return True
        except OSError:
            return False


@contextmanager
def wide_running(folder: Path) -> Iterator[Grid]:
    """The server alone; gatewayA and gatewayB do not answer."""
    topology = with_free_ports(load_topology(FORK), folder)
    delivered: dict[DataPointId, Reading | str] = {
        wide.DELIVERED: Reading("all", f"{wide.METRIC}.average", grid.T0, VALUE)
    }
    with agent_of(Agent(readings())) as of_c, agent_of(Agent(delivered)) as of_e, dead_address() as dead:
        writer = grid.open_writer(topology.server.data / "store")
        wide.fill(writer, {grid.A: dead, grid.B: dead, grid.C: of_c, grid.E: of_e})
        writer.close()
        file = folder / "wide.toml"
        file.write_text(format_topology(topology))
        with (folder / "server.log").open("wb") as log:
            process = subprocess.Popen(
                [*HEADWATER, "server", "--config", str(file)], stdout=log, stderr=subprocess.STDOUT
            )
            try:
                running = Wide(topology)
                eventually(running.is_well)
                yield running
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(PATIENCE_S)
