"""Writes the tables of the reference pages from what the code says, so that they cannot fall behind: `make reference`.

A page has the line `<!-- generated: NAME -->` where the part of that name goes, and `<!-- end -->` behind it; what lies
between is replaced. The sentence of a configuration key or of a field is the docstring below it in the code.
"""

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path

from scripts import reference_api, reference_cassandra, reference_cli, reference_config

ROOT = Path(__file__).parent.parent
PARTS: dict[str, Callable[[], dict[str, str]]] = {
    "docs/cli.md": reference_cli.parts,
    "docs/configuration.md": reference_config.parts,
    "docs/api.md": reference_api.parts,
    "docs/cassandra.md": reference_cassandra.parts,
}
"""The pages, and what makes their parts by name."""

_PART = re.compile(r"(<!-- generated: ([^>]+?) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def page_faults(page: str) -> list[str]:
    """What a page lacks or has too much, as sentences."""
    named = [name for _, name, _, _ in _PART.findall((ROOT / page).read_text())]
    made = PARTS[page]()
    faults = [
        f"{page} has no place for {name}: write a heading and a sentence about it, below them the two lines "
        f'"<!-- generated: {name} -->" and "<!-- end -->", and run make reference'
        for name in made
        if name not in named
    ]
    return faults + [
        f"{page} has a place for {name}, which is not there any more" for name in named if name not in made
    ]


def written(page: str) -> str:
    """The page as it ought to be."""
    made = PARTS[page]()
    text = (ROOT / page).read_text()
    return _PART.sub(lambda found: f"{found[1]}{made.get(found[2], '')}{found[4]}", text)


def main() -> int:
    argparse.ArgumentParser(description=__doc__).parse_args()
    faults = []
    for page in PARTS:
        faults += page_faults(page)
        (ROOT / page).write_text(written(page))
    print("\n".join(faults), file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
