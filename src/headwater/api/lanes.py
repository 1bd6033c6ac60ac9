"""The threads that read the store: each has a reader of its own, so the event loop never waits for SQL."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from headwater.model.errors import HeadwaterError, Unavailable
from headwater.store.port import Reader

T = TypeVar("T")


class _Lane:
    """One thread and, once asked, its reader."""

    def __init__(self, open_reader: Callable[[], Reader], number: int, near: bool) -> None:
        self._near = near
        self._open = open_reader
        self.reader: Reader | None = None
        self.thread = ThreadPoolExecutor(1, thread_name_prefix=f"lane-{number}")

    def run(self, work: Callable[[Reader], T]) -> T:
        reader = self._opened()
        try:
            return work(reader)
        except Unavailable as error:
            if self._near or error.retry_after_s is None:  # Else the store is away, and its reader finds it again.
                self.close_reader()
            raise
        except HeadwaterError:
            raise
        except Exception:
            # What broke may be the reader's connection, so the next question gets a new one.
            self.close_reader()
            raise

    def _opened(self) -> Reader:
        if self.reader is None:
            try:
                self.reader = self._open()
            except HeadwaterError:
                raise
            except Exception as error:
                raise Unavailable(f"The provenance store cannot be opened: {error}.", 1.0) from error
        return self.reader

    def close_reader(self) -> None:
        reader, self.reader = self.reader, None
        if reader is not None:
            reader.close()


class Lanes:
    """Readers for questions that may take long, and one for those that never do; who finds none free waits its turn.

    More threads than that answer fewer questions: they take turns at the interpreter for each row.
    """

    def __init__(self, open_reader: Callable[[], Reader], count: int, near: bool = True) -> None:
        """`near` says that the store is in files of this machine, not behind a network."""
        self._near = near
        self._short = _Lane(open_reader, 0, near)
        self._watch = _Lane(open_reader, count + 1, near)
        self._versions = _Lane(open_reader, count + 2, near)
        self._long = [_Lane(open_reader, number, near) for number in range(1, count + 1)]
        self._free = list(self._long)
        self._turn = asyncio.Semaphore(count)

    async def glance(self, work: Callable[[Reader], T]) -> T:
        """The same as `ask` for what reads a bounded number of rows, and so never waits behind long questions."""
        return await asyncio.get_running_loop().run_in_executor(self._short.thread, self._short.run, work)

    async def watch(self, work: Callable[[Reader], T]) -> T:
        """The same with a reader that looks for what is new, so that nobody else waits for it."""
        return await asyncio.get_running_loop().run_in_executor(self._watch.thread, self._watch.run, work)

    async def version(self) -> tuple[int, ...] | None:
        """The state of the store, to be compared with another; None when it cannot be told.

        A near store takes some microseconds, a tenth of what a thread would take to hand over, so it is asked here.
        """
        lane = self._versions
        try:
            if lane.reader is None or not self._near:
                return await asyncio.get_running_loop().run_in_executor(lane.thread, lane.run, _version)
            return lane.run(_version)
        except Exception:
            # Whatever it is, the question itself will meet it and say so.
            return None

    async def ask(self, work: Callable[[Reader], T]) -> T:
        """What `work` answers, run in a thread with its reader; Unavailable when there is no store."""
        async with self._turn:
            lane = self._free.pop()
            try:
                return await asyncio.get_running_loop().run_in_executor(lane.thread, lane.run, work)
            finally:
                self._free.append(lane)

    async def close(self) -> None:
        """Close every reader in its own thread, and end the threads."""
        loop = asyncio.get_running_loop()
        for lane in (self._short, self._watch, self._versions, *self._long):
            await loop.run_in_executor(lane.thread, lane.close_reader)
            lane.thread.shutdown()


def _version(reader: Reader) -> tuple[int, ...]:
    return reader.version()
