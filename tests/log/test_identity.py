"""A folder goes on as the log that it is, and as no other."""

import pytest

from headwater.log.cursors import Cursor, load_cursor, save_cursor
from headwater.log.identity import ASIDE
from headwater.log.manifest import MANIFEST
from headwater.log.recovery import MARK
from headwater.log.segments import segment_name, segments
from headwater.log.writer import LogOptions, NodeLog
from headwater.model.errors import ConfigError
from tests.log.logs import NODE, NOW_MS, fill, open_log, put, read_all
from tests.simulation.disk import SimDisk

NEW = LogOptions(new_log=True)


def begin_anew(disk: SimDisk, now_ms: int = NOW_MS) -> NodeLog:
    return NodeLog(disk, NODE, lambda: now_ms, NEW)


def without_manifest() -> tuple[SimDisk, NodeLog]:
    """A folder whose manifest is lost, and the log that was in it."""
    disk = SimDisk()
    log = open_log(disk)
    fill(log, 5)
    save_cursor(disk, "agent", Cursor(3, 9))
    disk.unlink(MANIFEST)
    return disk.kill(), log


def test_a_log_keeps_its_name() -> None:
    disk = SimDisk()
    first = open_log(disk).log
    assert open_log(disk.kill()).log == first
    assert open_log(SimDisk()).log != first


def test_the_log_of_another_node_is_refused() -> None:
    disk = SimDisk()
    open_log(disk)
    with pytest.raises(ConfigError, match=r"log of node 0000a1, not of 0000a2.*folder of its own"):
        NodeLog(disk.kill(), NODE + 1, lambda: NOW_MS, NEW)


def test_without_its_manifest_a_log_does_not_start() -> None:
    disk, _ = without_manifest()
    with pytest.raises(ConfigError, match=r"manifest is lost.*--new-log"):
        open_log(disk)
    assert segments(disk) == [1]


def test_a_new_log_uses_no_number_again_and_sets_the_old_one_aside() -> None:
    disk, old = without_manifest()
    log = begin_anew(disk, now_ms=0)
    assert log.log != old.log
    assert log.allocate(1).start >= old.state.ordinal
    assert (log.durable, log.state.positions, load_cursor(disk, "agent"), disk.load_word(MARK)) == (0, {}, (0, 0), 0)
    assert [name for name in disk.names() if name.endswith(ASIDE)] == [segment_name(1).replace(".seg", ASIDE)]


def test_a_new_log_is_begun_once_and_then_kept() -> None:
    disk, _ = without_manifest()
    first = begin_anew(disk)
    put(first)
    first.commit()
    second = begin_anew(disk.kill())
    assert second.log == first.log
    assert len(read_all(second.reader(0))) == 1


def test_a_manifest_that_cannot_be_read_counts_as_lost() -> None:
    disk = SimDisk()
    log = open_log(disk)
    put(log)
    log.commit()
    disk.replace(MANIFEST, b"gone")
    disk = disk.kill()
    with pytest.raises(ConfigError, match="damaged"):
        open_log(disk)
    assert begin_anew(disk.kill()).log != log.log


def test_a_segment_of_another_log_is_refused() -> None:
    one, two = SimDisk(), SimDisk()
    open_log(one)
    fill(open_log(two, segment_bytes=500), 20)
    name = segment_name(segments(two)[-1])
    one.replace(name, two.read(name, 0, two.size(name)))
    with pytest.raises(ConfigError, match="holds a segment of log"):
        open_log(one.kill())
