"""Ticks that are read ahead come in order, all of them, and what goes wrong with them is raised where they are used."""

import asyncio
import threading
from collections.abc import Iterator

import numpy as np
import pytest

from headwater.emulator.ahead import READINGS_AHEAD, read_ahead
from headwater.emulator.ticks import Tick


def tick(number: int, readings: int) -> Tick:
    return Tick(number, np.zeros(readings, np.int32), np.zeros(readings, np.int64), np.zeros(readings))


def given(ticks: Iterator[Tick]) -> list[int]:
    async def run() -> list[int]:
        return [one.number async for one in read_ahead(ticks)]

    return asyncio.run(run())


@pytest.mark.parametrize("readings", [0, 1, READINGS_AHEAD // 3, 2 * READINGS_AHEAD])
def test_every_tick_comes_once_in_order(readings: int) -> None:
    assert given(tick(number, readings) for number in range(100)) == list(range(100))


def test_no_more_is_read_than_is_wanted_soon() -> None:
    read: list[int] = []

    def ticks() -> Iterator[Tick]:
        for number in range(1000):
            read.append(number)
            yield tick(number, READINGS_AHEAD // 2)

    async def run() -> None:
        ahead = read_ahead(ticks())
        await anext(ahead)
        while len(read) < 4:
            await asyncio.sleep(0)
        await ahead.aclose()  # type: ignore[attr-defined]

    asyncio.run(run())
    assert len(read) == 4


def test_the_loop_goes_on_while_ticks_are_read() -> None:
    gate = threading.Event()

    def ticks() -> Iterator[Tick]:
        assert gate.wait(60)
        yield tick(0, 1)

    async def run() -> None:
        coming = asyncio.ensure_future(anext(read_ahead(ticks())))
        await asyncio.sleep(0)
        gate.set()
        assert (await coming).number == 0

    asyncio.run(run())


def test_an_error_in_reading_is_raised() -> None:
    def ticks() -> Iterator[Tick]:
        yield tick(0, READINGS_AHEAD)
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        given(ticks())
