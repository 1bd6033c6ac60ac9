"""One writer and its readers as real processes over one folder."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from headwater.log.cursors import Cursor, save_cursor
from headwater.log.disk import RealDisk
from headwater.log.retention import Readers, Retention, RetentionOptions
from headwater.log.survey import body_of
from headwater.log.writer import LogOptions, NodeLog
from headwater.model.errors import Unavailable
from headwater.model.records import Batch
from tests.log.logs import NODE, fill, open_log, put, read_all, reader_elsewhere, sequences

WRITER = """
import sys, time
from pathlib import Path
from headwater.log.disk import RealDisk
from headwater.log.writer import LogOptions, NodeLog
from tests.log.logs import NODE, put
log = NodeLog(RealDisk(Path(sys.argv[1])), NODE, lambda: time.time_ns() // 1_000_000, LogOptions(20_000))
print(log.durable, flush=True)
while True:
    for size in range(7):
        put(log, payload=bytes(40 * size))
    print(log.commit(), flush=True)
"""


@pytest.fixture
def writers(tmp_path: Path) -> Iterator[list[subprocess.Popen[str]]]:
    """Every writer that a test starts; none outlives it."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def start(writers: list[subprocess.Popen[str]], folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(folder)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(("src", "."))}
    process = subprocess.Popen(
        command, env=environment, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True
    )
    writers.append(process)
    return process


def test_a_reader_follows_a_writer_through_segments_and_kills(
    tmp_path: Path, writers: list[subprocess.Popen[str]]
) -> None:
    disk = RealDisk(tmp_path)
    reader = reader_elsewhere(disk)
    seen: list[int] = []
    for upto in (300, 600, 900):
        process = start(writers, tmp_path)
        while len(seen) < upto:
            seen += sequences(read_all(reader))
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
    log = open_log(disk)
    seen += sequences(read_all(reader))
    assert sequences(read_all(log.reader(0))) == seen
    assert all(two == one + 1 or log.state.is_explained(one + 1, two - 1) for one, two in pairwise(seen))
    assert len(log.segments) > 4
    disk.close()


def test_what_a_killed_writer_said_was_durable_is_there(tmp_path: Path, writers: list[subprocess.Popen[str]]) -> None:
    process = start(writers, tmp_path)
    assert process.stdout is not None
    said = [int(process.stdout.readline()) for _ in range(40)]
    process.kill()
    process.wait()
    disk = RealDisk(tmp_path)
    log = open_log(disk)
    assert sequences(read_all(log.reader(0)))[: said[-1]] == list(range(1, said[-1] + 1))
    assert log.state.lost == {}
    disk.close()


def test_a_second_writer_is_refused_until_the_first_is_gone(
    tmp_path: Path, writers: list[subprocess.Popen[str]]
) -> None:
    process = start(writers, tmp_path)
    assert process.stdout is not None
    process.stdout.readline()
    with pytest.raises(Unavailable, match="already has a writer"):
        open_log(RealDisk(tmp_path))
    process.kill()
    process.wait()
    disk = RealDisk(tmp_path)
    assert put(open_log(disk)).sequence > 0
    disk.close()


def test_segments_go_on_a_real_disk_while_it_is_read(tmp_path: Path) -> None:
    disk, elsewhere = RealDisk(tmp_path), RealDisk(tmp_path)
    log = NodeLog(disk, NODE, lambda: 0, LogOptions(log_bytes_max=200_000))
    options = RetentionOptions(log_bytes_max=200_000, reserve_bytes_min=20_000)
    retention = Retention(log, options, lambda: 0)
    reader, shipped = reader_elsewhere(elsewhere), 0
    for _ in range(150):
        assert retention.room(4_000)
        fill(log, 1, bytes(3_000))
        shipped += sum(isinstance(body_of(record), Batch) for record in read_all(reader))
        save_cursor(elsewhere, "agent", Cursor(reader.after, 0))
        if retention.tick(Readers(forward=log.durable, agent=reader.after)):
            assert log.sweep() > 0
    stored = sum(path.stat().st_size for path in tmp_path.glob("*.seg"))
    assert shipped == 150
    assert 100_000 < stored == log.used <= 200_000
    log.close()
    disk.close()
    elsewhere.close()
