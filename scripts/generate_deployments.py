"""Writes a deployment of every example topology into deploy/: `make reference`."""

import argparse
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import headwater
from headwater.config import Topology, load_topology
from headwater.deploy.compose import compose_files
from headwater.deploy.kubernetes import kubernetes_files
from headwater.deploy.plan import Wishes

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples/topologies"
KINDS: dict[str, Callable[[Topology, Wishes], Mapping[str, str]]] = {
    "compose": compose_files,
    "kubernetes": kubernetes_files,
}


def files() -> dict[Path, str]:
    """Every file below deploy/ that is written, with its text."""
    return {
        Path(kind) / example.stem / name: text
        for kind, written in KINDS.items()
        for example in sorted(EXAMPLES.glob("*.toml"))
        for name, text in written(
            load_topology(example), Wishes(name=example.stem, version=headwater.__version__)
        ).items()
    }


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    for kind in KINDS:
        shutil.rmtree(ROOT / "deploy" / kind, ignore_errors=True)
    for path, text in files().items():
        target = ROOT / "deploy" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
