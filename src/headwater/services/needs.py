"""What a server needs on this machine: a part that says what is missing, and gets it."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from headwater.model.errors import Unavailable

CACHE_KEY = "HEADWATER_CACHE"
"""An environment variable: the folder that holds what was installed for all work trees."""
SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/sbin")

Say = Callable[[str], None]
"""Takes a line about what is going on."""


class NotHere(Unavailable):
    """A server cannot be had on this machine; the message says what is missing and how to get it."""


class Need(Protocol):
    """One thing without which a server cannot start."""

    def missing(self) -> str:
        """What is missing, as a phrase; empty when nothing is."""
        ...

    def packages(self) -> tuple[str, ...]:
        """The Debian packages that help, now that something is missing."""
        ...

    def install(self, say: Say) -> None:
        """Get what packages do not bring; NotHere with the reason when that cannot be done."""
        ...


class Program:
    """A program of a Debian package, or another that does the same."""

    def __init__(self, name: str, package: str, *instead: str) -> None:
        self.names = (name, *instead)
        self.package = package

    def missing(self) -> str:
        return "" if self._find() else f"the program {' or '.join(self.names)}"

    def packages(self) -> tuple[str, ...]:
        return (self.package,)

    def install(self, say: Say) -> None:
        """Its package is all there is to it."""

    def path(self) -> str:
        """Where it is; NotHere when it is nowhere."""
        found = self._find()
        if found is None:
            raise NotHere(f"{self.missing()} is not here; as root: apt-get install {self.package}")
        return found

    def _find(self) -> str | None:
        return next(filter(None, map(find_program, self.names)), None)


def find_program(name: str) -> str | None:
    """The path of a program, also of one that only root has in its PATH; a name with a slash is a path itself."""
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", os.defpath), *SYSTEM_FOLDERS)))


def cache_folder() -> Path:
    """Where installed servers are kept, outside every work tree."""
    if named := os.environ.get(CACHE_KEY):
        return Path(named).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "headwater"
