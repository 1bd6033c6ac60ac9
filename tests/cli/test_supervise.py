"""A supervisor in the foreground: how it ends."""

import os
import pty
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

FOREGROUND = """
import sys
from headwater.config.ports import free_ports
from headwater.cli.main import exit_code_of, sentence_of
from headwater.cli.supervise import supervise
from headwater.cli.supervisor import Spec, Supervisor, print_line

LISTENS = "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); "
HOLDS = "import os, signal; from headwater.cli import lifeline; lifeline.hold(os.environ, 0.1); "
RELOADS = "import signal; signal.signal(1, lambda *_: print('reloaded', flush=True)); "
CHILDREN = {
    "stays": "import signal; print('up', flush=True); signal.pause()",
    "deaf": HOLDS + "signal.signal(15, signal.SIG_IGN); print('up', flush=True); signal.pause()",
    "listens": LISTENS + "import signal; signal.pause()",
    "reloads": RELOADS + "print('up', flush=True); [signal.pause() for _ in range(99)]",
    "ends": "",
    "fails": "import sys; sys.exit(2)",
}
port = str(free_ports(1)[0])
specs = [
    Spec(
        name=kind,
        command=(sys.executable, "-c", CHILDREN[kind], port),
        ends=kind == "ends",
        reloads=kind == "reloads",
        listen=f"127.0.0.1:{port}" if kind in ("listens", sys.argv[1]) else None,
    )
    for kind in sys.argv[2:]
]
try:
    code = supervise(Supervisor(specs, grace_s=3600), lambda waiting: print_line("ready", len(waiting)), 0.3)
except Exception as error:
    print(sentence_of(error), flush=True)
    code = exit_code_of(error)
sys.exit(code)
"""


@contextmanager
def foreground(*kinds: str, listen: str = "") -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", FOREGROUND, listen, *kinds]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


CHATTERS = 3
CHATS = 2_000
CHATTING = f"""
import sys
from headwater.cli.supervisor import Spec, Supervisor

specs = [
    Spec(name=f"{{number}}", command=(sys.executable, "-c", "for _ in range({CHATS}): print('a line')"), ends=True)
    for number in range({CHATTERS})
]
supervisor = Supervisor(specs)
supervisor.start()
supervisor.wait()
supervisor.stop()
"""


def until(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdout is not None
    assert any(said == f"{line}\n" for said in process.stdout)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_cleanly(number: int) -> None:
    with foreground("stays") as process:
        until(process, "ready | 0")
        process.send_signal(number)
        assert process.wait(60) == 0


def test_sighup_reaches_who_reads_its_configuration_again_and_nobody_else() -> None:
    with foreground("reloads", "stays") as process:
        until(process, "reloads | up")
        process.send_signal(signal.SIGHUP)
        until(process, "reloads | reloaded")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_it_is_ready_when_who_listens_answers() -> None:
    with foreground("listens") as process:
        until(process, "ready | 0")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_who_does_not_answer_is_counted() -> None:
    with foreground("stays", listen="stays") as process:
        until(process, "ready | 1")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_a_second_signal_kills() -> None:
    with foreground("deaf") as process:
        until(process, "deaf | up")
        process.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_it_ends_when_everything_has_finished() -> None:
    with foreground("ends") as process:
        assert process.wait(60) == 0


def test_it_fails_when_what_is_left_was_given_up() -> None:
    with foreground("ends", "fails") as process:
        until(process, "given up, see above: fails")
        assert process.wait(60) == 1


def test_lines_of_processes_that_speak_at_once_stay_whole() -> None:
    lines = subprocess.run([sys.executable, "-c", CHATTING], capture_output=True, text=True, check=True).stdout
    said = Counter(lines.splitlines())
    assert {line: n for line, n in said.items() if "done" not in line} == {
        f"{number} | a line": CHATS for number in range(CHATTERS)
    }


ON_A_TERMINAL = """
import fcntl, os, signal, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
if sys.argv[1] == "nohup":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
os.execv(sys.executable, [sys.executable, "-c", sys.argv[2], "", "reloads", "stays"])
"""


@contextmanager
def on_a_terminal(how: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A supervisor with a controlling terminal, and the other end of that."""
    terminal, inside = pty.openpty()
    command = [sys.executable, "-c", ON_A_TERMINAL, how, FOREGROUND]
    with subprocess.Popen(command, stdin=inside, stdout=subprocess.PIPE, text=True) as process:
        os.close(inside)
        try:
            yield process, terminal
        finally:
            process.kill()


def test_a_supervisor_on_a_terminal_reloads_and_ends_when_the_terminal_is_closed() -> None:
    with on_a_terminal("plain") as (process, terminal):
        until(process, "reloads | up")
        process.send_signal(signal.SIGHUP)
        until(process, "reloads | reloaded")
        os.close(terminal)
        assert process.wait(30) == 0


def test_under_nohup_a_closed_terminal_ends_nothing() -> None:
    with on_a_terminal("nohup") as (process, terminal):
        until(process, "reloads | up")
        os.close(terminal)
        process.send_signal(signal.SIGHUP)
        until(process, "reloads | reloaded")
        assert process.poll() is None
        process.terminate()
        assert process.wait(30) == 0
