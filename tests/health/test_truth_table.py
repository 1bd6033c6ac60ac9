"""Every combination of signals finds what the golden table says, and the table says what was asked for."""

import itertools

import pytest

from headwater.health.rules import SERVER
from headwater.model.health import Health, Part, Subject
from tests.health.truth_table import GOLDEN, SIGNALS, Combination, S, W, combinations, found_for, is_alarm, lines, text

NODE, PIPELINE, PROVENANCE = (Subject(part, S) for part in (Part.NODE, Part.PIPELINE, Part.PROVENANCE))
LINK = Subject(Part.LINK, S, W)


def with_signals(**given: str) -> Combination:
    """A combination in which all else is fresh."""
    return tuple(given.get(name, "F") for name in SIGNALS)


def alarms(combination: Combination) -> list[Subject]:
    return [subject for subject, finding in found_for(combination).items() if is_alarm(finding)]


def test_the_table_is_the_golden_one() -> None:
    assert text() == GOLDEN.read_text("utf-8"), "look at what differs, then: python -m tests.health.truth_table"


def test_every_combination_is_in_exactly_one_line() -> None:
    letters = list(SIGNALS.values())
    covered = [
        combination
        for line in lines()
        for combination in itertools.product(
            *(all_of if group == "*" else group for group, all_of in zip(line.letters, letters, strict=True))
        )
    ]
    assert sorted(covered) == sorted(combinations())


@pytest.mark.parametrize(
    ("signals", "expected"),
    [
        ({}, []),
        ({"report": "S", "beats": "S"}, [PROVENANCE]),
        ({"report": "S"}, [PROVENANCE]),
        ({"ships": "S"}, [PROVENANCE]),
        ({"progress": "S", "answers": "S", "back": "S"}, [PIPELINE]),
        ({"input": "S"}, [PIPELINE]),
        ({"beats": "S", "answers": "S", "back": "S"}, [LINK]),
        ({"answers": "S"}, [LINK]),
        ({"back": "S"}, [LINK]),
        ({"beats": "S"}, []),
        ({"report": "S", "beats": "S", "answers": "S", "progress": "S", "back": "S"}, [NODE]),
        ({"report": "S", "beats": "S", "answers": "S"}, [NODE]),
        ({"witness": "-", "report": "S"}, [NODE]),
        ({"witness": "-", "back": "S"}, [LINK]),
        ({"witness": "S", "report": "S"}, [SERVER]),
        ({"witness": "S", "back": "S"}, [Subject(Part.NODE, W)]),
    ],
)
def test_each_rule_names_what_has_failed_and_nothing_else(signals: dict[str, str], expected: list[Subject]) -> None:
    assert alarms(with_signals(**signals)) == expected


@pytest.mark.parametrize("signals", [{"witness": "-", "report": "S"}, {"witness": "-", "back": "S"}])
def test_without_a_second_path_the_doubt_is_said(signals: dict[str, str]) -> None:
    (finding,) = (each for each in found_for(with_signals(**signals)).values() if is_alarm(each))
    assert finding.doubt
    assert found_for(with_signals(report="S", beats="S", answers="S"))[NODE].doubt == ""


def test_an_unreachable_node_without_a_witness_is_said_to_be_so() -> None:
    finding = found_for(with_signals(witness="-", report="S"))[NODE]
    assert "unreachable" in finding.evidence
    assert finding.doubt == "node or link"


def test_everything_at_a_dead_node_names_it_as_the_cause() -> None:
    found = found_for(with_signals(report="S", beats="S", answers="S", progress="S", back="S"))
    assert {found[subject].cause for subject in (PIPELINE, PROVENANCE, LINK)} == {NODE}


def test_a_red_part_is_an_alarm_or_names_a_cause_or_says_its_doubt() -> None:
    for combination in combinations():
        for finding in found_for(combination).values():
            if finding.health is Health.RED and not is_alarm(finding):
                assert finding.cause is not None or finding.doubt, combination


def test_shipping_and_waiting_change_nothing_but_the_daemon_they_belong_to() -> None:
    for combination in combinations():
        *paths, waits, ships = combination
        found, plain = found_for(combination), found_for((*paths, waits, "F"))
        assert all(found[subject] == plain[subject] for subject in plain if subject.part is not Part.PROVENANCE), ships
