"""Who writes a site: one process at a time; another takes over once it is gone."""

import contextlib
import os
import secrets
import socket
import time
from collections.abc import Callable
from pathlib import Path

from headwater.model.errors import Unavailable
from headwater.store.cassandra import statements as cql
from headwater.store.cassandra.connection import Connection

LEASE_S = 20
"""A writer that has not renewed its lease for so long is gone."""
RENEW_S = 5.0
SURE_S = 15.0
"""For so long after it was renewed nobody else can have it, even by a clock that is as far apart as clocks may be."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Lease:
    """The right to write a site, as long as it is renewed."""

    def __init__(self, connection: Connection, site: str) -> None:
        """Unavailable while another process has it."""
        self._connection = connection
        self._site = site
        self._holder = f"{socket.gethostname()}/{os.getpid()}/{_boot()}/{secrets.token_hex(4)}"
        self._renewed_s = 0.0
        self._renew(_is_gone)

    def keep(self) -> bool:
        """Renew it when it is time; Unavailable when another process has taken it. False when it had lapsed: another
        may have had it meanwhile, and have written."""
        return _clock_s() - self._renewed_s < RENEW_S or self._renew(lambda holder: False)

    def is_sure(self) -> bool:
        """Whether it cannot have lapsed since it was last kept."""
        return _clock_s() - self._renewed_s < SURE_S

    def give_up(self) -> None:
        """Let another process have it at once."""
        with contextlib.suppress(Unavailable):
            self._write(1)

    def _renew(self, may_replace: Callable[[str], bool]) -> bool:
        """Whether it was ours all the while."""
        row = self._connection.row(cql.WRITER, self._site)
        holder = None if row is None else row[0]
        if holder not in (None, self._holder) and not may_replace(holder):
            raise Unavailable(
                f"site {self._site} in keyspace {self._connection.options.keyspace} already has a writer ({holder}):"
                f" stop it first, or wait {LEASE_S} s after its end",
                RENEW_S,
            )
        self._renewed_s = _clock_s()
        self._write(LEASE_S)
        return holder == self._holder

    def _write(self, seconds: int) -> None:
        now_ms = time.time_ns() // 1_000_000
        with self._connection.clock.going():
            self._connection.write_at_once([(cql.SET_WRITER, (self._site, self._holder, now_ms, seconds))])


def _clock_s() -> float:
    """Seconds that go on while this machine sleeps, where the system counts them."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _boot() -> str:
    """Which start of which machine this is: machines may share a name."""
    try:
        return BOOT_ID.read_text("ascii").strip().replace("-", "")[:8]
    except OSError:
        return ""


def _is_gone(holder: str) -> bool:
    """Whether a holder was a process of this machine that has ended. In a container started again it had our number."""
    host, pid, boot, *_ = [*holder.split("/"), "", ""]
    if host != socket.gethostname() or boot != _boot() or not pid.isdecimal():
        return False
    if int(pid) == os.getpid():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
