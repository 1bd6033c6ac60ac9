"""`headwater bench latency`: time in nodes, on hops and from end to end, with provenance and without.

Everything runs on one machine and has one clock. Stamps tell when a batch was received and sent at every node; without
provenance there are none, so an eye on all logs sees too when each batch is durable. Settings are interleaved: every
repeat measures each once.
"""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from benchmarks.grid import network
from benchmarks.grid.choices import numbers, some_of
from benchmarks.grid.load import CONTEXTS
from benchmarks.grid.shapes import SHAPES, network_of, shape
from benchmarks.latency import report
from benchmarks.latency.measure import Run, Setting, measure

REPEATS, SECONDS, QUICK_S = 3, 60.0, 2.0
MEASURED = ("none", "four", "six", "full")
BUFFERS = (10, 50, 100)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="headwater bench latency", description=__doc__)
    made.add_argument("--report", type=Path, metavar="FILE", help="write JSON here; CSV, Markdown and a plot beside it")
    made.add_argument("--shapes", type=some_of(SHAPES), default=SHAPES[:5], metavar="SHAPE,...", help="only these")
    made.add_argument("--contexts", type=some_of(tuple(CONTEXTS)), default=MEASURED, metavar="CONTEXT,...")
    made.add_argument("--buffers", type=numbers, default=BUFFERS, metavar="N,...", help="BUFFER_CAPACITY (10,50,100)")
    made.add_argument(
        "--rate",
        type=float,
        metavar="N",
        help="readings a second of each sensor group (as in 2018: 14 meters a second)",
    )
    made.add_argument("--seconds", type=float, default=SECONDS, metavar="S", help=f"send so long ({SECONDS:g})")
    made.add_argument("--repeats", type=int, default=REPEATS, metavar="N", help=f"how often each ({REPEATS})")
    made.add_argument("--loopback", action="store_true", help="no hosts of their own")
    made.add_argument("--quick", action="store_true", help="none and full for some seconds, to see that it works")
    return made


def main() -> int:
    options = parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if not options.loopback and (why := "" if network.is_inside() else network.problem()):
        print(f"on loopback: a network of its own is not possible here: {why}", file=sys.stderr)
        options.loopback = True
    if not options.loopback:
        network.enter("benchmarks.latency")
    if options.quick:
        options.contexts, options.buffers, options.repeats, options.seconds = ("none", "full"), (10,), 1, QUICK_S
    rounds: list[list[Run]] = [[] for _ in range(options.repeats)]
    for name in options.shapes:
        hosts = None if options.loopback else network_of(shape(name))
        if hosts is not None:
            hosts.build()
        wanted = [Setting(name, context, buffer) for buffer in options.buffers for context in options.contexts]
        for number, measured in enumerate(rounds, 1):
            for setting in wanted if number % 2 else reversed(wanted):
                with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder:
                    measured.append(measure(setting, Path(folder), hosts, options.rate, options.seconds))
                print(f"repeat {number}, {report.line(measured[-1])}", flush=True)
    load = (
        "14 meters a second and group" if options.rate is None else f"{options.rate:,.0f} readings a second and group"
    )
    made = report.make(rounds, load + (", on loopback" if options.loopback else ""), options.seconds)
    print(report.table(made), end="")
    if options.report is not None:
        report.write(made, options.report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
