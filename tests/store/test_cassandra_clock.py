"""The times of writes: rising, and those of one moment while the clock is held."""

import time

import pytest

from headwater.store.cassandra.clock import WriteClock


def now_us() -> int:
    return time.time_ns() // 1_000


def test_every_write_has_a_time_of_its_own_and_they_rise() -> None:
    clock = WriteClock()
    before = now_us()
    times = [clock() for _ in range(10_000)]
    assert times[0] >= before
    assert sorted(set(times)) == times


def test_what_is_written_while_it_is_held_belongs_to_that_moment() -> None:
    clock = WriteClock()
    moment = clock.hold()
    time.sleep(0.02)
    assert [clock(), clock()] == [moment + 1, moment + 2]
    with clock.going():
        assert clock() >= moment + 20_000
    assert clock() == moment + 3
    again = clock.hold()
    assert again >= moment + 20_000
    assert clock() == again + 1


def test_what_is_written_after_it_is_later_than_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = WriteClock()
    monkeypatch.setattr(time, "time_ns", lambda: 1_700_000_000_000_000_000)  # Even where a clock stands.
    moment = clock.hold()
    many = [clock() for _ in range(100_000)][-1]
    assert clock.hold() > many == moment + 100_000
    many = clock()
    clock.go()
    assert clock() > many
