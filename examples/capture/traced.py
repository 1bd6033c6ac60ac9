"""Meters of a device, read by tasks at once; each mean is made from exactly what its meter gave.

python examples/capture/traced.py [FOLDER]
"""

import asyncio
import sys

from headwater import capture
from headwater.capture import Location, Made, Point, within


class Meter:
    """A meter that measures its power."""

    def __init__(self, name: str, watts: float) -> None:
        self.name = name
        self.watts = watts

    @capture.traced
    async def power(self) -> Made:
        """The power at present, in W."""
        await asyncio.sleep(0.001)
        return Made(self.watts, meter=self.name)


@capture.traced(metric="power.mean", contribution="average")
def mean(powers: list[Point]) -> float:
    """The mean of some powers of one meter."""
    return sum(powers) / len(powers)


async def watch(meter: Meter) -> Point:
    """The mean of three measurements."""
    return mean([await meter.power() for _ in range(3)])


async def main(folder: str) -> None:
    """Read two meters at once."""
    with capture.configure(folder, node="0000a3", name="substation") as recorder:
        with within(application="metering", location=Location("feeder 2")):
            made = await asyncio.gather(watch(Meter("meter-1", 231.4)), watch(Meter("meter-2", 87.0)))
        for point in made:
            print(f"{point.id}: {point.meter} {point:.1f} W, made from {len(recorder.inputs(point))} values")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "var/substation"))
