"""The disk's contract, on the file system and in memory, and what each of the two is besides."""

import errno
import os
import random
import resource
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from headwater.log.disk import Disk, RealDisk
from headwater.model.errors import NotFound, Unavailable
from tests.log.logs import refuse
from tests.simulation.disk import Crash, DiskError, SimDisk


@pytest.fixture(params=["files", "memory"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    return RealDisk(tmp_path / "log") if request.param == "files" else SimDisk()


def written(disk: Disk, name: str, data: bytes) -> None:
    file = disk.create(name)
    file.write(data)
    file.datasync()
    file.close()


class TestContract:
    def test_what_was_written_is_read_in_parts(self, disk: Disk) -> None:
        written(disk, "a", b"0123456789")
        assert (disk.size("a"), disk.read("a", 2, 3), disk.read("a", 8, 100)) == (10, b"234", b"89")
        assert disk.read("a", 50, 1) == b""

    def test_a_reopened_file_goes_on_at_its_end(self, disk: Disk) -> None:
        written(disk, "a", b"01")
        file = disk.reopen("a")
        file.write(b"23")
        assert (file.size, disk.read("a", 0, 9)) == (4, b"0123")
        file.close()

    def test_creating_a_file_again_begins_it_anew(self, disk: Disk) -> None:
        written(disk, "a", b"old and long")
        written(disk, "a", b"new")
        assert disk.read("a", 0, 99) == b"new"

    def test_a_cut_file_is_shorter(self, disk: Disk) -> None:
        written(disk, "a", b"0123456789")
        disk.truncate("a", 4)
        assert disk.read("a", 0, 99) == b"0123"

    def test_writing_again_changes_nothing(self, disk: Disk) -> None:
        written(disk, "a", b"0123456789" * 300_000)
        disk.rewrite("a", 7)
        assert disk.read("a", 0, 4_000_000) == b"0123456789" * 300_000

    def test_replacing_and_renaming_take_the_place_of_what_was_there(self, disk: Disk) -> None:
        disk.replace("a", b"one")
        disk.replace("a", b"two")
        disk.rename("a", "b")
        assert (disk.names(), disk.read("b", 0, 9)) == (["b"], b"two")

    def test_unlinking_twice_is_like_once(self, disk: Disk) -> None:
        written(disk, "a", b"0")
        disk.unlink("a")
        disk.unlink("a")
        assert disk.names() == []

    def test_what_is_not_there_is_not_found(self, disk: Disk) -> None:
        with pytest.raises(NotFound):
            disk.size("a")
        with pytest.raises(NotFound):
            disk.read("a", 0, 1)

    def test_words_are_shared_and_begin_at_zero(self, disk: Disk) -> None:
        assert disk.load_word("mark") == 0
        for value in (7, 2**63, 5):
            disk.store_word("mark", value)
            assert disk.load_word("mark") == value

    def test_one_writer_may_lock_twice(self, disk: Disk) -> None:
        disk.lock()
        disk.lock()
        disk.close()
        disk.lock()
        disk.close()


class TestFiles:
    def test_a_word_is_seen_in_another_process_and_survives_its_writer(self, tmp_path: Path) -> None:
        disk = RealDisk(tmp_path)
        assert disk.load_word("mark") == 0
        code = "import sys; from pathlib import Path; from headwater.log.disk import RealDisk; "
        code += "RealDisk(Path(sys.argv[1])).store_word('mark', 77)"
        subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=60)
        assert disk.load_word("mark") == 77
        disk.close()

    def test_a_bit_or_a_store_cut_short_spoils_no_word(self, tmp_path: Path) -> None:
        disk = RealDisk(tmp_path)
        disk.store_word("mark", 77)
        path, whole = tmp_path / "mark", (tmp_path / "mark").read_bytes()
        for bit in range(8 * len(whole)):
            spoilt = bytearray(whole)
            spoilt[bit >> 3] ^= 1 << (bit & 7)
            with path.open("r+b") as file:
                file.write(spoilt)
            assert disk.load_word("mark") == 77
        with path.open("r+b") as file:
            file.write(struct.pack("<Q", 78) + whole[8:])
        assert disk.load_word("mark") == 77
        disk.close()

    def test_a_word_of_which_nothing_is_sound_counts_as_absent(self, tmp_path: Path) -> None:
        (tmp_path / "mark").write_bytes(bytes(32))
        disk = RealDisk(tmp_path)
        assert disk.load_word("mark") == 0
        disk.store_word("mark", 5)
        assert disk.load_word("mark") == 5
        disk.close()

    def test_a_missing_folder_is_made(self, tmp_path: Path) -> None:
        RealDisk(tmp_path / "a" / "b")
        assert (tmp_path / "a" / "b").is_dir()

    def test_a_write_that_does_not_fit_is_an_error_and_the_size_is_that_of_the_file(self, tmp_path: Path) -> None:
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        file = RealDisk(tmp_path).create("a")
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        try:
            with pytest.raises(OSError, match="File too large") as caught:
                file.write(bytes(1500))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert caught.value.errno == errno.EFBIG
        assert file.size == os.stat(tmp_path / "a").st_size == 1000
        file.close()


class TestMemory:
    def test_a_killed_process_loses_nothing_and_does_nothing_more(self) -> None:
        disk = SimDisk()
        disk.lock()
        file = disk.create("a")
        file.write(b"not synced")
        following = disk.kill()
        with pytest.raises(Crash):
            file.write(b"more")
        assert following.read("a", 0, 99) == b"not synced"
        following.lock()

    def test_a_second_writer_is_refused(self) -> None:
        disk = SimDisk()
        disk.lock()
        with pytest.raises(Unavailable):
            SimDisk(disk.storage).lock()

    def test_a_power_loss_leaves_what_was_synced_and_any_part_of_the_rest(self) -> None:
        found = set()
        for seed in range(60):
            disk = SimDisk()
            written(disk, "a", b"synced")
            disk.sync_folder()
            disk.reopen("a").write(b"x" * 4)
            found.add(disk.power_loss(random.Random(seed)).read("a", 0, 99))
        assert all(data.startswith(b"synced") for data in found)
        assert {b"synced", b"syncedxxxx", b"synced\0\0\0\0"} < found

    def test_a_power_loss_may_take_or_leave_a_name_whose_folder_was_not_synced(self) -> None:
        names = set()
        for seed in range(30):
            disk = SimDisk()
            written(disk, "old", b"synced")
            disk.sync_folder()
            written(disk, "new", b"synced")
            names.add(tuple(disk.power_loss(random.Random(seed)).names()))
        assert names == {("old",), ("new", "old")}

    def test_a_failed_sync_is_not_made_good_by_a_later_one(self) -> None:
        survived = set()
        for seed in range(30):
            disk = SimDisk()
            written(disk, "a", b"synced")
            disk.sync_folder()
            file = disk.reopen("a")
            file.write(b"lost")
            refuse(disk, "datasync")
            with pytest.raises(DiskError):
                file.datasync()
            file.write(b"kept")
            file.datasync()
            survived.add(disk.power_loss(random.Random(seed)).read("a", 0, 99))
        assert b"synced\0\0\0\0kept" in survived

    def test_what_is_written_again_is_durable_after_a_failed_sync(self) -> None:
        disk = SimDisk()
        written(disk, "a", b"synced")
        disk.sync_folder()
        file = disk.reopen("a")
        file.write(b"again")
        refuse(disk, "datasync")
        with pytest.raises(DiskError):
            file.datasync()
        disk.rewrite("a", 6)
        assert all(disk.power_loss(random.Random(seed)).read("a", 0, 99) == b"syncedagain" for seed in range(20))
