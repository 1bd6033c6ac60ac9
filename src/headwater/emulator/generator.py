"""Generated load of households as a replay: any tick can be entered directly."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from headwater.emulator.households import HOUSEHOLD_METRICS, SLOT_MS, Houses, SlotEnergy, Whole
from headwater.emulator.ticks import Rejections, Tick
from headwater.model.errors import ConfigError
from headwater.model.reading import SeriesKey

METERS_MAX = 1_000_000
METER_NUMBER_MAX = 1_000_000_000

_DAY_MS = 86_400_000
_BLOCK_READINGS = 16_384


class Household:
    """The replay of generated households, `meter-00001` and on: each gives all metrics at every tick.

    Power in W (whole), voltage in V (one decimal), current in A (two decimals), energy in Wh (a counter that never
    falls: the integral of the power without its measuring noise). Every meter is read at the same time.
    """

    def __init__(
        self,
        houses: Houses,
        names: Sequence[str],
        start_ms: int,
        step_ms: int,
        metrics: Sequence[str],
        ticks_max: int | None,
    ) -> None:
        self.series = [SeriesKey(name, metric) for name in names for metric in metrics]
        self.rejected = Rejections()
        self._metrics = metrics
        self._start_ms = start_ms
        self._step_ms = step_ms
        self._ticks_max = ticks_max
        self._houses = houses
        slots_a_tick = 1 + step_ms // SLOT_MS
        self._block_ticks = max(1, _BLOCK_READINGS // (len(houses.numbers) * max(len(metrics), slots_a_tick)))

    def ticks(self, first: int = 0) -> Iterator[Tick]:
        """Give the ticks from number `first` on, exactly those that an iteration from 0 gives there."""
        series = np.arange(len(self.series), dtype=np.int32)
        series.flags.writeable = False
        energy = SlotEnergy(self._houses)
        while self._ticks_max is None or first < self._ticks_max:
            stop = first + self._block_ticks
            stop = stop if self._ticks_max is None else min(stop, self._ticks_max)
            since_ms = np.arange(first, stop) * self._step_ms
            values = self._values(since_ms, energy)
            times = np.repeat(self._start_ms + since_ms, len(series)).reshape(values.shape)
            values.flags.writeable = times.flags.writeable = False
            for number, at, row in zip(range(first, stop), times, values, strict=True):
                yield Tick(number, series, at, row)
            first = stop

    def _values(self, since_ms: Whole, energy: SlotEnergy) -> NDArray[np.float64]:
        """Give the values at times after the start, a row each, sorted by series."""
        made = self._houses.readings(since_ms, energy)
        chosen = np.stack([made[metric] for metric in self._metrics], axis=-1)
        return chosen.reshape(len(since_ms), -1)


def generate_household(
    meters: int,
    *,
    seed: int,
    start_ms: int,
    step_s: float = 60,
    metrics: Sequence[str] = HOUSEHOLD_METRICS,
    ticks_max: int | None = None,
    first_meter: int = 1,
    ids: Sequence[str] = (),
) -> Household:
    """Generate load of `meters` households from `start_ms` on, a tick every `step_s`, without end or `ticks_max`.

    A day is 86,400 / step_s ticks; days begin at midnight UTC. The load of a meter depends on its number, not on how
    many others there are: groups with different `first_meter` are parts of one whole. With `ids`, numbers in a row,
    the meters have these numbers and are called so. Raises ConfigError.
    """
    meters, first_meter = (len(ids), int(ids[0])) if ids else (meters, first_meter)
    step_ms = round(step_s * 1000)
    if not 1 <= meters <= METERS_MAX:
        raise ConfigError(f"meters = {meters} cannot be generated: give 1 to {METERS_MAX}")
    if not ids and not 1 <= first_meter <= METER_NUMBER_MAX:
        raise ConfigError(f"first_meter = {first_meter} cannot be generated: give 1 to {METER_NUMBER_MAX}")
    if not 1 <= step_ms <= _DAY_MS:
        raise ConfigError(f"step_s = {step_s} cannot be generated: give 0.001 to 86400")
    if not metrics or len(set(metrics)) < len(metrics) or not set(metrics) <= set(HOUSEHOLD_METRICS):
        raise ConfigError(f"metrics = {list(metrics)} cannot be generated: choose from {', '.join(HOUSEHOLD_METRICS)}")
    numbers = range(first_meter, first_meter + meters)
    names = ids or [f"meter-{number:05d}" for number in numbers]
    return Household(Houses(numbers, seed, start_ms), names, start_ms, step_ms, tuple(metrics), ticks_max)
