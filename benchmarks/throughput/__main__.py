"""`make bench`, `headwater bench throughput`: the path measured, ours and that of 2018, interleaved in one run.

Every round measures each case once, with and without provenance one after the other, so that what else the machine
does meets them alike. Ratios are taken within a round. Ours is always synced before it is acknowledged.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.grid.network import enter
from benchmarks.throughput import ours, protocol2018, report
from benchmarks.throughput.network import NETWORK
from benchmarks.throughput.result import Case, Result

ROUNDS = 5


def cases(scale: float) -> list[Case]:
    """What a round measures; each pair is first without provenance, then with."""
    loads = [
        Case("2018", False, 1, int(4_000 * scale)),
        Case("2018", False, 1, int(3_000 * scale), 1_000.0),
        Case("ours", False, 1000, int(3_000_000 * scale)),
        Case("ours", False, 100, int(500_000 * scale)),
        Case("ours", False, 1000, int(80_000 * scale), 20_000.0),
        Case("ours", False, 1000, int(4_000 * scale), 1_000.0),
    ]
    return [case.with_provenance(on) for case in loads for on in (False, True)]


def measure(case: Case) -> Result:
    """One run of one case, from nothing."""
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder:
        runner = protocol2018.run if case.path == "2018" else ours.run
        return runner(case, Path(folder))


def main() -> int:
    parser = argparse.ArgumentParser(prog="headwater bench throughput", description=__doc__)
    parser.add_argument("--report", type=Path, metavar="FILE", help="write JSON here, Markdown and plots beside it")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help=f"how often each case runs ({ROUNDS})")
    parser.add_argument("--only", default="", metavar="TEXT", help="only cases with this in their name")
    parser.add_argument("--scale", type=float, default=1.0, metavar="F", help="part of the readings to send (1)")
    options = parser.parse_args()
    wanted = [case for case in cases(options.scale) if options.only in case.name]
    if not wanted:
        parser.error(f"--only: no case is called so; there are: {'; '.join(case.name for case in cases(1.0))}")
    enter("benchmarks.throughput")
    NETWORK.build()
    if not protocol2018.available() and any(case.path == "2018" for case in wanted):
        print("no redis-server here: the path of 2018 is left out", file=sys.stderr)
        wanted = [case for case in wanted if case.path != "2018"]
    measured: dict[Case, list[Result]] = {case: [] for case in wanted}
    for number in range(1, options.rounds + 1):
        # What the run before left for the disk to write meets each case of a pair as often as the other.
        for case in wanted if number % 2 else reversed(wanted):
            measured[case].append(measure(case))
            print(f"round {number}, {report.line(case, measured[case][-1])}", flush=True)
    made = report.make(measured)
    print(report.table(made), end="")
    if options.report is not None:
        report.write(made, options.report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
