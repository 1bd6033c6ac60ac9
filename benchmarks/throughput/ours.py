"""One run of Headwater's own path: sensor, gateway, endpoint, their agents and the store, everything synced."""

import time
from pathlib import Path

from benchmarks.throughput.network import END_STAMPS, ENTRY, HOP, STAMPS, link_bytes
from benchmarks.throughput.processes import Group, Process, cpu_s
from benchmarks.throughput.result import Case, Result
from headwater.model.errors import Unavailable
from headwater.store.options import SqliteOptions

PORT, AGENT_PORT, API_PORT = 50051, 50061, 5000
WARM_PART = 10
PATIENCE_S = 60.0
_MAIN = "headwater.cli.main"


def run(case: Case, folder: Path) -> Result:
    """Measure one case in a folder of its own."""
    warm = max(2 * case.size, case.readings // WARM_PART)
    with Group(folder) as group:
        daemons, endpoint = _daemons(group, case, folder, warm)
        sensor = group.start(
            "sensor", "benchmarks.throughput.sensor", "--target", f"{ENTRY.address('gateway')}:{PORT}",
            "--size", case.size, "--warm", warm, "--readings", case.readings, "--rate", case.rate,
        )  # fmt: skip
        sensor.hear("ready")
        endpoint.hear("warm")
        _wait_for_stamps(folder, 2 * warm if case.provenance else 0)
        bytes_before, cpu_before = link_bytes(), cpu_s(daemons)
        memory_before = daemons[0].used.memory_bytes
        begun_ns = time.monotonic_ns()
        sensor.go()
        told = endpoint.hear("durable_ns")
        took_s = (told.pop("durable_ns") - begun_ns) / 1e9
        lag_s = _wait_for_stamps(folder, 2 * (warm + case.readings) if case.provenance else 0)
        bytes_after, cpu_after = link_bytes(), cpu_s(daemons)
        sent = {link: bytes_after[link] - bytes_before[link] for link in bytes_after}
        return Result(
            seconds=took_s,
            readings_per_s=case.readings / took_s,
            link_bytes=sent[HOP.name] / case.readings,
            path_bytes=sum(sent.values()) / case.readings,
            cpu_us=(cpu_after - cpu_before) * 1e6 / case.readings,
            memory_mib=daemons[0].used.peak_bytes / (1 << 20),
            memory_growth_mib=(daemons[0].used.memory_bytes - memory_before) / (1 << 20),
            stamps_lag_s=lag_s,
            **told,
        )


def _daemons(group: Group, case: Case, folder: Path, warm: int) -> tuple[list[Process], Process]:
    """Everything but the sensor: the gateway first; and the endpoint."""
    no_prov = [] if case.provenance else ["--no_prov"]
    store = group.start(
        "server", _MAIN, "server", "--part", "store", "--listen", f"0.0.0.0:{API_PORT}", "--data", folder / "server"
    )
    agents = [
        group.start(
            host, _MAIN, "agent", "--node", node, "--data", folder / node, "--name", host,
            "--server", f"{link.address('server')}:{API_PORT + 1}", "--listen", f"{link.address(host)}:{AGENT_PORT}",
        )
        for host, node, link in (("gateway", "000001", STAMPS), ("endpoint", "000002", END_STAMPS))
    ]  # fmt: skip
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
    return [gateway, endpoint, *agents, store], endpoint


def _wait_for_stamps(folder: Path, wanted: int) -> float:
    """Seconds until so many data points are in the store."""
    begun = time.monotonic()
    while time.monotonic() - begun < PATIENCE_S:
        try:
            reader = SqliteOptions().open_reader(folder / "server" / "store", "default")
        except Unavailable:
            time.sleep(0.1)
            continue
        stamps = reader.totals()["stamps"]
        reader.close()
        if stamps >= wanted:
            return time.monotonic() - begun
        time.sleep(0.02)
    raise TimeoutError(f"{stamps} of {wanted} data points were in the store after {PATIENCE_S:.0f} s")
