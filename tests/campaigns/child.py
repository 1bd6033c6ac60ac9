"""A process of the grid as the campaign starts it: the same commands, on a disk that keeps notes, in a hurry.

    python -m tests.campaigns.child gateway --config T.toml --name gatewayA

Nothing of the product is changed but its patience: what it does every few seconds it does several times a second.
"""

import os
import sys
from collections.abc import Iterator, Sequence

import numpy as np

import headwater.agent.daemon
import headwater.agent.ship
import headwater.emulator.journal
import headwater.emulator.sensors
import headwater.log.disk
import headwater.node
import headwater.pipeline.daemon
import headwater.pipeline.forward
import headwater.pipeline.server
import headwater.store.period_writer
import headwater.store.sqlite
from headwater.cli import main as cli
from headwater.emulator.options import SensorOptions
from headwater.emulator.ticks import Rejections, Replay, Tick
from headwater.log.writer import LogOptions, NodeLog
from headwater.model.reading import SeriesKey
from headwater.wire import headwater_pb2 as pb
from tests.campaigns import points
from tests.campaigns.disk import RecordingDisk

SEGMENT_KEY = "HEADWATER_CAMPAIGN_SEGMENT_BYTES"
"""Smaller segments and budgets than a topology file may ask for: segment_bytes,log_bytes_max."""
CLOCK_KEY = "HEADWATER_CAMPAIGN_CLOCK_MS"
"""How far the clock of this process is off."""
DISORDER_KEY = "HEADWATER_CAMPAIGN_DISORDER_MS"
"""How far timestamps come out of order."""
PATIENCE = {
    "pipeline.housekeeping.SAVE_EVERY_S": 40,
    "pipeline.housekeeping.ROUND_S": 5,
    "pipeline.daemon.ROUND_S": 5,
    "pipeline.forward.WAIT_S_MAX": 40,
    "pipeline.forward.SILENCE_S_MAX": 3,
    "emulator.sensors.WAIT_S_MAX": 12,
    "emulator.sensors.SILENCE_S_MAX": 3,
    "agent.ship.WAIT_S_MAX": 12,
    "agent.ship.REPORT_EVERY_S": 10,
}
"""How many times shorter waits are than they are for others."""


class Disordered:
    """A replay whose timestamps are moved back by up to some time, always the same way."""

    def __init__(self, replay: Replay, disorder_ms: int) -> None:
        self._replay = replay
        self._disorder_ms = disorder_ms

    @property
    def series(self) -> list[SeriesKey]:
        return list(self._replay.series)

    @property
    def rejected(self) -> Rejections:
        return self._replay.rejected

    def ticks(self, first: int = 0) -> Iterator[Tick]:
        for tick in self._replay.ticks(first):
            moved = (tick.number * 7919 + tick.series.astype(np.int64) * 104_729) % self._disorder_ms
            late = (tick.number * 31 + tick.series) % 5 == 0
            yield Tick(tick.number, tick.series, tick.timestamps - np.where(late, moved, 0), tick.values)


def main(arguments: list[str]) -> int:
    """Be one process; the environment says how."""
    headwater.log.disk.RealDisk = RecordingDisk  # type: ignore[misc]
    headwater.pipeline.daemon.RealDisk = RecordingDisk  # type: ignore[attr-defined]
    headwater.agent.daemon.RealDisk = RecordingDisk  # type: ignore[attr-defined]
    _hurry()
    headwater.emulator.journal.FILE_BYTES = 20_000
    _make_small(os.environ.get(SEGMENT_KEY, ""))
    _set_clock(int(os.environ.get(CLOCK_KEY, "0")))
    _disorder(int(os.environ.get(DISORDER_KEY, "0")))
    if points.arm():
        _place_points()
    return cli.main(arguments)


def _hurry() -> None:
    for name, times in PATIENCE.items():
        module, _, constant = name.rpartition(".")
        held = sys.modules[f"headwater.{module}"]
        setattr(held, constant, getattr(held, constant) / times)


def _make_small(sizes: str) -> None:
    if not sizes:
        return
    segment_bytes, log_bytes_max = map(int, sizes.split(","))

    def small(*given: object) -> LogOptions:
        return LogOptions(segment_bytes, log_bytes_max, bool(given[2]))

    headwater.pipeline.daemon.LogOptions = small  # type: ignore[assignment,attr-defined]


def _set_clock(offset_ms: int) -> None:
    real = headwater.node.wall_ms
    headwater.node.wall_ms = lambda: real() + offset_ms


def _disorder(disorder_ms: int) -> None:
    real = headwater.node.open_replay

    def open_replay(options: SensorOptions, begun_ms: int, ids: Sequence[str] = ()) -> Replay:
        return Disordered(real(options, begun_ms, ids), disorder_ms)

    if disorder_ms:
        headwater.node.open_replay = open_replay


def _place_points() -> None:
    """The points beside those of the disk: see `tests.campaigns.faults` for what they are called."""
    points.after(NodeLog, "append", "append")
    answers, forwarder = headwater.pipeline.server.Answers, headwater.pipeline.forward.Forwarder
    points.before(answers, "write", "acknowledge", lambda _, down: down.HasField("durable"))
    points.after(answers, "write", "acknowledged", lambda _, down: down.HasField("durable"))
    points.before(answers, "write", "welcome", lambda _, down: down.HasField("welcome"))
    points.before(forwarder, "_write", "forward", _is_records)
    points.after(forwarder, "_write", "forwarded", _is_records)
    shipping = headwater.agent.ship.Shipping
    points.before(shipping, "_write", "ship", lambda *given: given[2].HasField("group"))
    points.after(shipping, "_write", "shipped", lambda *given: given[2].HasField("group"))
    points.after(shipping, "_taken", "told")
    points.before(headwater.emulator.sensors.Sensors, "_message", "send")
    points.after(headwater.emulator.sensors.Sensors, "_take", "told")
    period, writer = headwater.store.period_writer.PeriodWriter, headwater.store.sqlite.SqliteWriter
    points.before(period, "add", "add")
    points.after(period, "add", "added")
    points.after(period, "seal", "sealed")
    points.after(writer, "add_all", "stored")
    points.after(writer, "hello", "met")


def _is_records(*given: object) -> bool:
    up = given[2]
    return isinstance(up, pb.Up) and up.HasField("records")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
