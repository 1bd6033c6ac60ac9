"""Addresses and free ports."""

import random
import socket

import pytest

from headwater.config.address import Address, free_ports, parse_address, reached
from headwater.model.errors import Unavailable


@pytest.mark.parametrize("text", ["127.0.0.1:50051", "gateway-1.example:1", "[::1]:65535", "localhost:80"])
def test_an_address_reads_and_writes_the_same(text: str) -> None:
    assert str(parse_address(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "50051", "host", "host:", ":1", "host:0", "host:65536", "host:-1", "::1:5", "a b:1", "a/b:1", "host:1x"],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"address|port"):
        parse_address(text)


def test_a_port_beyond_the_last_is_refused() -> None:
    assert Address("h", 50051).shifted(10) == Address("h", 50061)
    with pytest.raises(ValueError, match="port 65536 is not between 1 and 65535"):
        Address("h", 65535).shifted(1)


def test_a_wildcard_is_reached_over_the_loopback_interface() -> None:
    assert reached("0.0.0.0:5") == "127.0.0.1:5"
    assert reached("[::]:5") == "[::1]:5"
    assert reached("10.0.0.1:5") == "10.0.0.1:5"


def test_free_ports_lie_in_a_row_and_take_a_listener() -> None:
    ports = free_ports(4)
    assert ports == list(range(ports[0], ports[0] + 4))
    for port in ports:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", port))


def test_ports_of_outgoing_connections_are_never_given() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as out:
        given = {port for seed in range(20) for port in free_ports(3, random.Random(seed).randrange)}
        assert max(given) < min(server.getsockname()[1], out.getsockname()[1])


def test_a_port_in_use_is_not_given() -> None:
    first = free_ports(2)[0]
    with socket.create_server(("127.0.0.1", first + 1)):
        starts = iter([first, first + 2])
        assert free_ports(2, lambda low, high: next(starts)) == [first + 2, first + 3]


def test_no_free_ports_is_said() -> None:
    with socket.create_server(("127.0.0.1", free_ports(1)[0])) as server:
        taken = server.getsockname()[1]
        with pytest.raises(Unavailable, match="no 1 free ports"):
            free_ports(1, lambda low, high: taken)
