"""`make bench`: every benchmark of this folder, one after the other; `python -m benchmarks NAME` runs one.

Figures depend on the machine and on what else runs there: compare ratios within one run.
"""

import subprocess
import sys
from pathlib import Path


def names() -> list[str]:
    """The benchmarks there are."""
    return sorted(file.stem for file in Path(__file__).parent.glob("*.py") if not file.stem.startswith("_"))


def main(wanted: list[str]) -> int:
    """Run the named benchmarks, or all."""
    unknown = set(wanted) - set(names())
    if unknown:
        print(f"no benchmark {', '.join(sorted(unknown))}: there are {', '.join(names())}", file=sys.stderr)
        return 2
    for name in wanted or names():
        print(f"== {name}", flush=True)
        status = subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode
        if status:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
