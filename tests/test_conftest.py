"""The rules of `conftest.py`, tried on a small suite of their own."""

import os
import re
import shutil
import signal
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
LEAVES_A_FILE = """
def test_leaves_a_file_open(tmp_path):
    globals()["left"] = (tmp_path / "left").open("w")
"""
LEAVES_A_PROCESS = """
import subprocess, sys
from pathlib import Path
SLEEPS = "import os, time; os.fork() and os._exit(0); print(os.getpid(), flush=True); os.close(1); time.sleep(600)"

def test_leaves_a_process(tmp_path):
    started = subprocess.Popen([sys.executable, "-c", SLEEPS, str(tmp_path / "x")], stdout=subprocess.PIPE)
    with started.stdout as said:
        Path("pid").write_bytes(said.readline())
    started.wait()
"""
ORDER = """
import pytest

def test_is_short():
    pass

@pytest.mark.timeout(300)
def test_is_long():
    pass

@pytest.mark.timeout(600)
def test_is_longest():
    pass
"""
BESIDE = ("-p", "xdist.plugin", "-n", "2", "--dist", "worksteal")


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "test_suite.py").write_text(SUITE)
    return tmp_path


def run(suite: Path, *more: str, **environment: str) -> tuple[int, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("CI", "HEADWATER_TEST_DATA")}
    # The suite is elsewhere, and finds the fixtures that it names by this.
    root = str(Path(__file__).parent.parent)
    kept["PYTHONPATH"] = os.pathsep.join(filter(None, (root, kept.get("PYTHONPATH"))))
    kept["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    options = ["-q", "-ra", "-p", "no:cacheprovider", f"--rootdir={suite}", *more, str(suite)]
    command = [sys.executable, "-m", "pytest", *options]
    done = subprocess.run(command, env=kept | environment, cwd=suite, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_a_developer_may_skip(suite: Path) -> None:
    code, output = run(suite)
    assert code == 0, output
    assert "3 skipped, 1 xfailed" in output
    assert "needs HEADWATER_TEST_DATA" in output


@pytest.mark.parametrize("more", [(), BESIDE])
def test_a_skip_fails_in_ci_unless_the_machine_cannot(suite: Path, more: tuple[str, ...]) -> None:
    code, output = run(suite, *more, CI="true", HEADWATER_TEST_DATA=str(suite))
    assert code == 1, output
    assert "1 failed, 1 passed, 1 skipped, 1 xfailed" in output
    assert "skipped, which CI does not allow: not today" in output
    assert "machine cannot: it has no second disk" in output


@pytest.mark.parametrize("more", [(), BESIDE])
def test_a_skipped_module_fails_in_ci(suite: Path, more: tuple[str, ...]) -> None:
    (suite / "test_suite.py").write_text(MODULE)
    code, output = run(suite, *more, CI="true")
    assert code != 0
    assert "skipped, which CI does not allow: not here" in output


def test_a_file_that_is_left_open_fails(suite: Path) -> None:
    (suite / "test_suite.py").write_text(LEAVES_A_FILE)
    code, output = run(suite, *BESIDE)
    assert code == 1, output
    assert "still open when all tests were done" in output


def test_a_process_that_is_left_fails(suite: Path) -> None:
    (suite / "test_suite.py").write_text(LEAVES_A_PROCESS)
    rules = suite / "conftest.py"
    rules.write_text(re.sub("^ENDING_S_MAX = .*", "ENDING_S_MAX = 0.1", rules.read_text(), flags=re.MULTILINE))
    try:
        code, output = run(suite)
    finally:
        os.kill(int((suite / "pid").read_text()), signal.SIGKILL)
    assert code == 1, output
    assert "still running when all tests were done" in output


def test_what_may_take_longest_begins_first(suite: Path) -> None:
    (suite / "test_suite.py").write_text(ORDER)
    code, output = run(suite, "--collect-only")
    assert code == 0
    assert [line.partition("::")[2] for line in output.splitlines()[:3]] == [
        "test_is_longest", "test_is_long", "test_is_short",
    ]  # fmt: skip
