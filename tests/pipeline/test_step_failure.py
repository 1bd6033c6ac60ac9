"""A step that fails in the middle of a record: nothing of what it was about to write is taken for done."""

from pathlib import Path

import numpy as np
import pytest

from headwater.log.disk import RealDisk
from headwater.log.writer import NodeLog
from headwater.model.errors import Rejected
from headwater.model.reading import SeriesKey
from headwater.model.records import Kind
from headwater.model.stamp import Origin, OriginKind
from headwater.pipeline.core import Core
from headwater.pipeline.options import GatewayOptions
from headwater.pipeline.step_options import AggregateOptions
from headwater.pipeline.steps.chain import Chain
from headwater.wire import codec
from headwater.wire.records import decode_batch

NOW_MS = 1_700_000_000_000
STEP = AggregateOptions(function="sum", window_s=60)


def test_a_failure_between_folding_and_writing_costs_no_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = RealDisk(tmp_path)
    log = NodeLog(disk, 1, lambda: NOW_MS)
    core = Core(GatewayOptions(node=1, name="a", data=tmp_path, steps=(STEP,)), log, lambda: NOW_MS)
    core.configure(None)
    step = Chain(core, disk, log.reader(0))
    series = log.define(SeriesKey("meter", "power"))
    enter(core, series, [0, 30_000])
    enter(core, series, [60_000])
    monkeypatch.setattr(log, "define", refuse)
    with pytest.raises(Rejected):
        step.advance()

    held = step.checkpoint()
    if held is not None:
        disk.replace(step.file, held)
    monkeypatch.undo()
    again = Chain(core, disk, log.reader(0))
    again.advance()
    log.commit()

    outputs = [decode_batch(record) for record in log.reader(0).read().records if record.kind == Kind.OUT]
    assert [codec.decode(batch.payload).values.tolist() for batch in outputs] == [[2.0]]
    disk.close()


def refuse(_: SeriesKey, stays: bool | None = None) -> int:
    raise Rejected("series", "there is no room for another name")


def enter(core: Core, series: int, timestamps: list[int]) -> None:
    """A batch of readings of one series, durable."""
    count = len(timestamps)
    payload = codec.encode(np.full(count, series), np.array(timestamps), np.ones(count))
    log = core.log
    origin = Origin(OriginKind.ENTRY, log.log, log.state.sequence + 1)
    context = core.context(enter)
    core.batch(Kind.DATA, origin, log.log, count, payload, context=context, inputs=None, received_ms=NOW_MS)
    log.commit()
