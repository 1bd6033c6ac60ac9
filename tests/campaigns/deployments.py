"""The campaign of deployments: every folder of deploy/ runs as containers without Docker, one after the other.

Run as `python -m tests.campaigns.deployments`; `make deployments` does.
"""

import argparse
import sys
import time
from pathlib import Path

from headwater.config import load_topology
from tests.deploy.checks import is_judged
from tests.deploy.engine import problem
from tests.deploy.images import ROOT
from tests.deploy.running import faults, run_trial

KINDS = ("compose", "kubernetes")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.deployments", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, metavar="S", help="how long sensors send (5)")
    parser.add_argument("--only", default="", metavar="NAME", help="one example")
    options = parser.parse_args()
    if why := problem():
        print(f"machine cannot: {why}", file=sys.stderr)
        return 1
    failed = 0
    for kind in KINDS:
        for folder in sorted((ROOT / "deploy" / kind).iterdir()):
            if options.only in ("", folder.name):
                failed += not _is_right(kind, folder, options.seconds)
    return 1 if failed else 0


def _is_right(kind: str, folder: Path, seconds: float) -> bool:
    """Try one folder, and tell what came of it."""
    began = time.monotonic()
    found = run_trial(kind, folder, seconds)
    wrong = faults(found, is_judged(load_topology(folder / "topology.toml")))
    findings = found.findings
    print(
        f"{kind:<11}{folder.name:<13}{found.pods:>3} pods  {findings.readings_delivered:>7,} readings delivered  "
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
