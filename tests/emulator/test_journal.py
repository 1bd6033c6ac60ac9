"""The journal of a source: kept through kills and power losses, and no longer than needed."""

import random
from pathlib import Path

import pytest

from headwater.emulator import journal
from headwater.emulator.journal import Entry, Journal, journal_entries
from headwater.log.disk import RealDisk
from headwater.model.reading import SeriesKey
from tests.campaigns.disk import RecordingDisk, lose_power

BEGUN_MS = 1_700_000_000_000


def opened(folder: Path, keep: bool = False) -> Journal:
    return Journal(RealDisk(folder), keep, lambda: BEGUN_MS)


def add(held: Journal, count: int = 10, sync: bool = True) -> Entry:
    """Journal a message of the next tick; the first one names the series."""
    series = () if held.series else ((1, "meter", "power"),)
    entry = Entry(held.next_number, count, held.next_tick + 1, b"payload", series, 0)
    held.append([entry])
    if sync:
        held.sync()
    return entry


def test_a_restart_goes_on_where_the_journal_ends(tmp_path: Path) -> None:
    held = opened(tmp_path)
    entries = [add(held), add(held)]

    again = opened(tmp_path)

    assert list(again.entries) == entries
    assert again.synced == entries
    assert (again.source, again.next_number, again.next_tick) == (held.source, 21, 2)
    assert again.series == {1: SeriesKey("meter", "power")}


def test_the_replay_began_when_it_first_began(tmp_path: Path) -> None:
    opened(tmp_path)

    assert Journal(RealDisk(tmp_path), False, lambda: BEGUN_MS + 86_400_000).begun_ms == BEGUN_MS


def test_what_a_restart_may_send_survives_a_power_loss(tmp_path: Path) -> None:
    for seed in range(20):
        folder, notes = tmp_path / str(seed) / "journal", tmp_path / str(seed) / "notes"
        notes.mkdir(parents=True)
        disk = RecordingDisk(folder, notes)
        held = Journal(disk, False, lambda: BEGUN_MS)
        add(held)
        killed_before_its_sync(held)

        sent = Journal(RecordingDisk(folder, notes), False, lambda: BEGUN_MS).synced
        lose_power(folder, notes, random.Random(seed))

        assert opened(folder).synced == sent


def killed_before_its_sync(held: Journal) -> None:
    """What a kill -9 between write and sync leaves: the page cache has it, the disk perhaps not."""
    add(held, sync=False)
    file = held._open
    assert file is not None
    file.write(b"".join(held._pending.frames))


def test_files_go_once_acknowledged_and_their_series_stay_named(tmp_path: Path) -> None:
    for life in range(4):
        held = opened(tmp_path)
        entry = add(held)
        held.acknowledge(entry.first - 1)
        assert held.series == {1: SeriesKey("meter", "power")}, f"in life {life + 1}"

    assert len([name for name in RealDisk(tmp_path).names() if name.startswith("journal.")]) == 1


def test_a_journal_of_which_all_is_acknowledged_still_knows_its_position(tmp_path: Path) -> None:
    held = opened(tmp_path)
    last = add(held).last
    again = opened(tmp_path)
    add(again, sync=False)
    again._begin_file(last)  # Killed before anything was written to the new file.
    third = opened(tmp_path)
    third.acknowledge(last)

    fourth = opened(tmp_path)

    assert (fourth.next_number, fourth.next_tick) == (last + 1, 1)


def test_an_entry_cut_short_is_left_behind_and_its_numbers_go_to_the_next(tmp_path: Path) -> None:
    held = opened(tmp_path)
    add(held)
    second = add(held)
    path = tmp_path / "journal.000000000001"
    path.write_bytes(path.read_bytes()[:-1])

    again = opened(tmp_path)
    assert again.next_number == second.first
    third = add(again)

    assert third.first == second.first
    assert [entry.first for entry in journal_entries(RealDisk(tmp_path))] == [1, 11]


def test_what_cannot_be_sent_in_order_any_more_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "FILE_BYTES", 1)
    held = opened(tmp_path)
    for _ in range(3):
        add(held)
    (tmp_path / "journal.000000000002").unlink()

    again = opened(tmp_path)

    assert [entry.first for entry in again.entries] == [21]
    assert again.next_number == 31


def test_everything_is_kept_when_it_is_wanted(tmp_path: Path) -> None:
    for _ in range(3):
        held = opened(tmp_path, keep=True)
        held.acknowledge(add(held).last)

    assert [entry.first for entry in journal_entries(RealDisk(tmp_path))] == [1, 11, 21]
