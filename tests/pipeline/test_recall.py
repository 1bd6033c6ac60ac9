"""What a restart remembers of readings without numbers."""

from pathlib import Path

import numpy as np

from headwater.log.disk import RealDisk
from headwater.log.writer import LogOptions, NodeLog
from headwater.model.ids import IdRun
from headwater.model.reading import SeriesKey
from headwater.model.records import Kind
from headwater.model.stamp import Origin, OriginKind, Same
from headwater.pipeline import recall
from headwater.pipeline.collector import Collector
from headwater.pipeline.core import Core
from headwater.wire import codec
from tests.pipeline.daemons import gateway_options, readings

WINDOW = 200


class Life:
    """One life of a gateway that logs in small segments."""

    def __init__(self, folder: Path) -> None:
        options = gateway_options(folder, deduplicate_window=WINDOW)
        self.disk = RealDisk(options.log)
        self.log = NodeLog(self.disk, 1, lambda: 1_700_000_000_000, LogOptions(4096, 1 << 20))
        self.core = Core(options, self.log, lambda: 1_700_000_000_000)
        self.collector = Collector(self.core, lambda: 0.0)

    def add(self, first: int, last: int, together: int = 7) -> list[bool]:
        """Take readings in batches; for each, whether it was new."""
        news = []
        for at in range(first, last):
            news.append(self.collector.add(SeriesKey(f"m{at % 3}", "power"), at, at / 10))
            if at % together == 0:
                self.collector.flush()
        self.end_batch()
        return news

    def end_batch(self) -> None:
        self.collector.flush()
        self.log.commit()

    def end(self) -> None:
        self.log.close()
        self.disk.close()


def test_a_repetition_is_refused_by_the_next_life_too(tmp_path: Path) -> None:
    first = Life(tmp_path)
    first.add(0, 3 * WINDOW)
    assert len(first.log.segments) > 3
    first.end()
    second = Life(tmp_path)
    assert not any(second.add(2 * WINDOW, 3 * WINDOW))
    assert all(second.add(3 * WINDOW, 3 * WINDOW + 5))
    second.end()
    assert len(readings(tmp_path)) == 3 * WINDOW + 5


def test_no_more_is_remembered_than_the_window_holds(tmp_path: Path) -> None:
    first = Life(tmp_path)
    first.add(0, 3 * WINDOW)
    first.end()
    second = Life(tmp_path)
    assert all(second.add(0, 100))
    second.end()


def test_what_was_never_durable_is_not_remembered(tmp_path: Path) -> None:
    first = Life(tmp_path)
    first.add(0, 10)
    first.collector.add(SeriesKey("m0", "power"), 99, 9.9)
    first.disk.close()
    second = Life(tmp_path)
    assert second.add(99, 100) == [True]
    second.end()


def test_only_what_entered_here_is_remembered(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.add(0, 3)
    one = np.zeros(1, np.int64)
    payload = codec.encode(one, one, np.zeros(1))
    upstream = bytes(8)
    life.core.batch(
        Kind.DATA,
        Origin(OriginKind.ENTRY, upstream, 5),
        upstream,
        1,
        payload,
        context=life.core.context(Life.add),
        inputs=Same(IdRun(7, 1 << 33, 1)),
        received_ms=0,
    )
    life.log.commit()
    assert len(recall.latest(life.log, 100)) == 3
    life.end()
