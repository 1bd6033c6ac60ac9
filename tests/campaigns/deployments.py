"""The campaign of deployments: every folder of deploy/ runs as containers without Docker, one after the other.

Run as `python -m tests.campaigns.deployments`; `make deployments` does.
"""

import argparse
import contextlib
import io
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from headwater.cli.main import main as cli
from headwater.config import load_topology
from tests.deploy.checks import is_judged
from tests.deploy.engine import problem
from tests.deploy.images import PYTHON, ROOT
from tests.deploy.running import faults, run_trial

KINDS = ("compose", "kubernetes")
FORK = str(ROOT / "examples/topologies/fork.toml")
UNITS = {"alone": ("gatewayA", "gatewayB", "gatewayC", "endpoint", "server", "sensorsA", "sensorsB")}
"""What of the fork runs as services of one machine."""


class Trial(NamedTuple):
    """A folder to try."""

    kind: str
    name: str
    folder: Path


def trials(folder: Path) -> Iterator[Trial]:
    """Every folder of deploy/, and below `folder` more of the fork: with replicas, and as units of systemd."""
    for kind in KINDS:
        for each in sorted((ROOT / "deploy" / kind).iterdir()):
            yield Trial(kind, each.name, each)
        replicated = folder / kind
        _said(kind, FORK, "-o", str(replicated), "--replicas", "sensorsA=3")
        yield Trial(kind, "fork, replicas", replicated)
    for machine, names in UNITS.items():
        for name in names:
            _said("service", "install", FORK, name, "--root", str(folder / "units" / machine), "--python", PYTHON)
    yield Trial("units", "fork", folder / "units")


def _said(*arguments: str) -> None:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        if cli(list(arguments)):
            raise SystemExit(f"headwater {' '.join(arguments)} failed")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.deployments", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, metavar="S", help="how long sensors send (5)")
    parser.add_argument("--only", default="", metavar="NAME", help="one example")
    parser.add_argument("--built", action="store_true", help="with images that are built by the Dockerfile for each")
    options = parser.parse_args()
    if why := problem():
        print(f"machine cannot: {why}", file=sys.stderr)
        return 1
    failed = 0
    with tempfile.TemporaryDirectory(prefix="headwater-deployments-") as folder:
        for trial in trials(Path(folder)):
            if options.only in ("", trial.name):
                failed += not _is_right(trial, options.seconds, options.built)
    return 1 if failed else 0


def _is_right(trial: Trial, seconds: float, built: bool) -> bool:
    """Try one folder, and tell what came of it."""
    began = time.monotonic()
    file = next(iter([*trial.folder.glob("topology.toml"), *trial.folder.glob("*/etc/headwater/*.toml")]))
    found = run_trial(trial.kind, trial.folder, seconds, built)
    wrong = faults(found, is_judged(load_topology(file)))
    findings = found.findings
    print(
        f"{trial.kind:<11}{trial.name:<16}{found.pods:>3} pods  {findings.readings_delivered:>7,} readings delivered  "
        f"{findings.lineage_exact:>7,} of {findings.lineage_checked:>7,} explained  "
        f"{findings.aggregates_exact:>5,} of {findings.aggregates_checked:>5,} aggregates exact  "
        f"{time.monotonic() - began:5.0f} s",
        flush=True,
    )
    for each in wrong:
        print(f"  {each}", flush=True)
    return not wrong


if __name__ == "__main__":
    sys.exit(main())
