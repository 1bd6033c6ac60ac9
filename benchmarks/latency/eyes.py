"""Eyes on the logs of all nodes: when each batch was durable there, by one clock, with provenance or without."""

import threading
import time

from headwater.config import Topology
from headwater.log.disk import RealDisk
from headwater.log.reader import LogReader
from headwater.log.recovery import MARK
from headwater.model.records import Kind
from headwater.model.stamp import OriginKind
from headwater.wire.records import decode_batch

LOOK_EVERY_S = 0.001

Key = tuple[bytes, int]
"""A batch of a source, at every node the same: its stream and the number of its first reading."""


class _Eye:
    """One node's log."""

    def __init__(self, disk: RealDisk) -> None:
        self._disk = disk
        self._mark = 0
        self._reader = LogReader(disk, 0, lambda: disk.load_word(MARK), lambda first, last: True)
        self.seen_ms: dict[Key, float] = {}

    def look(self) -> None:
        mark = self._disk.load_word(MARK)
        if mark == self._mark:
            return
        now_ms, self._mark = time.time_ns() / 1e6, mark
        while records := self._reader.read().records:
            for record in records:
                if record.kind == Kind.DATA:
                    origin = decode_batch(record).origin
                    if origin.kind == OriginKind.SOURCE:
                        self.seen_ms[origin.stream, origin.number] = now_ms


class Eyes(threading.Thread):
    """Looks a thousand times a second, from `start` to `stop`."""

    def __init__(self, topology: Topology) -> None:
        super().__init__(daemon=True)
        self._disks = [RealDisk(gateway.log) for gateway in topology.gateways]
        self._eyes = {gateway.name: _Eye(disk) for gateway, disk in zip(topology.gateways, self._disks, strict=True)}
        self._ending = threading.Event()

    def run(self) -> None:
        while not self._ending.wait(LOOK_EVERY_S):
            for eye in self._eyes.values():
                eye.look()

    def stop(self) -> dict[str, dict[Key, float]]:
        """End; by name of a node, when each batch was seen durable, in ms since the epoch."""
        self._ending.set()
        self.join()
        for disk in self._disks:
            disk.close()
        return {name: eye.seen_ms for name, eye in self._eyes.items()}
