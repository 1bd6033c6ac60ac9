"""A judge that is started again: what stood stands, until there is something to judge by."""

from headwater.health.cloudevents import RAISED, Alarms
from headwater.health.detector import GRACE_MS
from headwater.health.rules import SERVER
from headwater.model.health import Health, Part, Subject, Verdict
from headwater.model.report import NodeReport
from tests.health.reports import report_of
from tests.health.test_detector import FIXED, Hand, line


def stood(*reports: NodeReport, dead: int | None = None) -> list[Verdict]:
    """How nodes stood before, one of them dead."""
    hand = Hand()
    hand.wait(2_000, reports)
    hand.wait(6_000, [report for report in reports if report.node != dead])
    return hand.detector.verdicts


LONE = [report_of(node) for node in (1, 2, 3)]
"""Nodes without links, which say nothing of each other."""


def again(before: list[Verdict], *nodes: int) -> Hand:
    """A new judge that knows of some nodes."""
    hand = Hand(FIXED, before)
    hand.detector.know(nodes)
    return hand


def events(hand: Hand, before: list[Verdict]) -> list[tuple[str, Subject]]:
    """What is posted, by who has posted the alarms of before."""
    alarms = Alarms({verdict.subject for verdict in before if verdict.is_alarm})
    told = [(alarms.follow(change), change.verdict.subject) for change in hand.changes]
    return [(kind, subject) for kind, subject in told if kind is not None]


def test_nobody_is_red_while_a_new_judge_waits_for_the_first_reports() -> None:
    hand = again([], 1, 2)
    hand.wait(GRACE_MS)
    assert {verdict.health for verdict in hand.detector.verdicts} == {Health.GREEN}


def test_a_restart_while_all_is_well_changes_nothing() -> None:
    before = stood(*line(1, 2, 3))
    hand = again(before, 1, 2, 3)
    for late in (1_000, 2_000, 3_000):
        hand.wait(late, line(1, 2, 3)[: late // 1_000])
    assert hand.detector.verdicts == before
    assert not hand.changes


def test_a_node_that_was_dead_before_stays_the_same_alarm() -> None:
    reports = LONE
    before = stood(*reports, dead=3)
    (alarm,) = (verdict for verdict in before if verdict.is_alarm)
    assert alarm.subject == Subject(Part.NODE, 3)
    hand = again(before, 1, 2, 3)
    hand.wait(1_000)
    hand.wait(2 * GRACE_MS, reports[:2])
    assert not events(hand, before)
    assert hand.verdict(Part.NODE, 3).is_alarm
    assert hand.verdict(Part.NODE, 3).since_ms == alarm.since_ms


def test_who_died_while_no_judge_looked_is_an_alarm_once_it_had_time_to_come() -> None:
    before = stood(*line(1, 2, 3))
    hand = again(before, 1, 2, 3)
    hand.wait(GRACE_MS, [report_of(1), report_of(2)])
    assert hand.verdict(Part.NODE, 3).health is Health.GREEN
    hand.wait(3_000, [report_of(1), report_of(2)])
    assert events(hand, before) == [(RAISED, Subject(Part.NODE, 3))]


def test_who_came_back_while_no_judge_looked_is_cleared() -> None:
    reports = LONE
    before = stood(*reports, dead=3)
    hand = again(before, 1, 2, 3)
    hand.wait(5_000, reports)
    assert [subject for _, subject in events(hand, before)] == [Subject(Part.NODE, 3)]
    assert {verdict.health for verdict in hand.detector.verdicts} == {Health.GREEN}


def test_the_alarm_of_a_node_that_the_store_does_not_know_any_longer_is_over() -> None:
    before = stood(*LONE, dead=3)
    hand = again(before, 1, 2)
    hand.wait(1_000, [report_of(1), report_of(2)])
    assert [subject for _, subject in events(hand, before)] == [Subject(Part.NODE, 3)]


def test_the_way_to_the_server_is_judged_once_anybody_was_heard() -> None:
    red = Verdict(SERVER, Health.RED, 5, "no node has reported")
    hand = again([red], 1, 2)
    hand.wait(1_000)
    assert hand.detector.verdicts[0] == red
    hand.wait(3_000, line(1, 2)[:1])
    assert hand.detector.verdicts[0].health is Health.GREEN
