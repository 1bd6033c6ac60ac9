"""The generator of the gRPC stubs: `src/headwater/wire/*_pb2*` from the `.proto` files beside them.

Runs in its own environment (`make stubs`). With `--check` it writes nothing, and fails when a committed stub is
not what the `.proto` files give.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "src"
PACKAGE = Path("headwater/wire")
OUTPUTS = ("python_out", "mypy_out", "grpc_python_out", "mypy_grpc_out")


def generate(target: Path) -> None:
    """Write the stubs of every `.proto` file below `target`; imports in them name the full package."""
    protos = sorted(str(path.relative_to(SOURCE)) for path in (SOURCE / PACKAGE).glob("*.proto"))
    plugins = [
        f"--plugin={name}={Path(sys.executable).parent / name}" for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")
    ]
    outputs = [f"--{name}={'quiet:' if 'mypy' in name else ''}{target}" for name in OUTPUTS]
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", "-I", ".", *plugins, *outputs, *protos],
        cwd=SOURCE,
        check=True,
    )


def stubs(root: Path) -> dict[str, bytes]:
    """The generated files below `root` by name."""
    return {path.name: path.read_bytes() for path in sorted((root / PACKAGE).glob("*_pb2*.py*"))}


def differences(committed: dict[str, bytes], fresh: dict[str, bytes]) -> list[str]:
    """One line for every stub that is missing, stale or without a `.proto` file."""
    missing = [f"{name} is missing" for name in fresh.keys() - committed.keys()]
    orphans = [f"{name} has no .proto file" for name in committed.keys() - fresh.keys()]
    stale = [f"{name} is stale" for name in fresh.keys() & committed.keys() if fresh[name] != committed[name]]
    return sorted(missing + orphans + stale)


def write(fresh: dict[str, bytes], names: set[str]) -> None:
    """Put the fresh stubs beside their `.proto` files and remove those whose `.proto` file is gone."""
    for name in names - fresh.keys():
        (SOURCE / PACKAGE / name).unlink()
    for name, content in fresh.items():
        (SOURCE / PACKAGE / name).write_bytes(content)


def main() -> int:
    """Generate or check; the exit code."""
    committed = stubs(SOURCE)
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        fresh = stubs(Path(folder))
    wrong = differences(committed, fresh)
    if "--check" not in sys.argv[1:]:
        write(fresh, set(committed))
        print(f"stubs: {len(wrong)} of {len(fresh)} files changed")
        return 0
    for line in wrong:
        print(f"stubs: {PACKAGE / line}; run `make stubs`", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
