"""Data points by id, from the log that they were recorded in."""

from collections import OrderedDict
from collections.abc import Mapping
from typing import NamedTuple

from headwater.log.disk import Disk
from headwater.log.index import SegmentIndex
from headwater.log.writer import NodeLog
from headwater.model.errors import NotFound
from headwater.model.ids import DataPointId
from headwater.model.reading import Reading
from headwater.model.records import Batch, Definition
from headwater.model.stamp import Stamp, input_ids, inputs_of
from headwater.wire import codec

SEGMENTS_HELD_MAX = 4
BATCHES_HELD_MAX = 16


class Held(NamedTuple):
    """A batch as it was logged."""

    stamp: Stamp
    entry: bytes
    columns: codec.Columns

    def reading(self, position: int, series: Mapping[tuple[bytes, int], Definition]) -> Reading:
        """The value at a position, with the names that the log has for its series."""
        numbers, timestamps, values = self.columns
        named = series[self.entry, int(numbers[position])]
        return Reading(named.meter, named.metric, int(timestamps[position]), float(values[position]))

    def inputs(self, position: int) -> tuple[DataPointId, ...]:
        """What the value at a position was made from."""
        return tuple(input_ids(inputs_of(self.stamp, position)))


class Points:
    """The batches of a log by the ids in them."""

    def __init__(self, disk: Disk, log: NodeLog) -> None:
        self._disk = disk
        self._log = log
        self._indices: OrderedDict[int, SegmentIndex] = OrderedDict()
        """First sequence of a segment -> its index, the one used last at the end."""
        self._batches: OrderedDict[int, Held] = OrderedDict()
        """First ordinal -> a batch that was asked for, the newest at the end."""

    def find(self, ordinal: int) -> tuple["Held", int]:
        """The durable batch that holds an id, and the position in it.

        NotFound says whether the id is no longer held, or was never given here (or its record is damaged).
        """
        for start, held in reversed(self._batches.items()):
            if start <= ordinal < held.stamp.run.end:
                return held, ordinal - start
        first = max((one.first for one in self._log.segments if one.ordinal <= ordinal and one.on_disk), default=None)
        if first is None:
            raise NotFound("its value is no longer in the log")
        durable = self._log.durable
        index = self._index(first)
        index.grow(durable)
        batch = index.batch(ordinal, durable, is_last=True)
        if not isinstance(batch, Batch) or batch.stamp is None:
            raise NotFound("no record of this log holds it")
        start = batch.stamp.run.start
        self._batches[start] = Held(batch.stamp, batch.entry, codec.decode(batch.payload))
        while len(self._batches) > BATCHES_HELD_MAX:
            self._batches.popitem(last=False)
        return self._batches[start], ordinal - start

    def _index(self, first: int) -> SegmentIndex:
        index = self._indices.pop(first, None) or SegmentIndex(self._disk, first)
        self._indices[first] = index
        while len(self._indices) > SEGMENTS_HELD_MAX:
            self._indices.popitem(last=False)
        return index
