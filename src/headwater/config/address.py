"""Addresses as configurations write them, `host:port`, and free ports of the loopback interface."""

import random
import re
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from headwater.model.errors import Unavailable

LOOPBACK = "127.0.0.1"
PORT_FIRST = 20_000
PORT_RANGE_FILE = Path("/proc/sys/net/ipv4/ip_local_port_range")

_ADDRESS = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%\w]+\]|[^\s:\[\]/]+):(?P<port>[0-9]{1,5})", re.ASCII)
_WILDCARDS = {"0.0.0.0": LOOPBACK, "[::]": "[::1]"}


class Address(NamedTuple):
    """A host (IPv6 in brackets) and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    def shifted(self, ports: int) -> "Address":
        """The address some ports further; ValueError when there is no such port."""
        return _checked(Address(self.host, self.port + ports))

    @property
    def reachable(self) -> "Address":
        """Where a client on this machine finds a listener: a wildcard is reached over the loopback interface."""
        return Address(_WILDCARDS.get(self.host, self.host), self.port)


def parse_address(text: str) -> Address:
    """The address that `host:port` names; ValueError with the reason on anything else."""
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise ValueError(f'"{text}" is not an address: host:port is needed, such as 127.0.0.1:50051')
    return _checked(Address(match["host"], int(match["port"])))


def reached(listen: str) -> str:
    """The address at which others on this machine reach a listener; ValueError like `parse_address`."""
    return str(parse_address(listen).reachable)


def _checked(address: Address) -> Address:
    if not 1 <= address.port <= 65_535:
        raise ValueError(f"port {address.port} is not between 1 and 65535")
    return address


def free_ports(count: int, choose: Callable[[int, int], int] = random.randrange) -> list[int]:
    """Consecutive loopback ports that nothing listens on now; Unavailable after 200 tries.

    They lie below the ports that the system gives to outgoing connections: one of those could take the port of a
    killed process before it is back, or connect to itself.
    """
    for _ in range(200):
        first = choose(PORT_FIRST, max(_outgoing_first() - count, PORT_FIRST + 1))
        ports = list(range(first, first + count))
        if _all_free(ports):
            return ports
    raise Unavailable(f"found no {count} free ports in a row from {PORT_FIRST} on")


def _outgoing_first() -> int:
    try:
        return int(PORT_RANGE_FILE.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return 32_768


def _all_free(ports: list[int]) -> bool:
    with ExitStack() as stack:
        try:
            for port in ports:
                listener = stack.enter_context(socket.socket())
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
