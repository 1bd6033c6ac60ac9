"""Readings without numbers, as 2018 clients send them: each once, and acknowledged when the record is durable."""

import random
from collections.abc import Callable

from headwater.log.writer import NodeLog
from headwater.pipeline.collector import Collector
from tests.simulation.source import Reading


class Stream:
    """Clients of one gateway. A reading whose acknowledgement does not come is not sent again."""

    def __init__(self, rng: random.Random, name: str, meters: list[str], fresh: Callable[[], float]) -> None:
        self._rng = rng
        self._fresh = fresh
        self._meters = meters
        self.name = name
        self.id = name.encode().ljust(8, b".")
        self.made: dict[int, Reading] = {}
        self._acknowledged: set[int] = set()
        self._waiting: list[tuple[int, int]] = []
        """(number of a reading, batch of the collector)"""
        self._second = 0

    def acknowledged(self, number: int) -> bool:
        return number in self._acknowledged

    def send(self, collector: Collector) -> bool:
        """Some readings of any meters."""
        for _ in range(self._rng.choice((1, 2, 4))):
            self._second += self._rng.choice((0, 1, 2))
            reading = Reading(len(self.made) + 1, self._rng.choice(self._meters), 1000 * self._second, self._fresh())
            self.made[reading.number] = reading
            collector.add(reading.key, reading.timestamp, reading.value)
            self._waiting.append((reading.number, collector.newest))
        return True

    def hear(self, collector: Collector, log: NodeLog) -> bool:
        """The replies to what is durable by now."""
        if log.durable < collector.logged:
            return False
        heard = [number for number, batch in self._waiting if collector.is_logged(batch)]
        self._acknowledged.update(heard)
        self._waiting = [waiting for waiting in self._waiting if waiting[0] not in heard]
        return bool(heard)

    def lose(self) -> None:
        """The gateway is gone, and with it what it had not answered for."""
        self._waiting.clear()
