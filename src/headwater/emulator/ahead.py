"""Ticks read ahead in a thread, so that reading and parsing files never holds up what is sent."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

from headwater.emulator.ticks import Tick

READINGS_AHEAD = 65_536
"""Enough to go on with while more are read; one tick may have more."""
SECONDS_AHEAD = 0.02
"""Ticks are handed over by then, however few there are."""


async def read_ahead(ticks: Iterator[Tick]) -> AsyncIterator[Tick]:
    """Give the ticks of an iterator, in its order; some are waiting while others are read."""
    loop = asyncio.get_running_loop()
    coming = loop.run_in_executor(None, _some, ticks)
    while some := await coming:
        coming = loop.run_in_executor(None, _some, ticks)
        for tick in some:
            yield tick


def _some(ticks: Iterator[Tick]) -> list[Tick]:
    """The next ticks; none at the end."""
    some: list[Tick] = []
    readings, until = 0, time.monotonic() + SECONDS_AHEAD
    for tick in ticks:
        some.append(tick)
        readings += len(tick.series)
        if readings >= READINGS_AHEAD or time.monotonic() >= until:
            break
    return some
