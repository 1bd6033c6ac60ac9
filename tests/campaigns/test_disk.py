"""The campaign's own means: a power loss takes what was not synced, and nothing else."""

import random
from pathlib import Path

from tests.campaigns.disk import RecordingDisk, lose_power

SEEDS = range(60)


def disk_at(place: Path) -> RecordingDisk:
    (place / "notes").mkdir(parents=True)
    return RecordingDisk(place / "node" / "log", place / "notes")


def lose(place: Path, seed: int) -> None:
    lose_power(place / "node" / "log", place / "notes", random.Random(seed))


def test_what_was_synced_stays_and_what_was_not_may_go_in_any_part(tmp_path: Path) -> None:
    ends = set()
    for seed in SEEDS:
        disk = disk_at(tmp_path / str(seed))
        file = disk.create("journal.1")
        disk.sync_folder()
        file.write(b"a" * 1000)
        file.datasync()
        file.write(b"b" * 1000)
        file.write(b"c" * 1000)
        lose(tmp_path / str(seed), seed)
        left = (disk.folder / "journal.1").read_bytes()
        assert left[:1000] == b"a" * 1000
        ends.add(left[1000:])

    assert b"" in ends
    assert b"b" * 1000 + b"c" * 1000 in ends
    assert any(end.startswith(bytes(1000)) and end.endswith(b"c") for end in ends)


def test_a_name_stays_once_the_folder_was_synced(tmp_path: Path) -> None:
    there = set()
    for seed in SEEDS:
        disk = disk_at(tmp_path / str(seed))
        disk.create("synced")
        disk.sync_folder()
        disk.create("unsynced")
        lose(tmp_path / str(seed), seed)
        there.add(tuple(disk.names()))

    assert there == {("synced",), ("synced", "unsynced")}


def test_a_replaced_file_is_the_new_one(tmp_path: Path) -> None:
    for seed in SEEDS:
        disk = disk_at(tmp_path / str(seed))
        disk.replace("cursor.agent", b"old")
        disk.replace("cursor.agent", b"new")
        lose(tmp_path / str(seed), seed)
        assert disk.read("cursor.agent", 0, 10) == b"new"


def test_a_shared_word_has_any_value_that_it_had_or_none(tmp_path: Path) -> None:
    values = set()
    for seed in SEEDS:
        disk = disk_at(tmp_path / str(seed))
        for value in (5, 6, 7):
            disk.store_word("mark", value)
        lose(tmp_path / str(seed), seed)
        values.add(RecordingDisk(disk.folder, tmp_path / str(seed) / "notes").load_word("mark"))
        disk.close()

    assert values == {0, 5, 6, 7}


def test_what_an_earlier_process_wrote_is_still_at_stake(tmp_path: Path) -> None:
    lost = 0
    for seed in SEEDS:
        disk = disk_at(tmp_path / str(seed))
        file = disk.create("journal.1")
        disk.sync_folder()
        file.write(b"a" * 100)
        RecordingDisk(disk.folder, tmp_path / str(seed) / "notes").reopen("journal.1")
        lose(tmp_path / str(seed), seed)
        lost += (disk.folder / "journal.1").read_bytes() != b"a" * 100

    assert lost > 0
