"""Scenarios: what they say, what is wrong with them, and what is drawn."""

from collections import Counter

import pytest

from headwater.health.chaos.scenario import (
    BUILT_IN,
    KINDS,
    LINK_KINDS,
    Fault,
    Place,
    Random,
    Scenario,
    faults_of,
    read_scenario,
    seeded,
)
from headwater.model.errors import Rejected
from headwater.model.health import Part, Subject

PLACES = [Place("gatewayA", 1, True), Place("gatewayC", 3, True), Place("endpoint", 4, False)]


def test_a_scenario_says_what_where_when_and_how_long() -> None:
    scenario = read_scenario(
        {"seed": 7, "fault": [{"kind": "pause-node", "target": "endpoint", "after_s": 0, "for_s": 2.5}]}
    )
    assert faults_of(scenario, PLACES) == [Fault(kind="pause-node", target="endpoint", after_s=0, for_s=2.5)]
    assert (scenario.seed, scenario.random) == (7, None)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "it has no faults"),
        ({"fault": []}, "it has no faults"),
        ({"faults": []}, 'unknown key "faults"; did you mean "fault"?'),
        ({"fault": [{"kind": "pause-node"}]}, '[[fault]] 1: missing "target"'),
        ({"fault": [{"kind": "pause", "target": "a"}]}, 'fault is called "pause"; did you mean "pause-node"?'),
        ({"fault": [{"kind": "cut-link", "target": "a", "for": 1}]}, '[[fault]] 1: unknown key "for"; did you'),
        ({"fault": [{"kind": "cut-link", "target": "a", "after_s": -1}]}, "[[fault]] 1, after_s: "),
        ({"fault": [{"kind": "cut-link", "target": "a", "for_s": 0}]}, "[[fault]] 1, for_s: "),
        ({"fault": [{"kind": "cut-link", "target": "a", "for_s": "long"}]}, "[[fault]] 1, for_s: "),
        ({"fault": [{"kind": "cut-link", "target": "a", "for_s": float("nan")}]}, "[[fault]] 1, for_s: "),
        ({"random": {"count": 0}}, "[random], count: "),
        ({"random": {"kinds": []}}, "[random], kinds: "),
        ({"random": {"kinds": ["cut-node"]}}, 'no kind of fault is called "cut-node"'),
        ({"seed": -1, "random": {}}, "seed: "),
        ([], "Expected `object`"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(values: object, told: str) -> None:
    with pytest.raises(Rejected) as raised:
        read_scenario(values)
    assert told.replace("`", '"') in raised.value.detail


@pytest.mark.parametrize(
    ("kind", "target", "told"),
    [
        ("pause-node", "gatewayX", '[[fault]] 2: no node is called "gatewayX"; did you mean "gatewayC"?'),
        ("pause-node", "zzz", "there are endpoint, gatewayA, gatewayC"),
        *((kind, "endpoint", f"[[fault]] 2: {kind} needs a link, and endpoint has no next hop") for kind in LINK_KINDS),
    ],
)
def test_a_fault_without_its_place_is_refused(kind: str, target: str, told: str) -> None:
    scenario = read_scenario({"fault": [{"kind": "kill-node", "target": "endpoint"}, {"kind": kind, "target": target}]})
    with pytest.raises(Rejected) as raised:
        faults_of(scenario, PLACES)
    assert told in raised.value.detail


def test_links_cannot_be_drawn_where_there_are_none() -> None:
    scenario = Scenario(random=Random(kinds=("kill-node", "cut-link")))
    with pytest.raises(Rejected, match="no node has a next hop"):
        faults_of(scenario, PLACES[-1:])
    assert len(faults_of(Scenario(random=Random(kinds=("kill-node",))), PLACES[-1:])) == 20


def test_a_seed_draws_the_same_again_and_another_something_else() -> None:
    scenario = Scenario(random=Random(kinds=KINDS, count=200))
    drawn = faults_of(scenario, PLACES)
    assert drawn == faults_of(scenario, PLACES)
    assert drawn != faults_of(seeded(scenario, 2), PLACES)
    assert seeded(scenario, None) == scenario
    assert {fault.target for fault in drawn} == {place.name for place in PLACES}
    assert {fault.kind for fault in drawn} == set(KINDS)
    assert not [fault for fault in drawn if fault.kind in LINK_KINDS and fault.target == "endpoint"]


def test_an_even_draw_has_every_kind_equally_often() -> None:
    counted = Counter(
        fault.kind for fault in faults_of(Scenario(random=Random(kinds=KINDS, even=True, count=26)), PLACES)
    )
    assert counted == dict.fromkeys(KINDS, 2)


@pytest.mark.parametrize("name", BUILT_IN)
def test_what_is_built_in_can_be_done(name: str) -> None:
    assert faults_of(BUILT_IN[name][1], PLACES)


def test_an_alarm_names_a_fault_by_kind_and_place_and_is_else_a_mistake() -> None:
    killed, cut = Fault(kind="kill-pipeline", target="gatewayA"), Fault(kind="cut-link", target="gatewayA")
    slow, corrupt = Fault(kind="slow-link", target="gatewayA"), Fault(kind="corrupt-log", target="gatewayA")
    pipeline, link = Subject(Part.PIPELINE, 1), Subject(Part.LINK, 1, 3)

    assert killed.is_told_by(pipeline, 1)
    assert cut.is_told_by(link, 1)
    assert not killed.is_told_by(Subject(Part.PIPELINE, 3), 1)
    assert not killed.is_told_by(link, 1)
    assert not any(slow.is_told_by(subject, 1) for subject in (pipeline, link))
    assert corrupt.excuses(Subject(Part.NODE, 1), 1)
    assert not corrupt.excuses(Subject(Part.NODE, 3), 1)
    assert not killed.excuses(Subject(Part.NODE, 1), 1)
