"""The page and the examples run as they stand, and say what they say they do."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from headwater.capture.options import RecorderOptions

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/capture.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
EXAMPLES = sorted((ROOT / "examples/capture").glob("*.py"))


def ran(code: list[str], folder: Path, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [sys.executable, *code],
        cwd=folder,
        env=os.environ | (environment or {}),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.splitlines()[-1][:40])
def test_each_block_of_the_page_runs_by_itself_and_prints_what_its_comments_say(block: str, tmp_path: Path) -> None:
    environment = {"CONF_LOC": "EVAR", "NODE_ID": "0000a7"}
    expected = re.findall(r"# prints (.*)", block)
    assert ran(["-c", block], tmp_path, environment).splitlines() == expected


def test_the_page_has_blocks_to_run() -> None:
    assert len(BLOCKS) >= 5
    assert any("# prints " in block for block in BLOCKS)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_each_example_runs(example: Path, tmp_path: Path) -> None:
    assert "made from" in ran([str(example), str(tmp_path / "var")], tmp_path)


def test_the_page_tells_every_option() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", PAGE, re.MULTILINE))
    options = [field for field in RecorderOptions.__struct_fields__ if field not in ("data", "node")]
    assert list(rows) == options
