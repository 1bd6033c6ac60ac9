"""Processes on hosts: started, heard and measured, and all gone at the end."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple, Self

from benchmarks.grid.network import inside
from headwater.cli.lifeline import PIPE_KEY

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Used(NamedTuple):
    """What a process has used so far."""

    cpu_s: float
    memory_bytes: int
    """The resident set it has."""
    peak_bytes: int
    """The largest resident set that it had."""


class Process:
    """A command that runs on a host, or on this machine; what it tells is a JSON object a line."""

    def __init__(self, host: str | None, command: list[str], errors: Path, lifeline: int) -> None:
        self.name = " ".join(command[:4]) + (f" on {host}" if host else "")
        self._errors = errors
        with errors.open("ab") as written:
            self._process = subprocess.Popen(
                [*(inside(host) if host else ()), *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=written,
                text=True,
                env={**os.environ, PIPE_KEY: str(lifeline)},
                pass_fds=(lifeline,),
            )

    def hear(self, key: str) -> dict[str, Any]:
        """The next thing told that has a key; SystemExit with its last words when the process ends first."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with contextlib.suppress(json.JSONDecodeError):
                told = json.loads(line)
                if isinstance(told, dict) and key in told:
                    return told
        sys.exit(f"{self.name} ended: {self._errors.read_text()[-2000:]}")

    def go(self) -> None:
        """Say that it may go on."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def used(self) -> Used:
        """What it has used; nsenter becomes the program itself, so the process is the one that was started."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        now_kib, peak_kib = (int(status.partition(f"{key}:")[2].split()[0]) for key in ("VmRSS", "VmHWM"))
        return Used((int(fields[11]) + int(fields[12])) / _TICKS_PER_S, 1024 * now_kib, 1024 * peak_kib)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def ended(self, timeout_s: float) -> bool:
        """Wait until it ends by itself; False when the time is over first."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def end(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.communicate()


class Group:
    """The processes of one run; those that hold the lifeline stop too when this one is killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[Process] = []
        self._started = 0
        self._lifeline = os.pipe()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._processes):
            process.end()
        for end in self._lifeline:
            os.close(end)

    def end(self, process: Process) -> None:
        """Kill one of them."""
        process.end()
        self._processes.remove(process)

    def start(self, host: str | None, module: str, *arguments: object) -> Process:
        """Start a Python module."""
        return self.run(host, sys.executable, "-m", module, *arguments)

    def run(self, host: str | None, *command: object) -> Process:
        """Start a program."""
        self._started += 1
        errors = self._folder / f"{self._started}.log"
        self._processes.append(Process(host, [str(part) for part in command], errors, self._lifeline[0]))
        return self._processes[-1]
