"""The id provider hands out each id once, whatever happens to it, and answers everybody else in the meantime."""

import json
import random
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.emulator.idprovider import Counter, Exhausted, IdServer
from headwater.emulator.options import START_ID
from headwater.emulator.sensor_ids import ask_for_ids
from headwater.log.disk import RealDisk
from headwater.model.errors import ConfigError, Unavailable
from tests.simulation.disk import Crash, DiskError, Operation, SimDisk


@contextmanager
def serving(folder: Path, start_id: str = START_ID, port: int = 0) -> Iterator[IdServer]:
    disk = RealDisk(folder)
    with IdServer(Counter(disk, start_id), "127.0.0.1", port) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
    disk.close()


def asked(server: IdServer, method: str, path: str) -> tuple[int, dict[str, object]]:
    connection = HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def test_ids_are_those_of_2018_and_rise_by_one(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert asked(server, "POST", "/v1/ids") == (200, {"ids": ["31400010000000000"]})
        assert asked(server, "GET", "/v1/ids") == (200, {"next": "31400010000000001"})
        assert asked(server, "POST", "/v1/ids?count=2") == (200, {"ids": ["31400010000000001", "31400010000000002"]})
    with serving(tmp_path, "31400010000000000") as server:
        assert asked(server, "POST", "/v1/ids") == (200, {"ids": ["31400010000000003"]})
    with serving(tmp_path, "31400020000000000") as server:
        assert asked(server, "POST", "/v1/ids") == (200, {"ids": ["31400020000000000"]})


def test_many_at_once_get_different_ids_without_a_gap(tmp_path: Path) -> None:
    with serving(tmp_path, "0007") as server, ThreadPoolExecutor(8) as pool:
        address = f"127.0.0.1:{server.server_port}"
        given = list(pool.map(lambda count: ask_for_ids(address, count), [1, 2, 3] * 20))
    ids = sorted(id for some in given for id in some)
    assert ids == [f"{number:04d}" for number in range(7, 7 + 120)]


@given(st.integers(0, 1 << 32))
def test_no_id_is_given_twice_through_crashes_and_lost_power(seed: int) -> None:
    rng, given, disk = random.Random(seed), list[str](), SimDisk()

    def fails(operation: Operation) -> None:
        if rng.random() < 0.1:
            raise Crash()
        if rng.random() < 0.1:
            raise DiskError(5, "refuses")

    for _ in range(6):
        try:
            counter = Counter(disk, "0000")
            disk.on_operation = fails
            for _ in range(5):
                try:
                    given += counter.take(rng.randint(1, 3))
                except OSError:
                    continue
        except Crash:
            pass
        disk.on_operation = None
        disk = disk.kill() if rng.random() < 0.5 else disk.power_loss(rng)
    assert len(set(given)) == len(given)
    assert given == sorted(given)


def test_a_memory_that_cannot_be_read_is_not_guessed(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        server.counter.take(1)
    (tmp_path / "next-id").write_bytes(b"31400010000000000 00000000\n" * 2)
    with pytest.raises(ConfigError, match="behind all that were handed out"):
        Counter(RealDisk(tmp_path), START_ID)


@pytest.mark.parametrize(
    "query", ["count=0", "count=100001", "count=", "count=1e3", "count=-1", "count=%D9%A3", "number=3"]
)
def test_what_cannot_be_asked_takes_no_id(query: str, tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        status, told = asked(server, "POST", f"/v1/ids?{query}")
        assert (status, told) == (400, {"detail": "/v1/ids takes count=1 to count=100000 and nothing else"})
        assert asked(server, "POST", "/ids")[0] == 404
        assert asked(server, "PUT", "/v1/ids") == (405, {"detail": "/v1/ids answers POST and GET"})
        assert server.counter.next == START_ID


def test_ids_of_that_many_digits_come_to_an_end(tmp_path: Path) -> None:
    counter = Counter(RealDisk(tmp_path), "97")
    with pytest.raises(Exhausted, match="3 ids of 2 digits are left, not 4"):
        counter.take(4)
    assert counter.take(3) == ("97", "98", "99")
    with serving(tmp_path, "97") as server, pytest.raises(ConfigError, match="0 ids of 2 digits are left"):
        ask_for_ids(f"127.0.0.1:{server.server_port}", 1)


def test_those_who_say_nothing_hold_nobody_up(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        silent = [socket.create_connection(("127.0.0.1", server.server_port)) for _ in range(10)]
        silent[0].sendall(b"POST /v1/ids HTTP/1.1\r\nHo")
        assert asked(server, "POST", "/v1/ids")[0] == 200
        for each in silent:
            each.close()


def test_an_address_in_use_is_told(tmp_path: Path) -> None:
    with serving(tmp_path) as server, pytest.raises(Unavailable, match="cannot be listened on"):
        IdServer(server.counter, "127.0.0.1", server.server_port)
