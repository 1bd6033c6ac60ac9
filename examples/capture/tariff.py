"""A program of several functions that share one recorder: consumption, its price, and a bill that names both.

python examples/capture/tariff.py [FOLDER]
"""

import sys

from headwater import capture
from headwater.capture import DataPointId

PRICE = 0.31
DAY_MS = 1_700_006_400_000
HOUR_MS = 3_600_000


def measure(hour: int) -> tuple[float, DataPointId]:
    """The energy of one hour in kWh, and its id."""
    energy = 0.2 + 0.1 * (hour % 3)
    return energy, capture.record("meter-1", "energy", energy, timestamp=DAY_MS + hour * HOUR_MS, code=measure)


def bill(hours: list[tuple[float, DataPointId]], price: DataPointId) -> DataPointId:
    """The cost of a day: made from each hour's energy, and from the price of the day."""
    cost = PRICE * sum(energy for energy, _ in hours)
    inputs = [price, *(point for _, point in hours)]
    return capture.derive("meter-1", "cost", cost, inputs=inputs, contribution="bill", timestamp=DAY_MS, code=bill)


def main(folder: str) -> None:
    """Bill one day."""
    with capture.configure(folder, node="0000a2", name="billing") as recorder:
        price = capture.record("tariff", "price", PRICE, timestamp=DAY_MS)
        cost = bill([measure(hour) for hour in range(24)], price)
        print(f"{cost} is {recorder.reading(cost).value:.2f}, made from {len(recorder.inputs(cost))} values")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "var/billing")
