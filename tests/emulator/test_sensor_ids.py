"""An emulator takes its ids once, waits for a provider that is away, and finds the files that are its own."""

import asyncio
import logging
import socket
import threading
from pathlib import Path

import pytest

from headwater.config.ports import free_ports
from headwater.emulator.generator import generate_household
from headwater.emulator.idprovider import Counter
from headwater.emulator.sensor_ids import ask_for_ids, files_of, take_ids
from headwater.log.disk import RealDisk
from headwater.model.errors import ConfigError, Unavailable
from tests.emulator.test_idprovider import serving
from tests.simulation.disk import SimDisk


def test_ids_are_taken_once_and_remembered(tmp_path: Path) -> None:
    disk = SimDisk()
    with serving(tmp_path) as server:
        address = f"127.0.0.1:{server.server_port}"
        taken = asyncio.run(take_ids(disk, address, 3))
        assert taken == ("31400010000000000", "31400010000000001", "31400010000000002")
    disk = disk.kill()
    assert asyncio.run(take_ids(disk, address, 3)) == taken
    with pytest.raises(ConfigError, match="the ids of 3 meters, not 2"):
        asyncio.run(take_ids(disk, address, 2))
    disk.replace("sensor-ids", b"nonsense\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        asyncio.run(take_ids(disk, address, 3))


def test_a_provider_that_is_away_is_waited_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    (port,) = free_ports(1)

    async def run() -> tuple[str, ...]:
        taking = asyncio.create_task(take_ids(SimDisk(), f"127.0.0.1:{port}", 1))
        while "trying again" not in caplog.text:
            await asyncio.sleep(0.01)
        with serving(tmp_path, port=port):
            return await asyncio.wait_for(taking, 30)

    assert asyncio.run(run()) == ("31400010000000000",)
    assert f"id provider at 127.0.0.1:{port}: " in caplog.text


ANSWERS = [
    b"HTTP/1.0 200 OK\r\n\r\nnot json",
    b'HTTP/1.0 200 OK\r\n\r\n{"ids": ["1", "3"]}',
    b'HTTP/1.0 200 OK\r\n\r\n{"ids": ["1"]}',
    b'HTTP/1.0 200 OK\r\n\r\n{"ids": ["a", "b"]}',
    b'HTTP/1.0 404 Not Found\r\n\r\n{"ids": ["1", "2"]}',
    b"SSH-2.0-OpenSSH_9.6\r\n",
    b"",
]


@pytest.mark.parametrize("answer", ANSWERS)
def test_who_is_no_provider_is_asked_again(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(Unavailable):
            ask_for_ids(f"127.0.0.1:{listener.getsockname()[1]}", 2)
        thread.join()


def test_the_files_of_an_id_are_found_by_its_name(tmp_path: Path) -> None:
    for name in ("07.csv", "08.csv.gz", "09/a.csv", "09/b.csv.gz", "09/note.txt", "10.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [str(file.relative_to(tmp_path)) for file in files_of(tmp_path, ("07", "08", "09"))]
    assert found == ["07.csv", "08.csv.gz", "09/a.csv", "09/b.csv.gz"]
    with pytest.raises(ConfigError, match=r"has no 10\.csv.*--start_id"):
        files_of(tmp_path, ("09", "10"))


def test_made_up_households_are_called_by_their_ids(tmp_path: Path) -> None:
    ids = Counter(RealDisk(tmp_path), "31400010000000000").take(3)
    made = generate_household(99, seed=1, start_ms=0, ids=ids, ticks_max=2)
    assert sorted({key.meter for key in made.series}) == list(ids)
    alone = generate_household(99, seed=1, start_ms=0, ids=ids[1:2], ticks_max=2)
    both, one = ([tick.values.tolist() for tick in replay.ticks()] for replay in (made, alone))
    assert [values[4:8] for values in both] == one
