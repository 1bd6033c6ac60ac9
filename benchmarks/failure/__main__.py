"""`headwater bench failure`: real faults in a running topology, and how long until the API says the right thing.

Each node runs in a network namespace of its own. Processes are killed or stopped, links taken down or made to drop
packets silently, nodes unplugged, each at a random moment; an observer with a clock of its own asks for the health all
the time. Detection is from the injection to the first alarm of the right kind and place. On loopback links cannot fail.

A topology that runs already (--server) is broken by its own chaos API, links by its relays; its file has to allow that
(docs/chaos.md). Ctrl-C heals everything and reports what was done.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.failure import asked, report
from benchmarks.failure.campaign import run as campaign
from benchmarks.failure.campaign import with_rate
from benchmarks.failure.faults import KINDS, plan
from benchmarks.grid.choices import on_network, parser, run, some_of
from benchmarks.grid.report import ON_LOOPBACK, ON_NETWORK
from benchmarks.grid.shapes import SHAPES, network_of, shape

FAULTS, QUICK_FAULTS = 100, 1
QUIET_S, QUICK_QUIET_S = 20.0, 1.0
NO_LINKS = "where links cannot fail"
EXAMPLES = """
  headwater bench failure --faults 100 --report failure.json          four hundred faults: takes hours
  headwater bench failure --shape two-node --faults 3 --kinds node,link
  headwater bench failure --server http://127.0.0.1:5000 --faults 5"""


def options_of() -> argparse.ArgumentParser:
    made = parser("failure", __doc__, EXAMPLES)
    made.add_argument("--faults", type=int, metavar="N", help=f"how many of each kind ({FAULTS})")
    made.add_argument(
        "--kinds", type=some_of(KINDS), default=KINDS, metavar="KIND,...", help=f"only these, of {','.join(KINDS)}"
    )
    made.add_argument("--seed", type=int, default=1, metavar="N", help="which faults (1)")
    started = made.add_argument_group("what is started and broken (not with --server)")
    started.add_argument("--shape", choices=SHAPES, default="fork", help="which topology (fork)")
    started.add_argument(
        "--rate", type=float, default=100.0, metavar="N", help="readings a second of each sensor group (100)"
    )
    started.add_argument(
        "--quiet", type=float, metavar="S", help=f"how long nothing fails before the first fault ({QUIET_S:g})"
    )
    return made


def main() -> int:
    options = options_of().parse_args()
    count = options.faults if options.faults is not None else QUICK_FAULTS if options.quick else FAULTS
    if options.server is not None:
        made = asked.run(options.server, options.kinds, count, options.seed, say)
    else:
        has_network = on_network("benchmarks.failure", options.loopback, NO_LINKS)
        made = _started(options, count, has_network)
    print(report.table(made), end="")
    if options.report is not None:
        report.write(made, options.report)
    return 1 if made.unhealed or made.readings_lost else 0


def _started(options: argparse.Namespace, count: int, has_network: bool) -> report.Report:
    """Start a topology and break it."""
    topology = with_rate(shape(options.shape), options.rate)
    hosts = network_of(topology) if has_network else None
    if hosts is not None:
        hosts.build()
    quiet_s = options.quiet if options.quiet is not None else QUICK_QUIET_S if options.quick else QUIET_S
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder:
        planned = plan(topology, count, options.seed, has_network, options.kinds)
        outcome = campaign(topology, Path(folder), hosts, planned, quiet_s, say)
    where = ON_NETWORK if has_network else f"{ON_LOOPBACK}, {NO_LINKS}"
    return report.make(outcome, options.shape, where, options.seed, time.monotonic() - begun)


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(run("failure", main))
