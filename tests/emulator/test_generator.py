"""Generated households look like households, and are the same from any tick."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from headwater.emulator.generator import Household, generate_household
from headwater.emulator.households import HOUSEHOLD_METRICS
from headwater.model.errors import ConfigError
from headwater.model.reading import SeriesKey

MONDAY_MS = 1486944000000
DAY_S = 86_400


def days(replay: Household, count: int, step_s: int) -> NDArray[np.float64]:
    """Give the values of so many days as (tick, meter, metric)."""
    ticks = islice(replay.ticks(), count * DAY_S // step_s)
    return np.array([tick.values for tick in ticks]).reshape(count * DAY_S // step_s, -1, len(HOUSEHOLD_METRICS))


@given(
    meters=st.integers(1, 5),
    seed=st.integers(-(2**70), 2**70),
    start_ms=st.integers(-(10**12), 3 * 10**12),
    step_s=st.sampled_from([0.001, 1, 7, 900, 1234.5, 86_400]),
    first=st.integers(0, 3_000),
)
def test_starting_at_a_tick_gives_what_an_iteration_from_the_start_gives_there(
    meters: int, seed: int, start_ms: int, step_s: float, first: int
) -> None:
    replay = generate_household(meters, seed=seed, start_ms=start_ms, step_s=step_s)
    whole = list(islice(replay.ticks(), first, first + 20))
    resumed = list(islice(replay.ticks(first), 20))
    for one, other in zip(whole, resumed, strict=True):
        assert one.number == other.number
        assert np.array_equal(one.values, other.values)
        assert np.array_equal(one.timestamps, other.timestamps)
    assert [tick.number for tick in resumed] == list(range(first, first + 20))
    assert resumed[0].timestamps.tolist() == [start_ms + round(first * step_s * 1000)] * 4 * meters


def test_a_day_has_a_quiet_night_and_a_busy_evening() -> None:
    power = days(generate_household(200, seed=1, start_ms=MONDAY_MS, step_s=60), 1, 60)[:, :, 0].mean(1)
    hours = power.reshape(24, 60).mean(1)
    assert hours[2:5].max() < hours[7] < hours[18:21].min()
    assert 150 < hours.min() < hours.max() < 1500


def test_households_differ_and_do_not_switch_together() -> None:
    power = days(generate_household(50, seed=1, start_ms=MONDAY_MS, step_s=60), 1, 60)[:, :, 0]
    assert len({tuple(column) for column in power.T}) == 50
    assert np.abs(np.corrcoef(power.T) - np.eye(50)).max() < 0.8
    assert power.max() > 1500
    assert power.min() > 0


def test_values_are_rounded_as_meters_round_them_and_fit_together() -> None:
    values = days(generate_household(20, seed=3, start_ms=MONDAY_MS, step_s=60), 1, 60)
    power, voltage, current, energy = values.transpose(2, 0, 1)
    assert (power == np.round(power)).all()
    assert (voltage == np.round(voltage * 10) / 10).all()
    assert (current == np.round(current * 100) / 100).all()
    assert (energy == np.round(energy)).all()
    assert ((voltage > 215) & (voltage < 245)).all()
    assert (np.abs(power / voltage - current) < 0.0051).all()


def test_energy_only_rises_and_is_the_integral_of_the_power() -> None:
    step_s = 10
    values = days(generate_household(10, seed=4, start_ms=MONDAY_MS + 12_345, step_s=step_s), 2, step_s)
    power, energy = values[:, :, 0], values[:, :, 3]
    assert (np.diff(energy, axis=0) >= 0).all()
    used = energy[-1] - energy[0]
    assert np.allclose(used, power.sum(0) * step_s / 3600, rtol=0.01)


def test_the_same_seed_gives_the_same_readings_and_another_one_others() -> None:
    first, again, other = (
        days(generate_household(3, seed=seed, start_ms=MONDAY_MS, step_s=900), 1, 900) for seed in (5, 5, 6)
    )
    assert np.array_equal(first, again)
    assert not (first == other).all(0).any()


def test_groups_of_meters_are_parts_of_one_whole() -> None:
    whole = generate_household(5, seed=5, start_ms=MONDAY_MS)
    part = generate_household(2, seed=5, start_ms=MONDAY_MS, first_meter=3)
    assert part.series == whole.series[8:16]
    for one, other in zip(islice(whole.ticks(), 200), islice(part.ticks(), 200), strict=True):
        assert np.array_equal(one.values[8:16], other.values)


def test_readings_of_a_seed_do_not_change_between_versions() -> None:
    tick = next(generate_household(2, seed=7, start_ms=MONDAY_MS, step_s=7).ticks(86_400))
    assert tick.values.tolist() == [128.0, 228.0, 0.56, 1105984.0, 124.0, 227.9, 0.54, 23317006.0]


def test_metrics_can_be_chosen_and_ticks_bounded() -> None:
    replay = generate_household(2, seed=1, start_ms=0, metrics=["energy", "voltage"], ticks_max=3)
    assert replay.series == [SeriesKey(f"meter-0000{n}", metric) for n in (1, 2) for metric in ("energy", "voltage")]
    ticks = list(replay.ticks(1))
    assert [tick.number for tick in ticks] == [1, 2]
    everything = next(generate_household(2, seed=1, start_ms=0).ticks(1)).values.reshape(2, 4)
    assert ticks[0].values.tolist() == everything[:, [3, 1]].ravel().tolist()
    assert list(replay.ticks(3)) == []
    assert replay.rejected.total == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"meters": 0},
        {"meters": 10**7},
        {"first_meter": 0},
        {"step_s": 0},
        {"step_s": 86_401},
        {"metrics": ()},
        {"metrics": ("heat",)},
    ],
)
def test_a_load_that_cannot_be_generated_is_refused_with_what_can(wrong: dict[str, object]) -> None:
    options: dict[str, object] = {"meters": 1, "seed": 1, "start_ms": 0, **wrong}
    with pytest.raises(ConfigError, match=f"^{next(iter(wrong))} = .* cannot be generated: "):
        generate_household(**options)  # type: ignore[arg-type]
