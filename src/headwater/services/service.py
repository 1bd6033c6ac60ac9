"""One server as a process of this machine, over all its lives: started, waited for, stopped, killed, started again."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from headwater.config.address import parse_address
from headwater.model.errors import Unavailable

START_S_MAX = 120.0
STOP_S_MAX = 20.0
POLL_S = 0.02
PROBE_S_MAX = 5.0
ANSWER_BYTES = 4096
LOG_LINES = 20
LINE_CHARS_MAX = 400
LOG_BYTES_READ = 65_536


@dataclass(frozen=True)
class Launch:
    """How to start a server whose folder is prepared, and how to see that it is ready."""

    command: tuple[str, ...]
    addresses: Mapping[str, str]
    """host:port by the name of the port; the first is the one that clients use."""
    ready: Callable[[], bool]
    """Whether it answers as it should; may be asked at any time, and raises nothing."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Set beside those of this process."""
    after: Sequence[str] = ()
    """A command that ends what the server leaves running, such as a daemon that it shares with others."""
    usage: Sequence[str] = ()
    """Lines for a person: how to use it."""


class NotStarted(Unavailable):
    """A server ended while it started, or did not answer in time; `what` says so, `said` is the end of its log."""

    def __init__(self, what: str, said: str) -> None:
        super().__init__(f"{what}; the end of its log:\n{said}" if said else f"{what}; it wrote nothing to its log")
        self.what = what
        self.said = said


class Service:
    """A server in a folder that holds all its state and its log. Not for use from several threads at once."""

    def __init__(self, name: str, folder: Path, launch: Launch) -> None:
        self.name = name
        self.folder = folder
        self.addresses = launch.addresses
        self.usage = launch.usage
        self.log = folder / f"{name}.log"
        self._launch = launch
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """host:port of the port that clients use."""
        return next(iter(self.addresses.values()))

    @property
    def port(self) -> int:
        return parse_address(self.address).port

    @property
    def pid(self) -> int | None:
        """The process that was started, which leads its own session; None when there is none."""
        return self._process.pid if self._process is not None else None

    @property
    def exit_code(self) -> int | None:
        """Of a server that ended by itself; None while it runs or after a stop."""
        return self._process.poll() if self._process is not None else None

    def start(self) -> None:
        """Start it without waiting; Unavailable when it runs, or another has a port of it.

        It gets SIGTERM when the thread that started it ends, however that ends.
        """
        if self._process is not None:
            raise Unavailable(f"{self.name} is running already in {self.folder}")
        for name, address in self.addresses.items():
            # Else whoever is there would be taken for ours.
            if listens(address):
                raise Unavailable(f"{self.name} cannot have {address} ({name}): something listens there already")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*_dying_with_us(), *self._launch.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self._launch.environment},
                cwd=self.folder,
                start_new_session=True,
            )

    def is_ready(self) -> bool:
        """Whether it answers; NotStarted when its process has ended."""
        if self.exit_code is not None:
            raise NotStarted(f"{self.name} ended with exit code {self.exit_code}", self.logs())
        return self._process is not None and self._launch.ready()

    def wait(self, timeout_s: float = START_S_MAX) -> None:
        """Wait until it answers; NotStarted when it ended, or does not answer in time."""
        deadline_s = time.monotonic() + timeout_s
        while not self.is_ready():
            if time.monotonic() > deadline_s:
                raise NotStarted(f"{self.name} did not answer within {timeout_s:.0f} s", self.logs())
            time.sleep(POLL_S)

    def terminate(self) -> None:
        """SIGTERM, without waiting."""
        if self._process is not None:
            self._process.terminate()

    def stop(self, timeout_s: float = STOP_S_MAX) -> None:
        """SIGTERM, then SIGKILL; no process of it is left. Nothing when it does not run."""
        self.terminate()
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout_s)
        self.kill()

    def kill(self) -> None:
        """SIGKILL to all its processes. Nothing when it does not run."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None
        if self._launch.after:
            environment = {**os.environ, **self._launch.environment}
            subprocess.run(self._launch.after, env=environment, capture_output=True, check=False, timeout=STOP_S_MAX)

    def logs(self, lines: int = LOG_LINES) -> str:
        """The last lines of what it wrote, long ones cut."""
        with contextlib.suppress(FileNotFoundError), self.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_BYTES_READ))
            last = log.read().decode(errors="replace").splitlines()[-lines:]
            return "\n".join(line[:LINE_CHARS_MAX] for line in last)
        return ""

    def begin(self, timeout_s: float = START_S_MAX) -> None:
        """Start it, and wait until it answers; NotStarted when that fails, and then nothing of it runs."""
        self.start()
        try:
            self.wait(timeout_s)
        except BaseException:
            self.kill()
            raise

    def __enter__(self) -> Self:
        self.begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def listens(address: str) -> bool:
    """Whether something accepts connections there."""
    host, port = parse_address(address)
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=PROBE_S_MAX):
        return True
    return False


def exchanged(address: str, request: bytes) -> bytes:
    """The beginning of what is answered to a request there; empty when nothing is."""
    host, port = parse_address(address)
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=PROBE_S_MAX) as connection:
        connection.sendall(request)
        return connection.recv(ANSWER_BYTES)
    return b""


def _dying_with_us() -> tuple[str, ...]:
    """What to put before a command so that its process does not outlive ours, where the system has that."""
    found = shutil.which("setpriv")
    return (found, "--pdeathsig", "TERM", "--") if found else ()
