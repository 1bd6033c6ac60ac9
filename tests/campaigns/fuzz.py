"""Feeds inputs without number to what reads them, and prints every one that breaks a promise: `make fuzz`."""

import argparse
import resource
import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random

from tests.campaigns.fuzzing.target import Check, Target
from tests.campaigns.fuzzing.targets import TARGETS

PROGRESS_EVERY_S = 30.0
FAILURES_MAX = 10
GROWTH_BYTES_MAX = 64 << 20
"""How much more memory a target may hold after a tenth of the inputs; more is a leak."""


def main() -> int:
    """0 when every promise held, 1 otherwise."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = [target.name for target in TARGETS]
    parser.add_argument("--target", choices=names, action="append", help="only this one (all), repeated for more")
    parser.add_argument("--inputs", type=int, default=1, metavar="N", help="inputs for each target (1)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="what all inputs are made from (1)")
    parser.add_argument("--first", type=int, default=0, metavar="I", help="begin with this input (0)")
    options = parser.parse_args()
    failures = 0
    for target in TARGETS:
        if target.name in (options.target or names):
            failures += run(target, options.seed, options.first, options.inputs)
    return int(failures > 0)


def run(target: Target, seed: int, first: int, inputs: int) -> int:
    """How many inputs of a target broke its promise."""
    print(f"{target.name}: {target.promise}", flush=True)
    with tempfile.TemporaryDirectory(prefix=f"fuzz-{target.name}-") as folder, target.open(Path(folder)) as check:
        outcomes, failures, growth = feed(target, check, seed, first, inputs)
    counted = ", ".join(f"{count:,} {word}" for word, count in outcomes.most_common())
    print(
        f"{target.name}: {inputs:,} inputs from seed {seed}: {counted}; {failures} failed; memory +{growth >> 20} MiB"
    )
    if growth > GROWTH_BYTES_MAX:
        print(f"{target.name}: memory grew by more than {GROWTH_BYTES_MAX >> 20} MiB")
        return failures + 1
    return failures


def feed(target: Target, check: Check, seed: int, first: int, inputs: int) -> tuple[Counter[str], int, int]:
    """(how many inputs became what, how many broke a promise, how many bytes the memory grew)"""
    outcomes: Counter[str] = Counter()
    failures, begun_bytes, due_s = 0, 0, time.monotonic() + PROGRESS_EVERY_S
    for number in range(first, first + inputs):
        if number - first == inputs // 10:
            begun_bytes = _held_bytes()
        try:
            outcomes[check(Random(f"{seed}:{number}"))] += 1
        except Exception as error:
            failures += 1
            replay = f"python -m tests.campaigns.fuzz --target {target.name} --seed {seed} --first {number}"
            print(f"  {type(error).__name__}: {error}\n    {replay}", flush=True)
            if failures >= FAILURES_MAX:
                break
        if time.monotonic() > due_s:
            due_s = time.monotonic() + PROGRESS_EVERY_S
            print(f"  … {number - first + 1:,} inputs, {failures} failed", flush=True)
    return outcomes, failures, _held_bytes() - begun_bytes


def _held_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


if __name__ == "__main__":
    raise SystemExit(main())
