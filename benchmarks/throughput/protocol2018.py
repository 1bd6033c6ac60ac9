"""One run of the path of 2018: sensor, gateway, endpoint, a Redis each, and the provenance database."""

import shutil
import time
from pathlib import Path

from benchmarks.grid.processes import Group, Process
from benchmarks.throughput.meter import Meter
from benchmarks.throughput.network import END_STAMPS, ENTRY, HOP, STAMPS
from benchmarks.throughput.result import Case, Result

PORT = 50051
WARM = 500
_MODULE = "benchmarks.throughput.daemons2018"
_PATIENCE_S = 10.0


def available() -> bool:
    """Whether this machine has a redis-server."""
    return shutil.which("redis-server") is not None


def run(case: Case, folder: Path) -> Result:
    """Measure one case in a folder of its own."""
    with Group(folder) as group:
        daemons = _daemons(group, case, folder)
        sensor = group.start(
            "sensor", _MODULE, "sensor", "--next", f"{ENTRY.address('gateway')}:{PORT}",
            "--warm", WARM, "--readings", case.readings, "--rate", case.rate,
        )  # fmt: skip
        sensor.hear("ready")
        daemons["endpoint"].hear("warm")
        meter = Meter(daemons)
        begun_ns = time.monotonic_ns()
        sensor.go()
        told = daemons["endpoint"].hear("durable_ns")
        took_s = (told.pop("durable_ns") - begun_ns) / 1e9
        sensor.hear("acknowledged")
        return meter.result(case, took_s, **told)


def _daemons(group: Group, case: Case, folder: Path) -> dict[str, Process]:
    """Everything but the sensor, by name."""
    stores = {f"Redis of {host}": _redis(group, folder, host) for host in ("gateway", "endpoint")}
    database = group.start("server", _MODULE, "database", "--listen", f"0.0.0.0:{PORT}", "--data", folder / "records")
    database.hear("serving")
    endpoint = _node(group, case, folder, "endpoint", "0000e1", None)
    gateway = _node(group, case, folder, "gateway", "0000a1", f"{HOP.address('endpoint')}:{PORT}")
    return {"gateway": gateway, "endpoint": endpoint, "database": database, **stores}


def _node(group: Group, case: Case, folder: Path, host: str, node: str, onward: str | None) -> Process:
    entry, stamps = (ENTRY, STAMPS) if host == "gateway" else (HOP, END_STAMPS)
    options = ["--listen", f"{entry.address(host)}:{PORT}", "--node", node, "--redis", _socket(folder, host)]
    if onward is not None:
        options += ["--next", onward]
    else:
        options += ["--warm", WARM, "--readings", case.readings]
    if case.provenance:
        options += ["--provenance", f"{stamps.address('server')}:{PORT}"]
    process = group.start(host, _MODULE, "node", *options)
    process.hear("serving")
    return process


def _redis(group: Group, folder: Path, host: str) -> Process:
    """A Redis as 2018 had it: appended to a file, synced each second."""
    place = folder / host
    place.mkdir()
    process = group.run(
        host, "redis-server", "--port", 0, "--unixsocket", _socket(folder, host), "--dir", place, "--save", "",
        "--appendonly", "yes", "--appendfsync", "everysec", "--loglevel", "warning",
    )  # fmt: skip
    begun = time.monotonic()
    while not _socket(folder, host).exists():
        if time.monotonic() - begun > _PATIENCE_S:
            raise TimeoutError(f"the Redis of {host} did not start within {_PATIENCE_S:.0f} s")
        time.sleep(0.02)
    return process


def _socket(folder: Path, host: str) -> Path:
    return folder / f"{host}.redis"
