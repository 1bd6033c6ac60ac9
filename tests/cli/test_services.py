"""`headwater services`: real servers run until Ctrl-C, and whatever goes wrong ends all of them with a reason."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from headwater.cli.main import main
from headwater.cli.services import ports_of
from headwater.config.ports import free_ports
from headwater.model.errors import ConfigError
from headwater.services.service import exchanged, listens
from tests.services.fixtures import need

COMMAND = [sys.executable, "-m", "headwater.cli.main", "services"]
WAIT_S = 60.0
READY = "Ctrl-C stops everything"


@contextmanager
def services(*arguments: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """`headwater services up` that is ready, and what it has said; it is stopped in the end."""
    process = subprocess.Popen(
        [*COMMAND, "up", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1
    )
    assert process.stdout is not None
    try:
        said = ""
        for line in process.stdout:
            said += line
            if READY in line:
                break
        yield process, said
    finally:
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
        process.wait(WAIT_S)
        process.stdout.close()


def ended(*arguments: str) -> tuple[int, str]:
    """The exit code of a command that ends by itself, and what it said on standard error."""
    done = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=WAIT_S)
    return done.returncode, done.stderr


def address_in(said: str, name: str) -> str:
    found = re.search(rf"\b{name} +(127\.0\.0\.1:\d+)$", said, re.MULTILINE)
    assert found, said
    return found[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_servers_run_on_their_ports_until_a_signal_and_leave_their_data_only_where_told(
    tmp_path: Path, number: signal.Signals
) -> None:
    need("redis")
    need("mosquitto")
    (port,) = free_ports(1)
    data = tmp_path / "data"
    with services("redis", "mosquitto", "--data", str(data), "--port", f"redis={port}") as (process, said):
        redis, mqtt = address_in(said, "redis"), address_in(said, "mqtt")
        assert redis == f"127.0.0.1:{port}"
        assert f'redis = "redis://{redis}/0" in a [[node]]' in said
        assert exchanged(redis, b"PING\r\n") == b"+PONG\r\n"
        assert listens(mqtt)
        code, refused = ended("up", "redis", "--data", str(data))
        assert (code, "is in use" in refused) == (4, True)
        process.send_signal(number)
        assert process.wait(WAIT_S) == 0
        assert not listens(redis)
        assert not listens(mqtt)
    assert (data / "mosquitto/mosquitto.db").exists()


def test_one_that_ends_by_itself_ends_the_others_and_is_named() -> None:
    need("redis")
    need("mosquitto")
    with services("redis", "mosquitto") as (process, said):
        exchanged(address_in(said, "redis"), b"SHUTDOWN NOSAVE\r\n")
        assert process.wait(WAIT_S) == 1
        assert process.stdout is not None
        assert "headwater: redis ended by itself with exit code 0" in process.stdout.read()
        assert not listens(address_in(said, "mqtt"))


def test_one_that_cannot_start_says_why_and_the_others_are_stopped() -> None:
    need("redis")
    need("mosquitto")
    (port,) = free_ports(1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wrong = taken.getsockname()[1]
        code, said = ended("up", "redis", "mosquitto", "--port", f"redis={port}", "--port", f"mosquitto={wrong}")
    assert code == 4
    assert f"mosquitto cannot have 127.0.0.1:{wrong} (mqtt): something listens there already" in said
    assert not listens(f"127.0.0.1:{port}")


def test_one_that_ends_while_it_starts_shows_the_end_of_its_log(tmp_path: Path) -> None:
    need("mosquitto")
    (tmp_path / "mosquitto").mkdir()
    (tmp_path / "mosquitto/mosquitto.db").write_bytes(b"no database\n" * 100)
    began = time.monotonic()
    code, said = ended("up", "mosquitto", "--data", str(tmp_path))
    assert code == 4, (code, said, time.monotonic() - began)
    assert re.search(r"^mosquitto: .*Error", said, re.MULTILINE)
    assert "headwater: mosquitto ended with exit code" in said


def test_no_process_outlives_a_kill_of_the_command(tmp_path: Path) -> None:
    need("redis")
    with services("redis", "--data", str(tmp_path)) as (process, said):
        redis = address_in(said, "redis")
        process.kill()
        process.wait(WAIT_S)
        deadline_s = time.monotonic() + WAIT_S
        while listens(redis):
            assert time.monotonic() < deadline_s
            time.sleep(0.01)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["up"], "name the servers to start; headwater services list"),
        (["up", "redis", "redis"], "named twice: redis"),
        (["up", "reddis"], 'no server "reddis"; did you mean "redis"?'),
        (["up", "redis", "--port", "redis"], "NAME=PORT is needed"),
        (["up", "redis", "--port", "redis=70000"], "NAME=PORT is needed"),
        (["up", "redis", "--port", "redis.http=80"], "there is no port redis.http; there are redis.redis"),
        (["install", "reddis"], 'did you mean "redis"?'),
        (["list", "--port", "redis=1"], "are for headwater services up, not list"),
        (["start"], "headwater services --help"),
    ],
)
def test_a_wrong_command_line_is_said_with_what_would_be_right(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["services", *arguments]) == 2
    assert problem in capsys.readouterr().err


def test_ports_are_those_that_clients_use_unless_another_is_named() -> None:
    assert ports_of(["cassandra=9042", "cassandra.internode=7000"]) == {
        "cassandra.cql": 9042,
        "cassandra.internode": 7000,
    }
    with pytest.raises(ConfigError):
        ports_of(["=1"])


def test_what_a_server_lacks_here_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(os.environ, "HEADWATER_CACHE", str(tmp_path))
    assert main(["services", "list", "swift", "cassandra"]) == 0
    said = capsys.readouterr().out
    assert "lacks the Python packages of swift" in said
    assert "ports: cql, internode" in said
