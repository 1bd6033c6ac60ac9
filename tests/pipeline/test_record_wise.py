"""Steps that treat each batch by itself: what they make, exactly of what, and through restarts."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.model.reading import Reading
from headwater.model.records import Kind
from headwater.model.stamp import Same, Select
from headwater.pipeline.step_options import (
    DeduplicateOptions,
    FilterOptions,
    MaskOptions,
    RoundOptions,
    SampleOptions,
    ScaleOptions,
    StepOptions,
)
from headwater.pipeline.units import UNITS, conversion
from headwater.wire.records import decode_batch
from tests.pipeline.chains import delivered, log_readings, outputs_of, raw, run
from tests.pipeline.ends import End

MASK_KEY = "sixteen bytes or more"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASK_KEY", MASK_KEY)


def readings(*values: float, meter: str = "m", metric: str = "power", step_ms: int = 1000) -> list[Reading]:
    return [Reading(meter, metric, at * step_ms, value) for at, value in enumerate(values)]


def through(*steps: StepOptions, batches: list[list[Reading]], foreign: bool = False) -> list[Reading]:
    end = End(1, next="b:1", steps=steps)
    for batch in batches:
        log_readings(end, batch, foreign=foreign)
    run(end)
    return [point.reading for point in delivered(end)]


def values(*steps: StepOptions, batch: list[Reading]) -> list[float]:
    return [reading.value for reading in through(*steps, batches=[batch])]


def test_a_filter_lets_through_what_its_condition_holds_for() -> None:
    assert values(FilterOptions(where="value > 1"), batch=readings(0, 2, 1, 3)) == [2, 3]


def test_a_scale_multiplies_and_then_adds() -> None:
    assert values(ScaleOptions(factor=2, offset=1), batch=readings(0, 2.5)) == [1, 6]


def test_a_scale_converts_units_and_renames_the_metric() -> None:
    step = ScaleOptions(convert="Wh -> kWh", metric="{metric}.kwh")
    assert through(step, batches=[readings(1500.0)]) == readings(1.5, metric="power.kwh")


@pytest.mark.parametrize(
    ("convert", "value", "expected"),
    [("F -> C", 212.0, 100.0), ("C -> K", 0.0, 273.15), ("km/h -> m/s", 36.0, 10.0), ("% -> 1", 12.0, 0.12)],
)
def test_units_are_converted_exactly(convert: str, value: float, expected: float) -> None:
    assert values(ScaleOptions(convert=convert), batch=readings(value)) == [pytest.approx(expected, rel=1e-15)]


@pytest.mark.parametrize("text", ["Wh", "Wh -> V", "Wh -> furlong", "Wh -> kWh -> J", ""])
def test_what_cannot_be_converted_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="unit"):
        ScaleOptions(convert=text)


def test_a_conversion_and_its_way_back_change_nothing() -> None:
    for one, unit in UNITS.items():
        for other, second in UNITS.items():
            if unit.quantity == second.quantity:
                there, back = conversion(f"{one} -> {other}"), conversion(f"{other} -> {one}")
                assert (Fraction(7) * there.factor + there.offset) * back.factor + back.offset == 7


def test_rounding_keeps_decimals_and_halves_go_to_the_even_neighbour() -> None:
    batch = readings(0.125, 0.375, -0.125, 1e300, math.inf, 2.0**53)
    assert values(RoundOptions(decimals=2), batch=batch) == [0.12, 0.38, -0.12, 1e300, math.inf, 2.0**53]


def test_rounding_to_a_step_gives_multiples_as_one_writes_them() -> None:
    assert values(RoundOptions(step=0.1), batch=readings(0.31, 0.25, 0.36)) == [0.3, 0.2, 0.4]
    assert values(RoundOptions(step=5), batch=readings(12, 13, -3)) == [10, 15, -5]


def test_of_repetitions_the_first_reading_stays() -> None:
    again = [Reading("m", "power", 0, 1.0), Reading("m", "power", 0, 2.0), Reading("m", "power", 0, 1.0)]
    assert values(DeduplicateOptions(), batch=again) == [1, 2]
    assert values(DeduplicateOptions(by="timestamp"), batch=again) == [1]


def test_a_sample_is_every_nth_reading_of_each_series() -> None:
    batch = [*readings(0, 1, 2, 3, 4, meter="a"), *readings(5, 6, meter="b")]
    assert values(SampleOptions(every=3), batch=batch) == [0, 3, 5]


def test_a_sample_is_at_most_one_reading_in_an_interval() -> None:
    batch = [Reading("m", "power", at, float(at)) for at in (-1, 5, 9, 10, 25, 12, 30)]
    assert values(SampleOptions(interval_ms=10), batch=batch) == [-1, 5, 10, 25, 30]


def test_a_mask_hides_the_meter_the_same_way_everywhere() -> None:
    step = MaskOptions(key_env="MASK_KEY")
    here = through(step, batches=[readings(1.0, meter="a"), readings(2.0, meter="b"), readings(3.0, meter="a")])
    there = through(step, batches=[readings(9.0, meter="a")], foreign=True)
    assert here[0].meter == here[2].meter == there[0].meter != here[1].meter
    assert len(here[0].meter) == 16
    assert "a" not in {reading.meter for reading in here}


def test_a_mask_cuts_timestamps() -> None:
    batch = [Reading("m", "power", at, 0.0) for at in (-1, 0, 9, 10, -(1 << 63))]
    masked = through(MaskOptions(interval_ms=10), batches=[batch])
    assert [reading.timestamp for reading in masked] == [-10, 0, 0, 10, -(1 << 63)]


@pytest.mark.parametrize("foreign", [False, True])
@pytest.mark.parametrize(
    "step",
    [
        FilterOptions(where="False", metrics=("po*",)),
        ScaleOptions(factor=7, metric="x", metrics=("po*",)),
        RoundOptions(step=1000, metrics=("po*",)),
        DeduplicateOptions(by="timestamp", metrics=("po*",)),
        SampleOptions(every=100, metrics=("po*",)),
        MaskOptions(key_env="MASK_KEY", interval_ms=1000, metrics=("po*",)),
    ],
    ids=str,
)
def test_what_a_step_does_not_concern_passes_unchanged(step: StepOptions, foreign: bool) -> None:
    others = readings(1.25, 1.25, 3.5, metric="heat", step_ms=0)
    concerned = readings(2.0, 4.0, step_ms=0)
    batch = [*others, *concerned]
    found = through(step, batches=[batch], foreign=foreign)
    assert [reading for reading in found if reading.metric == "heat"] == others
    assert [reading for reading in found if reading.metric != "heat"] != concerned


def test_an_added_output_has_only_what_the_step_concerns() -> None:
    end = End(1, next="b:1", steps=(ScaleOptions(factor=2, metrics=("power",), metric="double", output="add"),))
    log_readings(end, [*readings(5.0, metric="heat"), *readings(1.0, 2.0)])
    run(end)

    assert [point.reading.value for point in delivered(end, Kind.DATA)] == [5, 1, 2]
    assert [point.reading for point in delivered(end, Kind.OUT)] == readings(2.0, 4.0, metric="double")


def test_stamps_say_exactly_which_readings_were_kept() -> None:
    end = End(1, next="b:1", steps=(FilterOptions(where="value > 1"),))
    log_readings(end, readings(0, 2, 1, 3))
    log_readings(end, readings(4, 5))
    run(end)

    first, second = (decode_batch(record).stamp for record in end.records(Kind.OUT))
    assert first is not None
    assert second is not None
    assert isinstance(first.inputs, Select)
    assert isinstance(second.inputs, Same)
    held = raw(end)
    assert [held[point.inputs[0]].value for point in outputs_of(end, 0)] == [2, 3, 4, 5]


def test_the_condition_of_a_context_says_what_the_step_was() -> None:
    end = End(1, next="b:1", steps=(FilterOptions(where="value > 1"),))
    log_readings(end, readings(2))
    run(end)

    (made,) = end.batches(Kind.OUT)
    assert made.stamp is not None
    assert end.log.state.contexts[made.stamp.context].step == "filter(value > 1)"


@pytest.mark.parametrize("given", [{}, {"every": 1, "interval_ms": 1}])
def test_a_sample_without_or_with_both_keys_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="one of every and interval_ms"):
        SampleOptions(**given)


# ---- brute force -----------------------------------------------------------------------------------------------------


class Oracle:
    """What each step lets through, one reading after the other."""

    def __init__(self, step: StepOptions) -> None:
        self.step = step
        self.seen: list[Any] = []
        self.counts: dict[str, int] = {}

    def takes(self, reading: Reading) -> bool:
        step = self.step
        if isinstance(step, FilterOptions):
            return reading.value > 1 or reading.meter == "a"
        if isinstance(step, DeduplicateOptions):
            what = (reading.meter, reading.timestamp, reading.value if step.by == "value" else None)
            if what in self.seen:
                return False
            self.seen = [*self.seen, what][-step.window :]
            return True
        assert isinstance(step, SampleOptions)
        if step.every is not None:
            self.counts[reading.meter] = self.counts.get(reading.meter, -1) + 1
            return self.counts[reading.meter] % step.every == 0
        assert step.interval_ms is not None
        interval = reading.timestamp // step.interval_ms
        if interval <= self.counts.get(reading.meter, -99):
            return False
        self.counts[reading.meter] = interval
        return True


steps = st.sampled_from(
    [
        FilterOptions(where='value > 1 or meter == "a"'),
        DeduplicateOptions(window=4),
        DeduplicateOptions(by="timestamp", window=4),
        SampleOptions(every=3),
        SampleOptions(interval_ms=3),
    ]
)
some = st.lists(
    st.builds(Reading, st.sampled_from("abc"), st.just("power"), st.integers(-4, 8), st.sampled_from([0.0, 1.0, 2.0])),
    min_size=1,
    max_size=6,
)
turns = st.lists(st.one_of(some, st.sampled_from(["run", "run and save", "kill", "step and lose"])), max_size=12)


@given(steps, turns, st.booleans())
def test_steps_let_through_what_brute_force_does_whatever_dies(
    step: StepOptions, turns: list[list[Reading] | str], foreign: bool
) -> None:
    end = End(1, next="b:1", steps=(step,))
    oracle, expected = Oracle(step), []
    for turn in turns:
        if isinstance(turn, list):
            batch = sorted(turn, key=lambda reading: reading.meter)
            log_readings(end, batch, foreign=foreign)
            expected += [reading for reading in batch if oracle.takes(reading)]
        elif turn == "kill":
            end.restart()
        elif turn == "step and lose":
            end.chain().advance(1)
            end.restart()
        else:
            run(end, checkpoint=turn == "run and save")
    run(end)

    assert [point.reading for point in delivered(end)] == expected
    held = raw(end)
    assert all(held[point.inputs[0]] == point.reading for point in outputs_of(end, 0))
    assert len({point.inputs for point in outputs_of(end, 0)}) == len(expected)


changes: list[tuple[StepOptions, Callable[[Reading], Reading]]] = [
    (
        ScaleOptions(factor=3, offset=-1),
        lambda reading: Reading(*_key(reading), reading.timestamp, reading.value * 3 - 1),
    ),
    (RoundOptions(decimals=0), lambda reading: Reading(*_key(reading), reading.timestamp, float(round(reading.value)))),
    (MaskOptions(interval_ms=4), lambda reading: Reading(*_key(reading), reading.timestamp // 4 * 4, reading.value)),
]


def _key(reading: Reading) -> tuple[str, str]:
    return reading.meter, reading.metric


@given(st.sampled_from(changes), st.lists(some, max_size=4))
def test_steps_change_each_reading_as_brute_force_does(
    change: tuple[StepOptions, Callable[[Reading], Reading]], batches: list[list[Reading]]
) -> None:
    batches = [sorted(batch, key=lambda reading: reading.meter) for batch in batches]
    assert through(change[0], batches=batches) == [change[1](reading) for batch in batches for reading in batch]
