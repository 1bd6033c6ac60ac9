"""The judge keeps what it finds; a disk that refuses holds nothing up and loses nothing that fits."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest

from headwater.health import judge as module
from headwater.health.judge import Judge
from headwater.health.rules import SERVER
from headwater.health.suspicion import Bounds
from headwater.model.health import Change, Part, Subject
from headwater.model.report import LinkEnd
from headwater.store.files import files_of
from headwater.store.health import HealthReader, HealthWriter
from headwater.store.port import Standing
from tests.health.reports import report_of
from tests.pipeline.daemons import until, wall_ms
from tests.store.fullness import fill, free

HASTY = Bounds(200, 300, 300)


class Kept:
    def __init__(self, folder: Path) -> None:
        files = files_of(folder, "default")
        self.writer = HealthWriter(files)
        self.reader = HealthReader(files)
        self.judge = Judge(HASTY, self.writer, wall_ms)

    @contextlib.asynccontextmanager
    async def judging(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.judge.run())
        try:
            yield
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @property
    def numbers(self) -> list[int]:
        """Of the changes that are kept, in their order."""
        return [change.number for change in self.reader.changes(100_000, None, None)[::-1]]

    @property
    def alarms(self) -> list[Subject]:
        standing = self.reader.standing()
        return [] if standing is None else [verdict.subject for verdict in standing.verdicts if verdict.is_alarm]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    made = Kept(tmp_path)
    yield made
    made.reader.close()
    made.writer.close()


def test_what_is_found_is_kept_where_it_is_read(kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        kept.judge.hear(report_of(1))
        async with kept.judging():
            await until(lambda: kept.alarms == [Subject(Part.NODE, 1)])
            before = kept.reader.standing()
            await until(lambda: kept.reader.standing() != before)

    caplog.set_level(logging.INFO)
    asyncio.run(run())
    assert kept.numbers == list(range(1, len(kept.numbers) + 1))
    assert "node 000001 is Red" in caplog.text


def test_two_nodes_that_both_go_are_one_alarm_in_words(kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        for node in (1, 2):
            kept.judge.hear(report_of(node))
        async with kept.judging():
            await until(lambda: kept.alarms == [SERVER])

    caplog.set_level(logging.INFO)
    asyncio.run(run())
    assert "server is Red: no node has reported" in caplog.text


def test_changes_wait_for_a_disk_that_refuses_and_none_is_lost(kept: Kept) -> None:
    async def run() -> None:
        async with kept.judging():
            await until(lambda: kept.reader.standing() is not None)
            fill(kept.writer)
            links = tuple(LinkEnd(True, node, "x:1", 0) for node in range(10, 1_000))
            kept.judge.hear(report_of(1, links=links))
            await until(lambda: len(kept.judge._unkept) >= len(links))
            assert kept.numbers == []
            free(kept.writer)
            await until(lambda: kept.numbers and not kept.judge._unkept)

    asyncio.run(run())
    assert kept.numbers == list(range(1, kept.numbers[-1] + 1))
    assert len(kept.numbers) >= 990


def test_the_changes_that_wait_are_bounded_and_the_newest_stay(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "UNKEPT_MAX", 600)

    async def run() -> None:
        async with kept.judging():
            await until(lambda: kept.reader.standing() is not None)
            fill(kept.writer)
            for first in (1_000, 2_000, 3_000):
                links = tuple(LinkEnd(True, first + node, "x:1", 0) for node in range(500))
                kept.judge.hear(report_of(1, links=links))
                link = Subject(Part.LINK, 1, first)
                await until(lambda link=link: link in waiting(kept))  # type: ignore[misc]
                assert len(kept.judge._unkept) <= 600
            free(kept.writer)
            await until(lambda: kept.numbers and not kept.judge._unkept)

    asyncio.run(run())
    assert len(kept.numbers) >= 600


def waiting(kept: Kept) -> set[Subject]:
    return {change.verdict.subject for change in kept.judge._unkept}


def test_a_judge_that_is_started_again_begins_with_what_stood(kept: Kept) -> None:
    async def run() -> None:
        kept.judge.hear(report_of(1))
        async with kept.judging():
            await until(lambda: kept.alarms == [Subject(Part.NODE, 1)])

    asyncio.run(run())
    standing = kept.reader.standing()
    assert standing is not None
    assert Judge(HASTY, kept.writer, wall_ms).detector.verdicts == standing.verdicts


def test_what_changes_while_a_slow_disk_keeps_what_was_before_is_kept_next(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()
    keep = kept.writer.keep

    def slow(standing: Standing, changes: Sequence[Change]) -> None:
        begun.set()
        assert go_on.wait(30)
        keep(standing, changes)

    monkeypatch.setattr(kept.writer, "keep", slow)

    async def run() -> None:
        kept.judge.hear(report_of(1))
        async with kept.judging():
            await until(begun.is_set)
            kept.judge.hear(report_of(2))
            subject = Subject(Part.NODE, 2)
            await until(lambda: subject in [verdict.subject for verdict in kept.judge.detector.verdicts])
            go_on.set()
            await until(lambda: subject in [one.verdict.subject for one in kept.reader.changes(100, None, None)])

    asyncio.run(run())
    assert kept.numbers == list(range(1, len(kept.numbers) + 1))
