"""Free ports of the loopback interface, each given to one process at a time."""

import errno
import os
import random
import socket
from collections import OrderedDict
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from headwater.config.address import LOOPBACK
from headwater.model.errors import Unavailable

PORT_FIRST = 20_000
PORT_LAST = 32_767
"""Where the system gives out ports from below the first on, none is better than others."""
PORT_RANGE_FILE = Path("/proc/sys/net/ipv4/ip_local_port_range")
TRIES = 200
BLOCK = 16
"""Ports are claimed in blocks of so many."""
BLOCKS_MAX = 64
"""Claimed at once; the oldest is given up for the next."""

_claims: "OrderedDict[int, int]" = OrderedDict()
"""The descriptor that holds a block, by its number."""


def free_ports(count: int, choose: Callable[[int, int], int] = random.randrange) -> list[int]:
    """Consecutive loopback ports that nothing listens on now; Unavailable after 200 tries.

    Nobody else who asks here is given them while this process lives, before it has asked for about a thousand more:
    their owners may be started later, and killed and started again. They lie below the ports that the system gives to
    outgoing connections: one of those could take the port of a killed process before it is back, or connect to itself.
    """
    for _ in range(TRIES):
        first = choose(PORT_FIRST, _end() - count)
        ports = range(first, first + count)
        if _claim(range(first // BLOCK, ports[-1] // BLOCK + 1)) and _all_free(ports):
            return list(ports)
    raise Unavailable(f"found no {count} free ports in a row from {PORT_FIRST} on")


def _end() -> int:
    """The first port that is not to be given."""
    try:
        outgoing = int(PORT_RANGE_FILE.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return PORT_LAST + 1
    return outgoing if outgoing > PORT_FIRST + BLOCK * BLOCKS_MAX else PORT_LAST + 1


def _claim(blocks: range) -> bool:
    """Claim all of some blocks; False when one of them is claimed already."""
    if not _claims.keys().isdisjoint(blocks):
        return False
    with ExitStack() as stack:
        # The name of such a socket is in no folder and goes with the process, however that ends.
        claims = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in blocks]
        try:
            for block, claim in zip(blocks, claims, strict=True):
                claim.bind(f"\0headwater-ports-{block * BLOCK}")
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
        _claims.update({block: claim.detach() for block, claim in zip(blocks, claims, strict=True)})
    while len(_claims) > BLOCKS_MAX:
        os.close(_claims.popitem(last=False)[1])
    return True


def _all_free(ports: range) -> bool:
    with ExitStack() as stack:
        try:
            for port in ports:
                listener = stack.enter_context(socket.socket())
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
