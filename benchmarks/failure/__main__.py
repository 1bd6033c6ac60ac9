"""`headwater bench failure`: real faults in a running topology, and how long until the API says the right thing.

Each node runs in a network namespace of its own. Processes are killed or stopped, links taken down or made to drop
packets silently, nodes unplugged, each at a random moment; an observer with a clock of its own asks for the health all
the time. Detection is from the injection to the first alarm of the right kind and place.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.failure import report
from benchmarks.failure.campaign import run, with_rate
from benchmarks.failure.faults import KINDS, plan
from benchmarks.grid import network
from benchmarks.grid.shapes import SHAPES, network_of, shape

FAULTS, QUICK_FAULTS = 100, 1
QUIET_S, QUICK_QUIET_S = 20.0, 1.0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="headwater bench failure", description=__doc__)
    made.add_argument("--faults", type=int, metavar="N", help=f"how many of each kind ({FAULTS})")
    made.add_argument("--report", type=Path, metavar="FILE", help="write JSON here, Markdown and a plot beside it")
    made.add_argument("--shape", choices=SHAPES, default="fork", help="which topology (fork)")
    made.add_argument("--kinds", default=",".join(KINDS), metavar="KIND,...", help="only these kinds of faults")
    made.add_argument("--seed", type=int, default=1, metavar="N", help="which faults (1)")
    made.add_argument(
        "--rate", type=float, default=100.0, metavar="N", help="readings a second of each sensor group (100)"
    )
    made.add_argument(
        "--quiet", type=float, metavar="S", help=f"how long nothing fails before the first fault ({QUIET_S:g})"
    )
    made.add_argument("--loopback", action="store_true", help="no hosts of their own: links cannot fail")
    made.add_argument("--quick", action="store_true", help=f"{QUICK_FAULTS} of each kind, to see that it works")
    return made


def main() -> int:
    options = parser().parse_args()
    kinds = tuple(options.kinds.split(","))
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        parser().error(f"--kinds: no kind {unknown[0]!r}: there are {', '.join(KINDS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if not options.loopback and (why := "" if network.is_inside() else network.problem()):
        print(
            f"on loopback, where links cannot fail: a network of its own is not possible here: {why}", file=sys.stderr
        )
        options.loopback = True
    if not options.loopback:
        network.enter("benchmarks.failure")
    topology = with_rate(shape(options.shape), options.rate)
    hosts = None if options.loopback else network_of(topology)
    if hosts is not None:
        hosts.build()
    count = options.faults if options.faults is not None else QUICK_FAULTS if options.quick else FAULTS
    quiet_s = options.quiet if options.quiet is not None else QUICK_QUIET_S if options.quick else QUIET_S
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder:
        planned = plan(topology, count, options.seed, hosts is not None, kinds)
        outcome = run(topology, Path(folder), hosts, planned, quiet_s, lambda line: print(line, flush=True))
    made = report.make(
        outcome, options.shape, hosts is not None, options.seed, time.monotonic() - begun, os.getloadavg()
    )
    print(report.table(made), end="")
    if options.report is not None:
        report.write(made, options.report)
    return 1 if made.unhealed else 0


if __name__ == "__main__":
    sys.exit(main())
