"""What several topics need is asked for once, and never kept too long."""

import asyncio

import pytest

from headwater.model.errors import Unavailable
from headwater.ui.recent import Recent


class Source:
    """Answers with how often it was asked; fails when told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.now_s = 0.0
        self.is_away = False

    async def ask(self) -> int:
        self.asked += 1
        await asyncio.sleep(0)
        if self.is_away:
            raise Unavailable("nobody answers")
        return self.asked


def test_who_asks_at_the_same_time_gets_the_same_answer() -> None:
    async def run() -> list[int]:
        recent = Recent(Source().ask, 1.0, lambda: 0.0)
        return await asyncio.gather(*(recent.get() for _ in range(5)))

    assert asyncio.run(run()) == [1] * 5


def test_an_answer_is_kept_for_as_long_as_it_is_fresh() -> None:
    async def run() -> list[int]:
        source = Source()
        recent, answers = Recent(source.ask, 1.0, lambda: source.now_s), []
        for source.now_s in (0.0, 0.9, 1.1):
            answers.append(await recent.get())
        return answers

    assert asyncio.run(run()) == [1, 1, 2]


def test_a_failure_is_told_and_not_kept() -> None:
    async def run() -> int:
        source = Source()
        recent = Recent(source.ask, 1.0, lambda: 0.0)
        source.is_away = True
        with pytest.raises(Unavailable):
            await recent.get()
        source.is_away = False
        return await recent.get()

    assert asyncio.run(run()) == 2


def test_one_who_gives_up_does_not_take_the_answer_from_others() -> None:
    async def run() -> int:
        recent = Recent(Source().ask, 1.0, lambda: 0.0)
        gone, stays = asyncio.ensure_future(recent.get()), asyncio.ensure_future(recent.get())
        await asyncio.sleep(0)
        gone.cancel()
        return await stays

    assert asyncio.run(run()) == 1
