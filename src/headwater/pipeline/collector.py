"""Gathers readings that come one by one, from streams without numbers, into batches before the log."""

import math
from collections.abc import Callable
from operator import itemgetter

import numpy as np

from headwater.model.errors import Rejected
from headwater.model.ids import DataPointId, IdRun, parse_id
from headwater.model.reading import SeriesKey
from headwater.model.records import Kind
from headwater.model.stamp import SIMPLE, Inputs, Lists, Origin, OriginKind
from headwater.pipeline import recall
from headwater.pipeline.core import Core
from headwater.pipeline.deduplicate import Window
from headwater.wire import codec

READINGS = 1024
BYTES = 64 << 10
READING_BYTES = 40
PARENT_BYTES = 40
"""What a reading takes while it waits, and an id that it came with."""
WAIT_MS_MIN = 2.0
WAIT_MS_MAX = 20.0
COST_WEIGHT = 0.2
"""Of the newest batch in the mean cost."""
COST_SHARE = 20
"""A batch is waited for as long as 20 batches cost, so that batches take at most 5 % of the time."""


Arrival = tuple[int, int, float, DataPointId | None]
"""A reading as it came: the number of its series in this log, timestamp, value, parent. Plain, to be made fast."""


class Collector:
    """Adaptive batching: at once after idle, else 1,024 readings, 64 kB, or a wait that grows with the load."""

    def __init__(self, core: Core, seconds: Callable[[], float]) -> None:
        self._core = core
        self._seconds = seconds
        self._arrivals: list[Arrival] = []
        self._bytes = 0
        self._cost_ms = 0.1
        self._flushed = -math.inf
        """When the last batch was logged."""
        self._batch = 0
        self.logged = 0
        """The sequence of the last batch logged."""
        self.read_rest: Callable[[], None] = lambda: None
        """Called before a batch is logged, to add what was taken and not read yet."""
        self._seen = Window(core.options.deduplicate_window)
        for mark in recall.latest(core.log, core.options.deduplicate_window):
            self._seen.first_time(mark)
        core.context(Collector.flush)

    def remember(self, window: int) -> None:
        """Refuse repetitions among so many readings from now on."""
        self._seen.resize(window)

    @property
    def waiting(self) -> int:
        """Readings not in the log yet."""
        return len(self._arrivals)

    @property
    def newest(self) -> int:
        """The number of the newest batch that has readings."""
        return self._batch if self._arrivals else self._batch - 1

    def is_logged(self, batch: int) -> bool:
        """Whether a batch is in the log, not later than the record `logged`."""
        return batch < self._batch

    @property
    def wait_s(self) -> float:
        """How long the first reading of a batch waits for others: nothing when none came for longer than that."""
        wait = min(max(COST_SHARE * self._cost_ms, WAIT_MS_MIN), WAIT_MS_MAX) / 1000
        return 0.0 if self._seconds() - self._flushed > wait else wait

    @property
    def full(self) -> bool:
        return len(self._arrivals) >= READINGS or self._bytes >= BYTES

    def add(self, key: SeriesKey, timestamp: int, value: float, parent: str = "") -> bool:
        """Take a reading; False when it is a repetition and repetitions are refused.

        A parent id that is not well-formed is left out and counted: 2018 senders without provenance put times there.
        """
        number = self._core.log.define(key)
        if self._seen.size and not self._seen.first_time(recall.mark(number, timestamp, value)):
            self._core.refused["duplicate"] += 1
            return False
        held = self._parent(parent) if parent else None
        self._arrivals.append((number, timestamp, value, held))
        self._bytes += READING_BYTES if held is None else READING_BYTES + PARENT_BYTES
        return True

    def _parent(self, text: str) -> DataPointId | None:
        try:
            return parse_id(text)
        except Rejected:
            self._core.refused["parent-id-ignored"] += 1
            return None

    def flush(self) -> None:
        """Log what was gathered, if anything."""
        self.read_rest()
        if not self._arrivals:
            return
        began = self._seconds()
        arrivals, self._arrivals, self._bytes = self._arrivals, [], 0
        self._log(sorted(arrivals, key=itemgetter(0)))
        self._batch += 1
        self.logged = self._core.log.state.sequence
        self._flushed = self._seconds()
        self._cost_ms += COST_WEIGHT * ((self._flushed - began) * 1000 - self._cost_ms)

    def _log(self, arrivals: list[Arrival]) -> None:
        core = self._core
        numbers, timestamps, values, parents = zip(*arrivals, strict=True)
        payload = codec.encode(
            np.array(numbers, np.int64), np.array(timestamps, np.int64), np.array(values, np.float64)
        )
        inputs = _outside(parents)
        context = core.context(Collector.flush)  # A record of its own, when it is new: the origin comes behind it.
        core.batch(
            Kind.DATA,
            Origin(OriginKind.ENTRY, core.log.log, core.log.state.sequence + 1),
            core.log.log,
            len(arrivals),
            payload,
            context=context,
            inputs=inputs,
            received_ms=core.now_ms(),
            outside=inputs is not None,
        )


def _outside(parents: tuple[DataPointId | None, ...]) -> Inputs | None:
    """The ids that clients gave their readings, as inputs."""
    if not any(parents):
        return None
    return Lists(SIMPLE, tuple((IdRun(parent.node, parent.ordinal, 1),) if parent else () for parent in parents))
