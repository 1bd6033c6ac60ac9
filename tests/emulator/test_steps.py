"""Steps begin where the time changes, however the readings are cut into chunks."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.emulator import steps
from headwater.emulator.steps import TimeSpan, readings_of_last_time, step_starts


def starts_one_by_one(changes: list[bool], most: int) -> list[bool]:
    starts, in_time = [], 0
    for change in changes:
        in_time = 0 if change else in_time + 1
        starts.append(change or in_time % most == 0)
    return starts


@given(st.lists(st.booleans(), min_size=1), st.integers(1, 5), st.integers(0, 50))
def test_cutting_readings_into_chunks_moves_no_step(changes: list[bool], most: int, cut: int) -> None:
    changes[0] = True
    exact = starts_one_by_one(changes, most)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steps, "STEP_READINGS_MAX", most)
        head, tail = np.array(changes[:cut], np.bool_), np.array(changes[cut:], np.bool_)
        running = readings_of_last_time(head)
        assert [*step_starts(head), *step_starts(tail, running)] == exact


@given(st.lists(st.integers(0, 9), max_size=30), st.integers(0, 30))
def test_a_span_covers_the_same_time_whole_and_in_chunks(times: list[int], cut: int) -> None:
    whole, chunked = TimeSpan(), TimeSpan()
    whole.add(np.array(times, np.int64))
    chunked.add(np.array(times[:cut], np.int64))
    chunked.add(np.array(times[cut:], np.int64), times[:cut][-1] if times[:cut] else None)
    assert whole.loop_ms == chunked.loop_ms
    gaps = [later - earlier for earlier, later in pairwise(times) if later > earlier]
    assert whole.loop_ms == (max(times) - min(times) if times else 0) + (gaps[0] if gaps else 1000)
