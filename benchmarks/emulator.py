"""What one emulator process reaches, and what it takes, with very many meters. Run: python -m benchmarks.emulator

A gateway beside it takes everything, as processes on this machine; sent as fast as it goes.
"""

import argparse
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from headwater.config.ports import free_ports

HEADWATER = (sys.executable, "-m", "headwater.cli.main")
METRICS = 4
LOOK_S = 0.1


class Taken(NamedTuple):
    """What a process took at most."""

    rss_mib: int
    files: int


def recordings(folder: Path, meters: int, steps: int) -> None:
    """Files of 2018's format, one a meter: `steps` steps of 4 metrics."""
    folder.mkdir()
    for meter in range(meters):
        lines = (
            f"{1_700_000_000 + 60 * step},0101{metric:02d}070000,+{(meter * 7919 + step) % 999_999_999:09d}+2\n"
            for step in range(steps)
            for metric in range(METRICS)
        )
        (folder / f"{31_400_010_000_000_000 + meter}.csv").write_text("".join(lines))


def watched(process: "subprocess.Popen[bytes]") -> Taken:
    """What a process takes until it ends."""
    rss_kib = files = 0
    while process.poll() is None:
        with contextlib.suppress(OSError):
            peak = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())
            rss_kib = max(rss_kib, int(peak[1]) if peak else 0)
            files = max(files, len(os.listdir(f"/proc/{process.pid}/fd")))
        time.sleep(LOOK_S)
    return Taken(rss_kib >> 10, files)


def run(folder: Path, what: str, readings: int, *options: str) -> None:
    """Replay towards a gateway, and tell what it took."""
    (port,) = free_ports(1)
    gateway = (*HEADWATER, "gateway", "--port", str(port), "--data", str(folder / "node"))
    sensors = (*HEADWATER, "emulate", "--target", f"127.0.0.1:{port}", "--journal", str(folder / "journal"))
    with subprocess.Popen(gateway, stderr=subprocess.DEVNULL) as receiving:
        began = time.monotonic()
        with subprocess.Popen((*sensors, "--quiet", "--rate", "1e9", *options), stderr=subprocess.DEVNULL) as sending:
            taken = watched(sending)
        seconds = time.monotonic() - began
        receiving.terminate()
    assert sending.returncode == 0
    print(
        f"{what:24} {readings:,} readings in {seconds:.1f} s, start included: {readings / seconds:,.0f}/s, "
        f"{taken.rss_mib} MiB, {taken.files} files open"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--meters", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=100)
    given = parser.parse_args()
    readings = given.meters * given.steps * METRICS
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as name:
        folder = Path(name)
        recordings(folder / "days", given.meters, given.steps)
        for part in ("made", "files"):
            (folder / part).mkdir()
        run(folder / "made", "made up", readings, "--meters", str(given.meters), "--ticks", str(given.steps))
        run(folder / "files", "as many CSV files", readings, "--data", str(folder / "days"))


if __name__ == "__main__":
    main()
