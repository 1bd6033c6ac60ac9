"""The dashboard over a grid of many nodes: how soon it is seen, what an update costs, and what open pages cost.

A real server (store, API, dashboard) hears reports and stamps of nodes that only one process stands for, over the real
ingest, twice a second with other rates each time. Chromium opens the page; other pages are websockets that read every
frame and draw nothing, for two cores cannot draw 20 pages. CPU is in percent of one core.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from benchmarks.dashboard.looking import Times, Window, chromium, opened, shown, updates
from benchmarks.grid.choices import run
from benchmarks.grid.machine import machine, now
from benchmarks.grid.processes import Group, Process
from headwater.config import Topology, format_topology, load_topology, with_free_ports

TWO = Path(__file__).parents[2] / "examples" / "topologies" / "two-node.toml"
_MAIN = (sys.executable, "-m", "headwater.cli.main")
PARTS = ("store", "api", "ui")
PAGES = 20
TARGET_FIRST_MS, TARGET_UPDATE_MS, TARGET_CPU = 2000, 200, 50.0

Cpu = dict[str, float]
"""Percent of one core, or seconds, by part of the server."""


def measure(folder: Path, nodes: int, seconds: float) -> dict[str, Any]:
    """Everything, in a folder of its own."""
    topology = with_free_ports(load_topology(TWO), folder)
    file = folder / "grid.toml"
    file.write_text(format_topology(topology))
    with Group(folder) as group:
        server = {part: _part(group, file, part) for part in ("store", "api")}
        _wait(topology)
        sending = group.start(None, "benchmarks.dashboard.sending", "--store", topology.server.ingest, "--nodes", nodes)
        sending.hear("reporting")
        with chromium() as browser:
            idle = _cpu(server, seconds)
            server["ui"] = _part(group, file, "ui")
            while not topology.server.ui_socket.exists():
                time.sleep(0.01)
            views = {}
            before = _used(server)
            with opened(browser, topology.api_url, nodes) as window:
                views["cold"] = _view(window, nodes, server, before)
            before = _used(server)
            with opened(browser, topology.api_url, nodes) as window:
                views["warm"] = _view(window, nodes, server, before)
                one: Cpu = {}
                change = updates(window, lambda: one.update(_cpu(server, seconds)))
                with_more, told = _followed(group, topology, server, seconds)
    return {
        "first_view": views,
        "update_applied_ms": change.applied._asdict(),
        "update_frame_ms": change.frame._asdict(),
        "update_cpu_ms": round(change.cpu_ms, 1),
        "updates": change.number,
        "cpu_no_page": idle,
        "cpu_1_page": one,
        f"cpu_{PAGES}_pages": with_more,
        "frame_bytes": told["bytes"],
        "whole_bytes": told["whole"],
        "changes": told["changes"],
    }


def _view(window: Window, nodes: int, server: dict[str, Process], before: Cpu) -> dict[str, float]:
    """When the grid was seen first, in ms since it was asked for, and the processor time until then."""
    took_ms, computed_ms, used = shown(window.page, nodes), window.cpu_ms, _used(server)
    parts = {f"{part}_cpu_ms": 1000 * (used[part] - before[part]) for part in ("api", "ui")}
    return {key: round(value) for key, value in {"ms": took_ms, "browser_cpu_ms": computed_ms, **parts}.items()}


def _used(server: dict[str, Process]) -> Cpu:
    """Seconds of processor time so far."""
    return {part: process.used.cpu_s for part, process in server.items()}


def _part(group: Group, file: Path, part: str) -> Process:
    return group.run(None, *_MAIN, "server", "--part", part, "--config", file)


def _wait(topology: Topology) -> None:
    """Until the store and the API can be asked."""
    for _ in range(3000):
        try:
            if httpx.get(f"{topology.api_url}/readyz").is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError("the server does not come up")


def _cpu(server: dict[str, Process], seconds: float) -> Cpu:
    """What each process uses in the next so many seconds."""
    before, began = _used(server), time.monotonic()
    time.sleep(seconds)
    after, took_s = _used(server), time.monotonic() - began
    return {part: round(100 * (after[part] - before[part]) / took_s, 1) for part in server}


def _followed(
    group: Group, topology: Topology, server: dict[str, Process], seconds: float
) -> tuple[Cpu, dict[str, int]]:
    """The CPU of the server with all pages open, and what one of them got."""
    more = group.start(None, "benchmarks.dashboard.following", "--url", topology.api_url, "--pages", PAGES - 1)
    more.hear("following")
    used = _cpu(server, seconds)
    more.go()
    return used, more.hear("changes")


def lines(found: dict[str, Any]) -> Iterator[str]:
    """The report, in words."""
    for name, meant in (("cold", "before the libraries of the pages are loaded"), ("warm", "after, empty cache")):
        view = found["first_view"][name]
        cpu = ", ".join(f"{part} {view[f'{part}_cpu_ms']} ms" for part in ("browser", "ui", "api"))
        yield f"first view {name}: {view['ms']} ms (target {TARGET_FIRST_MS}); CPU until then: {cpu}; {meant}"
    for name in ("applied", "frame"):
        times = Times(**found[f"update_{name}_ms"])
        said = f"p50 {times.p50:.1f}, p95 {times.p95:.1f}, most {times.most:.1f} ms"
        yield f"update {name}: {said} (target {TARGET_UPDATE_MS})"
    yield f"update CPU: {found['updates']} updates, {found['update_cpu_ms']} ms of the browser for each, painting too"
    yield f"bytes: {found['frame_bytes']:,} an update, {found['whole_bytes']:,} the whole, before compression"
    for name in ("no_page", "1_page", f"{PAGES}_pages"):
        cpu = found[f"cpu_{name}"]
        shares = ", ".join(f"{part} {share:.1f} %" for part, share in cpu.items())
        dashboard = cpu["api"] + cpu.get("ui", 0.0)
        yield f"CPU, {name.replace('_', ' ')}: {shares}; API and dashboard {dashboard:.1f} % (target {TARGET_CPU:.0f})"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="headwater bench dashboard",
        description=__doc__,
        epilog="examples:\n  headwater bench dashboard --nodes 200 --seconds 20 --report dashboard.json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--nodes", type=int, default=200, help="how many nodes (200)")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each is measured (20)")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write all figures here, as JSON")
    parser.add_argument("--quick", action="store_true", help="30 nodes, 2 seconds, to see that it works")
    options = parser.parse_args()
    nodes, seconds = (30, 2.0) if options.quick else (options.nodes, options.seconds)
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder:
        found = measure(Path(folder), nodes, seconds)
    load = os.getloadavg()[0]
    print(f"{nodes} nodes on {machine()}, load average {load:.1f}")
    print(*lines(found), sep="\n")
    if options.report is not None:
        about = {"taken": now(), "machine": machine(), "load_average": load, "nodes": nodes, "seconds": seconds}
        options.report.write_text(json.dumps(about | found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(run("dashboard", main))
