"""What signals say beside the truth table: what is no failure and has to be seen all the same, age, and doubt."""

import pytest

from headwater.health.rules import UNSETTLED_MS_MAX, Finding, assess, view_of
from headwater.health.signals import NEVER_MS, TOLD_MS_MAX, WAITED_MS_MAX, Told, link_signals, node_signals
from headwater.health.suspicion import Arrivals, Bounds
from headwater.model.health import Health, Part, Subject
from headwater.model.report import LinkEnd, Neighbour, NodeReport, Progress
from tests.health.reports import report_of

BOUNDS = Bounds(1500, 2200, 2200)


def told(*reports: NodeReport, age_ms: int = 0) -> dict[int, Told]:
    return {report.node: Told(report, age_ms, Arrivals(500)) for report in reports}


def finding(of: Subject, held: dict[int, Told]) -> Finding:
    return assess(view_of(held, BOUNDS))[of]


@pytest.mark.parametrize(
    ("withheld_ms", "health"), [(1_499, Health.GREEN), (1_500, Health.YELLOW), (1 << 40, Health.YELLOW)]
)
def test_a_node_that_takes_nothing_in_because_its_log_is_full_is_yellow_and_never_red(
    withheld_ms: int, health: Health
) -> None:
    found = finding(Subject(Part.PIPELINE, 1), told(report_of(1, withheld_ms=withheld_ms)))
    assert found.health is health
    assert ("its log is full" in found.evidence) == (health is Health.YELLOW)


@pytest.mark.parametrize(
    ("stuck_ms", "health"), [(1_499, Health.GREEN), (1_500, Health.YELLOW), (1 << 40, Health.YELLOW)]
)
def test_a_link_that_answers_and_acknowledges_nothing_is_yellow_and_never_red(stuck_ms: int, health: Health) -> None:
    sender = report_of(1, links=(LinkEnd(True, 2, "x:1", 0, stuck_ms=stuck_ms),))
    assert finding(Subject(Part.LINK, 1, 2), told(sender, report_of(2))).health is health


def test_a_failure_that_may_be_another_one_is_settled_once_no_more_can_become_known() -> None:
    """No other node has reported lately enough to say whether reports come through at all."""

    def after(silent_ms: int) -> Finding:
        held = told(report_of(1), age_ms=1_100) | told(report_of(2), age_ms=silent_ms)
        return finding(Subject(Part.NODE, 2), held)

    assert [after(ms).is_settled for ms in (2_300, BOUNDS.red_ms_max + UNSETTLED_MS_MAX)] == [False, True]
    assert after(2_300).doubt


def test_a_node_that_reports_late_is_no_evidence_that_its_links_pass_nothing() -> None:
    held = told(report_of(1, links=(LinkEnd(True, 2, "x:1", 100),)), report_of(2), age_ms=60_000)
    assert link_signals(held)[1, 2].back_ms == 100 + TOLD_MS_MAX


def test_what_waited_when_it_was_told_waits_a_little_longer_and_what_did_not_does_not() -> None:
    late = Told(report_of(1, progress=Progress(0, 900, 0)), 60_000, Arrivals(500))
    signals = node_signals(late, [])
    assert (signals.waiting_ms, signals.unshipped_ms) == (900 + WAITED_MS_MAX, 0)


def test_who_withholds_reads_hears_nothing_and_blames_nobody() -> None:
    ends = report_of(1, links=(LinkEnd(True, 2, "x:1", 100),)), report_of(2, links=(LinkEnd(False, 1, "", 9_000),))
    assert link_signals(told(*ends))[1, 2].forth_ms == 9_000
    full = report_of(2, withheld_ms=5_000, links=(LinkEnd(False, 1, "", 9_000),))
    assert link_signals(told(ends[0], full))[1, 2].forth_ms is None


def test_nobody_is_a_witness_of_itself() -> None:
    own = report_of(1, neighbours=(Neighbour(1, 0),), links=(LinkEnd(False, 1, "", 0),))
    held = told(own, age_ms=9_000)
    assert view_of(held, BOUNDS).nodes[1].beat_ms == NEVER_MS
    assert finding(Subject(Part.NODE, 1), held).health is Health.RED


def test_the_beat_of_a_neighbour_tells_of_the_pipeline_daemon_there() -> None:
    beating = report_of(2, neighbours=(Neighbour(1, 100, Progress(200)),))
    held = told(beating) | told(report_of(1), age_ms=9_000)
    assert view_of(held, BOUNDS).nodes[1].pipeline_ms == 300


def test_what_a_witness_told_is_as_much_older_as_its_report_is() -> None:
    heard = report_of(2, neighbours=(Neighbour(1, 100, Progress(200)),), links=(LinkEnd(False, 1, "", 50),))
    node = view_of(told(heard, age_ms=1_000) | told(report_of(1), age_ms=9_000), BOUNDS).nodes[1]
    assert (node.beat_ms, node.pipeline_ms) == (1_100, 1_050)


@pytest.mark.parametrize("jittery", [1, 2])
def test_a_link_is_given_more_time_where_either_end_reports_irregularly(jittery: int) -> None:
    arrivals = Arrivals(500)
    for interval_ms in (200, 1_300) * 20:
        arrivals.add(interval_ms)
    held = told(report_of(1, links=(LinkEnd(True, 2, "x:1", 2_300),)), report_of(2))
    held[jittery] = held[jittery]._replace(arrivals=arrivals)
    link = Subject(Part.LINK, 1, 2)
    assert assess(view_of(held, Bounds(1500, 2200, 2600)))[link].health is Health.YELLOW
    assert finding(link, held).health is Health.RED


@pytest.mark.parametrize("deaf", [1, 2])
def test_beats_that_pass_one_way_alone_are_shown(deaf: int) -> None:
    def hears(node: int, other: int) -> tuple[Neighbour, ...]:
        return (Neighbour(other, 9_000 if node == deaf else 100),)

    sender = report_of(1, links=(LinkEnd(True, 2, "x:1", 0),), neighbours=hears(1, 2))
    found = finding(Subject(Part.LINK, 1, 2), told(sender, report_of(2, neighbours=hears(2, 1))))
    assert (found.health, found.evidence) == (Health.YELLOW, "data passes, but no beats for 9.0 s")
