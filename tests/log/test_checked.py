"""Small files survive one flipped bit, and say when they cannot be read."""

import pytest

from headwater.log.checked import read_checked, replace_checked
from headwater.model.errors import NotFound
from tests.simulation.disk import SimDisk

LINE = b'{"sequence":65537}'


def test_one_flipped_bit_takes_nothing() -> None:
    disk = SimDisk()
    replace_checked(disk, "file", LINE)
    for bit in range(8 * disk.size("file")):
        disk.flip("file", bit)
        assert read_checked(disk, "file") == LINE
        disk.flip("file", bit)


def test_two_damaged_copies_are_not_read() -> None:
    disk = SimDisk()
    replace_checked(disk, "file", LINE)
    disk.flip("file", 3)
    disk.flip("file", 3 + 8 * (len(LINE) + 10))
    assert read_checked(disk, "file") is None


def test_a_file_that_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFound):
        read_checked(SimDisk(), "file")
