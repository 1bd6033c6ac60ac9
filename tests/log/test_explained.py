"""What is named missing is known to all processes, and so is damage."""

from headwater.log.explained import EXPLAINED, is_explained, report_damage, save_explained, take_reports
from headwater.log.survey import Missing
from tests.simulation.disk import SimDisk


def test_ranges_are_explained_when_all_of_them_is_named() -> None:
    disk = SimDisk()
    assert not is_explained(disk, 1, 1)
    save_explained(disk, ((3, 5), (9, 9)))
    assert is_explained(disk, 3, 5)
    assert not is_explained(disk, 5, 6)
    assert not is_explained(disk, 5, 9)


def test_what_cannot_be_read_explains_nothing() -> None:
    disk = SimDisk()
    disk.replace(EXPLAINED, b'[[1,99]] 00000000\n[["x"]] 00000000\n')
    assert not is_explained(disk, 3, 5)


def test_a_report_is_taken_once() -> None:
    disk = SimDisk()
    report_damage(disk, "agent", Missing(3, 5))
    report_damage(disk, "other", Missing(7, 7))
    assert take_reports(disk) == [Missing(3, 5), Missing(7, 7)]
    assert take_reports(disk) == []


def test_a_report_that_is_none_is_removed() -> None:
    disk = SimDisk()
    for name in ("damaged.a", "damaged.b"):
        disk.replace(name, b"\xff nonsense")
    assert take_reports(disk) == []
    assert disk.names() == []
