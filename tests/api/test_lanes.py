"""Lanes: each thread has a reader of its own, opened when needed, replaced when it broke, closed in the end."""

import asyncio
import threading
from pathlib import Path

import pytest

from headwater.api.lanes import Lanes
from headwater.model.errors import Rejected, Unavailable
from headwater.store.port import Reader
from headwater.store.reader import SqliteReader
from tests.api import grid


class Opened:
    """Opens readers of a real store and remembers them with their threads."""

    def __init__(self, folder: Path) -> None:
        grid.open_writer(folder).close()
        self.folder = folder
        self.readers: list[SqliteReader] = []

    def __call__(self) -> SqliteReader:
        self.readers.append(grid.open_reader(self.folder))
        return self.readers[-1]


def fail(error: Exception) -> None:
    raise error


def test_questions_at_the_same_time_get_readers_of_their_own_and_no_more_than_there_are_lanes(tmp_path: Path) -> None:
    opened = Opened(tmp_path)
    together = threading.Barrier(2)

    def meet(reader: Reader) -> tuple[int, int]:
        together.wait()
        return id(reader), threading.get_ident()

    async def run() -> list[tuple[int, int]]:
        lanes = Lanes(opened, 2)
        met = await asyncio.gather(*(lanes.ask(meet) for _ in range(6)))
        await lanes.close()
        return met

    met = asyncio.run(run())
    assert len(set(met)) == len({thread for _, thread in met}) == len(opened.readers) == 2


def test_a_reader_that_broke_is_replaced_and_one_that_refused_is_kept(tmp_path: Path) -> None:
    opened = Opened(tmp_path)

    async def run() -> list[int]:
        lanes = Lanes(opened, 1)
        counts = []
        for error in (Rejected("size", "too large"), Unavailable("locked"), OSError("disk")):
            with pytest.raises(type(error)):
                await lanes.ask(lambda _, error=error: fail(error))  # type: ignore[misc]
            await lanes.ask(lambda reader: reader.nodes())
            counts.append(len(opened.readers))
        await lanes.close()
        return counts

    assert asyncio.run(run()) == [1, 2, 3]


def test_a_store_that_cannot_be_opened_is_unavailable(tmp_path: Path) -> None:
    async def run() -> None:
        lanes = Lanes(lambda: open_nothing(tmp_path / "missing"), 1)
        with pytest.raises(Unavailable, match="cannot be opened"):
            await lanes.ask(lambda reader: reader.nodes())
        await lanes.close()

    asyncio.run(run())


def open_nothing(path: Path) -> Reader:
    path.read_bytes()
    raise AssertionError


def test_a_short_question_is_answered_while_long_ones_take_every_lane(tmp_path: Path) -> None:
    opened = Opened(tmp_path)
    go_on = threading.Event()

    async def run() -> int:
        lanes = Lanes(opened, 1)
        waiting = [asyncio.create_task(lanes.ask(lambda _: go_on.wait(60))) for _ in range(2)]
        nodes = await lanes.glance(lambda reader: reader.nodes())
        done = sum(task.done() for task in waiting)
        go_on.set()
        assert all(await asyncio.gather(*waiting))
        await lanes.close()
        return len(nodes) + done

    assert asyncio.run(run()) == 0


def test_closing_closes_every_reader_and_ends_the_threads(tmp_path: Path) -> None:
    opened = Opened(tmp_path)
    before = threading.active_count()

    async def run() -> None:
        lanes = Lanes(opened, 2)
        await lanes.ask(lambda reader: reader.nodes())
        await lanes.glance(lambda reader: reader.nodes())
        await lanes.close()

    asyncio.run(run())

    assert threading.active_count() == before
    assert len(opened.readers) == 2
    for reader in opened.readers:
        with pytest.raises(Exception, match="closed"):
            reader.nodes()


def test_a_far_store_is_not_asked_for_its_version_in_the_thread_of_the_event_loop(tmp_path: Path) -> None:
    asked: list[int] = []

    class Far(SqliteReader):
        def version(self) -> tuple[int, ...]:
            asked.append(threading.get_ident())
            return super().version()

    grid.open_writer(tmp_path).close()

    async def run() -> None:
        lanes = Lanes(lambda: Far(grid.open_reader(tmp_path)._files), 1, near=False)
        for _ in range(3):
            assert await lanes.version() is not None
        await lanes.close()

    asyncio.run(run())
    assert len(asked) == 3
    assert threading.get_ident() not in asked
