"""A recorder in real processes: killed, ended, forked."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from headwater.capture import DataPointId, Recorder
from headwater.model.errors import Unavailable
from headwater.model.ids import parse_id
from tests.capture.laboratory import NODE

RECORDS_UNTIL_KILLED = """
import sys
from headwater.capture import Recorder

recorder = Recorder(sys.argv[1], node="0000a1")
for value in range(1_000_000):
    point = recorder.record("m", "x", value)
    made = recorder.derive("m", "y", value, inputs=[point])
    print(point, made, flush=True)
    if value % 10 == 9:
        recorder.flush()
        print("durable", flush=True)
"""


def killed(folder: Path, lines: int) -> list[str]:
    """What a program said that recorded until it was killed behind so many lines."""
    command = [sys.executable, "-c", RECORDS_UNTIL_KILLED, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        said += process.stdout.read().splitlines(keepends=True)
    assert process.returncode == -signal.SIGKILL
    return [line.strip() for line in said if line.endswith("\n")]


def test_what_was_flushed_before_a_kill_is_there_and_no_id_is_given_twice(tmp_path: Path) -> None:
    given: list[DataPointId] = []
    durable: dict[DataPointId, float] = {}
    for lines in (5, 23, 60):
        mine: list[tuple[DataPointId, DataPointId]] = []
        for line in killed(tmp_path, lines):
            if line == "durable":
                durable |= {point: float(value) for value, pair in enumerate(mine) for point in pair}
            else:
                point, made = map(parse_id, line.split())
                mine.append((point, made))
        given += [point for pair in mine for point in pair]
    assert len(set(given)) == len(given)
    assert durable
    with Recorder(tmp_path, node=NODE) as recorder:
        assert {point: recorder.reading(point).value for point in durable} == durable
        assert recorder.record("m", "x", 1) not in given


def ran(script: str, folder: Path) -> str:
    command = [sys.executable, "-c", script, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_a_program_that_just_ends_loses_nothing(tmp_path: Path) -> None:
    said = ran(
        "import sys\n"
        "from headwater import capture\n"
        'capture.configure(sys.argv[1], node="0000a1")\n'
        'print(capture.record("m", "x", 4.5))\n',
        tmp_path,
    )
    with Recorder(tmp_path, node=NODE) as recorder:
        assert recorder.reading(said.strip()).value == 4.5


def test_a_forked_process_is_told_to_open_its_own_and_harms_nothing(tmp_path: Path) -> None:
    said = ran(
        "import os, sys\n"
        "from headwater.capture import Recorder\n"
        'recorder = Recorder(sys.argv[1], node="0000a1")\n'
        'first = recorder.record("m", "x", 1.0)\n'
        "child = os.fork()\n"
        "if child == 0:\n"
        "    try:\n"
        '        recorder.record("m", "x", 2.0)\n'
        "    except Exception as error:\n"
        "        print(error, flush=True)\n"
        "    sys.exit()\n"
        "os.waitpid(child, 0)\n"
        'print(first, recorder.record("m", "x", 3.0))\n',
        tmp_path,
    )
    told, ids = said.splitlines()
    assert told == "the recorder belongs to the process that opened it: open one here, as another node"
    with Recorder(tmp_path, node=NODE) as recorder:
        assert [recorder.reading(point).value for point in ids.split()] == [1.0, 3.0]


def test_a_folder_is_free_again_when_its_process_was_killed(tmp_path: Path) -> None:
    killed(tmp_path, 1)
    with Recorder(tmp_path, node=NODE) as recorder, pytest.raises(Unavailable):
        Recorder(recorder.options.data, node=NODE)
    assert not [name for name in os.listdir(tmp_path / "log") if name.endswith(".tmp")]
