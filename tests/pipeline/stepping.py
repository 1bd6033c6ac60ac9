"""A node with an aggregate step, on a disk in memory: readings in, windows out."""

from typing import Any

from headwater.model.records import Batch, Kind, TimeDecision
from headwater.pipeline.step_options import AggregateOptions
from headwater.wire import codec
from tests.pipeline.ends import End

WINDOW_S = 4
Window = tuple[str, int, float]
"""(meter, start in ms, value)"""


def stepping(*steps: AggregateOptions, **more: Any) -> End:
    """An endpoint with these steps, or with one that sums over 4 s."""
    return End(1, steps=steps or (AggregateOptions(function="sum", window_s=WINDOW_S),), **more)


def enter(end: End, *readings: tuple[int, float], meter: str = "m") -> int:
    """Log (second, value) of one series, durably; the record's sequence."""
    seconds, values = zip(*readings, strict=True)
    sequence = end.take_in(*values, meter=meter, timestamps=[1000 * second for second in seconds]).sequence
    end.commit()
    return sequence


def advance(end: End, checkpoint: bool = False) -> None:
    """Start the steps as after a restart, fold in all that is durable, and perhaps save where they are."""
    chain = end.chain()
    while chain.advance():
        end.commit()
    if checkpoint and (held := chain.checkpoint()) is not None:
        end.disk.replace(chain.file, held)


def close_all(end: End, index: int = 0) -> None:
    """The clock decides that every window closes."""
    end.log.append(Kind.TIME, TimeDecision(index, end.clock_ms))
    end.commit()


def windows(end: End) -> list[Window]:
    """Every window in the log's output records, in their order."""
    return [window for batch in end.batches(Kind.OUT) for window in _windows(end, batch)]


def _windows(end: End, batch: Batch) -> list[Window]:
    rows = zip(*(column.tolist() for column in codec.decode(batch.payload)), strict=True)
    return [(end.log.state.series[batch.entry, series].meter, start, value) for series, start, value in rows]


def late(end: End) -> list[tuple[int, int]]:
    """(record, position) of every reading that an output record calls late."""
    triggers = [batch.trigger for batch in end.batches(Kind.OUT) if batch.trigger is not None]
    return [(trigger.sequence, position) for trigger in triggers for position in trigger.late]
