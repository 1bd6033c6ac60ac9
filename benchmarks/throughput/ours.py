"""One run of Headwater's own path: sensor, gateway, endpoint, their agents and the store, everything synced."""

import contextlib
import time
from pathlib import Path

from benchmarks.grid.processes import Group, Process
from benchmarks.throughput.meter import Meter
from benchmarks.throughput.network import END_STAMPS, ENTRY, HOP, STAMPS
from benchmarks.throughput.result import Case, Result
from headwater.model.errors import Unavailable
from headwater.store.options import SqliteOptions

PORT, AGENT_PORT, API_PORT = 50051, 50061, 5000
WARM_PART = 10
AGENTS = 2
PATIENCE_S = 60.0
_MAIN = "headwater.cli.main"


def run(case: Case, folder: Path) -> Result:
    """Measure one case in a folder of its own."""
    warm = max(2 * case.size, case.readings // WARM_PART)
    with Group(folder) as group:
        daemons = _daemons(group, case, folder, warm)
        sensor = group.start(
            "sensor", "benchmarks.throughput.sensor", "--target", f"{ENTRY.address('gateway')}:{PORT}",
            "--size", case.size, "--warm", warm, "--readings", case.readings, "--rate", case.rate,
        )  # fmt: skip
        sensor.hear("ready")
        daemons["endpoint"].hear("warm")
        _wait_for_store(folder, 2 * warm if case.provenance else 0)
        meter = Meter(daemons)
        begun_ns = time.monotonic_ns()
        sensor.go()
        told = daemons["endpoint"].hear("durable_ns")
        took_s = (told.pop("durable_ns") - begun_ns) / 1e9
        lag_s = _wait_for_store(folder, 2 * (warm + case.readings) if case.provenance else 0)
        return meter.result(case, took_s, lag_s, **told)


def _daemons(group: Group, case: Case, folder: Path, warm: int) -> dict[str, Process]:
    """Everything but the sensor, by name."""
    no_prov = [] if case.provenance else ["--no_prov"]
    store = group.start(
        "server", _MAIN, "server", "--part", "store", "--listen", f"0.0.0.0:{API_PORT}", "--data", folder / "server"
    )
    agents = {
        f"agent of {host}": group.start(
            host, _MAIN, "agent", "--node", node, "--data", folder / node, "--name", host,
            "--server", f"{link.address('server')}:{API_PORT + 1}", "--listen", f"{link.address(host)}:{AGENT_PORT}",
        )
        for host, node, link in (("gateway", "000001", STAMPS), ("endpoint", "000002", END_STAMPS))
    }  # fmt: skip
    endpoint = group.start(
        "endpoint", "benchmarks.throughput.endpoint", "--listen", f"{HOP.address('endpoint')}:{PORT}",
        "--data", folder / "000002", "--warm", warm, "--readings", case.readings,
        *(["--timed"] if case.rate else []), *no_prov,
    )  # fmt: skip
    gateway = group.start(
        "gateway", _MAIN, "gateway", "--node", "000001", "--host", ENTRY.address("gateway"), "--port", PORT,
        "--host_next", HOP.address("endpoint"), "--port_next", PORT, "--data", folder / "000001", *no_prov,
    )  # fmt: skip
    endpoint.hear("serving")
    return {"gateway": gateway, "endpoint": endpoint, **agents, "store": store}


def _wait_for_store(folder: Path, stamps: int) -> float:
    """Seconds until both agents are known to the store and so many data points are in it."""
    begun = time.monotonic()
    stored = nodes = 0
    while time.monotonic() - begun < PATIENCE_S:
        # The store may be in the making.
        with contextlib.suppress(Unavailable):
            with contextlib.closing(SqliteOptions().open_reader(folder / "server" / "store", "default")) as reader:
                stored, nodes = reader.totals()["stamps"], len(reader.nodes())
            if nodes == AGENTS and stored >= stamps:
                return time.monotonic() - begun
        time.sleep(0.02)
    raise TimeoutError(f"{nodes} nodes and {stored} of {stamps} data points were in the store in {PATIENCE_S:.0f} s")
