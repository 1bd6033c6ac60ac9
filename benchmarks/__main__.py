"""`make bench`: every benchmark of this folder, one after the other.

`python -m benchmarks NAME [OPTIONS]`, or `headwater bench NAME [OPTIONS]`, runs one. Campaigns of hours run for some
seconds here.

Figures depend on the machine and on what else runs there: compare ratios within one run.
"""

import subprocess
import sys
from pathlib import Path

CAMPAIGNS = ("dashboard", "failure", "latency", "overhead")
"""They take hours, or a browser; among all benchmarks they only show that they work."""


def names() -> list[str]:
    """The benchmarks there are."""
    files = Path(__file__).parent.glob("[!_]*")
    return sorted(file.stem for file in files if file.suffix == ".py" or (file / "__main__.py").exists())


def main(arguments: list[str]) -> int:
    """Run the named benchmark with its options, or all."""
    wanted, options = arguments[:1], arguments[1:]
    if wanted and wanted[0] not in names():
        print(f"no benchmark {wanted[0]}: there are {', '.join(names())}", file=sys.stderr)
        return 2
    for name in wanted or names():
        given = ["--quick"] if not wanted and name in CAMPAIGNS else options
        print(" ".join(["==", name, *given]), flush=True)
        status = subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *given], check=False).returncode
        if status:
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
