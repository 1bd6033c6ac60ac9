"""Chains of steps over a log on a disk in memory: batches of mixed series in, outputs with their inputs out."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from headwater.model.ids import DataPointId
from headwater.model.reading import Reading, SeriesKey
from headwater.model.records import Batch, Definition, Kind, Position
from headwater.model.stamp import Origin, OriginKind, input_ids, inputs_of
from headwater.pipeline.step_options import StepOptions
from headwater.wire import codec
from headwater.wire.link import forwarded
from headwater.wire.records import Record, decode_batch
from tests.pipeline.ends import SOURCE, START_MS, UPSTREAM, End


class Point(NamedTuple):
    """A reading in the log."""

    reading: Reading
    id: DataPointId
    inputs: tuple[DataPointId, ...]
    contribution: str | None
    sequence: int


def chained(*steps: StepOptions) -> End:
    """A gateway of these steps."""
    return End(1, next="b:1", steps=steps)


def readings(*values: float, meter: str = "m", metric: str = "power") -> list[Reading]:
    """One a second from 1970 on."""
    return [Reading(meter, metric, 1000 * at, value) for at, value in enumerate(values)]


def values(end: End, kind: Kind | None = None) -> list[float]:
    """The values that go on."""
    return [point.reading.value for point in delivered(end, kind)]


def log_readings(end: End, readings: list[Reading], kind: Kind = Kind.DATA, foreign: bool = False) -> int:
    """Log one batch, durably; the record's sequence. A foreign one has series of another log."""
    log = end.log
    if foreign:
        entry, numbers = UPSTREAM, [_foreign(end, SeriesKey(r.meter, r.metric)) for r in readings]
    else:
        entry, numbers = log.log, [log.define(SeriesKey(r.meter, r.metric)) for r in readings]
    first = log.state.positions.get(SOURCE, 0) + 1
    times, values = [reading.timestamp for reading in readings], [reading.value for reading in readings]
    record = end.core.batch(
        kind,
        Origin(OriginKind.SOURCE, SOURCE, first),
        entry,
        len(readings),
        codec.encode(np.array(numbers, np.int64), np.array(times, np.int64), np.array(values, np.float64)),
        context=end.core.context(log_readings),
        inputs=None,
        received_ms=START_MS,
        upstream=Position(SOURCE, first + len(readings) - 1),
    )
    end.commit()
    return record.sequence


def _foreign(end: End, key: SeriesKey) -> int:
    """The number of a series in another log, whose definition came from there."""
    state = end.log.state
    for (log, number), held in state.series.items():
        if log == UPSTREAM and (held.meter, held.metric) == key:
            return number
    number = 1 + max((number for log, number in state.series if log == UPSTREAM), default=0)
    end.log.append_twice(Kind.DEFINITION, Definition(UPSTREAM, number, *key, stays=end.log.hides_names))
    return number


def run(end: End, checkpoint: bool = False, most: int = 32) -> None:
    """Start the steps as after a restart and have them take all that is durable."""
    chain = end.chain()
    while chain.advance(most):
        end.commit()
    if checkpoint and (held := chain.checkpoint()) is not None:
        end.disk.replace(chain.file, held)


def going_on(end: End) -> list[Record]:
    """The records that the next hop gets."""
    return [record for record in end.records() if forwarded(record)]


def delivered(end: End, kind: Kind | None = None) -> list[Point]:
    """The readings that go on, in order; of one kind as the next hop sees it."""
    found = []
    for record in going_on(end):
        if record.kind in (Kind.DATA, Kind.OUT):
            batch = decode_batch(record)
            seen = Kind.DATA if batch.trigger is not None and batch.trigger.readings else record.kind
            if kind in (None, seen):
                found += points(end, record.sequence, batch)
    return found


def outputs_of(end: End, step: int) -> list[Point]:
    """What a step made, in order."""
    found = []
    for record in end.records(Kind.OUT):
        batch = decode_batch(record)
        if batch.trigger is not None and batch.trigger.step == step:
            found += points(end, record.sequence, batch)
    return found


def points(end: End, sequence: int, batch: Batch) -> list[Point]:
    return list(_points(end, sequence, batch))


def _points(end: End, sequence: int, batch: Batch) -> Iterator[Point]:
    stamp = batch.stamp
    assert batch.count == 0 or stamp is not None
    for at, (number, time, value) in enumerate(zip(*map(list, codec.decode(batch.payload)), strict=True)):
        assert stamp is not None
        series = end.log.state.series[batch.entry, int(number)]
        reading = Reading(series.meter, series.metric, int(time), float(value))
        contribution = getattr(stamp.inputs, "contribution", None)
        yield Point(reading, stamp.run.at(at), tuple(input_ids(inputs_of(stamp, at))), contribution, sequence)


def raw(end: End) -> dict[DataPointId, Reading]:
    """Every reading in the log by its id, whatever made it."""
    found = {}
    for record in end.records(Kind.DATA, Kind.OUT):
        for point in points(end, record.sequence, decode_batch(record)):
            found[point.id] = point.reading
    return found
