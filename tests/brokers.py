"""A real Mosquitto for tests: on a loopback port of its own, with persistence on every change."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.config.ports import free_ports
from tests.conftest import MACHINE_CANNOT

WAIT_S = 60.0


def mosquitto() -> str:
    """The program; the test is skipped when it is not on this machine."""
    found = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"{MACHINE_CANNOT} there is no mosquitto; scripts/servers installs it")
    return found


class Broker:
    """One broker with its folder and port, over all its lives."""

    def __init__(self, folder: Path, *lines: str, program: str | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (self.port,) = free_ports(1)
        self._program = program or mosquitto()
        self._folder = folder
        self._log = folder / "mosquitto.log"
        self._configuration = folder / "mosquitto.conf"
        always = (
            f"listener {self.port} 127.0.0.1",
            "user root" if os.geteuid() == 0 else "",
            "persistence true",
            f"persistence_location {folder}/",
            "autosave_on_changes true",
            "autosave_interval 1",
            "max_queued_messages 0",
            "set_tcp_nodelay true",
        )
        anonymous = () if any(line.startswith("allow_anonymous") for line in lines) else ("allow_anonymous true",)
        self._configuration.write_text("\n".join([*always, *anonymous, *lines, ""]))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([self._program, "-c", str(self._configuration)], stdout=log, stderr=log)
        deadline = time.monotonic() + WAIT_S
        while not self._answers():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, "Mosquitto never answered"
            time.sleep(0.01)

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End it, without a word unless another signal is given."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(WAIT_S)
            self._process = None

    def saved(self) -> bytes:
        """What it has saved of sessions and messages, as a file; nothing before the first time."""
        file = self._folder / "mosquitto.db"
        return file.read_bytes() if file.exists() else b""

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False


@contextlib.contextmanager
def broker(folder: Path, *lines: str) -> Iterator[Broker]:
    """A broker that answers, with more lines in its configuration; it is gone afterwards."""
    made = Broker(folder, *lines)
    made.start()
    try:
        yield made
    finally:
        made.kill()
