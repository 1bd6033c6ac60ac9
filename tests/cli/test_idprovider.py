"""Id provider and emulators as processes: each replays files of its own, also when the provider was killed."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from headwater.cli.idprovider import idprovider_options, parser
from headwater.config.ports import free_ports
from headwater.emulator.options import IdProviderOptions
from headwater.emulator.sensor_ids import ask_for_ids
from headwater.model.errors import ConfigError, Unavailable
from tests.pipeline.daemons import gateway_options, readings, running

FIRST = 31400010000000000
FILES_OPEN_MAX = 40
PATIENCE_S = 60


def options(*arguments: str, start_id: str = "") -> IdProviderOptions:
    return idprovider_options(parser().given(arguments), start_id)


def test_defaults_are_those_of_2018() -> None:
    assert options() == IdProviderOptions(listen="127.0.0.1:8080", start_id=str(FIRST), data=Path("var/idprovider"))
    assert options(start_id="0042").start_id == "0042"
    assert options("--start_id", "7", start_id="0042").start_id == "7"
    assert options("--port", "81").listen == "127.0.0.1:81"
    assert options("--listen", "0.0.0.0:81", "--data", "d") == IdProviderOptions(listen="0.0.0.0:81", data=Path("d"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--start_id", "12a"), "12a is no start id: 1 to 19 digits"),
        (("--start_id", "1" * 20), "is no start id"),
        (("--port", "81", "--listen", "a:1"), "--port is a part of --listen"),
    ],
)
def test_what_cannot_be_used_is_named(arguments: tuple[str, ...], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        options(*arguments)


@contextmanager
def process(*arguments: str, **how: object) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "headwater.cli.main", *arguments]
    started = subprocess.Popen(command, **how)  # type: ignore[call-overload]
    try:
        yield started
    finally:
        started.kill()
        started.wait()


@contextmanager
def provider(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """An id provider that answers."""
    listening = ("idprovider", "--port", str(port), "--data", str(folder))
    with process(*listening, stderr=subprocess.PIPE) as started:
        assert started.stderr is not None
        with started.stderr as said:
            assert b"ids from " in said.readline()
            yield started


def test_a_killed_provider_gives_no_id_twice_and_ends_when_told(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    given: list[str] = []
    for ending, code in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 0)):
        with provider(tmp_path, port) as started:
            for _ in range(20):
                given += ask_for_ids(f"127.0.0.1:{port}", 2)
            started.send_signal(ending)
            assert started.wait(PATIENCE_S) == code
    assert given == [str(FIRST + number) for number in range(80)]


def recordings(folder: Path, meters: int, steps: int) -> None:
    folder.mkdir()
    for meter in range(meters):
        lines = (f"{1_700_000_000 + step},010107070000,+{meter:09d}+0\n" for step in range(steps))
        (folder / f"{FIRST + meter}.csv").write_text("".join(lines))


def test_emulators_replay_files_of_their_own_with_few_of_them_open(tmp_path: Path) -> None:
    recordings(tmp_path / "days", 200, 8)
    (port,) = free_ports(1)

    def emulator(name: str, target: str, meters: int) -> subprocess.Popen[bytes]:
        command = ["bash", "-c", f'ulimit -n {FILES_OPEN_MAX}; exec "$@"', "emulator"]
        command += [sys.executable, "-m", "headwater.cli.main", "emulate", "-sensorIdProvider", f"127.0.0.1:{port}"]
        command += ["-sourceFolder", str(tmp_path / "days"), "-targetAddress", target, "--rate", "1e6", "--quiet"]
        command += ["--journal", str(tmp_path / name), "--meters", str(meters)]
        return subprocess.Popen(command, stderr=subprocess.DEVNULL)

    async def run() -> None:
        async with running(gateway_options(tmp_path / "node1", 1)) as node:
            emulators = [emulator("one", node.address, 120), emulator("two", node.address, 80)]
            with provider(tmp_path / "ids", port):
                ended = [asyncio.to_thread(each.wait, PATIENCE_S) for each in emulators]
                assert await asyncio.gather(*ended) == [0, 0]

    asyncio.run(run())
    held = readings(tmp_path / "node1")
    assert len(held) == 200 * 8
    assert {reading.meter for reading in held} == {str(FIRST + meter) for meter in range(200)}
    for name, meters in (("one", 120), ("two", 80)):
        assert len((tmp_path / name / "sensor-ids").read_text().split("\n")[0].split()) == meters + 1


def test_an_emulator_that_waits_for_its_ids_ends_when_told(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    waiting = ("emulate", "--sensorIdProvider", f"127.0.0.1:{port}", "--journal", str(tmp_path), "--quiet")
    with process(*waiting, stderr=subprocess.PIPE) as started:
        assert started.stderr is not None
        with started.stderr as said:
            assert b"trying again" in said.readline()
            started.send_signal(signal.SIGTERM)
            assert started.wait(PATIENCE_S) == 0
    with pytest.raises(Unavailable):
        ask_for_ids(f"127.0.0.1:{port}", 1)
