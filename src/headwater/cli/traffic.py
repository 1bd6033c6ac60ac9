"""Bytes on TCP connections, as the kernel counts them: Linux's sock_diag, asked over netlink.

Counted are payload bytes of both directions and 52 bytes of IP and TCP header for each segment. See sock_diag(7) and
`struct tcp_info` of Linux for the formats.
"""

import socket
import struct
from collections.abc import Iterable
from typing import NamedTuple

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_REQUEST_DUMP = 0x301
_DONE, _ERROR = 3, 2
_TCP_INFO = 2
_ALL_STATES = 0xFFFFFFFF
_HEADER = struct.Struct("=IHHII")
_QUESTION = struct.Struct("=BBBBI48s")
_ATTRIBUTE = struct.Struct("=HH")
_MESSAGE_BYTES = 72
"""Of `struct inet_diag_msg`, which the attributes follow."""
_BYTES_ACKED, _BYTES_RECEIVED, _SEGMENTS_OUT, _SEGMENTS_IN = 120, 128, 136, 140
"""Offsets in `struct tcp_info`."""
SEGMENT_HEADER_BYTES = 52


class Ends(NamedTuple):
    """A connection as one of its ends sees it: own port, the other's port."""

    port: int
    other: int


class Traffic:
    """Sums what passes through connections to certain ports; connections that end keep their last count."""

    def __init__(self, ports: Iterable[int]) -> None:
        self._ports = set(ports)
        self._bytes: dict[tuple[Ends, int], int] = {}

    def look(self) -> None:
        """Take the present counts in; OSError when the kernel does not tell."""
        for ends, inode, count in tcp_bytes():
            if ends.port in self._ports and inode:
                known = self._bytes.get((ends, inode), 0)
                self._bytes[ends, inode] = max(known, count)

    @property
    def total(self) -> int:
        """Bytes that have passed so far."""
        return sum(self._bytes.values())


def tcp_bytes() -> list[tuple[Ends, int, int]]:
    """(ends, inode, bytes of both directions) of every TCP socket of this network namespace."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as diag:
        # gRPC's IPv4 sockets are IPv6 ones with mapped addresses.
        return [one for family in (socket.AF_INET, socket.AF_INET6) for one in _family(diag, family)]


def _family(diag: socket.socket, family: int) -> list[tuple[Ends, int, int]]:
    question = _QUESTION.pack(family, socket.IPPROTO_TCP, 1 << (_TCP_INFO - 1), 0, _ALL_STATES, b"")
    diag.send(_HEADER.pack(_HEADER.size + len(question), _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, 1, 0) + question)
    found: list[tuple[Ends, int, int]] = []
    while True:
        data = diag.recv(1 << 18)
        at = 0
        while at < len(data):
            length, kind, *_ = _HEADER.unpack_from(data, at)
            if kind == _DONE:
                return found
            if kind == _ERROR:
                raise OSError("the kernel does not tell about sockets (sock_diag)")
            found += _socket(data[at + _HEADER.size : at + length])
            at += (length + 3) & ~3


def _socket(message: bytes) -> list[tuple[Ends, int, int]]:
    port, other = struct.unpack_from("!HH", message, 4)
    (inode,) = struct.unpack_from("=I", message, 68)
    at = _MESSAGE_BYTES
    while at + _ATTRIBUTE.size <= len(message):
        length, kind = _ATTRIBUTE.unpack_from(message, at)
        if kind == _TCP_INFO and length >= _SEGMENTS_IN + 8:
            return [(Ends(port, other), inode, _count(message, at + _ATTRIBUTE.size))]
        at += max(4, (length + 3) & ~3)
    return []


def _count(message: bytes, info: int) -> int:
    acked, received = (
        struct.unpack_from("=Q", message, info + offset)[0] for offset in (_BYTES_ACKED, _BYTES_RECEIVED)
    )
    segments = sum(struct.unpack_from("=I", message, info + offset)[0] for offset in (_SEGMENTS_OUT, _SEGMENTS_IN))
    return int(acked + received + SEGMENT_HEADER_BYTES * segments)
