"""The kernel's count of bytes on TCP connections."""

import socket

import pytest

from headwater.cli.traffic import Traffic

SENT = 300_000


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_bytes_of_both_directions_count_with_their_headers_also_after_the_connection_ended(family: int) -> None:
    host = "127.0.0.1" if family == socket.AF_INET else "::1"
    try:
        server = socket.create_server((host, 0), family=socket.AddressFamily(family))
    except OSError:
        pytest.skip("machine cannot: it has no IPv6")
    with server, socket.create_connection(server.getsockname()[:2]) as client:
        accepted, _ = server.accept()
        traffic = Traffic([server.getsockname()[1]])
        with accepted:
            client.sendall(bytes(SENT))
            received = 0
            while received < SENT:
                received += len(accepted.recv(1 << 16))
            accepted.sendall(bytes(1000))
            assert client.recv(1000, socket.MSG_WAITALL)
            traffic.look()
    assert SENT + 1000 < traffic.total < 1.02 * SENT + 1000
    traffic.look()
    assert traffic.total > SENT + 1000


def test_connections_to_other_ports_do_not_count() -> None:
    traffic = Traffic([1])
    traffic.look()
    assert traffic.total == 0
