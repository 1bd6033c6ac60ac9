"""What the page of reports knows of drills, and what it follows."""

import msgspec

from headwater.client import results
from headwater.health.chaos.scenario import BUILT_IN, EXPECTED, KINDS, LINK_KINDS, read_scenario
from headwater.ui.reports import scenarios
from headwater.ui.reports.state import ReportsState, reports_state
from headwater.ui.texts import reports as texts

HEALTH = results.ClusterHealth(at=0, late_looks=0, alarms=(), nodes=(), links=())


def test_the_scenarios_are_those_of_the_command() -> None:
    assert scenarios.SCENARIOS.keys() == BUILT_IN.keys()
    for name, values in scenarios.SCENARIOS.items():
        assert read_scenario(values) == BUILT_IN[name][1]


def test_every_kind_of_fault_has_a_name_in_every_language() -> None:
    for named in texts.KINDS.values():
        assert tuple(named) == KINDS
    assert scenarios.OF_LINKS == LINK_KINDS
    assert scenarios.UNTOLD == tuple(kind for kind, part in EXPECTED.items() if part is None)


def test_where_faults_are_not_allowed_there_are_no_runs() -> None:
    assert reports_state(None, HEALTH) == ReportsState(False, [], [], [])
    assert reports_state([], HEALTH).enabled


def test_only_what_has_changed_is_told() -> None:
    before, after = reports_state([], HEALTH), reports_state([{"id": "a"}], HEALTH)

    assert after.change(before) == {"runs": [{"id": "a"}]}
    assert after.change(after) == {}
    assert msgspec.json.decode(msgspec.json.encode(after.whole()))["runs"] == [{"id": "a"}]
