"""The promises of `scripts/setup` and of the lock files."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.lock", "requirements-stubs.lock")
SERVERS = ("src/headwater/services/locks/keystone.txt", "src/headwater/services/locks/swift.txt")
TOOLS = ("cat", "cksum", "dirname", "grep", "rm", "sh")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what setup reads, with a PATH folder `bin` that holds neither git nor a Python."""
    (tmp_path / "scripts").mkdir()
    (tmp_path / "bin").mkdir()
    for name in ("scripts/setup", "pyproject.toml", *LOCKS):
        shutil.copy(ROOT / name, tmp_path / name)
    for tool in TOOLS:
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or "")
    return tmp_path


def setup(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(checkout / "bin"), "HOME": os.environ.get("HOME", "/")}
    command = [str(checkout / "scripts/setup"), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def test_setup_without_git_says_the_apt_line(checkout: Path) -> None:
    done = setup(checkout)
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["setup: needs git; on Debian or Ubuntu: apt-get install git"]


def test_setup_without_python_says_the_apt_line(checkout: Path) -> None:
    (checkout / "bin/git").symlink_to(shutil.which("git") or "")
    done = setup(checkout)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "Python >= 3.11" in done.stderr
    assert "apt-get install python3 python3-venv" in done.stderr


def test_setup_of_an_unknown_environment_names_it(checkout: Path) -> None:
    done = setup(checkout, "windows")
    assert done.returncode == 1
    assert "'windows'" in done.stderr


@pytest.mark.parametrize("lock", LOCKS + SERVERS)
def test_a_lock_pins_every_package_with_hashes_and_names_no_host(lock: str) -> None:
    text = (ROOT / lock).read_text()
    entries = re.findall(r"^[a-z0-9][^\n]*(?:\n +--hash=[^\n]*)*", text, re.MULTILINE)
    assert entries
    assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []
    assert "://" not in text
    assert "--index" not in text


def test_the_locks_hold_everything_that_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["server"]]
    asked += [entry for group in project["dependency-groups"].values() for entry in group if isinstance(entry, str)]
    locked = {name for lock in LOCKS for name in re.findall(r"^[a-z0-9-]+", (ROOT / lock).read_text(), re.MULTILINE)}
    assert {re.split(r"[<>=]", entry)[0] for entry in asked} - locked == set()
