"""`headwater bench overhead`: bytes per reading and component, with any context and without provenance.

Each node, group of sensors and server is a host of a network of its own; bytes are those that the interfaces count, all
headers included, from the first connection of the sensors to the end of a drain. Settings are interleaved: every repeat
measures each once. Where no network of its own is possible all runs on loopback, and bytes are those that the kernel
counts for each TCP connection.

A topology that runs already (--server) is asked through its API. That knows readings, not bytes: the report has what
each link has passed on, holds and has dropped, and leaves the columns of bytes empty.
"""

import argparse
import sys

from benchmarks.grid import tcp
from benchmarks.grid.choices import add_matrix, on_network, parser, rate_in_words, run
from benchmarks.grid.load import CONTEXTS
from benchmarks.grid.report import ON_LOOPBACK, ON_NETWORK
from benchmarks.grid.settings import in_rounds, settings
from benchmarks.overhead import flow, report
from benchmarks.overhead.measure import measure
from headwater.model.errors import Unavailable

REPEATS = 3
BUFFERS = (1, 5, 10)
LONG_S, SHORT_S, DRAIN_S, IDLE_S = 120.0, 20.0, 10.0, 5.0
LONG = (("none", 10), ("full", 10))
QUICK_S, QUICK_DRAIN_S, QUICK_IDLE_S = 2.0, 0.5, 0.5
COUNTED = f"{ON_LOOPBACK}: bytes are TCP's, with {tcp.HEADER_BYTES} for each segment"
EXAMPLES = """
  headwater bench overhead --report overhead.json          all that was measured in 2018, and more: takes hours
  headwater bench overhead --shapes fork --contexts none,full --buffers 10 --seconds 20
  headwater bench overhead --server http://127.0.0.1:5000 --seconds 60"""


def options_of() -> argparse.ArgumentParser:
    made = parser("overhead", __doc__, EXAMPLES)
    add_matrix(made, tuple(CONTEXTS), BUFFERS, REPEATS)
    made.add_argument(
        "--seconds", type=float, metavar="S",
        help=f"measure so long ({LONG_S:g} for none and full at buffer 10, else {SHORT_S:g})",
    )  # fmt: skip
    return made


def seconds_of(context: str, buffer: int) -> float:
    """How long the sensors send."""
    return LONG_S if (context, buffer) in LONG else SHORT_S


def main() -> int:
    options = options_of().parse_args()
    if options.quick:
        options.contexts, options.buffers, options.repeats = ("none", "full"), (10,), 1
        options.seconds = options.seconds or QUICK_S
    if options.server is not None:
        flows = flow.watch(options.server, options.repeats, options.seconds or SHORT_S)
        print(flow.table(flows), end="")
        if options.report is not None:
            flow.write(flows, options.report)
        return 0
    has_network = on_network("benchmarks.overhead", options.loopback, "bytes counted by connection")
    if not has_network and (why := tcp.problem()):
        raise Unavailable(why)
    drain_s, idle_s = (QUICK_DRAIN_S, QUICK_IDLE_S) if options.quick else (DRAIN_S, IDLE_S)
    wanted = settings(
        options.shapes, options.contexts, options.buffers,
        seconds_of if options.seconds is None else lambda context, buffer: options.seconds,
    )  # fmt: skip
    rounds = in_rounds(
        wanted, options.repeats, has_network,
        lambda setting, folder, network: measure(setting, folder, network, options.rate, drain_s, idle_s),
    )  # fmt: skip
    made = report.make(rounds, rate_in_words(options.rate), drain_s, ON_NETWORK if has_network else COUNTED)
    print(report.table(made), end="")
    if options.report is not None:
        report.write(made, options.report)
    return 0


if __name__ == "__main__":
    sys.exit(run("overhead", main))
