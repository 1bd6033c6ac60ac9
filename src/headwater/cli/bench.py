"""`headwater bench`: runs a benchmark of the `benchmarks` folder, in a checkout or beside an installed package."""

import os
import subprocess
import sys
from pathlib import Path

import headwater
from headwater.model.errors import ConfigError

USAGE = """usage: headwater bench NAME [options]

Measures Headwater on this machine. Figures depend on what else runs here: compare ratios within one run.

benchmarks:
{names}

headwater bench NAME --help lists the options of one, for example:
  headwater bench throughput --rounds 5 --report throughput.json"""


def main(arguments: list[str]) -> int:
    """Run one benchmark; give its exit code."""
    folder = benchmarks()
    names = names_in(folder)
    if not arguments or arguments[0] in ("--help", "-h"):
        print(USAGE.format(names="\n".join(f"  {name}" for name in names)))
        return 0
    name, *options = arguments
    if name not in names:
        raise ConfigError(f'no benchmark "{name}": there are {", ".join(names)}')
    path = os.pathsep.join([str(folder.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", f"benchmarks.{name}", *options]
    return subprocess.run(command, check=False, env={**os.environ, "PYTHONPATH": path}).returncode


def benchmarks() -> Path:
    """The folder of the benchmarks; ConfigError when they are not installed."""
    package = Path(headwater.__file__).parent
    for folder in (package / "bench" / "benchmarks", package.parents[1] / "benchmarks"):
        if (folder / "__main__.py").exists():
            return folder
    raise ConfigError("the benchmarks are not here: run this in a checkout of the project")


def names_in(folder: Path) -> list[str]:
    """What can be run there."""
    files = folder.glob("[!_]*")
    return sorted(file.stem for file in files if file.suffix == ".py" or (file / "__main__.py").exists())
