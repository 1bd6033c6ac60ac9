"""Documents that cannot lie: their links lead somewhere, the tests they name exist, the commands they show are ours."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.cli.main import COMMANDS

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("decisions/*.md")])
LINK = re.compile(r"\]\(([^)#]+?)(?:#[^)]*)?\)")
TEST = re.compile(r"(tests/[\w/]+\.py)::(\w+)")
COMMAND = re.compile(r"(?:\.venv/bin/)?headwater ([a-z]+)\b")
MAKE = re.compile(r"`?make ([a-z-]+)\b")


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    targets = [target for target in LINK.findall(page.read_text()) if "://" not in target]
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_test_that_is_named_exists(page: Path) -> None:
    missing = [
        f"{file}::{test}"
        for file, test in TEST.findall(page.read_text())
        if not (ROOT / file).exists() or f"def {test}(" not in (ROOT / file).read_text()
    ]
    assert not missing


def shown(page: Path) -> Iterator[str]:
    """The lines of code blocks, and what stands between backquotes."""
    text = page.read_text()
    for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL):
        yield from block.splitlines()
    yield from re.findall(r"`([^`\n]+)`", text)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_command_that_is_shown_exists(page: Path) -> None:
    used = {found.group(1) for line in shown(page) if (found := COMMAND.match(line))}
    assert used <= {command.name for command in COMMANDS}


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    used = {
        target for page in PAGES for line in shown(page) for target in MAKE.findall(line) if line.startswith("make")
    }
    assert used <= targets
