"""A supervisor: starts processes, starts again what dies, and stops all of them in order.

Children are started by exec, in process groups of their own, so that a Ctrl-C in the terminal reaches the supervisor
alone, and it decides the order. They stop when the supervisor is gone (`headwater.cli.lifeline`).
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import msgspec

from headwater.cli.lifeline import PIPE_KEY
from headwater.model.errors import ConfigError

DELAY_S_MIN = 0.2
DELAY_S_MAX = 10.0
PROVEN_S = 30.0
"""A process that lived this long starts again without delay growing."""
GRACE_S = 10.0
CONFIGURATION_FAULT = 2
CANNOT_START = 127
ENDED = ("finished", "failed", "stopped")
LINE_BYTES_MAX = 8192
LAST_WORDS_S = 1.0
"""How long what a process still said before its end is waited for; who inherited its output may hold that open."""

Say = Callable[[str, str], None]
"""Takes the name of a process and a line of its output, or a line about it."""


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """A process to keep running."""

    name: str
    command: tuple[str, ...]
    rank: int = 0
    """Lower ranks stop first and start last."""
    listen: str | None = None
    """host:port that answers when the process is ready."""
    ends: bool = False
    """The process may end by itself with exit code 0."""
    environment: Mapping[str, str] = {}
    reloads: bool = False
    """SIGHUP has the process read its configuration again."""


class ProcessState(msgspec.Struct, frozen=True, kw_only=True):
    """How a supervised process stands."""

    name: str
    state: str
    """running | waiting (starts again soon) | held (starts when it is released) | finished | failed (starts no more) |
    stopped"""
    pid: int | None
    restarts: int
    exit_code: int | None
    """Of the last time it ended; negative for the signal that killed it."""
    started_ms: int
    listen: str | None


def delay_s(failures: int) -> float:
    """How long to wait before a process starts again after so many deaths in a row, from 1 on."""
    return min(DELAY_S_MAX, DELAY_S_MIN * 2.0 ** min(failures - 1, 16))


def fate(spec: Spec, exit_code: int) -> str:
    """What becomes of a process that ended unasked: finished, failed or waiting (to start again)."""
    if exit_code == 0 and spec.ends:
        return "finished"
    # A wrong configuration stays wrong however often it is read.
    return "failed" if exit_code == CONFIGURATION_FAULT else "waiting"


def print_line(name: str, line: str) -> None:
    # One write: `print` ends its line with a second one, between which another process's line gets in.
    sys.stdout.write(f"{name} | {line}\n")
    sys.stdout.flush()


class Supervisor:
    """Keeps processes running, from `start` to `stop`. Safe to use from several threads."""

    def __init__(
        self, specs: Iterable[Spec], report: Path | None = None, say: Say = print_line, grace_s: float = GRACE_S
    ) -> None:
        """`report` is a JSON file, written anew at every change: the supervisor's pid and `processes()`."""
        self._children = [_Child(spec) for spec in specs]
        self._report = report
        self._say = say
        self._grace_s = grace_s
        self._changed = threading.Condition(threading.RLock())
        self._stopping = threading.Event()
        self._hurried = False
        self._pipe: tuple[int, int] | None = None

    def start(self) -> None:
        """Start everything, higher ranks first."""
        self._pipe = os.pipe()
        with self._changed:
            for child in sorted(self._children, key=lambda child: -child.spec.rank):
                self._spawn(child)
                child.keeper = threading.Thread(target=self._keep, args=(child,), daemon=True)
                child.keeper.start()
            self._write_report()

    def processes(self) -> list[ProcessState]:
        """How every process stands now."""
        with self._changed:
            return [child.seen() for child in self._children]

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until every process has ended for good; False when the time is over first."""
        with self._changed:
            return self._changed.wait_for(lambda: all(child.state in ENDED for child in self._children), timeout_s)

    def hurry(self) -> None:
        """Let a `stop` that is under way, or comes, kill at once. Takes no lock: signal handlers may call it."""
        self._hurried = True

    def reload(self) -> None:
        """Have the processes that can do so read their configuration again."""
        with self._changed:
            _signal([child for child in self._children if child.spec.reloads], signal.SIGHUP)

    def hold(self, names: Collection[str]) -> None:
        """Kill processes, and let none of them start before `release`; ConfigError when one has not this name."""
        with self._changed:
            for child in self._named(names):
                child.is_held = True
                child.kill()

    def release(self, names: Collection[str], environment: Mapping[str, str] | None = None) -> None:
        """Let held processes start again at once, with more in their environment when it is given."""
        with self._changed:
            for child in self._named(names):
                child.is_held = False
                child.more = child.more if environment is None else dict(environment)
            self._changed.notify_all()

    def signal(self, names: Collection[str], number: signal.Signals) -> None:
        """Send a signal to those of these processes that run."""
        with self._changed:
            _signal(self._named(names), number)

    def _named(self, names: Collection[str]) -> list["_Child"]:
        unknown = set(names) - {child.spec.name for child in self._children}
        if unknown:
            raise ConfigError(f"no process of this run is called {', '.join(sorted(unknown))}")
        return [child for child in self._children if child.spec.name in names]

    def stop(self) -> None:
        """Stop everything, rank by rank: SIGTERM, and after the grace SIGKILL. Leaves no process behind."""
        with self._changed:
            self._stopping.set()
            self._changed.notify_all()
        for rank in sorted({child.spec.rank for child in self._children}):
            self._stop_all([child for child in self._children if child.spec.rank == rank])
        for child in self._children:
            if child.keeper is not None:
                child.keeper.join(self._grace_s)
        if self._pipe is not None:
            for end in self._pipe:
                os.close(end)
            self._pipe = None

    def _stop_all(self, children: Sequence["_Child"]) -> None:
        with self._changed:
            _signal(children, signal.SIGTERM)
            _signal(children, signal.SIGCONT)  # Who is paused would not hear it.
            deadline = time.monotonic() + self._grace_s
            while _living(children) and not self._hurried and time.monotonic() < deadline:
                self._changed.wait(0.1)
            _signal(children, signal.SIGKILL)
            self._changed.wait_for(lambda: not _living(children), self._grace_s)

    def _keep(self, child: "_Child") -> None:
        """Wait for a process to end and start it again, until that is over."""
        while True:
            exit_code = child.process.wait() if child.process else CANNOT_START
            if child.pump is not None:
                child.pump.join(LAST_WORDS_S)
            pause_s = self._ended(child, exit_code)
            if pause_s is None:
                return
            self._stopping.wait(pause_s)
            with self._changed:
                self._changed.wait_for(lambda: not child.is_held or self._stopping.is_set())
                if self._stopping.is_set():
                    self._enter(child, "stopped")
                    return
                child.restarts += 1
                self._spawn(child)
                self._write_report()

    def _ended(self, child: "_Child", exit_code: int) -> float | None:
        """Note that a process ended; give the pause before it starts again, None when it does not."""
        with self._changed:
            child.exit_code = exit_code
            state = "stopped" if self._stopping.is_set() else "held" if child.is_held else fate(child.spec, exit_code)
            if state != "held":
                child.failures = 1 if time.monotonic() - child.started_s >= PROVEN_S else child.failures + 1
            self._enter(child, state)
        pause_s = {"waiting": delay_s(max(1, child.failures)), "held": 0.0}.get(state)
        if state != "stopped":
            self._tell(child, f"{_how(exit_code)}; {_what_now(pause_s, state)}")
        return pause_s

    def _enter(self, child: "_Child", state: str) -> None:
        child.state = state
        self._changed.notify_all()
        self._write_report()

    def _spawn(self, child: "_Child") -> None:
        """Start a process; one that cannot be started counts as one that died."""
        reading_end = self._pipe[0] if self._pipe else -1
        lifeline = {"PYTHONUNBUFFERED": "1", PIPE_KEY: str(reading_end)}
        child.started_ms, child.started_s = time.time_ns() // 1_000_000, time.monotonic()
        child.state = "running"
        try:
            child.process = subprocess.Popen(
                child.spec.command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env={**os.environ, **child.spec.environment, **child.more, **lifeline},
                pass_fds=(reading_end,),
                process_group=0,
            )
        except OSError as error:
            child.process = child.pump = None
            self._tell(child, f"cannot be started: {error}")
            return
        child.pump = threading.Thread(target=self._pump, args=(child, child.process.stdout), daemon=True)
        child.pump.start()

    def _pump(self, child: "_Child", output: IO[bytes]) -> None:
        with output:
            for line in iter(lambda: output.readline(LINE_BYTES_MAX), b""):
                self._tell(child, line.decode("utf-8", "replace").rstrip())

    def _tell(self, child: "_Child", line: str) -> None:
        # A process must not stand still because nobody reads what it says.
        with suppress(OSError, ValueError):
            self._say(child.spec.name, line)

    def _write_report(self) -> None:
        if self._report is None:
            return
        content = msgspec.json.encode({"supervisor": os.getpid(), "processes": self.processes()})
        fresh = self._report.with_name(f".{self._report.name}.new")
        try:
            self._report.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(msgspec.json.format(content))
            fresh.replace(self._report)
        except OSError as error:
            self._say("supervisor", f"{self._report} cannot be written: {error.strerror}")


@dataclass(slots=True)
class _Child:
    spec: Spec
    process: subprocess.Popen[bytes] | None = None
    keeper: threading.Thread | None = None
    pump: threading.Thread | None = None
    state: str = "stopped"
    restarts: int = 0
    exit_code: int | None = None
    started_ms: int = 0
    started_s: float = 0.0
    failures: int = 0
    """Deaths in a row, none of them after a proven life."""
    is_held: bool = False
    more: dict[str, str] = field(default_factory=dict)
    """What the environment has beside what the specification says."""

    def kill(self) -> None:
        if self.process is not None and self.state == "running":
            self.process.kill()

    def seen(self) -> ProcessState:
        return ProcessState(
            name=self.spec.name,
            state=self.state,
            pid=self.process.pid if self.process and self.state == "running" else None,
            restarts=self.restarts,
            exit_code=self.exit_code,
            started_ms=self.started_ms,
            listen=self.spec.listen,
        )


def _living(children: Sequence[_Child]) -> list[_Child]:
    return [child for child in children if child.state == "running"]


def _signal(children: Sequence[_Child], number: signal.Signals) -> None:
    for child in _living(children):
        if child.process is not None:
            child.process.send_signal(number)


def _how(exit_code: int) -> str:
    if exit_code >= 0:
        return f"ended with exit code {exit_code}"
    try:
        return f"killed by {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"killed by signal {-exit_code}"


def _what_now(pause_s: float | None, state: str) -> str:
    if state == "held":
        return "held down"
    if pause_s is not None:
        return f"starts again in {pause_s:g} s"
    return "done" if state == "finished" else "not started again: its configuration is wrong"
