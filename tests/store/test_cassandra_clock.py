"""The times of writes: rising, and those of one moment while the clock is held."""

import time

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


def test_what_is_written_after_it_is_later_than_all_of_it() -> None:
    clock = WriteClock()
    moment = clock.hold()
    many = [clock() for _ in range(100_000)][-1]
    clock.go()
    assert clock() > many == moment + 100_000
