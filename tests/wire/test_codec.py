"""The columnar payload gives back every bit, and keeps to its bytes."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headwater.wire import codec
from headwater.wire.codec import READINGS_MAX, Columns
from tests.wire import loads
from tests.wire.examples import EXAMPLES, INT64_MAX, INT64_MIN, SPECIAL, assert_same, columns_of

any_int64 = st.integers(INT64_MIN, INT64_MAX)
any_series = st.one_of(st.integers(0, 9), st.integers(0, INT64_MAX))
decimals = st.builds(lambda whole, scale: whole / 10**scale, st.integers(-(10**7), 10**7), st.integers(0, 11))
any_double = st.one_of(
    st.integers(0, 2**64 - 1).map(lambda bits: float(np.uint64(bits).view(np.float64))),
    st.sampled_from(SPECIAL).map(lambda bits: float(np.uint64(bits).view(np.float64))),
    st.floats(),
    decimals,
)


@st.composite
def readings(draw: st.DrawFn) -> Columns:
    """Runs of series, of which some share their timestamps, with values mostly alike: both layouts, all forms."""
    runs = draw(st.lists(st.tuples(any_series, st.integers(1, 12)), max_size=8))
    shared = draw(st.booleans())
    ticks = draw(st.lists(any_int64, min_size=12, max_size=12))
    regular = [draw(any_int64) // 2 + draw(st.integers(1, 3_600_000)) * tick for tick in range(12)]
    alike = draw(st.sampled_from([decimals, any_double]))
    series = [number for number, length in runs for _ in range(length)]
    times = [(ticks if shared else regular)[tick] for _, length in runs for tick in range(length)]
    values = draw(st.lists(alike, min_size=len(series), max_size=len(series)))
    for place in draw(st.lists(st.integers(0, max(0, len(series) - 1)), max_size=3)) if series else []:
        values[place] = draw(any_double)
    return columns_of(series, times, values)


one_of_each = pytest.mark.parametrize("name", EXAMPLES)


@given(readings())
@example(EXAMPLES["runs of noise"])
@example(columns_of([INT64_MAX, 0] * 20, [INT64_MIN, INT64_MAX] * 20, [-0.0] * 40))
@example(columns_of([0, INT64_MAX, 0], [INT64_MIN, 0, INT64_MAX], [0.0, 2.0**53, -(2.0**53)]))
@example(columns_of([0] * 40, range(40), [9007199254740993.0, 0.1] * 20))
@example(columns_of([1], [1], [-0.0]))
@example(columns_of([1], [1], [1e300]))
@example(columns_of([1, 1, 1], [0, INT64_MAX, 0], [9007199254740991.0, 0.1, 0.1]))
def test_what_is_encoded_comes_back_to_the_last_bit(columns: Columns) -> None:
    assert_same(codec.decode(codec.encode(*columns)), columns)


@given(st.integers(0, 2**32), st.sampled_from([17, 100, 1000, READINGS_MAX]), st.integers(0, 11))
def test_batches_of_any_size_come_back_to_the_last_bit(seed: int, count: int, scale: int) -> None:
    random = np.random.default_rng(seed)
    series = np.sort(random.integers(0, 1 + count // 7, count))
    values = random.integers(-(10**6), 10**6, count) / 10.0**scale
    odd = random.random(count) < random.choice([0.0, 0.01, 0.4, 0.6])
    values[odd] = random.integers(0, 2**64, count, np.uint64).view(np.float64)[odd]
    columns = Columns(series, random.integers(0, 50, count).cumsum(), values)
    assert_same(codec.decode(codec.encode(*columns)), columns)


@one_of_each
def test_count_and_keys_are_read_without_the_values(name: str) -> None:
    columns = EXAMPLES[name]
    payload = codec.encode(*columns)
    keys = codec.keys(payload)
    assert payload.startswith(keys)
    assert codec.count(payload) == codec.count(keys) == len(columns.series)
    assert_same(codec.decode_keys(keys), columns[:2])
    assert_same(codec.decode_keys(codec.keys(keys + b"anything")), columns[:2])


def test_a_full_payload_fits_its_own_limits() -> None:
    random = np.random.default_rng(1)
    noise = random.integers(0, 2**64, (2, READINGS_MAX), np.uint64)
    values = np.where(np.arange(READINGS_MAX) % 2, noise[0].view(np.float64), noise[1] % 2**50 / 1e9)
    scattered = Columns(noise[1].view(np.int64) & INT64_MAX, noise[0].view(np.int64), values)
    swings = READINGS_MAX // 2
    swinging = columns_of([0, INT64_MAX] * swings, [-(2**62), 2**62 - 1] * swings, [1e-300, 0.1] * swings)
    for columns in (scattered, swinging):
        assert_same(codec.decode(codec.encode(*columns)), columns)


def test_columns_that_are_not_readings_are_refused() -> None:
    one = columns_of([1], [1], [1])
    with pytest.raises(ValueError, match="1 and 2 and 1 readings"):
        codec.encode(one.series, np.array([1, 2]), one.values)
    with pytest.raises(ValueError, match="at most 8192"):
        codec.encode(*columns_of(*[np.zeros(READINGS_MAX + 1)] * 3))
    with pytest.raises(ValueError, match="series -1"):
        codec.encode(np.array([-1]), one.timestamps, one.values)
    with pytest.raises(ValueError, match=r"shape \(1, 1\)"):
        codec.encode(np.array([[1]]), one.timestamps, one.values)
    with pytest.raises(TypeError):
        codec.encode(one.series, np.array([1.5]), one.values)


def test_columns_that_are_strided_or_of_smaller_types_are_taken() -> None:
    wide = np.arange(200)
    payload = codec.encode(wide[::2].astype(np.uint32), wide[::2], wide[::2].astype(np.float32))
    assert_same(codec.decode(payload), columns_of(wide[::2], wide[::2], wide[::2]))
    roots = np.sqrt(wide)
    assert_same(codec.decode(codec.encode(wide[::2], wide[1::2], roots[::2]))[2:], (roots[::2].copy(),))


def test_decoded_columns_can_be_written_to() -> None:
    for columns in EXAMPLES.values():
        for column in codec.decode(codec.encode(*columns)):
            column.fill(0)


def test_threads_do_not_disturb_each_other() -> None:
    batches = list(loads.batches(loads.random_doubles(80_000), 8000)) * 10
    with ThreadPoolExecutor(4) as threads:
        for batch, back in zip(
            batches, threads.map(lambda batch: codec.decode(codec.encode(*batch)), batches), strict=True
        ):
            assert_same(back, batch)


def bytes_a_reading(load: Columns) -> tuple[float, float]:
    """Bytes a reading of payloads and of their keys, at 1,000 readings a batch."""
    payloads = [codec.encode(*batch) for batch in loads.batches(load, 1000)]
    readings = 1000 * len(payloads)
    return sum(map(len, payloads)) / readings, sum(len(codec.keys(payload)) for payload in payloads) / readings


def test_half_hourly_meters_keep_to_their_bytes(test_data: Path) -> None:
    payload_bytes, key_bytes = bytes_a_reading(loads.smart_meters(test_data))
    assert payload_bytes < 1.4
    assert key_bytes < 0.06


def test_a_household_every_minute_keeps_to_its_bytes(test_data: Path) -> None:
    payload_bytes, key_bytes = bytes_a_reading(loads.household_power(test_data))
    assert payload_bytes < 0.85
    assert key_bytes < 0.06


def test_generated_meters_keep_to_their_bytes() -> None:
    payload_bytes, key_bytes = bytes_a_reading(loads.generated(100_000))
    assert payload_bytes < 1.4
    assert key_bytes < 0.25


def test_random_doubles_take_less_than_themselves() -> None:
    assert bytes_a_reading(loads.random_doubles(20_000))[0] < 7.5


def test_an_odd_value_costs_little_more_than_itself() -> None:
    load = next(loads.batches(loads.generated(1000), 1000))
    plain = len(codec.encode(*load))
    for place, bits in itertools.product((0, 500, 999), SPECIAL):
        values = load.values.copy()
        values[place] = np.uint64(bits).view(np.float64)
        assert len(codec.encode(load.series, load.timestamps, values)) < plain + 60


def test_one_finer_series_costs_little_more_than_its_digits() -> None:
    place = np.arange(1000)
    values = (place * 37 % 101) / 100
    plain = len(codec.encode(place // 10, place % 10, values))
    # These ten lie between the values that are sampled.
    values[101:110] = (place[101:110] * 37 % 101 * 997 + 1) / 100_000
    assert len(codec.encode(place // 10, place % 10, values)) < plain + 30
