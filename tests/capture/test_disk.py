"""A recorder on a disk that refuses, and on one that is small."""

import random
from itertools import count
from pathlib import Path

import pytest

from headwater.capture import DataPointId, Recorder
from headwater.capture import committer as committing
from headwater.capture import intake as intaking
from headwater.log.cursors import Cursor, save_cursor
from headwater.log.ranges import Ranges, union
from headwater.log.standing import RECEIVED
from headwater.model.errors import NotFound, Unavailable
from tests.capture.laboratory import NODE, NOW_MS, simulated
from tests.simulation.disk import DiskError, Operation, SimDisk


class Full:
    """Makes a disk refuse what is written to it, for as long as it is told to."""

    def __init__(self, disk: SimDisk) -> None:
        self.refusing = False
        disk.on_operation = self.step

    def step(self, operation: Operation) -> None:
        if self.refusing and operation.kind in ("create", "write", "datasync") and not operation.done:
            raise DiskError(28, "no space left on device")


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that refuses is asked again at once."""
    monkeypatch.setattr(committing, "RETRY_S_MAX", 0.05)
    monkeypatch.setattr(committing, "RETRY_S_MIN", 0.05)


def test_a_full_disk_is_borne_up_to_a_bound_and_nothing_taken_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intaking, "UNSYNCED_BYTES_MAX", 20_000)
    disk = SimDisk()
    full, taken = Full(disk), list[DataPointId]()
    with simulated(disk, patience_s=0.5) as recorder:
        full.refusing = True
        endless = (recorder.record("m", "x", at * 0.1) for at in count())
        with pytest.raises(Unavailable, match=r"not durable after 0.5 s: .*no space left"):
            taken.extend(endless)
        assert len(taken) < 100_000
        with pytest.raises(Unavailable, match="no space left"):
            recorder.flush()
        full.refusing = False
        recorder.flush()
        taken.append(recorder.record("m", "x", len(taken) * 0.1))
        for at in (*range(0, len(taken), 99), len(taken) - 1):
            assert recorder.reading(taken[at]).value == at * 0.1


def test_closing_on_a_full_disk_says_what_is_lost_and_gives_the_folder_up() -> None:
    disk = SimDisk()
    full = Full(disk)
    recorder = simulated(disk, patience_s=0.2)
    kept = recorder.record("m", "x", 1)
    recorder.flush()
    full.refusing = True
    lost = recorder.record("m", "x", 2)
    with pytest.raises(Unavailable, match="no space left"):
        recorder.close()
    full.refusing = False
    with simulated(disk) as again:
        assert again.reading(kept).value == 1
        with pytest.raises(NotFound):
            again.reading(lost)
        assert again.record("m", "x", 3) not in (kept, lost)


def test_a_disk_that_refuses_from_the_start_is_told_at_once(tmp_path: Path) -> None:
    disk = SimDisk()
    full = Full(disk)
    full.refusing = True
    with pytest.raises(Unavailable, match="no space left"):
        simulated(disk)
    full.refusing = False
    simulated(disk).close()


def filled(recorder: Recorder, first: int, values: int) -> list[DataPointId]:
    """Values that do not compress."""
    rng = random.Random(first)
    return [
        recorder.record(f"m{at % 7}", "x", 1 / (at + 1), timestamp=rng.getrandbits(60))
        for at in range(first, first + values)
    ]


def used(folder: Path) -> int:
    return sum(file.stat().st_size for file in (folder / "log").glob("*.seg"))


def test_a_log_that_nobody_ships_stays_within_its_budget_and_names_what_went(tmp_path: Path) -> None:
    budget = 2 << 20
    with Recorder(tmp_path, node=NODE, segment_bytes=64 << 10, log_bytes_max=budget) as recorder:
        ids: list[DataPointId] = []
        for first in range(0, 160_000, 20_000):
            ids += filled(recorder, first, 20_000)
            recorder.flush()
            assert used(tmp_path) <= budget
        assert recorder.reading(ids[-1]).value == 1 / 160_000
        with pytest.raises(NotFound, match="no longer in the log"):
            recorder.reading(ids[0])
        assert recorder._disk.load_word(RECEIVED) == 160_000
        assert lost(recorder) == ((1, recorder._intake.log.segments[0].first - 1),)


def lost(recorder: Recorder) -> Ranges:
    """The sequences that the log names dropped."""
    named = [loss for segment in recorder._intake.log.segments for _, loss in segment.losses]
    return union(tuple((one.first, one.last) for loss in named for one in (loss, *loss.restated)))


@pytest.mark.parametrize("shipped", [True, False])
def test_shipped_values_go_by_storage_time_and_unshipped_ones_stay(shipped: bool) -> None:
    clock, disk = [NOW_MS], SimDisk()
    with simulated(disk, lambda: clock[0], storagetime_s=60, segment_bytes=64 << 10) as recorder:
        first = recorder.record("m", "x", 1)
        recorder.flush()
        for _ in range(12):
            clock[0] += 30_000
            filled(recorder, 0, 1000)
            recorder.flush()
            if shipped:
                save_cursor(disk, "agent", Cursor(recorder._intake.log.durable, 0))
        if shipped:
            with pytest.raises(NotFound, match="no longer in the log"):
                recorder.reading(first)
        else:
            assert recorder.reading(first).value == 1
