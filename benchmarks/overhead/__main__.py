"""`headwater bench overhead`: bytes per reading and component, with any context and without provenance.

Each node, group of sensors and server is a host of a network of its own; bytes are those that the interfaces count, all
headers included, from the first connection of the sensors to the end of a drain. Settings are interleaved: every repeat
measures each once.
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
from benchmarks.overhead import report
from benchmarks.overhead.measure import Run, measure
from benchmarks.overhead.settings import BUFFERS, DRAIN_S, settings

REPEATS = 3
IDLE_S = 5.0
QUICK_S, QUICK_DRAIN_S, QUICK_IDLE_S = 2.0, 0.5, 0.5


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="headwater bench overhead", description=__doc__)
    made.add_argument("--report", type=Path, metavar="FILE", help="write JSON here; CSV, Markdown and a plot beside it")
    made.add_argument("--shapes", type=some_of(SHAPES), default=SHAPES[:5], metavar="SHAPE,...", help="only these")
    made.add_argument("--contexts", type=some_of(tuple(CONTEXTS)), default=tuple(CONTEXTS), metavar="CONTEXT,...")
    made.add_argument("--buffers", type=numbers, default=BUFFERS, metavar="N,...", help="BUFFER_CAPACITY (1,5,10)")
    made.add_argument(
        "--rate",
        type=float,
        metavar="N",
        help="readings a second of each sensor group (as in 2018: 14 meters a second)",
    )
    made.add_argument("--seconds", type=float, metavar="S", help="send so long (120 for none and full at 10, else 20)")
    made.add_argument("--repeats", type=int, default=REPEATS, metavar="N", help=f"how often each ({REPEATS})")
    made.add_argument("--quick", action="store_true", help="none and full for some seconds, to see that it works")
    return made


def main() -> int:
    options = parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    network.enter("benchmarks.overhead")
    drain_s, idle_s = (QUICK_DRAIN_S, QUICK_IDLE_S) if options.quick else (DRAIN_S, IDLE_S)
    if options.quick:
        options.contexts, options.buffers, options.repeats = ("none", "full"), (10,), 1
        options.seconds = options.seconds or QUICK_S
    rounds: list[list[Run]] = [[] for _ in range(options.repeats)]
    wanted = settings(options.shapes, options.contexts, options.buffers, options.seconds)
    for name, of_shape in wanted.items():
        hosts = network_of(shape(name))
        hosts.build()
        for number, measured in enumerate(rounds, 1):
            for setting in of_shape if number % 2 else reversed(of_shape):
                with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder:
                    measured.append(measure(setting, Path(folder), hosts, options.rate, drain_s, idle_s))
                print(f"repeat {number}, {report.line(measured[-1])}", flush=True)
    load = (
        "14 meters a second and group" if options.rate is None else f"{options.rate:,.0f} readings a second and group"
    )
    made = report.make(rounds, load, drain_s)
    print(report.table(made), end="")
    if options.report is not None:
        report.write(made, options.report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
