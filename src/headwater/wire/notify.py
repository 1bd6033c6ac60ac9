"""Telling systemd that a process serves, and that it still turns: the protocol of sd_notify(3), without its library."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

SOCKET_KEY, WATCHDOG_KEY, PID_KEY = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"
READY, ALIVE, STOPPING = b"READY=1", b"WATCHDOG=1", b"STOPPING=1"


class Notifier:
    """Says how a process stands to whoever started it; says nothing where nobody asked."""

    def __init__(self, environment: Mapping[str, str] = os.environ, pid: int | None = None) -> None:
        """`pid` is of this process: a watchdog may be meant for another, which has its environment from the same."""
        self._address = environment.get(SOCKET_KEY, "")
        meant = environment.get(PID_KEY)
        is_meant = meant is None or meant == str(os.getpid() if pid is None else pid)
        said = environment.get(WATCHDOG_KEY, "") if is_meant and self._address else ""
        self.every_s = int(said) / 2e6 if said.isdecimal() and int(said) else None
        """How often to say that it turns: twice as often as is asked for; None when nobody asks."""

    def say(self, what: bytes) -> None:
        """Send it; who does not listen any more is no reason to fail."""
        if not self._address:
            return
        place = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sending:
            sending.connect(place)
            sending.send(what)


@asynccontextmanager
async def serving(notifier: Notifier | None = None) -> AsyncIterator[None]:
    """Within the block the process serves, and its loop turns."""
    notifier = notifier or Notifier()
    notifier.say(READY)
    turning = asyncio.create_task(_turn(notifier))
    try:
        yield
    finally:
        turning.cancel()
        notifier.say(STOPPING)


async def _turn(notifier: Notifier) -> None:
    while notifier.every_s is not None:
        notifier.say(ALIVE)
        await asyncio.sleep(notifier.every_s)
