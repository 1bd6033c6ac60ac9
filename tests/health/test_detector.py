"""The detector over time: pauses of its own, flaps, what it forgets, and reports that make no sense."""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headwater.health.detector import (
    FLAPS_REMEMBERED_MS,
    GRACE_MS,
    LOOK_EVERY_MS,
    PAUSE_MS_MAX,
    RECOVERY_MS_MAX,
    REPORT_EVERY_MS,
    Detector,
)
from headwater.health.suspicion import Bounds
from headwater.model.health import Change, Health, Part, Subject, Verdict
from headwater.model.report import LinkEnd, Neighbour, NodeReport, Progress
from tests.health.reports import report_of

FIXED = Bounds(1500, 2200, 2200)
"""Nothing is learned, so that two histories can be compared."""


class Hand:
    """A detector whose time is moved by hand."""

    def __init__(self, bounds: Bounds = FIXED, before: Iterable[Verdict] = ()) -> None:
        self.detector = Detector(bounds, before=before)
        self.now_ms = 0
        self.changes: list[Change] = []

    def look(self, after_ms: int = LOOK_EVERY_MS) -> None:
        self.now_ms += after_ms
        self.changes += self.detector.look(self.now_ms, 1_000_000 + self.now_ms)

    def wait(self, ms: int, heard: Iterable[NodeReport] = ()) -> None:
        """Look for a while, with reports at their interval."""
        for passed_ms in range(0, ms, LOOK_EVERY_MS):
            if passed_ms % REPORT_EVERY_MS == 0:
                for report in heard:
                    self.detector.hear(report)
            self.look()

    def verdict(self, part: Part, node: int, target: int | None = None) -> Verdict:
        return {each.subject: each for each in self.detector.verdicts}[Subject(part, node, target)]


def line(*nodes: int) -> list[NodeReport]:
    """Reports of nodes in a line, all of them well."""
    return [
        report_of(
            node,
            links=tuple(LinkEnd(True, following, "x:1", 100) for following in nodes[at + 1 : at + 2])
            + tuple(LinkEnd(False, before, "", 100) for before in nodes[max(at - 1, 0) : at]),
            neighbours=tuple(Neighbour(other, 100) for other in nodes[max(at - 1, 0) : at + 2] if other != node),
        )
        for at, node in enumerate(nodes)
    ]


signs = st.lists(st.tuples(st.integers(0, 8), st.sampled_from((0, 1, 2))), max_size=30)
"""(looks before it, which node reports)."""


@given(signs, st.integers(0, 30), st.integers(1, 60))
def test_later_signs_of_life_only_better_the_words(history: list[tuple[int, int]], kept: int, after: int) -> None:
    with_later, without = Hand(), Hand()
    reports = line(1, 2, 3)
    for at, (looks, node) in enumerate(history):
        for _ in range(looks):
            with_later.look()
            without.look()
        with_later.detector.hear(reports[node])
        if at < kept:
            without.detector.hear(reports[node])
    for _ in range(after):
        with_later.look()
        without.look()
        better = {verdict.subject: verdict.health.rank for verdict in with_later.detector.verdicts}
        for verdict in without.detector.verdicts:
            assert better[verdict.subject] <= verdict.health.rank, verdict.subject


@given(st.permutations(line(1, 2, 3, 4)), st.integers(0, 40))
def test_the_order_of_reports_at_one_time_does_not_matter(reports: list[NodeReport], silent: int) -> None:
    one, other = Hand(), Hand()
    for hand, heard in ((one, line(1, 2, 3, 4)), (other, reports)):
        hand.wait(1_000, heard)
        hand.wait(1 + silent * LOOK_EVERY_MS)
    assert one.detector.verdicts == other.detector.verdicts
    assert one.changes == other.changes


@given(st.lists(st.integers(1, 600_000), min_size=1, max_size=20))
def test_a_pause_of_the_judge_of_any_length_blames_nobody(pauses: list[int]) -> None:
    hand = Hand(Bounds())
    hand.wait(1_000, line(1, 2, 3))
    for pause_ms in pauses:
        hand.look(pause_ms)
        for report in line(1, 2, 3):
            hand.detector.hear(report)
        hand.look()
    assert {verdict.health for verdict in hand.detector.verdicts} == {Health.GREEN}


@given(st.integers(0, 25), st.integers(PAUSE_MS_MAX + 1, 600_000))
def test_a_late_look_abstains_whatever_it_sees(silent: int, pause_ms: int) -> None:
    hand = Hand()
    hand.wait(1_000, line(1, 2, 3))
    hand.wait(silent * LOOK_EVERY_MS)
    before = hand.detector.verdicts
    assert hand.detector.look(hand.now_ms + pause_ms, 0) == []
    assert hand.detector.verdicts == before
    assert hand.detector.late == 1


def test_a_judge_that_is_always_late_still_judges() -> None:
    hand = Hand()
    hand.wait(1_000, line(1, 2, 3))
    for _ in range(20):
        hand.look(5_000)
        for report in line(1, 2):
            hand.detector.hear(report)
    assert hand.verdict(Part.NODE, 3).is_alarm


def test_recovery_takes_longer_each_time_up_to_a_bound_and_flaps_are_forgotten() -> None:
    hand, times = Hand(), []
    hand.wait(1_000, line(1, 2))
    for _ in range(8):
        hand.wait(3_000, line(1))
        assert hand.verdict(Part.NODE, 2).health is Health.RED
        times.append(recovered_after(hand, 2))
    assert times == sorted(times)
    assert times[0] < times[1] < times[2]
    assert max(times) <= RECOVERY_MS_MAX + REPORT_EVERY_MS
    hand.wait(FLAPS_REMEMBERED_MS, line(1, 2))
    hand.wait(3_000, line(1))
    assert recovered_after(hand, 2) == times[0]


def recovered_after(hand: Hand, node: int) -> int:
    """How long a node is heard before it is Green again; Yellow meanwhile."""
    began_ms = hand.now_ms
    hand.wait(LOOK_EVERY_MS, line(1, 2))
    while (health := hand.verdict(Part.NODE, node).health) is not Health.GREEN:
        assert health is Health.YELLOW
        hand.wait(LOOK_EVERY_MS, line(1, 2))
    return hand.now_ms - began_ms


def test_what_is_hardly_below_red_stays_red_and_is_one_alarm() -> None:
    hand = Hand()
    hand.wait(1_000, line(1, 2))
    for _ in range(10):
        hand.wait(300, [*line(1, 2)[:1], report_of(2, progress=Progress(waiting_ms=3_000))])
        hand.wait(300, [*line(1, 2)[:1], report_of(2, progress=Progress(waiting_ms=1_700))])
    alarms = [change for change in hand.changes if change.verdict.is_alarm]
    assert [change.verdict.subject for change in alarms] == [Subject(Part.PIPELINE, 2)]


def test_an_alarm_whose_grounds_waver_is_one_alarm() -> None:
    hand = Hand()
    hand.wait(1_000, line(1, 2))
    for passed_ms in range(0, 3_000, 200):
        # Sometimes the pipeline daemon was heard so much later than its agent that this tells what failed.
        end = LinkEnd(False, 2, "", 100 if passed_ms % 400 else 1_400)
        hand.wait(200, [report_of(1, links=(end,))])
    alarms = [change for change in hand.changes if change.verdict.is_alarm]
    assert [change.verdict.subject for change in alarms] == [Subject(Part.PROVENANCE, 2)]


def test_what_a_failure_took_down_has_time_to_come_back_before_it_is_an_alarm_of_its_own() -> None:
    def told(pipeline_ms: int, link_ms: int) -> list[NodeReport]:
        ends = LinkEnd(True, 2, "x:1", link_ms), LinkEnd(False, 1, "", link_ms)
        return [
            report_of(1, links=ends[:1]),
            report_of(2, progress=Progress(pipeline_ms=pipeline_ms), links=ends[1:]),
        ]

    hand, pipeline, link = Hand(), Subject(Part.PIPELINE, 2), Subject(Part.LINK, 1, 2)
    hand.wait(1_000, told(0, 0))
    for age in range(0, 5_000, 500):
        hand.wait(500, told(age, age))
    assert hand.verdict(Part.PIPELINE, 2).is_alarm
    assert hand.verdict(Part.LINK, 1, 2).cause == pipeline
    for age in range(5_000, 5_000 + GRACE_MS - 1_000, 500):
        hand.wait(500, told(0, age))
    assert {change.verdict.subject for change in hand.changes if change.verdict.is_alarm} == {pipeline}
    for age in range(4_000 + GRACE_MS, 6_000 + GRACE_MS, 500):
        hand.wait(500, told(0, age))
    assert {change.verdict.subject for change in hand.changes if change.verdict.is_alarm} == {pipeline, link}


def test_changes_are_numbered_without_a_gap_and_say_what_was_before() -> None:
    hand = Hand()
    hand.wait(1_000, line(1, 2, 3))
    hand.wait(5_000, line(1, 2, 3)[:2])
    hand.wait(5_000, line(1, 2, 3))
    assert [change.number for change in hand.changes] == list(range(1, len(hand.changes) + 1))
    held: dict[Subject, Health] = {}
    for change in hand.changes:
        assert change.before == held.get(change.verdict.subject)
        held[change.verdict.subject] = change.verdict.health
    assert held == {verdict.subject: verdict.health for verdict in hand.detector.verdicts}


def test_since_is_when_the_word_changed_by_the_wall_clock() -> None:
    hand = Hand()
    hand.wait(1_000, line(1, 2))
    hand.wait(6_000, line(1))
    (red,) = (each for each in hand.changes if each.verdict.is_alarm)
    assert hand.verdict(Part.NODE, 2).since_ms == red.verdict.since_ms < 1_000_000 + hand.now_ms


def test_what_nobody_tells_of_any_longer_is_forgotten() -> None:
    hand = Hand()
    for target in range(100, 200):
        hand.wait(500, [report_of(1, links=(LinkEnd(True, target, "x:1", 0),))])
    assert len(hand.detector.verdicts) == 4


def test_a_node_known_from_before_has_time_to_find_the_way() -> None:
    hand = Hand()
    hand.detector.know([7])
    hand.wait(GRACE_MS + 1_000)
    assert hand.verdict(Part.NODE, 7).health is Health.GREEN
    hand.wait(2_000)
    assert hand.verdict(Part.NODE, 7).is_alarm


@pytest.mark.parametrize("nodes", [(1,), (1, 2)])
def test_one_or_two_nodes_that_go_are_one_alarm_each_at_most(nodes: tuple[int, ...]) -> None:
    hand = Hand()
    hand.wait(1_000, line(*nodes))
    for age in range(0, 10_000, 500):
        hand.wait(500, [report_of(1, links=(LinkEnd(True, 2, "x:1", age),))][: len(nodes) - 1])
    alarms = [verdict for verdict in hand.detector.verdicts if verdict.is_alarm]
    assert [verdict.subject for verdict in alarms] == [Subject(Part.NODE, nodes[-1])]
    assert (alarms[0].doubt == "node or link") == (len(nodes) == 1)


def test_a_ring_with_a_dead_node_names_that_node() -> None:
    hand = Hand()
    ring = [
        report_of(node, links=(LinkEnd(True, after, "x:1", 0), LinkEnd(False, before, "", 0)))
        for before, node, after in ((3, 1, 2), (1, 2, 3), (2, 3, 1))
    ]
    hand.wait(1_000, ring)
    for age in range(0, 6_000, 500):
        heard = (report_of(1, links=(LinkEnd(True, 2, "x:1", 0), LinkEnd(False, 3, "", age))),
                 report_of(2, links=(LinkEnd(True, 3, "x:1", age), LinkEnd(False, 1, "", 0))))  # fmt: skip
        hand.wait(500, heard)
    assert [verdict.subject for verdict in hand.detector.verdicts if verdict.is_alarm] == [Subject(Part.NODE, 3)]


ages = st.integers(-(1 << 63), (1 << 64) - 1)
ids = st.one_of(st.sampled_from((1, 2, 3, 9)), ages)


@st.composite
def nonsense(draw: st.DrawFn) -> NodeReport:
    """What a node 9 says that has lost its mind."""
    progress = st.builds(Progress, ages, ages, ages)
    return report_of(
        9,
        progress=draw(progress),
        withheld_ms=draw(ages),
        links=tuple(draw(st.lists(st.builds(LinkEnd, st.booleans(), st.none() | ids, st.just(""), ages), max_size=3))),
        neighbours=tuple(draw(st.lists(st.builds(Neighbour, ids, ages, progress), max_size=3))),
    )


@settings(max_examples=30)
@given(st.lists(nonsense(), min_size=1, max_size=4))
def test_nonsense_makes_nobody_else_red(said: list[NodeReport]) -> None:
    hand = Hand()
    hand.wait(500, line(1, 2, 3))
    for report in said:
        hand.wait(200, [*line(1, 2, 3), report])
    hand.wait(1_000, line(1, 2, 3))
    for verdict in hand.detector.verdicts:
        of_others = verdict.subject.node != 9 and verdict.subject.target != 9
        assert verdict.health is Health.GREEN or not of_others, verdict
    assert Subject(Part.LINK, 9, 9) not in [verdict.subject for verdict in hand.detector.verdicts]


def test_what_others_say_of_a_node_makes_no_link_of_it() -> None:
    hand = Hand()
    for _ in range(10):
        hand.wait(
            500, [*line(1, 2), report_of(7, links=(LinkEnd(False, 2, "", 1 << 40), LinkEnd(False, 1, "", 9_000)))]
        )
    links = [verdict for verdict in hand.detector.verdicts if verdict.subject.part is Part.LINK]
    assert [(link.subject.node, link.subject.target, link.health) for link in links] == [(1, 2, Health.GREEN)]


def test_a_link_that_only_its_receiver_tells_of_is_judged_while_its_source_has_not_been_heard() -> None:
    hand = Hand()
    hand.detector.know([1])
    hand.wait(1_000, [report_of(2, links=(LinkEnd(False, 1, "", 5_000),))])
    assert hand.verdict(Part.LINK, 1, 2).health is Health.RED
