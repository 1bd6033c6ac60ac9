"""A numbered source: no log, but a journal of readings that are forgotten once acknowledged (PROTOCOL rule 11)."""

import random
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from headwater.model.reading import SeriesKey
from headwater.wire import codec
from headwater.wire import headwater_pb2 as pb
from headwater.wire.link import LINK_VERSION

METRIC = "power"


class Reading(NamedTuple):
    """A reading in a journal; its value is unique in a run, so that it tells readings apart."""

    number: int
    meter: str
    timestamp: int
    value: float

    @property
    def key(self) -> SeriesKey:
        return SeriesKey(self.meter, METRIC)


class Source:
    """What stands at the sending end of a link to an entry gateway."""

    def __init__(self, rng: random.Random, name: str, meters: list[str], fresh: Callable[[], float]) -> None:
        self._rng = rng
        self._fresh = fresh
        self.name = name
        self.id = name.encode().ljust(8, b".")
        self.meters = meters
        self.alive = True
        self.ready = False
        self.made: dict[int, Reading] = {}
        """Every reading ever journaled, by number: what the checks compare with."""
        self.forgotten = 0
        """The number of the last reading that is acknowledged."""
        self._journal: list[Reading] = []
        self._synced = 0
        self._next = 1
        self._sent = 0
        self._defined: set[str] = set()
        self._newest_ms = dict.fromkeys(meters, 0)

    def acknowledged(self, number: int) -> bool:
        return number <= self.forgotten

    def produce(self) -> None:
        """Journal one message: some readings, sorted by series before they are numbered."""
        some = sorted(self._rng.choice(self.meters) for _ in range(self._rng.choice((1, 1, 3, 12))))
        for meter in some:
            self._newest_ms[meter] += self._rng.choice((1000, 1000, 2000))
            timestamp = max(0, self._newest_ms[meter] - self._rng.choice((0, 0, 0, 0, 3000, 9000)))
            reading = Reading(self._next, meter, timestamp, self._fresh())
            self._journal.append(reading)
            self.made[reading.number] = reading
            self._next += 1

    def sync(self) -> None:
        self._synced = self._next - 1

    def kill(self) -> None:
        self.alive = self.ready = False

    def lose_power(self) -> None:
        """The unsynced end of the journal is gone; its numbers were never sent."""
        self.kill()
        self._journal = [reading for reading in self._journal if reading.number <= self._synced]
        self._next = max(self._synced, self.forgotten) + 1

    # ---- the sending end of a link ---------------------------------------------------------------------------------

    def hello(self) -> pb.Up:
        self.ready = False
        self.sync()
        self._defined.clear()
        first = self._journal[0].number if self._journal else self._next
        return pb.Up(
            hello=pb.Hello(
                version=LINK_VERSION,
                site="default",
                log=self.id,
                first=first,
                last=self._next - 1,
                source=True,
                name=self.name,
            )
        )

    def take(self, down: pb.Down) -> list[pb.Up]:
        if down.HasField("welcome"):
            self._sent, self.ready = down.welcome.durable, True
            self._forget(down.welcome.durable)
        elif down.HasField("refusal"):
            raise AssertionError(f"a refusal that nothing gave reason for: {down.refusal}")
        else:
            self._forget(down.durable)
        return []

    def following(self) -> pb.Up | None:
        some = [reading for reading in self._journal if reading.number > self._sent]
        some = some[: self._rng.choice((1, 2, 5, 12))]
        if not (self.ready and some):
            return None
        self.sync()
        self._sent = some[-1].number
        payload = codec.encode(
            np.array([self.meters.index(reading.meter) for reading in some], np.int64),
            np.array([reading.timestamp for reading in some], np.int64),
            np.array([reading.value for reading in some], np.float64),
        )
        new = dict.fromkeys(reading.meter for reading in some if reading.meter not in self._defined)
        self._defined.update(new)
        series = [pb.SourceSeries(number=self.meters.index(meter), meter=meter, metric=METRIC) for meter in new]
        return pb.Up(source=pb.SourceBatch(first=some[0].number, payload=payload, series=series, sent_ms=1))

    def _forget(self, durable: int) -> None:
        self._journal = [reading for reading in self._journal if reading.number > durable]
        self.forgotten = max(self.forgotten, durable)

    @property
    def waiting(self) -> bool:
        return bool(self._journal)
