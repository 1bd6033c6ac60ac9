"""Silence is measured by looks: a pause of the one who looks blames nobody."""

from hypothesis import given
from hypothesis import strategies as st

from headwater.model.patience import PatientClock, Stillness

PAUSE_MS_MAX = 300


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=50))
def test_of_each_pause_little_counts_and_late_looks_are_counted(gaps: list[int]) -> None:
    clock, now_ms = PatientClock(PAUSE_MS_MAX), 1_000_000
    clock.look(now_ms)
    for gap in gaps:
        before = clock.now_ms
        now_ms += gap
        assert clock.look(now_ms) - before == min(gap, PAUSE_MS_MAX)
    assert clock.late == sum(gap > PAUSE_MS_MAX for gap in gaps)


def test_the_first_look_is_zero_and_a_clock_that_goes_back_counts_nothing() -> None:
    clock = PatientClock(PAUSE_MS_MAX)
    assert [clock.look(at_ms) for at_ms in (5_000, 5_100, 4_000, 4_100)] == [0, 100, 100, 200]


def test_stillness_is_the_time_since_a_value_changed() -> None:
    stillness = Stillness("a", 0)
    looks = [("a", 100), ("a", 250), ("b", 400), ("b", 500), ("a", 600)]
    assert [stillness.look(value, at_ms) for value, at_ms in looks] == [100, 250, 0, 100, 0]
    assert stillness.unchanged(900) == 300
