"""Small files that one process replaces while another one reads them."""

from pathlib import Path

import pytest

from headwater.log.checked import read_checked, replace_checked
from headwater.log.disk import RealDisk
from headwater.log.standing import Counts, load_counts, save_counts

SHORT, LONG = b"short", b"the longer line that stands in its place"


class ReplacedMeanwhile(RealDisk):
    """A folder in which a file is replaced just after its size was asked for."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.writer = RealDisk(folder)
        self.line = LONG

    def size(self, name: str) -> int:
        size = super().size(name)
        replace_checked(self.writer, name, self.line)
        return size


@pytest.mark.parametrize(("before", "after"), [(SHORT, LONG), (LONG, SHORT)])
def test_a_file_is_read_whole_though_it_is_replaced_meanwhile(tmp_path: Path, before: bytes, after: bytes) -> None:
    disk = ReplacedMeanwhile(tmp_path)
    disk.line = after
    replace_checked(disk.writer, "file", before)

    assert read_checked(disk, "file") == after


def test_counts_are_read_whole_though_they_grow_meanwhile(tmp_path: Path) -> None:
    class Growing(RealDisk):
        def size(self, name: str) -> int:
            size = super().size(name)
            save_counts(RealDisk(tmp_path), Counts({"order": 1, "series": 2}))
            return size

    save_counts(RealDisk(tmp_path), Counts())

    assert load_counts(Growing(tmp_path)).refused == {"order": 1, "series": 2}
