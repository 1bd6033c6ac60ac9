"""Addresses as configurations write them: `host:port`."""

import re
from typing import NamedTuple, Protocol

LOOPBACK = "127.0.0.1"

_ADDRESS = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%\w]+\]|[^\s:\[\]/]+):(?P<port>[0-9]{1,5})", re.ASCII)
_WILDCARDS = {"0.0.0.0": LOOPBACK, "[::]": "[::1]"}


class Listening(Protocol):
    """The options of a process that others reach."""

    @property
    def listen(self) -> str: ...

    @property
    def address(self) -> str | None: ...


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


def found_at(process: Listening) -> str:
    """The address at which others find a process: what its options say, else where this machine reaches it."""
    return process.address or reached(process.listen)


def _checked(address: Address) -> Address:
    if not 1 <= address.port <= 65_535:
        raise ValueError(f"port {address.port} is not between 1 and 65535")
    return address
