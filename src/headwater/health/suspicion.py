"""How long silence may last before it means something, learned from how regularly somebody is usually heard.

Phi accrual (Hayashibara et al., "The phi accrual failure detector", SRDS 2004): phi = -log10 of the probability that a
sign of life comes later than this, with intervals taken as normally distributed. Fixed bounds stand around it, so that
neither a very regular nor a very jittery sender gets absurd limits.
"""

import math

import msgspec

from headwater.model.health import Health

PHI_RED = 8.0
JITTER_MS_MIN = 100.0
_WEIGHT = 1 / 16
"""Of a new interval in the running mean and variance."""


class Bounds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Green below one silence, Yellow below another, Red from there on; jitter moves Red up to `red_ms_max`."""

    yellow_ms: int = 1500
    red_ms: int = 2200
    red_ms_max: int = 2600

    def __post_init__(self) -> None:
        if not 0 < self.yellow_ms <= self.red_ms <= self.red_ms_max:
            raise ValueError(
                f"0 < yellow_ms = {self.yellow_ms} <= red_ms = {self.red_ms} <= red_ms_max = {self.red_ms_max} "
                "does not hold"
            )

    def level(self, silent_ms: int, arrivals: "Arrivals | None" = None) -> Health:
        """The word for a silence, given how regularly the silent one is usually heard."""
        if silent_ms < self.yellow_ms:
            return Health.GREEN
        if silent_ms >= self.red_ms_max:
            return Health.RED
        if silent_ms < self.red_ms or (arrivals is not None and arrivals.phi(silent_ms) < PHI_RED):
            return Health.YELLOW
        return Health.RED


PROFILES = {
    "default": Bounds(),
    "2018-master": Bounds(5_000, 10_000, 10_000),
    "2018-image": Bounds(30_000, 60_000, 60_000),
}
"""Ours, and the two profiles of the 2018 system."""


class Arrivals:
    """The intervals between signs of life: a running mean and variance."""

    def __init__(self, interval_ms: float) -> None:
        """`interval_ms` is expected until intervals are known."""
        self.mean_ms = interval_ms
        self._variance = 0.0

    def add(self, interval_ms: int) -> None:
        """One more interval."""
        away = interval_ms - self.mean_ms
        self.mean_ms += _WEIGHT * away
        self._variance = (1 - _WEIGHT) * (self._variance + _WEIGHT * away * away)

    @property
    def jitter_ms(self) -> float:
        return math.sqrt(self._variance)

    def phi(self, silent_ms: int) -> float:
        """-log10 of the probability of an interval longer than this."""
        spread = (silent_ms - self.mean_ms) / max(self.jitter_ms, JITTER_MS_MIN)
        later = 0.5 * math.erfc(spread / math.sqrt(2))
        return -math.log10(later) if later > 0 else math.inf
