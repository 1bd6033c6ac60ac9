"""A supervisor, with small real processes."""

import json
import os
import queue
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from headwater.cli.supervisor import DELAY_S_MAX, DELAY_S_MIN, ProcessState, Spec, Supervisor, delay_s, fate
from headwater.model.errors import ConfigError

STAYS = "print('up', flush=True); import signal; signal.pause()"
HOLDS = "import os, signal; from headwater.cli import lifeline; lifeline.hold(os.environ, 0.1); "
DEAF = HOLDS + "signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); signal.pause()"
DIES = "print('up', flush=True); import sys; sys.exit(1)"
NOTES = """
import signal, sys
def note(*_):
    with open(sys.argv[1], "a") as file: file.write(sys.argv[2] + "\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, note)
print("up", flush=True)
signal.pause()
"""
PATIENCE_S = 60


def python(name: str, code: str, *arguments: str, rank: int = 0, ends: bool = False) -> Spec:
    return Spec(name=name, command=(sys.executable, "-c", code, *arguments), rank=rank, ends=ends)


class Said:
    """What a supervisor says, line by line."""

    def __init__(self) -> None:
        self.lines: queue.Queue[tuple[str, str]] = queue.Queue()

    def __call__(self, name: str, line: str) -> None:
        self.lines.put((name, line))

    def until(self, name: str, line: str, times: int = 1) -> None:
        """Wait until a line has been said so many times."""
        while times:
            times -= self.lines.get(timeout=PATIENCE_S) == (name, line)


@contextmanager
def running(said: Said, *specs: Spec, report: Path | None = None, grace_s: float = 30.0) -> Iterator[Supervisor]:
    supervisor = Supervisor(specs, report, said, grace_s)
    supervisor.start()
    try:
        yield supervisor
    finally:
        supervisor.hurry()
        supervisor.stop()


def state_of(supervisor: Supervisor, name: str) -> ProcessState:
    return next(process for process in supervisor.processes() if process.name == name)


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_what_dies_starts_again() -> None:
    said = Said()
    with running(said, python("a", DIES)) as supervisor:
        said.until("a", "up", times=3)
        assert state_of(supervisor, "a").restarts >= 2
        assert state_of(supervisor, "a").exit_code == 1


def test_what_is_killed_starts_again_as_another_process() -> None:
    said = Said()
    with running(said, python("a", STAYS), python("b", STAYS)) as supervisor:
        said.until("a", "up")
        first, other = state_of(supervisor, "a").pid, state_of(supervisor, "b").pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        said.until("a", "killed by SIGKILL; starts again in 0.2 s")
        said.until("a", "up")
        again = state_of(supervisor, "a")
        assert again.pid not in (None, first)
        assert (again.state, again.restarts, again.exit_code) == ("running", 1, -9)
        assert state_of(supervisor, "b").pid == other


def test_what_cannot_be_started_is_tried_again() -> None:
    said = Said()
    missing = Spec(name="a", command=("/nonexistent/program",))
    with running(said, missing) as supervisor:
        said.until("a", "ended with exit code 127; starts again in 0.2 s")
        said.until("a", "ended with exit code 127; starts again in 0.4 s")
        assert state_of(supervisor, "a").pid is None


def test_pauses_double_up_to_a_limit() -> None:
    delays = [delay_s(failures) for failures in range(1, 20)]
    assert delays[:3] == [DELAY_S_MIN, 2 * DELAY_S_MIN, 4 * DELAY_S_MIN]
    assert delays == sorted(delays)
    assert delays[-1] == delay_s(10**6) == DELAY_S_MAX


def test_an_end_means_what_it_says() -> None:
    sensors, gateway = python("a", "", ends=True), python("b", "")
    assert [fate(sensors, code) for code in (0, 1, -9, 2)] == ["finished", "waiting", "waiting", "failed"]
    assert [fate(gateway, code) for code in (0, 1, -9, 2)] == ["waiting", "waiting", "waiting", "failed"]


def test_the_wait_is_over_when_everything_has_ended_for_good() -> None:
    said = Said()
    finished, failed = python("a", "", ends=True), python("b", "import sys; sys.exit(2)")
    with running(said, finished, failed) as supervisor:
        assert supervisor.wait(PATIENCE_S)
        assert [process.state for process in supervisor.processes()] == ["finished", "failed"]
        said.until("b", "ended with exit code 2; not started again: its configuration is wrong")


def test_the_wait_is_not_over_while_something_runs() -> None:
    said = Said()
    with running(said, python("a", "", ends=True), python("b", STAYS)) as supervisor:
        said.until("a", "ended with exit code 0; done")
        assert not supervisor.wait(0)


def test_a_stop_leaves_no_process() -> None:
    said = Said()
    with running(said, python("a", STAYS), python("b", DIES), python("c", STAYS)) as supervisor:
        said.until("c", "up")
        pids = [process.pid for process in supervisor.processes() if process.pid]
        supervisor.stop()
        assert not any(map(lives, pids))
        assert {process.state for process in supervisor.processes()} == {"stopped"}
        assert {process.pid for process in supervisor.processes()} == {None}


def test_a_stop_goes_from_the_lowest_rank_to_the_highest(tmp_path: Path) -> None:
    said, order = Said(), tmp_path / "order"
    ranks = {"server": 9, "upstream": 1, "sensors": 0, "downstream": 2}
    specs = [python(name, NOTES, str(order), name, rank=rank) for name, rank in ranks.items()]
    with running(said, *specs) as supervisor:
        ready = {said.lines.get(timeout=PATIENCE_S) for _ in ranks}
        assert ready == {(name, "up") for name in ranks}
        supervisor.stop()
    assert order.read_text().split() == ["sensors", "upstream", "downstream", "server"]


def test_who_does_not_stop_when_told_is_killed() -> None:
    said = Said()
    with running(said, python("a", DEAF), grace_s=0.2) as supervisor:
        said.until("a", "up")
        pid = state_of(supervisor, "a").pid
        supervisor.stop()
        assert pid is not None
        assert not lives(pid)
        assert state_of(supervisor, "a").exit_code == -signal.SIGKILL


def test_a_hurried_stop_does_not_wait_for_the_grace() -> None:
    said = Said()
    with running(said, python("a", DEAF), grace_s=3600) as supervisor:
        said.until("a", "up")
        supervisor.hurry()
        supervisor.stop()
        assert state_of(supervisor, "a").exit_code == -signal.SIGKILL


def test_the_report_file_names_every_process_now(tmp_path: Path) -> None:
    said, report = Said(), tmp_path / "run/processes.json"
    with running(said, python("a", STAYS), python("b", STAYS), report=report) as supervisor:
        said.until("a", "up")
        pid = state_of(supervisor, "a").pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        said.until("a", "up")
        again = state_of(supervisor, "a").pid
        written = json.loads(report.read_text())
        assert written["supervisor"] == os.getpid()
        told = {process["name"]: process for process in written["processes"]}
        assert (told["a"]["pid"], told["a"]["restarts"]) == (again, 1)
        assert (told["b"]["pid"], told["b"]["restarts"]) == (state_of(supervisor, "b").pid, 0)
        supervisor.stop()
    assert {process["state"] for process in json.loads(report.read_text())["processes"]} == {"stopped"}
    assert [path.name for path in report.parent.iterdir()] == ["processes.json"]


def test_long_lines_and_odd_bytes_are_passed_on_in_pieces() -> None:
    said = Said()
    code = "import sys; sys.stdout.buffer.write(b'\\xff' + b'x' * 10_000 + b'\\nlast\\n')"
    with running(said, python("a", code, ends=True)):
        said.until("a", "\ufffd" + "x" * 8191)
        said.until("a", "last")


def test_a_listener_that_fails_stops_nobody() -> None:
    said = Said()

    def fails(name: str, line: str) -> None:
        said(name, line)
        raise BrokenPipeError

    supervisor = Supervisor([python("a", DIES)], say=fails)
    supervisor.start()
    said.until("a", "up", times=2)
    supervisor.stop()


SUPERVISES = """
import sys, time
from headwater.cli.supervisor import Spec, Supervisor
child = "import os, signal; from headwater.cli import lifeline; lifeline.hold(os.environ); signal.pause()"
specs = [Spec(name=name, command=(sys.executable, "-c", child)) for name in "ab"]
supervisor = Supervisor(specs)
supervisor.start()
print(*(process.pid for process in supervisor.processes()), flush=True)
time.sleep(3600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_children_are_gone_when_their_supervisor_is_killed(number: int) -> None:
    with subprocess.Popen([sys.executable, "-c", SUPERVISES], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pids = [int(word) for word in process.stdout.readline().split()]
        assert len(pids) == 2
        assert all(map(lives, pids))
        process.send_signal(number)
        process.wait(PATIENCE_S)
        eventually(lambda: not any(map(lives, pids)))


def test_what_is_held_stays_down_until_it_is_released_and_starts_with_what_is_given() -> None:
    said = Said()
    tells = "import os; print(os.environ.get('MORE'), flush=True); import signal; signal.pause()"
    with running(said, python("a", tells), python("b", STAYS)) as supervisor:
        said.until("a", "None")
        other = state_of(supervisor, "b").pid
        supervisor.hold(["a"])
        said.until("a", "killed by SIGKILL; held down")
        eventually(lambda: state_of(supervisor, "a").state == "held")
        assert (state_of(supervisor, "a").pid, state_of(supervisor, "b").pid) == (None, other)
        assert not supervisor.wait(2 * DELAY_S_MIN)
        assert state_of(supervisor, "a").state == "held"
        supervisor.release(["a"], {"MORE": "more"})
        said.until("a", "more")
        assert state_of(supervisor, "a").restarts == 1


def test_who_is_held_is_stopped_like_the_rest() -> None:
    said = Said()
    with running(said, python("a", STAYS)) as supervisor:
        said.until("a", "up")
        supervisor.hold(["a"])
        said.until("a", "killed by SIGKILL; held down")
        supervisor.stop()
        assert {process.state for process in supervisor.processes()} == {"stopped"}


def test_nothing_is_held_when_one_of_the_names_is_nobodys() -> None:
    said = Said()
    with running(said, python("a", STAYS)) as supervisor:
        said.until("a", "up")
        with pytest.raises(ConfigError, match="no process of this run is called b"):
            supervisor.hold(["a", "b"])
        assert state_of(supervisor, "a").state == "running"
