"""A node that is gone on purpose is no alarm any longer, and comes back by itself."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from headwater.health.cloudevents import CLEARED, RAISED, Alarms
from headwater.health.judge import Judge
from headwater.health.suspicion import Bounds
from headwater.model.errors import NotFound, Rejected
from headwater.model.health import Health, Part, Subject
from headwater.model.report import LinkEnd, Neighbour, NodeReport
from headwater.store.files import files_of
from headwater.store.health import HealthReader, HealthWriter
from headwater.store.port import Standing
from tests.health.reports import report_of
from tests.health.test_detector import Hand, line
from tests.pipeline.daemons import until, wall_ms


def silent(last: int) -> list[NodeReport]:
    """What is reported of a line 1 to 2 to 3, where 1 no longer sends, and 2 has been silent for ever longer."""
    return [
        report_of(1, neighbours=(Neighbour(2, last), Neighbour(3, 100))),
        report_of(3, links=(LinkEnd(False, 2, "", last),), neighbours=(Neighbour(2, last), Neighbour(1, 100))),
    ]


@pytest.fixture
def dead() -> Hand:
    """Node 2 is dead, and was told to be."""
    hand = Hand()
    hand.wait(1_000, line(1, 2, 3))
    for last in range(500, 5_500, 500):
        hand.wait(500, silent(last))
    assert hand.verdict(Part.NODE, 2).is_alarm
    return hand


def subjects(hand: Hand) -> set[Subject]:
    return {verdict.subject for verdict in hand.detector.verdicts}


def test_what_is_gone_is_judged_no_longer_nor_are_its_daemons_and_links(dead: Hand) -> None:
    ended = dead.detector.forget(2, 1)
    assert Subject(Part.NODE, 2) in {change.verdict.subject for change in ended}
    for last in range(5_500, 20_000, 500):
        assert not [one for one in subjects(dead) if 2 in (one.node, one.target)]
        dead.wait(500, silent(last))
    assert not [verdict for verdict in dead.detector.verdicts if verdict.health is not Health.GREEN]


def test_whoever_was_told_of_its_failure_is_told_that_it_is_over(dead: Hand) -> None:
    dead.changes += dead.detector.forget(2, 1)
    alarms = Alarms()
    told = [(alarms.follow(change), change.verdict.subject.node) for change in dead.changes]
    assert [one for one in told if one[0]] == [(RAISED, 2), (CLEARED, 2)]
    assert [change.number for change in dead.changes] == list(range(1, len(dead.changes) + 1))


def test_it_comes_back_when_it_reports_again(dead: Hand) -> None:
    dead.detector.forget(2, 1)
    dead.wait(1_000, line(1, 2, 3))
    assert dead.verdict(Part.NODE, 2).health is Health.GREEN
    assert Subject(Part.LINK, 2, 3) in subjects(dead)
    assert not dead.detector.forgotten


def test_what_is_heard_cannot_be_forgotten(dead: Hand) -> None:
    with pytest.raises(Rejected, match=r"node 000003 is Green \(it reports\): only a node that is Red") as caught:
        dead.detector.forget(3, 1)
    assert caught.value.reason == "in-use"
    dead.wait(500, line(1, 2, 3))
    with pytest.raises(Rejected, match="node 000002 is Yellow"):
        dead.detector.forget(2, 1)


def test_what_was_heard_and_waits_for_its_first_look_is_there() -> None:
    hand = Hand()
    hand.wait(1_000, line(1, 2))
    hand.detector.hear(report_of(7))
    with pytest.raises(Rejected, match="node 000007 is yet to be judged; ask again") as caught:
        hand.detector.forget(7, 1)
    assert caught.value.reason == "in-use"


def test_where_readings_still_go_cannot_be_forgotten() -> None:
    hand = Hand()
    hand.wait(1_000, line(1, 2))
    for last in range(0, 5_000, 500):
        hand.wait(500, [report_of(1, links=(LinkEnd(True, 2, "x:1", last),))])
    with pytest.raises(Rejected, match="node 000001 still sends to 000002: give it another next hop") as caught:
        hand.detector.forget(2, 1)
    assert caught.value.reason == "in-use"
    hand.wait(500, [report_of(1, links=(LinkEnd(True, 3, "y:1", 0),))])
    hand.detector.forget(2, 1)
    assert Subject(Part.NODE, 2) not in subjects(hand)


def test_a_branch_that_is_gone_as_a_whole_can_be_forgotten_from_either_end() -> None:
    hand = Hand()
    hand.wait(1_000, line(1, 2, 3))
    hand.wait(6_000, [report_of(3)])
    for node in (2, 1):
        hand.detector.forget(node, 1)
        hand.wait(100)
        assert not [one for one in subjects(hand) if node in (one.node, one.target)]
    assert {one.node for one in subjects(hand)} == {3}


def test_who_was_never_there_is_not_found_and_forgetting_twice_is_forgetting_once(dead: Hand) -> None:
    with pytest.raises(NotFound, match="000009"):
        dead.detector.forget(9, 1)
    assert dead.detector.forget(2, 1)
    assert not dead.detector.forget(2, 1)


def test_a_link_that_leads_elsewhere_now_is_no_open_alarm() -> None:
    hand = Hand(Bounds(1500, 2200, 2200))
    hand.wait(1_000, line(1, 2))
    for last in range(0, 5_000, 500):
        hand.wait(500, [report_of(1, links=(LinkEnd(True, 2, "x:1", last),)), report_of(2)])
    assert hand.verdict(Part.LINK, 1, 2).is_alarm
    hand.wait(1_000, [report_of(1, links=(LinkEnd(True, 3, "y:1", 0),)), report_of(2)])
    alarms = Alarms()
    kinds = [alarms.follow(change) for change in hand.changes]
    assert (kinds.count(RAISED), kinds.count(CLEARED)) == (1, 1)
    assert "nobody tells of it" in hand.changes[-1].verdict.evidence or hand.changes[-1].before is None


def test_a_judge_that_is_started_again_still_knows_who_is_gone(tmp_path: Path) -> None:
    files = files_of(tmp_path, "default")
    writer = HealthWriter(files)
    reader = HealthReader(files)

    def forgotten() -> set[int]:
        standing = reader.standing()
        return set() if standing is None else set(standing.forgotten)

    async def judging(judge: Judge) -> None:
        await until(lambda: any(one.is_alarm for one in judge.detector.verdicts))
        await judge.forget(1)
        assert forgotten() == {1}

    async def told_again(judge: Judge) -> None:
        judge.know([1, 2])
        await until(lambda: judge.detector.verdicts)
        assert {verdict.subject.node for verdict in judge.detector.verdicts} == {2}
        judge.hear(report_of(1))
        await until(lambda: not forgotten())

    async def run(judge: Judge, said: NodeReport | None) -> None:
        if said is not None:
            judge.hear(said)
        task = asyncio.create_task(judge.run())
        try:
            await (judging(judge) if said is not None else told_again(judge))
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run(Judge(Bounds(200, 300, 300), writer, wall_ms), report_of(1)))
    asyncio.run(run(Judge(Bounds(200, 300, 300), writer, wall_ms), None))
    reader.close()
    writer.close()


def test_a_file_of_before_there_was_forgetting_is_read_and_added_to(tmp_path: Path) -> None:
    files = files_of(tmp_path, "default")
    with closing(HealthWriter(files)) as writer:
        writer.keep(Standing(1, 0, []), [])
    with closing(sqlite3.connect(files.health)) as before:
        before.execute("DROP TABLE forgotten")
    with closing(HealthReader(files)) as reader:
        assert reader.standing() == Standing(1, 0, [])
        with closing(HealthWriter(files)) as writer:
            writer.keep(Standing(2, 0, [], frozenset({7})), [])
        assert reader.standing() == Standing(2, 0, [], frozenset({7}))
