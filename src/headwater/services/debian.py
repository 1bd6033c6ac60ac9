"""Debian packages, installed where that is allowed, without starting their daemons."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from headwater.services.needs import Say

POLICY = Path("/usr/sbin/policy-rc.d")
"""What packages ask before they start a daemon; exit code 101 is a no."""
APT = ("apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300")
INSTALL_S_MAX = 900.0


def install(packages: Iterable[str], say: Say) -> str:
    """Install packages; empty when that is done, otherwise the reason why not."""
    wanted = sorted(set(packages))
    if not wanted:
        return ""
    if os.geteuid() != 0 or not shutil.which(APT[0]):
        return f"as root: apt-get install --no-install-recommends {' '.join(wanted)}"
    say(f"installing {' '.join(wanted)}")
    with _starting_nothing():
        return _run("update") or _run("install", "-y", "--no-install-recommends", *wanted)


def _run(*arguments: str) -> str:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            [*APT, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=INSTALL_S_MAX,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        return f"apt-get {arguments[0]} took longer than {INSTALL_S_MAX:.0f} s"
    return f"apt-get {arguments[0]} failed: {' '.join(done.stderr.split())[-300:]}" if done.returncode else ""


@contextlib.contextmanager
def _starting_nothing() -> Iterator[None]:
    """Meanwhile no package starts its daemon; a policy that this machine has already stays."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)
