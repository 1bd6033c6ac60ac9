"""Waits between tries."""

import random

from headwater.wire.reconnect import WAIT_S_MAX, WAIT_S_MIN, Backoff


def test_waits_double_up_to_a_bound_and_begin_again_after_a_success() -> None:
    class Even(random.Random):
        def uniform(self, a: float, b: float) -> float:
            return (a + b) / 2

    backoff = Backoff(Even())
    waits = [backoff.next_s() for _ in range(9)]
    assert waits == [min(WAIT_S_MIN * 2**at, WAIT_S_MAX) for at in range(9)]
    backoff.reset()
    assert backoff.next_s() == WAIT_S_MIN


def test_two_that_failed_together_do_not_come_again_together() -> None:
    one, two = Backoff(random.Random(1)), Backoff(random.Random(2))
    waits = [(one.next_s(), two.next_s()) for _ in range(20)]
    assert all(0.5 * WAIT_S_MIN <= wait <= 1.5 * WAIT_S_MAX for pair in waits for wait in pair)
    assert len({wait for pair in waits for wait in pair}) == 40
