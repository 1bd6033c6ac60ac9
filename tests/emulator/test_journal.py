"""The journal of a source: kept through kills and power losses, and no longer than needed."""

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


@given(cut=st.floats(0, 1), groups=st.lists(st.integers(1, 3), min_size=1, max_size=8))
def test_a_cut_at_any_byte_leaves_whole_messages_and_numbers_that_go_on(cut: float, groups: list[int]) -> None:
    with tempfile.TemporaryDirectory() as name:
        held = opened(Path(name))
        written: list[list[Entry]] = []
        for size in groups:
            first, tick = held.next_number, held.next_tick + 1
            written.append([Entry(first + at, 1, tick, b"payload", (), 0) for at in range(size)])
            held.append(written[-1])
            held.sync()
        path = Path(name) / "journal.000000000001"
        data = path.read_bytes()
        path.write_bytes(data[: int(cut * len(data))])

        again = opened(Path(name))

        whole = [entry for group in written[: again.next_tick] for entry in group]
        assert list(again.entries) == again.synced == whole
        assert again.next_number == len(whole) + 1
        assert (cut < 1) or again.next_tick == len(groups)
        add(again)
        assert [entry.first for entry in opened(Path(name)).entries] == list(range(1, len(whole) + 2))


def test_nothing_may_be_sent_before_it_is_synced(tmp_path: Path) -> None:
    held = opened(tmp_path)
    first = add(held)
    second = add(held, sync=False)
    assert held.synced == [first]
    held.sync()
    assert held.synced == [first, second]


# ---- gateways -------------------------------------------------------------------------------------------------------


def test_a_source_stays_the_same_for_its_gateway(tmp_path: Path) -> None:
    held = opened(tmp_path)
    source = held.source
    assert held.meet("000001")
    held.acknowledge(add(held).last)
    assert held.meet("000001")
    assert opened(tmp_path).meet("000001")
    assert (held.source, held.before) == (source, 0)


def test_another_gateway_gets_a_source_of_its_own_without_what_the_first_has(tmp_path: Path) -> None:
    held = opened(tmp_path)
    source = held.source
    assert held.meet("000001")
    held.acknowledge(add(held).last)
    held.close()

    again = opened(tmp_path)
    assert not again.meet("000002")

    assert (again.before, list(again.entries)) == (10, [])
    assert again.source != source
    third = opened(tmp_path)
    assert third.meet("000002")
    assert (third.source, third.before, list(third.entries)) == (again.source, 10, [])
    assert (add(third).first, third.next_number) == (11, 21)


def test_what_the_first_gateway_may_not_have_goes_to_the_other(tmp_path: Path) -> None:
    held = opened(tmp_path)
    held.meet("000001")
    acknowledged = add(held)
    held.acknowledge(acknowledged.last)
    rest = [add(held), add(held)]
    assert not held.meet("000002")
    assert (held.before, list(held.entries), held.synced) == (acknowledged.last, rest, rest)


def test_what_was_acknowledged_is_known_after_a_kill(tmp_path: Path) -> None:
    held = opened(tmp_path, keep=True)
    held.meet("000001")
    held.acknowledge(add(held).last)
    add(held)  # Killed here: what it wrote last says how far the gateway was.

    again = opened(tmp_path, keep=True)
    assert not again.meet("000002")
    assert (again.before, [entry.first for entry in again.entries]) == (10, [11])
    assert [entry.first for entry in journal_entries(RealDisk(tmp_path))] == [1, 11]
