"""A Python environment of its own for a server from PyPI, as locked and hashed, kept outside the work tree."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from headwater.services.jars import LOCKS
from headwater.services.needs import NotHere, Say, cache_folder

INSTALL_S_MAX = 900.0
PROGRAMS = Path(__file__).parent / "programs"
"""Programs that run in these environments, and import nothing of Headwater."""


class Environment:
    """The packages of the lock `locks/NAME.txt`, and what is made of them once."""

    def __init__(
        self, name: str, finish: Callable[["Environment"], None] = lambda environment: None, made_of: str = ""
    ) -> None:
        """`finish` makes whatever else every start needs, in the folder of the environment, out of `made_of`."""
        self.name = name
        self._finish = finish
        self._made_of = made_of
        self._lock = LOCKS / f"{name}.txt"

    @property
    def folder(self) -> Path:
        """Where it is once it is installed; another lock or another Python has another folder."""
        digest = hashlib.sha256(self._lock.read_bytes() + self._made_of.encode()).hexdigest()[:12]
        return cache_folder() / "python" / f"{self.name}-{digest}-{sys.version_info[0]}.{sys.version_info[1]}"

    @property
    def python(self) -> Path:
        return self.folder / "bin/python"

    def command(self, program: str, *arguments: str) -> tuple[str, ...]:
        """How to run one of the programs in it."""
        return (str(self.python), str(PROGRAMS / program), *arguments)

    def missing(self) -> str:
        return "" if self._done.exists() else f"the Python packages of {self.name}"

    def packages(self) -> tuple[str, ...]:
        return ()

    def install(self, say: Say) -> None:
        """Make the environment; NotHere with the reason when that cannot be done."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        with self.folder.with_name(f"{self.folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self.missing():
                return
            say(f"{self.name}: installing its Python packages")
            shutil.rmtree(self.folder, ignore_errors=True)
            run([sys.executable, "-m", "venv", str(self.folder)])
            pip = [str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
            run([*pip, "--require-hashes", "-r", str(self._lock)])
            self._finish(self)
            self._done.touch()

    @property
    def _done(self) -> Path:
        return self.folder / "installed"


def run(command: list[str]) -> None:
    """Run a step of an installation; NotHere with the end of what it said when it fails."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=INSTALL_S_MAX
        )
    except subprocess.TimeoutExpired:
        raise NotHere(f"{' '.join(command[:4])} took longer than {INSTALL_S_MAX:.0f} s") from None
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())[-400:]
        raise NotHere(f"{' '.join(command[:4])} failed with exit code {done.returncode}: {said}")
