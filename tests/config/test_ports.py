"""Free ports."""

import random
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from headwater.config import ports
from headwater.config.ports import BLOCK, BLOCKS_MAX, PORT_FIRST, PORT_LAST, free_ports
from headwater.model.errors import Unavailable

ELSEWHERE = """
import sys
from headwater.config.ports import free_ports
print(free_ports(1)[0], flush=True)
sys.stdin.read()
"""


def test_free_ports_lie_in_a_row_and_take_a_listener() -> None:
    ports = free_ports(4)
    assert ports == list(range(ports[0], ports[0] + 4))
    for port in ports:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", port))


def test_ports_of_outgoing_connections_are_never_given() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as out:
        given = {port for _ in range(20) for port in free_ports(3)}
        assert max(given) < min(server.getsockname()[1], out.getsockname()[1])


@pytest.mark.parametrize("content", ["1024\t65535\n", "", "x"])
def test_where_all_ports_are_given_to_outgoing_connections_there_are_still_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    file = tmp_path / "range"
    file.write_text(content)
    monkeypatch.setattr(ports, "PORT_RANGE_FILE", file)
    assert PORT_FIRST <= free_ports(1)[0] <= PORT_LAST


def test_a_port_in_use_is_not_given() -> None:
    (taken,), (other,) = free_ports(1), free_ports(1)
    _give_up_claims()
    with socket.create_server(("127.0.0.1", taken)):
        starts = iter([taken, other])
        assert free_ports(1, lambda low, high: next(starts)) == [other]


TRIES = 5
"""Tests beside this one look for ports too."""


def test_no_port_is_given_twice() -> None:
    given = [free_ports(1 + at % 20) for at in range(20)]
    flat = [port for each in given for port in each]
    assert len(set(flat)) == len(flat)
    assert any(_given_again() for _ in range(TRIES))


def _given_again() -> bool:
    """Whether ports whose claims were given up are given again, once each; False too when a process was quicker."""
    first = free_ports(2, lambda low, high: random.randrange(low, high) // BLOCK * BLOCK)[0]
    (other,) = free_ports(1)
    _give_up_claims()
    starts = iter([first, first + 1, first, other])
    try:
        return [free_ports(1, lambda low, high: next(starts)) for _ in range(2)] == [[first], [other]]
    except StopIteration:
        return False


def test_ports_that_another_process_was_given_are_free_when_it_is_gone() -> None:
    (other,) = free_ports(1)
    _give_up_claims()
    command = [sys.executable, "-c", ELSEWHERE]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as elsewhere:
        assert elsewhere.stdout is not None
        taken = int(elsewhere.stdout.readline())
        starts = iter([taken, other])
        assert free_ports(1, lambda low, high: next(starts)) == [other]
        elsewhere.kill()
    assert free_ports(1, lambda low, high: taken) == [taken]


def test_no_more_is_claimed_than_said() -> None:
    for seed in range(2 * BLOCKS_MAX):
        free_ports(BLOCK, random.Random(seed).randrange)
    assert len(ports._claims) == BLOCKS_MAX


def test_no_free_ports_is_said() -> None:
    with socket.create_server(("127.0.0.1", free_ports(1)[0])) as server:
        taken = server.getsockname()[1]
        with pytest.raises(Unavailable, match="no 1 free ports"):
            free_ports(1, lambda low, high: taken)


def _give_up_claims() -> None:
    """As if this process had never asked."""
    while ports._claims:
        socket.close(ports._claims.popitem()[1])
