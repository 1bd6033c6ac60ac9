"""Renumbered payloads: the same readings under other numbers, refused exactly when they cannot be decoded."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from headwater.model.errors import Rejected
from headwater.wire import codec
from headwater.wire.codec import Columns
from tests.wire.examples import EXAMPLES, assert_same, columns_of
from tests.wire.test_codec import readings

Numbers = NDArray[np.int64]


def xor(mask: int) -> Callable[[Numbers], Numbers]:
    """Other numbers, each from one series only."""
    return lambda series: series ^ mask


@given(readings(), st.integers(0, 2**62))
def test_renumbered_readings_are_as_encoded_under_their_new_numbers(columns: Columns, mask: int) -> None:
    payload = codec.renumbered(codec.encode(*columns), xor(mask))

    assert payload == codec.encode(columns.series ^ mask, columns.timestamps, columns.values)


@given(readings())
def test_series_that_become_one_keep_their_readings(columns: Columns) -> None:
    payload = codec.renumbered(codec.encode(*columns), lambda series: series % 2)

    assert_same(codec.decode(payload), Columns(columns.series % 2, columns.timestamps, columns.values))


@given(st.sampled_from(sorted(EXAMPLES)), st.data())
def test_what_cannot_be_decoded_cannot_be_renumbered_and_the_other_way_round(name: str, data: st.DataObject) -> None:
    changed = bytearray(codec.encode(*EXAMPLES[name]))
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    payload = bytes(changed[: data.draw(st.integers(0, len(changed)))] if data.draw(st.booleans()) else changed)

    assert refused(lambda: codec.decode(payload)) == refused(lambda: codec.renumbered(payload, lambda series: series))


def test_what_the_new_numbers_raise_is_raised() -> None:
    def none(series: Numbers) -> Numbers:
        raise Rejected("series", "was never defined")

    for count in (3, 100):
        payload = codec.encode(*columns_of([1] * count, range(count), [0.5] * count))
        with pytest.raises(Rejected, match="never defined"):
            codec.renumbered(payload, none)


def refused(what: Callable[[], object]) -> bool:
    try:
        what()
    except Rejected:
        return True
    return False
