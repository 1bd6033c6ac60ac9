"""What may have been sent is known after a crash too, and costs little."""

import pytest

from headwater.log.cursors import cursor_name, load_cursor
from headwater.log.sent import SENT, SentLimit
from tests.log.logs import fill, open_log, refuse, watch
from tests.simulation.disk import SimDisk


def test_nothing_was_sent_in_the_beginning() -> None:
    disk = SimDisk()
    limit = SentLimit(disk, open_log(disk))
    assert (limit.sequence, limit.behind) == (0, False)


def test_a_limit_is_saved_ahead_and_seldom() -> None:
    disk = SimDisk()
    limit = SentLimit(disk, open_log(disk))
    watching = watch(disk)
    for sequence in range(1, 500):
        limit.raise_to(sequence)
        limit.save()
        assert load_cursor(disk, SENT).sequence >= limit.sequence == sequence
    assert sum(operation.kind == "rename" for operation in watching.seen) < 10


def test_after_a_restart_the_limit_is_what_was_saved() -> None:
    disk = SimDisk()
    limit = SentLimit(disk, open_log(disk))
    limit.raise_to(7)
    limit.save()
    disk = disk.kill()
    assert SentLimit(disk, open_log(disk)).sequence >= 7


def test_a_lower_sequence_does_not_lower_the_limit() -> None:
    disk = SimDisk()
    limit = SentLimit(disk, open_log(disk))
    limit.raise_to(7)
    limit.raise_to(3)
    assert limit.sequence == 7


def test_a_limit_that_cannot_be_read_means_that_all_may_have_been_sent() -> None:
    disk = SimDisk()
    log = open_log(disk)
    fill(log, 5)
    limit = SentLimit(disk, log)
    limit.raise_to(2)
    limit.save()
    disk.flip(cursor_name(SENT), 30)
    assert SentLimit(disk, log).sequence == 5


def test_where_nothing_is_dropped_no_file_is_kept_and_all_may_have_been_sent() -> None:
    disk = SimDisk()
    log = open_log(disk)
    SentLimit(disk, log)
    fill(log, 5)
    watching = watch(disk)
    limit = SentLimit(disk, log, keep=False)
    limit.raise_to(3)
    limit.save()
    assert cursor_name(SENT) not in disk.names()
    assert {operation.kind for operation in watching.seen} == {"unlink", "sync_folder"}
    assert SentLimit(disk, log).sequence == 5


def test_a_log_from_which_nothing_was_ever_sent_may_drop_all_after_a_restart() -> None:
    disk = SimDisk()
    log = open_log(disk)
    SentLimit(disk, log)
    fill(log, 5)
    disk = disk.kill()
    assert SentLimit(disk, open_log(disk)).sequence == 0


def test_a_limit_that_cannot_be_saved_stays_behind() -> None:
    disk = SimDisk()
    limit = SentLimit(disk, open_log(disk))
    limit.raise_to(7)
    refuse(disk, "write")
    with pytest.raises(OSError, match="No space"):
        limit.save()
    assert limit.behind
    limit.save()
    assert not limit.behind


@pytest.mark.parametrize("size", [100, 5_000, 1_000_000])
def test_after_a_crash_less_than_a_segment_is_held_back(size: int) -> None:
    disk = SimDisk()
    log = open_log(disk)
    fill(log, 8, bytes(size))
    limit = SentLimit(disk, log)
    limit.raise_to(8)
    limit.save()
    ahead = SentLimit(disk, log).sequence - 8
    assert 0 <= ahead <= 4096
    assert ahead * size <= log.segment_bytes // 4
