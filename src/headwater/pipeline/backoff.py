"""How long to wait before the next try: doubling while nothing works, with jitter, so that many do not come at once."""

import random

WAIT_S_MIN = 0.1
WAIT_S_MAX = 10.0


class Backoff:
    """The waits of one task that tries again and again."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._wait_s = WAIT_S_MIN

    def next_s(self) -> float:
        """How long to wait now: within half of the present wait around it."""
        wait_s = self._wait_s * self._rng.uniform(0.5, 1.5)
        self._wait_s = min(2 * self._wait_s, WAIT_S_MAX)
        return wait_s

    def reset(self) -> None:
        """Something worked: begin with the shortest wait again."""
        self._wait_s = WAIT_S_MIN
