"""Runs the simulation over many seeds and prints every one that breaks an invariant: `make simulate SEED=8123`."""

import argparse
import time

from tests.simulation.run import Failure, simulate

PROGRESS_EVERY_S = 30.0


def main() -> int:
    """0 when every seed held, 1 otherwise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seeds", type=int, default=1, metavar="N", help="how many seeds (default 1: replayed with its events)"
    )
    parser.add_argument("--from", type=int, default=1, metavar="S", dest="first", help="the first seed")
    options = parser.parse_args()
    failures = run(options.first, options.seeds)
    print(f"{options.seeds} seeds from {options.first}: {failures} failed")
    return int(failures > 0)


def run(first: int, seeds: int) -> int:
    """How many of the seeds failed."""
    failures, due = 0, time.monotonic() + PROGRESS_EVERY_S
    for seed in range(first, first + seeds):
        result = simulate(seed)
        if isinstance(result.failure, Failure):
            failures += 1
            print(f"seed {seed}: {result.failure}\n  after {', '.join(result.events)}", flush=True)
        elif seeds == 1:
            print(f"seed {seed} holds: {result.summary}\n  after {', '.join(result.events)}")
        if time.monotonic() > due:
            due = time.monotonic() + PROGRESS_EVERY_S
            print(f"… seed {seed}, {failures} failed", flush=True)
    return failures


if __name__ == "__main__":
    raise SystemExit(main())
