"""What the meters of made-up households show: a pure function of seed, house and time.

All arithmetic is in whole numbers: the same seed gives the same readings everywhere, and the energy counter at a
time is the same whether or not earlier times were asked for.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]
Bits = NDArray[np.uint64]

HOUSEHOLD_METRICS = ("active_power", "voltage", "current", "energy")
SLOT_MS = 15 * 60_000
_DAY_MS = 86_400_000
_SLOTS_A_DAY = _DAY_MS // SLOT_MS
_WATT_HOUR = 3_600_000  # in W·ms
# Watts of lights, cooking and electronics of an average household by hour of the day, without base load and fridge.
# fmt: off
_WEEKDAY = (
    60, 40, 30, 30, 40, 90, 260, 420, 330, 200, 170, 190, 260, 230, 190, 200, 260, 420, 600, 680, 620, 480, 300, 140,
)
_WEEKEND = (
    110, 70, 40, 30, 30, 40, 90, 200, 360, 440, 420, 430, 500, 460, 360, 320, 340, 430, 560, 620, 570, 460, 320, 190,
)
# fmt: on
_APPLIANCES_W = (900, 1200, 1500, 1800, 2000, 2200, 2600, 3000)
_ODD = np.uint64(0x9E3779B97F4A7C15)
_NEXT = np.array([0, 1], np.uint64)


class Houses:
    """What is fixed about each house, and what its meter shows at a time.

    Arrays have a row per time or slot and a column per house. A house lives up to half an hour before or after the
    clock (`start`), so that houses do not switch together; its slots of 15 minutes count from `start` on.
    """

    def __init__(self, numbers: range, seed: int, start_ms: int) -> None:
        self.numbers = numbers
        self._column = np.arange(len(numbers))
        self._seed = _mix(np.array([seed & (2**64 - 1)], np.uint64))
        self._grid_start = start_ms // SLOT_MS * SLOT_MS
        self._grid_at = start_ms - self._grid_start
        self._house = _mix(self._seed + np.array(numbers, np.uint64) * _ODD)
        start = start_ms + self._fixed(1, -1_800_000, 1_800_001)
        self._slot_0 = start // SLOT_MS
        self._at = start - self._slot_0 * SLOT_MS
        self._base_w = self._fixed(2, 40, 161)
        self._activity = self._fixed(3, 50, 181)  # percent
        self._fridge_w = self._fixed(4, 70, 141)
        self._fridge_ms = self._fixed(5, 40, 76) * 60_000
        self._fridge_on_ms = self._fridge_ms * self._fixed(6, 30, 46) // 100
        self._fridge_at = (self._slot_0 * SLOT_MS + self._fixed(7, 0, 4_500_000)) % self._fridge_ms
        self._first_wh = self._fixed(8, 1_000_000, 40_000_000)
        self._supply_dv = self._fixed(9, 2_270, 2_331)  # tenths of a volt
        self._profile = np.array([_by_slot(_WEEKDAY), _by_slot(_WEEKEND)])

    def readings(self, since_ms: Whole, energy: "SlotEnergy") -> dict[str, NDArray[np.float64]]:
        """Give what the meters show at times after the start, by metric."""
        since = since_ms[:, None]
        watts, used = self._power_and_energy(since, energy)
        noise = _mix(self._house + since.astype(np.uint64) * _ODD)
        watts = watts + watts * _draw(noise, 0, -128, 129) // 8_192 + _draw(noise, 16, -3, 4)
        decivolts = self._supply_dv + self._grid(since) - watts * 3 // 1_000 + _draw(noise, 32, -3, 4)
        centiamperes = (watts * 1_000 + decivolts // 2) // decivolts
        return {
            "active_power": watts.astype(np.float64),
            "voltage": decivolts / 10.0,
            "current": centiamperes / 100.0,
            "energy": (self._first_wh + used // _WATT_HOUR).astype(np.float64),
        }

    def _power_and_energy(self, since: Whole, energy: "SlotEnergy") -> tuple[Whole, Whole]:
        """Give the power (W) at each time and the energy (W·ms) used up to it."""
        slot, place = np.divmod(self._at + since, SLOT_MS)
        first_slot = int(slot.min())
        loads = energy.slots(first_slot, int(slot.max()) + 1)
        before, level, appliance, begin, length = (load[slot - first_slot, self._column] for load in loads)
        runs = (place >= begin) & (place < begin + length)
        in_house = slot * SLOT_MS + place
        cycles, in_cycle = np.divmod(self._fridge_at + in_house, self._fridge_ms)
        cooled = cycles * self._fridge_on_ms + np.minimum(in_cycle, self._fridge_on_ms)
        cooled -= np.minimum(self._fridge_at, self._fridge_on_ms)
        watts = self._base_w + level + appliance * runs + self._fridge_w * (in_cycle < self._fridge_on_ms)
        used = before + level * place + appliance * np.clip(place - begin, 0, length)
        return watts, used + self._base_w * in_house + self._fridge_w * cooled

    def slot_loads(self, first: int, stop: int) -> tuple[Whole, Whole, Whole, Whole]:
        """Give for each slot: watts all through it, watts of an appliance, when that begins (ms), how long it is on."""
        slots = np.arange(first, stop)[:, None] + self._slot_0
        day, of_day = np.divmod(slots, _SLOTS_A_DAY)
        weekend = ((day + 3) % 7 >= 5).astype(np.int64)  # Day 0 of the epoch was a Thursday.
        usual = self._profile[weekend, of_day] * self._activity // 100
        bits = _mix(_mix(self._house + slots.astype(np.uint64) * _ODD))
        level = usual * _draw(bits, 0, 30, 121) // 100
        on = _draw(bits, 12, 0, 2_000) < usual
        appliance = np.array(_APPLIANCES_W)[_draw(bits, 24, 0, len(_APPLIANCES_W))] * on
        length = _draw(bits, 32, 2, 13) * 60_000
        begin = (SLOT_MS - length) * _draw(bits, 44, 0, 1_000) // 1_000
        return level, appliance, begin, length

    def _grid(self, since: Whole) -> Whole:
        """Give how far the whole grid is above its voltage, in tenths of a volt: drifting from slot to slot."""
        slot, place = np.divmod(self._grid_at + since, SLOT_MS)
        number = (slot + self._grid_start // SLOT_MS).astype(np.uint64)
        low, high = (_draw(_mix(self._seed ^ _mix(number + at)), 0, -30, 31) for at in _NEXT)
        drift: Whole = (high - low) * place // SLOT_MS
        return low + drift

    def _fixed(self, what: int, low: int, high: int) -> Whole:
        return _draw(_mix(self._house + np.uint64(what)), 0, low, high)


class SlotEnergy:
    """The loads of slots asked for in rising order, with the energy (W·ms) of all slots before each."""

    def __init__(self, houses: Houses) -> None:
        self._houses = houses
        self._next = 0
        self._used = np.zeros(len(houses.numbers), np.int64)

    def slots(self, first: int, stop: int) -> tuple[Whole, Whole, Whole, Whole, Whole]:
        """Give energy before, level, appliance, begin and length of the slots first .. stop - 1."""
        at_once = max(1, 65_536 // len(self._houses.numbers))
        while self._next < first:
            until = min(first, self._next + at_once)
            self._used = self._used + self._energy(self._houses.slot_loads(self._next, until)).sum(0)
            self._next = until
        loads = self._houses.slot_loads(first, stop)
        before = np.empty((stop - first, len(self._houses.numbers)), np.int64)
        before[0] = self._used
        before[1:] = self._used + np.cumsum(self._energy(loads)[:-1], 0)
        return before, *loads

    @staticmethod
    def _energy(loads: tuple[Whole, Whole, Whole, Whole]) -> Whole:
        level, appliance, _, length = loads
        return level * SLOT_MS + appliance * length


def _mix(bits: Bits) -> Bits:
    """Spread every bit over all (the finaliser of SplitMix64, Steele, Lea and Flood 2014)."""
    bits = bits + _ODD
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: Bits = bits ^ (bits >> np.uint64(31))
    return mixed


def _draw(bits: Bits, shift: int, low: int, high: int) -> Whole:
    """Draw whole numbers low .. high - 1 from the bits above `shift`; evenly enough below 2 ** 32 values."""
    return ((bits >> np.uint64(shift)) % np.uint64(high - low)).astype(np.int64) + low


def _by_slot(hours: Sequence[int]) -> Whole:
    """Turn a day by hours into one by slots, in straight lines between the hours."""
    a_hour = _SLOTS_A_DAY // 24
    now, later = np.array(hours)[:, None], np.roll(np.array(hours), -1)[:, None]
    place = np.arange(a_hour)
    watts: Whole = now + (later - now) * place // a_hour
    return watts.reshape(-1)
