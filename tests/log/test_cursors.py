"""Positions are read as they were saved, or from the beginning."""

from pathlib import Path

from headwater.log.cursors import Cursor, cursor_name, encode_cursor, load_cursor, save_cursor
from tests.log.logs import RecordingDisk
from tests.simulation.disk import SimDisk


def test_a_saved_position_is_loaded() -> None:
    disk = SimDisk()
    save_cursor(disk, "agent", Cursor(7, 70))
    assert load_cursor(disk, "agent") == Cursor(7, 70)
    assert load_cursor(disk, "other") == Cursor(0, 0)


def test_a_flipped_bit_leads_back_to_the_beginning() -> None:
    disk = SimDisk()
    save_cursor(disk, "agent", Cursor(7, 70))
    for bit in range(8 * disk.size(cursor_name("agent"))):
        disk.flip(cursor_name("agent"), bit)
        assert load_cursor(disk, "agent") == Cursor(0, 0)
        disk.flip(cursor_name("agent"), bit)


def test_a_newer_format_leads_back_to_the_beginning() -> None:
    disk = SimDisk()
    data = bytearray(encode_cursor(Cursor(7, 70)))
    data[0] = 2
    disk.replace(cursor_name("agent"), bytes(data))
    assert load_cursor(disk, "agent") == Cursor(0, 0)


def test_rule_6_a_position_is_replaced_whole_and_durably(tmp_path: Path) -> None:
    """PROTOCOL rule 6: temporary file, fsync, rename, fsync of the folder."""
    disk = RecordingDisk(tmp_path)
    save_cursor(disk, "agent", Cursor(7, 70))
    assert disk.steps == ["create cursor.agent.tmp", "write", "datasync", "rename cursor.agent", "sync_folder"]
    assert load_cursor(disk, "agent") == Cursor(7, 70)
