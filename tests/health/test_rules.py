"""Laws of the rules: silence only worsens, order does not matter, and nonsense harms only who says it."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.health.rules import Finding, assess, view_of
from headwater.health.signals import Told
from headwater.health.suspicion import Arrivals, Bounds
from headwater.model.health import Part, Subject
from headwater.model.report import LinkEnd, Neighbour, NodeReport, Progress
from tests.health.reports import report_of

NODES = (1, 2, 3)
UNKNOWN = 9
AGES = st.one_of(st.integers(0, 6_000), st.sampled_from([0, 1_499, 1_500, 2_200, 2_600, 4_600, 1 << 40]))
Age = Callable[[int], int]


@st.composite
def told(draw: st.DrawFn) -> dict[int, Told]:
    """What some nodes told: any links and neighbours, with cycles, loops and nodes that nobody knows."""
    nodes = draw(st.lists(st.sampled_from(NODES), min_size=1, unique=True))
    stalled = {node: (draw(AGES), draw(AGES)) for node in (*NODES, UNKNOWN)}
    others = st.sampled_from((*NODES, UNKNOWN))
    found = {}
    for node in nodes:
        ends = {
            (draw(st.booleans()), draw(st.none() | others)): draw(st.none() | AGES)
            for _ in range(draw(st.integers(0, 4)))
        }
        links = tuple(LinkEnd(outgoing, other, "x:1", age) for (outgoing, other), age in ends.items())
        hears = draw(st.lists(others, max_size=3, unique=True))
        neighbours = tuple(Neighbour(other, draw(AGES), Progress(draw(AGES), *stalled[other])) for other in hears)
        report = report_of(
            node,
            progress=Progress(draw(AGES), *stalled[node]),
            withheld_ms=draw(st.sampled_from([0, 0, 5_000])),
            links=links,
            neighbours=neighbours,
        )
        found[node] = Told(draw(st.none() | st.just(report)), draw(AGES), learned(draw(st.integers(0, 3_000))))
    return found


def learned(interval_ms: int) -> Arrivals:
    arrivals = Arrivals(500)
    arrivals.add(interval_ms)
    return arrivals


def findings(told: dict[int, Told]) -> dict[Subject, Finding]:
    return assess(view_of(told, Bounds()))


def aged(told: dict[int, Told], age: Age) -> dict[int, Told]:
    """The same, each age of a sign of life made another."""
    return {
        node: Told(None if report is None else _aged(report, age), age(silent_ms), arrivals)
        for node, (report, silent_ms, arrivals) in told.items()
    }


def _aged(report: NodeReport, age: Age) -> NodeReport:
    replace: Any = msgspec.structs.replace

    def progress(of: Progress) -> Progress:
        return replace(of, pipeline_ms=age(of.pipeline_ms))  # type: ignore[no-any-return]

    return replace(  # type: ignore[no-any-return]
        report,
        progress=progress(report.progress),
        links=tuple(replace(end, heard_ms=None if end.heard_ms is None else age(end.heard_ms)) for end in report.links),
        neighbours=tuple(
            replace(beat, heard_ms=age(beat.heard_ms), progress=progress(beat.progress)) for beat in report.neighbours
        ),
    )


@given(told(), st.data())
def test_fresher_signs_of_life_make_no_word_worse(silent: dict[int, Told], data: st.DataObject) -> None:
    fresh = aged(silent, lambda ms: data.draw(st.one_of(st.just(ms), st.integers(0, ms))))
    before, after = findings(silent), findings(fresh)
    assert before.keys() == after.keys()
    for subject, finding in after.items():
        assert finding.health.rank <= before[subject].health.rank, subject


@given(told(), st.integers(0, 10_000))
def test_silence_makes_no_word_better(before: dict[int, Told], passed_ms: int) -> None:
    after = {node: held._replace(silent_ms=held.silent_ms + passed_ms) for node, held in before.items()}
    later = findings(after)
    for subject, finding in findings(before).items():
        assert finding.health.rank <= later[subject].health.rank, subject


@given(told(), st.randoms())
def test_the_order_in_which_reports_came_does_not_matter(told: dict[int, Told], rng: Any) -> None:
    nodes = list(told)
    rng.shuffle(nodes)
    assert findings({node: told[node] for node in nodes}) == findings(told)


@given(told())
def test_every_node_and_both_its_daemons_have_a_finding_and_no_cause_is_made_up(told: dict[int, Told]) -> None:
    found = findings(told)
    for node in told:
        assert len([subject for subject in found if subject.node == node and subject.target is None]) >= 3
    for subject, finding in found.items():
        assert finding.subject == subject
        assert finding.cause is None or (finding.cause != subject and found[finding.cause].health.rank == 2)


def dead(node: int, hop: int | None) -> Told:
    """A node that nobody hears any longer, and where it sent to."""
    links = () if hop is None else (LinkEnd(True, hop, "x:1", 0),)
    return Told(report_of(node, links=links), 5_000, learned(500))


def alone(hops: dict[int, int | None]) -> dict[Subject, Subject | None]:
    """The causes of some nodes that are dead beside one that lives."""
    found = findings({node: dead(node, hop) for node, hop in hops.items()} | {9: Told(report_of(9), 0, learned(500))})
    return {subject: found[subject].cause for subject in (Subject(Part.NODE, node) for node in hops)}


@pytest.mark.parametrize("nodes", [(1, 2, 3, 4), (4, 3, 2, 1), (2, 4, 1, 3)])
def test_nodes_that_are_out_of_reach_behind_each_other_are_one_failure_at_the_end_of_the_way(
    nodes: tuple[int, ...],
) -> None:
    causes = alone(dict(zip(nodes, (*nodes[1:], None), strict=True)))
    end = Subject(Part.NODE, nodes[-1])
    assert causes == {**dict.fromkeys((Subject(Part.NODE, node) for node in nodes[:-1]), end), end: None}


def test_nodes_that_send_in_a_circle_do_not_explain_each_other_away() -> None:
    causes = alone({2: 3, 3: 4, 4: 2, 1: 3})
    root = Subject(Part.NODE, 2)
    assert causes == {Subject(Part.NODE, node): None if node == 2 else root for node in (1, 2, 3, 4)}
