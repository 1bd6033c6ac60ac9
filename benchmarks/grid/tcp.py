"""Bytes of processes on loopback, where no interface tells them apart: from the kernel's counters of TCP connections.

`ss` shows them. Each segment counts with 66 bytes of headers, as on Ethernet; loopback has longer segments, so there
are fewer of them. What a connection carries after the last look before its end is not counted.
"""

import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from benchmarks.grid.network import Counted
from headwater.model.errors import Unavailable

HEADER_BYTES = 66
"""Of a segment: Ethernet, IPv4, TCP with time stamps."""
LOOK_EVERY_S = 0.1


class End(NamedTuple):
    """One end of a connection."""

    local: str
    peer: str


class Seen(NamedTuple):
    """What was last seen of one end: its process, and what it has carried since it was opened."""

    pid: int
    counted: Counted


def seen(text: str) -> dict[End, Seen]:
    """What `ss -tinpHO` shows; connections without a process are left out."""
    found = {}
    for line in text.splitlines():
        words, pid = line.split(), re.search(r"pid=(\d+)", line)
        if pid is not None and len(words) > 4:
            of = dict(word.split(":", 1) for word in words[5:] if word.count(":") == 1)
            received = int(of.get("bytes_received", 0)) + HEADER_BYTES * int(of.get("segs_in", 0))
            sent = int(of.get("bytes_sent", 0)) + HEADER_BYTES * int(of.get("segs_out", 0))
            found[End(words[3], words[4])] = Seen(int(pid[1]), Counted(received, sent))
    return found


def by_component(ends: Mapping[End, Seen], component: Callable[[int], str | None]) -> dict[str, Counted]:
    """What each component received from others and sent to them; `component` of a process, None for strangers."""
    found: dict[str, Counted] = {}
    for end, one in ends.items():
        name, other = component(one.pid), ends.get(End(end.peer, end.local))
        if name is not None and (other is None or component(other.pid) != name):
            before = found.get(name, Counted(0, 0))
            found[name] = Counted(before.received + one.counted.received, before.sent + one.counted.sent)
    return found


def of_path(ends: Mapping[End, Seen], component: Callable[[int], str | None]) -> int:
    """All bytes between components, each once, by the end that has counted more of them."""
    most: dict[frozenset[str], int] = {}
    for end, one in ends.items():
        name, other = component(one.pid), ends.get(End(end.peer, end.local))
        if name is not None and (other is None or component(other.pid) != name):
            key = frozenset(end)
            most[key] = max(most.get(key, 0), sum(one.counted))
    return sum(most.values())


class Watch(threading.Thread):
    """Looks again and again, from `start` to `stop`; what has ended is kept as it was last seen."""

    def __init__(self, processes: Callable[[], Mapping[str, Iterable[int]]]) -> None:
        """`processes` are those of each component at present; their children belong to it too."""
        super().__init__(daemon=True)
        self._processes = processes
        self._ends: dict[End, Seen] = {}
        self._names: dict[int, str | None] = {}
        self._ending = threading.Event()
        self._looking = threading.Lock()

    def run(self) -> None:
        while not self._ending.wait(LOOK_EVERY_S):
            self.look()

    def look(self) -> None:
        """Look once; Unavailable when there is no `ss`, or it does not say."""
        done = subprocess.run(["ss", "-tinpHO"], check=False, capture_output=True, text=True)
        if done.returncode:
            raise Unavailable(f"ss -tinpHO: {done.stderr.strip()}")
        with self._looking:
            found = seen(done.stdout)
            by_pid = {pid: name for name, pids in self._processes().items() for pid in pids}
            for one in found.values():
                if one.pid not in self._names:
                    self._names[one.pid] = next((by_pid[pid] for pid in _line_of(one.pid) if pid in by_pid), None)
            self._ends |= {end: one for end, one in found.items() if self._names[one.pid] is not None}

    def now(self) -> tuple[dict[str, Counted], int]:
        """By component and of all links, the bytes up to now."""
        self.look()
        with self._looking:
            return by_component(self._ends, self._names.get), of_path(self._ends, self._names.get)

    def stop(self) -> None:
        self._ending.set()
        self.join()


def problem() -> str:
    """Why bytes cannot be counted here; empty when they can."""
    if shutil.which("ss") is None:
        return "bytes on loopback are counted by ss; on Debian or Ubuntu: apt-get install iproute2"
    return ""


def _line_of(pid: int) -> Iterable[int]:
    """A process, its parent, and so on."""
    while pid > 1:
        yield pid
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            return
