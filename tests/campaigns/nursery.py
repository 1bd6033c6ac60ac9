"""A process that has everything imported and forks the processes of the grid, so that a start costs milliseconds.

It ends, with every process it started, when whoever holds the other end of its socket is gone.
"""

import ctypes
import gc
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Self

_SET_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of prctl(2)."""


class Exit(Exception):
    """The other end of the socket is gone."""


class Nursery:
    """The holding end: starts and signals processes, and hears when they have ended."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self._socket = ours
        self._lines = b""
        self._ended: list[tuple[int, int]] = []
        self._started: list[int] = []
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.campaigns.nursery", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                cwd=Path(__file__).parents[2],
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
                process_group=0,
            )
        while not self._started:
            self._receive(None)
        self._started.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._process.wait()

    def start(self, arguments: list[str], environment: Mapping[str, str], output: Path) -> int:
        """Start a process; its pid."""
        self._send({"start": arguments, "environment": dict(environment), "output": str(output)})
        while not self._started:
            self._receive(None)
        return self._started.pop()

    def signal(self, pid: int, number: signal.Signals) -> None:
        """Send a signal, unless the process has ended."""
        self._send({"signal": number, "pid": pid})

    def ended(self, timeout_s: float) -> list[tuple[int, int]]:
        """(pid, exit code, negative for a signal) of what ended; waits for the first at most so long."""
        if not self._ended:
            self._receive(timeout_s)
        ended, self._ended = self._ended, []
        return ended

    def _send(self, message: object) -> None:
        self._socket.sendall(json.dumps(message).encode() + b"\n")

    def _receive(self, timeout_s: float | None) -> None:
        self._socket.settimeout(timeout_s)
        try:
            data = self._socket.recv(65_536)
        except TimeoutError:
            return
        except BlockingIOError:
            return
        finally:
            self._socket.settimeout(None)
        if not data:
            raise RuntimeError("the nursery has ended")
        *lines, self._lines = (self._lines + data).split(b"\n")
        for line in lines:
            pid, code = json.loads(line)
            if code is None:
                self._started.append(pid)
            else:
                self._ended.append((pid, code))


class _Server:
    """The forking end; a single thread, so that forks are sound."""

    def __init__(self, held: socket.socket) -> None:
        self._socket = held
        self._lines = b""
        self._living: set[int] = set()
        self._wake_reader, self._wake_writer = os.pipe()
        os.set_blocking(self._wake_writer, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_writer)

    def serve(self) -> None:
        """Say that it is ready, then do what is asked."""
        try:
            self._tell(0, None)
            # Not select(2), which knows no descriptor above 1,023: the socket's number is one of whoever made it.
            waiting = selectors.DefaultSelector()
            waiting.register(self._socket, selectors.EVENT_READ)
            waiting.register(self._wake_reader, selectors.EVENT_READ)
            while True:
                ready = {key.fd for key, _ in waiting.select()}
                if self._wake_reader in ready:
                    os.read(self._wake_reader, 4096)
                    self._reap()
                if self._socket.fileno() in ready:
                    self._take()
        finally:
            for pid in self._living:
                os.kill(pid, signal.SIGKILL)
            deadline = time.monotonic() + 5
            while self._living and time.monotonic() < deadline:
                self._reap(tell=False)
                time.sleep(0.005)

    def _take(self) -> None:
        data = self._socket.recv(65_536)
        if not data:
            raise Exit
        *lines, self._lines = (self._lines + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "signal" in message:
                self._reap()
                if message["pid"] in self._living:
                    os.kill(message["pid"], message["signal"])
            else:
                self._start(message["start"], message["environment"], message["output"])

    def _start(self, arguments: list[str], environment: dict[str, str], output: str) -> None:
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._be_child(parent, arguments, environment, output)
        self._living.add(pid)
        self._tell(pid, None)

    def _be_child(self, parent: int, arguments: list[str], environment: dict[str, str], output: str) -> None:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)
            os.setpgid(0, 0)
            self._socket.close()
            os.close(self._wake_reader)
            os.close(self._wake_writer)
            written = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.dup2(written, 1)
            os.dup2(written, 2)
            os.environ.update(environment)
            from tests.campaigns.child import main

            code = main(arguments)
        except BaseException:
            traceback.print_exc()
        finally:
            with suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _reap(self, tell: bool = True) -> None:
        while self._living:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            self._living.discard(pid)
            if tell:
                self._tell(pid, os.waitstatus_to_exitcode(status))

    def _tell(self, pid: int, code: int | None) -> None:
        self._socket.sendall(json.dumps([pid, code]).encode() + b"\n")


def _import_everything() -> None:
    import headwater.api.server
    import headwater.cli.agent
    import headwater.cli.emulate
    import headwater.cli.gateway
    import headwater.cli.server
    import headwater.emulator.generator
    import headwater.store.service  # noqa: F401
    import tests.campaigns.child  # noqa: F401


def main() -> None:
    """Serve until the other end is gone."""
    ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, 0)
    with socket.socket(fileno=int(sys.argv[1])) as held:
        _import_everything()
        gc.collect()
        gc.freeze()
        with suppress(Exit, BrokenPipeError, ConnectionResetError):
            _Server(held).serve()


if __name__ == "__main__":
    main()
