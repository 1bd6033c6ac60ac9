"""A recorder on a disk in memory, with a clock that the test sets."""

import struct
from collections.abc import Callable
from typing import Unpack

from headwater.capture import Recorder
from headwater.capture.options import Options
from headwater.log.disk import Disk
from tests.simulation.disk import SimDisk

NODE = "0000a1"
NOW_MS = 1_700_000_000_000


def simulated(
    disk: Disk | None = None, now_ms: Callable[[], int] = lambda: NOW_MS, **options: Unpack[Options]
) -> Recorder:
    """A recorder that touches nothing of the machine."""
    return Recorder("nowhere", node=NODE, disk=disk or SimDisk(), now_ms=now_ms, **options)


def bits(value: float) -> bytes:
    """A double as it is, NaN payloads included."""
    return struct.pack("<d", value)


def double(pattern: int) -> float:
    """The double with these 64 bits."""
    return float(struct.unpack("<d", pattern.to_bytes(8, "little"))[0])
