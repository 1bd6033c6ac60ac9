"""A Java runtime of a version that a server runs on."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from headwater.services.needs import NotHere, Say

PACKAGE = "openjdk-17-jre-headless"
INSTALLED = Path("/usr/lib/jvm")
_VERSION = re.compile(r'^JAVA_VERSION="(?P<major>[0-9]+)', re.MULTILINE)


class Java:
    """A runtime between two major versions, both included."""

    def __init__(self, lowest: int, highest: int) -> None:
        self.lowest = lowest
        self.highest = highest

    def missing(self) -> str:
        return "" if self._find() else f"Java {self.lowest} to {self.highest} (JAVA_HOME, PATH and {INSTALLED})"

    def packages(self) -> tuple[str, ...]:
        return (PACKAGE,)

    def install(self, say: Say) -> None:
        """Its package is all there is to it."""

    def program(self) -> str:
        """The path of `java`; NotHere when there is none of these versions."""
        home = self._find()
        if home is None:
            raise NotHere(f"{self.missing()} is not here; as root: apt-get install {PACKAGE}")
        return str(home / "bin/java")

    def _find(self) -> Path | None:
        return next((home for home in _homes() if self.lowest <= _major(home) <= self.highest), None)


def _homes() -> Iterator[Path]:
    """Folders that may hold a runtime, the one that was chosen first."""
    if named := os.environ.get("JAVA_HOME"):
        yield Path(named)
    if found := shutil.which("java"):
        yield Path(found).resolve().parent.parent
    if INSTALLED.is_dir():
        yield from sorted(INSTALLED.iterdir())


def _major(home: Path) -> int:
    """The version of a runtime as its own file tells it; 0 when there is none, or no such file."""
    if not os.access(home / "bin/java", os.X_OK):
        return 0
    try:
        found = _VERSION.search((home / "release").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return 0
    return int(found["major"]) if found else 0
