"""Readings by id, from a log that grows, loses segments and is damaged."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.agent.readings import Readings
from headwater.log.disk import RealDisk
from headwater.log.segments import segment_name, segments
from headwater.log.survey import Missing
from headwater.model.errors import Unavailable
from headwater.model.ids import IdRun
from tests.agent.logs import NODE, Written
from tests.pipeline.daemons import FullDisk


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Written]:
    made = Written(RealDisk(tmp_path))
    yield made
    made.close()


def run_of(start: int, count: int) -> IdRun:
    return IdRun(NODE, start, count)


def states(readings: Readings, runs: list[IdRun]) -> list[str]:
    return [state for state, _ in readings.find_all(runs)]


def test_every_id_gives_its_reading_over_all_segments(written: Written) -> None:
    written.write(30, batches=40)
    assert len(segments(written.disk)) > 3
    readings = Readings(written.disk)
    assert readings.find_all([run for run, _ in written.batches]) == [("ok", held) for _, held in written.batches]
    singles = [(run.part(at, 1), held[at]) for run, held in written.batches for at in range(0, run.count, 7)]
    assert readings.find_all([run for run, _ in singles]) == [("ok", [reading]) for _, reading in singles]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.data())
def test_a_run_over_several_batches_is_answered_whole_and_in_order(written: Written, data: st.DataObject) -> None:
    if not written.batches:
        written.write(5, batches=60)
    ids = [(run.start + at, held[at]) for run, held in written.batches for at in range(run.count)]
    first = data.draw(st.integers(0, len(ids) - 1))
    last = data.draw(st.integers(first, min(first + 40, len(ids) - 1)))
    run = run_of(ids[first][0], ids[last][0] - ids[first][0] + 1)
    together = run.count == last - first + 1  # Else ids between were never given: a second passed.
    expected = ("ok", [reading for _, reading in ids[first : last + 1]]) if together else ("unknown", [])
    assert Readings(written.disk).find_all([run]) == [expected]


def test_what_is_not_durable_is_unknown_and_found_later(written: Written) -> None:
    written.write(5)
    readings = Readings(written.disk)
    assert states(readings, [written.batches[0][0]]) == ["ok"]
    for _ in range(30):
        written.write(20, commit=False)
        run, held = written.batches[-1]
        assert readings.find_all([run]) == [("unknown", [])]
        written.log.commit()
        assert readings.find_all([run]) == [("ok", held)]


def test_what_was_written_and_could_not_be_synced_is_unknown(tmp_path: Path) -> None:
    disk = FullDisk(tmp_path)
    written = Written(disk)
    written.write(5)
    written.write(5, commit=False)
    disk.full = True
    with pytest.raises(Unavailable):
        written.log.commit()
    assert states(Readings(disk), [run for run, _ in written.batches]) == ["ok", "unknown"]
    written.close()


def test_ids_that_were_never_given_are_unknown(written: Written) -> None:
    written.write(10, batches=5)
    run = written.batches[-1][0]
    assert states(Readings(written.disk), [run_of(run.end, 1), run_of(1, 1), run_of(run.end - 1, 2)]) == ["unknown"] * 3


def test_ids_of_segments_that_are_gone_are_expired(written: Written) -> None:
    written.write(30, batches=40)
    readings = Readings(written.disk)
    oldest, newest = written.batches[0], written.batches[-1]
    assert states(readings, [oldest[0].part(0, 1), newest[0]]) == ["ok", "ok"]
    fresh = Readings(written.disk)
    for first in segments(written.disk)[:2]:
        written.disk.unlink(segment_name(first))
    assert states(fresh, [oldest[0], run_of(1, 1), newest[0]]) == ["expired", "expired", "ok"]


def test_a_segment_that_goes_while_it_is_searched_is_expired(written: Written) -> None:
    written.write(30, batches=40)
    firsts = segments(written.disk)

    class Vanishing(RealDisk):
        def read(self, name: str, offset: int, length: int) -> bytes:
            if name == segment_name(firsts[0]) and (self.folder / name).exists() and offset == 0 and armed:
                self.unlink(name)
            return super().read(name, offset, length)

    armed = False
    disk = Vanishing(written.disk.folder)
    readings = Readings(disk)
    readings.find_all([])
    armed = True
    assert states(readings, [written.batches[0][0], written.batches[-1][0]]) == ["expired", "ok"]
    disk.close()


def test_only_ids_of_a_damaged_record_are_damaged(written: Written) -> None:
    written.write(30, batches=40)
    hurt = written.batches[11][0]
    written.damage(written.sequence_of(hurt))
    readings = Readings(written.disk)
    expected = ["damaged" if run == hurt else "ok" for run, _ in written.batches]
    assert states(readings, [run for run, _ in written.batches]) == expected
    # Damage elsewhere does not make an id that was never given look damaged.
    assert states(readings, [run_of(written.batches[-1][0].end, 1)]) == ["unknown"]


def test_damage_found_after_a_record_was_indexed_is_told(written: Written) -> None:
    written.write(30, batches=80)
    readings = Readings(written.disk)
    hurt = written.batches[3][0]
    assert states(readings, [hurt]) == ["ok"]
    written.damage(written.sequence_of(hurt))
    states(readings, [run for run, _ in written.batches[5:]])  # What was decoded is forgotten.
    assert states(readings, [hurt]) == ["damaged"]


def test_damage_at_the_end_is_told_until_more_is_written(written: Written) -> None:
    written.write(30, batches=3)
    hurt = written.batches[-1][0]
    sequence = written.sequence_of(hurt)
    written.damage(sequence)
    readings = Readings(written.disk)
    assert states(readings, [hurt]) == ["damaged"]
    written.name_damage(Missing(sequence, sequence))
    written.write(30)
    assert states(readings, [hurt, written.batches[-1][0]]) == ["damaged", "ok"]


@pytest.mark.parametrize("which", [1, 2])
def test_a_segment_without_its_snapshots_gives_its_readings_all_the_same(written: Written, which: int) -> None:
    written.write(30, batches=40)
    written.damage_snapshots(segments(written.disk)[which])
    readings = Readings(written.disk)
    assert readings.find_all([run for run, _ in written.batches]) == [("ok", held) for _, held in written.batches]


def test_a_log_that_was_sealed_after_a_failed_sync_gives_each_reading_once(tmp_path: Path) -> None:
    disk = FullDisk(tmp_path)
    written = Written(disk)
    written.write(10, batches=3)
    disk.full = True
    written.write(10, batches=3, commit=False)
    with pytest.raises(Unavailable):
        written.log.commit()
    disk.full = False
    written.write(10, batches=3)
    readings = Readings(disk)
    assert readings.find_all([run for run, _ in written.batches]) == [("ok", held) for _, held in written.batches]
    written.close()
