"""`headwater bench latency`: time in nodes, on hops and from end to end, with provenance and without.

Everything runs on one machine and has one clock. Stamps tell when a batch was received and sent at every node; without
provenance there are none, so an eye on all logs sees too when each batch is durable. Settings are interleaved: every
repeat measures each once. Where no network of its own is possible all runs on loopback.

--turns N takes N pairs of slices instead: two topologies, without provenance and with, run beside each other on
loopback and get a second of load in turns. What else the machine does meets both alike, so the ratio of their medians
says more.

A topology that runs already (--server) is asked through its API: time in nodes, on hops and from the first node to the
endpoint, from the stamps of what arrives meanwhile. Hops between machines compare their clocks; the report has the
offsets that the nodes have estimated.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.grid.choices import add_matrix, on_network, parser, rate_in_words, run
from benchmarks.grid.report import ON_LOOPBACK, ON_NETWORK
from benchmarks.grid.settings import in_rounds, settings
from benchmarks.latency import asked, report, turned
from benchmarks.latency.measure import measure
from benchmarks.latency.turns import measure as measure_turns

REPEATS, SECONDS, QUICK_S = 3, 60.0, 2.0
SLICE_S, QUICK_SLICE_S, RATE = 1.0, 0.2, 1000.0
MEASURED = ("none", "four", "six", "full")
BUFFERS = (10, 50, 100)
EXAMPLES = """
  headwater bench latency --report latency.json          all shapes, contexts and buffers: takes hours
  headwater bench latency --shapes fork --contexts none,full --buffers 10 --seconds 20
  headwater bench latency --turns 100 --shapes single,fork --contexts full --rate 1000
  headwater bench latency --server http://127.0.0.1:5000 --seconds 60"""


def options_of() -> argparse.ArgumentParser:
    made = parser("latency", __doc__, EXAMPLES)
    add_matrix(made, MEASURED, BUFFERS, REPEATS)
    made.add_argument("--seconds", type=float, metavar="S", help=f"measure so long ({SECONDS:g})")
    made.add_argument("--turns", type=int, metavar="N", help="N pairs of slices of each context and none, on loopback")
    return made


def main() -> int:
    options = options_of().parse_args()
    if options.quick:
        options.contexts, options.buffers, options.repeats = ("none", "full"), (10,), 1
    seconds = options.seconds or (QUICK_S if options.quick else SECONDS)
    if options.server is not None:
        answer = asked.watch(options.server, options.repeats, seconds)
        print(asked.table(answer), end="")
        if options.report is not None:
            asked.write(answer, options.report)
        return 0
    if options.turns is not None:
        return _turns(options, options.seconds or (QUICK_SLICE_S if options.quick else SLICE_S))
    has_network = on_network("benchmarks.latency", options.loopback, "where all share one host")
    rounds = in_rounds(
        settings(options.shapes, options.contexts, options.buffers, lambda context, buffer: seconds),
        options.repeats, has_network,
        lambda setting, folder, network: measure(setting, folder, network, options.rate),
    )  # fmt: skip
    made = report.make(rounds, rate_in_words(options.rate), ON_NETWORK if has_network else ON_LOOPBACK)
    print(report.table(made), end="")
    if options.report is not None:
        report.write(made, options.report)
    return 0


def _turns(options: argparse.Namespace, seconds: float) -> int:
    """Provenance and none in turns."""
    found = []
    for shape in options.shapes:
        for context in (one for one in options.contexts if one != "none"):
            with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder:
                found.append(measure_turns(shape, context, options.rate or RATE, options.turns, seconds, Path(folder)))
            print(found[-1], flush=True)
    made = turned.Turned(where=ON_LOOPBACK, seconds=seconds, turns=found)
    print(turned.table(made), end="")
    if options.report is not None:
        turned.write(made, options.report)
    return 0


if __name__ == "__main__":
    sys.exit(run("latency", main))
