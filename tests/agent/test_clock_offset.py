"""The offset of a neighbour's clock, estimated from beats both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.agent.beats import SAMPLES, Beats
from headwater.model.report import Neighbour
from headwater.wire import headwater_pb2 as pb

EVERY_US = 500_000
EPOCH_US = 1_700_000_000_000_000
DELAYS = st.integers(0, 2_000_000)


class Pair:
    """Two agents that beat to each other; the clock of the second differs."""

    def __init__(self, offset_us: int) -> None:
        self.now_us = EPOCH_US
        self.offset_us = offset_us
        self.one = Beats("default", 1, b"1" * 8, 1)
        self.other = Beats("default", 2, b"2" * 8, 2)

    def wall_us(self, at: Beats) -> int:
        return self.now_us + (self.offset_us if at is self.other else 0)

    def send(self, sender: Beats, hearer: Beats, delay_us: int) -> None:
        peers = {each: next(iter(each._peers.values()), None) for each in (sender, hearer)}
        beat: pb.Beat = sender.own(peers[sender], self.wall_us(sender))
        self.now_us += delay_us
        peer = hearer.meet(beat, self.now_us // 1000)
        assert hearer.take(peer, beat, self.now_us // 1000, self.wall_us(hearer))

    def exchange(self, there_us: int = 1_000, back_us: int = 1_000) -> Neighbour:
        """A beat each way; what the first agent knows then."""
        self.send(self.one, self.other, there_us)
        self.send(self.other, self.one, back_us)
        self.now_us += EVERY_US
        (seen,) = self.one.neighbours(self.now_us // 1000)
        return seen


def test_nothing_is_said_before_beats_went_both_ways() -> None:
    pair = Pair(5_000)
    pair.send(pair.other, pair.one, 0)
    (seen,) = pair.one.neighbours(0)
    assert (seen.offset_ms, seen.round_trip_ms) == (None, None)


@given(st.integers(-(10**12), 10**12), st.lists(st.tuples(DELAYS, DELAYS), min_size=1, max_size=30))
def test_the_estimate_is_within_half_the_shortest_round_trip(offset_us: int, delays: list[tuple[int, int]]) -> None:
    pair = Pair(offset_us)
    for there_us, back_us in delays:
        seen = pair.exchange(there_us, back_us)
    shortest_us = min(there_us + back_us for there_us, back_us in delays[-SAMPLES:])
    assert seen.round_trip_ms == pytest.approx(shortest_us / 1000)
    assert seen.offset_ms is not None
    assert abs(seen.offset_ms - offset_us / 1000) <= shortest_us / 2000 + 1e-3


@pytest.mark.parametrize("step_us", [3_600_000_000, -3_600_000_000, 250_000, -250_000])
@pytest.mark.parametrize("whose", ["ours", "theirs"])
def test_a_clock_that_is_set_is_known_after_a_few_beats(step_us: int, whose: str) -> None:
    pair = Pair(40_000)
    for _ in range(SAMPLES):
        pair.exchange()
    if whose == "ours":
        pair.now_us += step_us
        pair.offset_us -= step_us
    else:
        pair.offset_us += step_us
    for _ in range(SAMPLES + 1):
        seen = pair.exchange(2_000, 2_000)
        (back,) = pair.other.neighbours(0)
        assert min(seen.round_trip_ms or 0, back.round_trip_ms or 0) >= 0, "no way is shorter than none"
    assert seen.offset_ms == pytest.approx(pair.offset_us / 1000)
    assert seen.round_trip_ms == pytest.approx(4)


def test_both_ends_find_the_same_with_opposite_signs() -> None:
    pair = Pair(-123_000)
    for _ in range(3):
        seen = pair.exchange()
    (back,) = pair.other.neighbours(0)
    assert seen.offset_ms == pytest.approx(-123)
    assert back.offset_ms == pytest.approx(123)
