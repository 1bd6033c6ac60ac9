"""The rules of `conftest.py`, tried on a small suite of their own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = """
import pytest

def test_skips_for_comfort():
    pytest.skip("not today")

def test_skips_for_the_machine():
    pytest.skip("machine cannot: it has no second disk")

@pytest.mark.xfail(reason="known")
def test_is_known_to_fail():
    assert 1 == 2

def test_reads_measured_data(test_data):
    assert test_data.is_dir()
"""
MODULE = "import pytest\npytest.skip('not here', allow_module_level=True)\n"


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "test_suite.py").write_text(SUITE)
    return tmp_path


def run(suite: Path, **environment: str) -> tuple[int, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "HEADWATER_TEST_DATA")}
    options = ["-q", "-ra", "-p", "no:randomly", "-p", "no:cacheprovider", f"--rootdir={suite}", str(suite)]
    command = [sys.executable, "-m", "pytest", *options]
    done = subprocess.run(
        command, env=kept | environment, cwd=suite, capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout


def test_a_developer_may_skip(suite: Path) -> None:
    code, output = run(suite)
    assert code == 0, output
    assert "3 skipped, 1 xfailed" in output
    assert "needs HEADWATER_TEST_DATA" in output


def test_a_skip_fails_in_ci_unless_the_machine_cannot(suite: Path) -> None:
    code, output = run(suite, CI="true", HEADWATER_TEST_DATA=str(suite))
    assert code == 1
    assert "1 failed, 1 passed, 1 skipped, 1 xfailed" in output
    assert "skipped, which CI does not allow: not today" in output


def test_a_skipped_module_fails_in_ci(suite: Path) -> None:
    (suite / "test_suite.py").write_text(MODULE)
    code, output = run(suite, CI="true")
    assert code != 0
    assert "skipped, which CI does not allow: not here" in output
