"""How long silence may last: bounds, what is learned of arrivals, and the named profiles."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.health.suspicion import JITTER_MS_MIN, PHI_RED, PROFILES, Arrivals, Bounds
from headwater.model.health import Health

AGES = st.integers(0, 20_000)
INTERVALS = st.lists(st.integers(0, 10_000), max_size=40)


def learned(intervals: list[int]) -> Arrivals:
    arrivals = Arrivals(500)
    for interval in intervals:
        arrivals.add(interval)
    return arrivals


@given(AGES, AGES, INTERVALS)
def test_longer_silence_is_never_better(one: int, other: int, intervals: list[int]) -> None:
    arrivals, bounds = learned(intervals), Bounds()
    shorter, longer = sorted((one, other))
    assert arrivals.phi(shorter) <= arrivals.phi(longer)
    assert bounds.level(shorter, arrivals).rank <= bounds.level(longer, arrivals).rank


@given(AGES, INTERVALS, st.sampled_from(sorted(PROFILES)))
def test_whatever_is_learned_stays_within_the_bounds(silent_ms: int, intervals: list[int], profile: str) -> None:
    bounds = PROFILES[profile]
    health = bounds.level(silent_ms, learned(intervals))
    assert (health is Health.GREEN) == (silent_ms < bounds.yellow_ms)
    assert health is not Health.RED or silent_ms >= bounds.red_ms
    assert health is Health.RED or silent_ms < bounds.red_ms_max


def test_who_is_heard_irregularly_is_given_longer() -> None:
    bounds = Bounds()
    regular, irregular = learned([500] * 30), learned([100, 1500] * 15)
    assert bounds.level(bounds.red_ms, regular) is Health.RED
    assert bounds.level(bounds.red_ms, irregular) is Health.YELLOW


def test_phi_is_the_improbability_of_the_silence() -> None:
    arrivals = Arrivals(500)
    assert arrivals.phi(500) == pytest.approx(-math.log10(0.5))
    assert arrivals.phi(500 + int(JITTER_MS_MIN)) == pytest.approx(-math.log10(0.158655), rel=1e-4)
    assert arrivals.phi(500 + int(5.7 * JITTER_MS_MIN)) > PHI_RED
    assert arrivals.phi(1 << 62) == math.inf


def test_what_is_learned_is_the_mean_and_the_spread_of_intervals() -> None:
    assert learned([700] * 200).mean_ms == pytest.approx(700, abs=1)
    assert learned([700] * 200).jitter_ms == pytest.approx(0, abs=1)
    assert learned([400, 600] * 200).jitter_ms == pytest.approx(100, rel=0.1)


@pytest.mark.parametrize("values", [(0, 1, 1), (2, 1, 1), (1, 3, 2), (-1, 1, 1)])
def test_bounds_out_of_order_are_refused(values: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="does not hold"):
        Bounds(*values)


def test_the_profiles_are_ours_and_the_two_of_2018() -> None:
    words = {
        name: [bounds.level(silent_ms) for silent_ms in (bounds.yellow_ms - 1, bounds.yellow_ms, bounds.red_ms)]
        for name, bounds in PROFILES.items()
    }
    assert words == {name: list(Health) for name in ("default", "2018-master", "2018-image")}
    assert PROFILES["default"].red_ms_max < 3_000
    assert (PROFILES["2018-master"].yellow_ms, PROFILES["2018-master"].red_ms) == (5_000, 10_000)
    assert (PROFILES["2018-image"].yellow_ms, PROFILES["2018-image"].red_ms) == (30_000, 60_000)


def test_no_jitter_puts_red_off_beyond_its_bound() -> None:
    wild = learned([0, 60_000] * 20)
    assert [Bounds(1500, 2200, 2600).level(ms, wild) for ms in (2_599, 2_600)] == [Health.YELLOW, Health.RED]
