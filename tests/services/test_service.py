"""What starts servers: it tells at once why one does not start, leaves nothing of it, and starts it again."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headwater.config.ports import free_ports
from headwater.model.errors import ConfigError, Unavailable
from headwater.services.catalogue import SERVERS, service
from headwater.services.needs import NotHere
from headwater.services.service import Launch, NotStarted, Service, listens

WAIT_S = 60.0
LISTENS = """
import socket, subprocess, sys, time
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", sys.argv[2]])
print("child", child.pid, flush=True)
time.sleep(600)
"""
STARTS = """
import sys
from pathlib import Path
from headwater.services.service import Launch, Service
command = ("sh", "-c", "exec sleep 600", sys.argv[1])
kept = Service("sleeper", Path(sys.argv[1]), Launch(command, {"x": "127.0.0.1:1"}, lambda: False))
kept.start()
print(kept.pid, flush=True)
sys.stdin.read()
"""


def python(folder: Path, program: str, *arguments: str) -> Service:
    """A server that is a Python program."""
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    command = (sys.executable, "-c", program, str(port), *arguments)
    return Service("program", folder, Launch(command, {"main": address}, lambda: listens(address)))


def until(done: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not done():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def running(pid: int) -> bool:
    """Whether a process is there and not only waiting to be reaped."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Service]:
    made = python(tmp_path, LISTENS, str(tmp_path / "mark"))
    yield made
    made.kill()


def test_a_server_that_ends_while_it_starts_fails_at_once_with_the_end_of_its_log(tmp_path: Path) -> None:
    wrong = python(tmp_path, "import sys; print('port: not a number'); sys.exit(3)")
    with pytest.raises(NotStarted, match="program ended with exit code 3") as refused:
        wrong.begin(WAIT_S)
    assert refused.value.said == "port: not a number"
    assert wrong.pid is None


def test_a_server_that_never_answers_is_given_up_and_ended(tmp_path: Path) -> None:
    mute = python(tmp_path, "import time; time.sleep(600)", str(tmp_path / "mark"))
    mute.start()
    pid = mute.pid
    with pytest.raises(NotStarted, match="did not answer within 0 s; it wrote nothing"):
        mute.wait(0.01)
    mute.kill()
    assert pid is not None
    assert not running(pid)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_nothing_of_a_server_is_left_and_it_starts_again_on_its_port(listening: Service, end: str) -> None:
    for _ in range(2):
        listening.begin()
        until(lambda: "child" in listening.logs(1))
        child = int(listening.logs(1).split()[1])
        assert running(child)
        getattr(listening, end)()
        until(lambda: not running(child))  # noqa: B023
        assert not listens(listening.address)
        listening.log.unlink()


def test_a_server_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    program = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + LISTENS
    with python(tmp_path, program, str(tmp_path / "mark")) as stubborn:
        pid = stubborn.pid
        stubborn.stop(0.1)
        assert pid is not None
        assert not running(pid)


def test_starting_what_runs_is_refused(listening: Service) -> None:
    listening.begin()
    with pytest.raises(Unavailable, match="running already"):
        listening.start()


def test_a_server_goes_with_the_process_that_started_it(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", STARTS, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as starter:
        assert starter.stdout is not None
        pid = int(starter.stdout.readline())
        # Until then, what asks for the signal may not have asked yet.
        until(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n")
        starter.send_signal(signal.SIGKILL)
    until(lambda: not running(pid))


def test_a_port_that_somebody_has_is_named_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        late = Service("late", tmp_path, Launch(("sh",), {"main": address}, lambda: True))
        with pytest.raises(Unavailable, match=f"late cannot have {address} .main.: something listens there already"):
            late.start()
    assert not late.log.exists()


def test_the_end_of_a_log_is_some_lines_of_bearable_length(tmp_path: Path) -> None:
    quiet = python(tmp_path, "")
    assert quiet.logs() == ""
    quiet.log.write_text("".join(f"{at}{'x' * 1000}\n" for at in range(200)))
    assert [line[:3] for line in quiet.logs(2).splitlines()] == ["198", "199"]
    assert all(len(line) == 400 for line in quiet.logs().splitlines())


def test_a_name_that_is_mistyped_is_corrected_and_a_port_that_is_none_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r'no server "casandra"; did you mean "cassandra"\?'):
        service("casandra", tmp_path)
    with pytest.raises(ConfigError, match=r"no port redis\.http; there are redis\.redis"):
        service("redis", tmp_path, {"http": 1})


def test_what_is_not_here_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEADWATER_CACHE", str(tmp_path / "empty"))
    with pytest.raises(
        NotHere, match=r"cassandra needs .*the jars of cassandra; .headwater services install cassandra`"
    ):
        service("cassandra", tmp_path)


def test_every_server_is_told_apart() -> None:
    names = [server.NAME for server in SERVERS]
    assert len(set(names)) == len(names)
    assert all(len(set(server.PORTS)) == len(server.PORTS) > 0 for server in SERVERS)
    assert all(server.SENTENCE and not server.SENTENCE.endswith(".") for server in SERVERS)
