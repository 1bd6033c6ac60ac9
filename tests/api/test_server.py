"""The API process: it binds one address, ends by a signal as it should, and says what is wrong with an address."""

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from headwater.api.options import ApiOptions
from headwater.api.server import listen
from headwater.model.errors import ConfigError, Unavailable
from tests.api import grid
from tests.api.served import served

PROCESS = """
import sys
from pathlib import Path
from headwater.api.options import ApiOptions
from headwater.api.server import run
from headwater.store.options import SqliteOptions

run(
    ApiOptions(listen="127.0.0.1:0"),
    lambda: SqliteOptions().open_reader(Path(sys.argv[1]), "default"),
    lambda: 0,
    "1.2.3",
    lambda address: print(address, flush=True),
)
print("ended", flush=True)
"""


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_normally(tmp_path: Path, sign: signal.Signals) -> None:
    grid.open_writer(tmp_path).close()
    command = [sys.executable, "-c", PROCESS, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            address = process.stdout.readline().strip()
            with httpx.Client(base_url=f"http://{address}", timeout=60) as client:
                answer = client.get("/readyz").json()
                process.send_signal(sign)
                said, _ = process.communicate(timeout=60)
        finally:
            process.kill()

    assert answer == {"status": "ready", "version": "1.2.3"}
    assert (said, process.returncode) == ("ended\n", 0)


def test_one_connection_more_than_there_may_be_is_told_to_come_again_and_the_others_go_on(tmp_path: Path) -> None:
    grid.open_writer(tmp_path).close()
    options = ApiOptions(connections_max=2)
    with (
        served(lambda: grid.open_reader(tmp_path), lambda: grid.NOW_MS, options=options) as first,
        httpx.Client(base_url=first.base_url) as second,
    ):
        assert [each.get("/healthz").status_code for each in (first, second)] == [200, 200]
        with httpx.Client(base_url=first.base_url) as third:
            refused = third.get("/healthz")
        assert (refused.status_code, refused.headers["content-type"]) == (503, "application/problem+json")
        assert (refused.headers["retry-after"], refused.headers["connection"]) == ("1", "close")
        assert refused.json()["detail"].startswith("More than 2 connections are open")
        assert [each.get("/healthz").status_code for each in (first, second)] == [200, 200]


@pytest.mark.parametrize("address", ["", "5000", "127.0.0.1:", ":5000", "127.0.0.1:http", "127.0.0.1:65536", "a:-1"])
def test_an_address_that_is_none_is_a_configuration_error(address: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(f'"{address}"')):
        listen(ApiOptions(listen=address))


def test_an_address_that_is_taken_is_named() -> None:
    with listen(ApiOptions(listen="127.0.0.1:0")) as sock:
        address = f"127.0.0.1:{sock.getsockname()[1]}"
        with pytest.raises(Unavailable, match=f"{address}: Address already in use"):
            listen(ApiOptions(listen=address))


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_answers_are_not_held_back_to_fill_packets(host: str) -> None:
    try:
        sock = listen(ApiOptions(listen=f"{host}:0"))
    except Unavailable:
        pytest.skip("machine cannot: no IPv6 here")
    with sock:
        # asyncio sets TCP_NODELAY only on sockets that name their protocol.
        assert sock.proto == socket.IPPROTO_TCP
