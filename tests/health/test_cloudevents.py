"""Alarms as CloudEvents: what raises and clears them, and what is posted."""

import json

import msgspec

from headwater.health.cloudevents import CLEARED, RAISED, Alarms, event
from headwater.model.health import Change, Health, Part, Subject, Verdict

LINK = Subject(Part.LINK, 1, 3)
RED = Verdict(LINK, Health.RED, 1_700_000_000_123, "nothing passes for 2.2 s")


def change(number: int, verdict: Verdict) -> Change:
    return Change(number, Health.GREEN, verdict)


def test_an_alarm_is_raised_once_and_cleared_once() -> None:
    unsettled = msgspec.structs.replace(RED, is_settled=False)
    explained = msgspec.structs.replace(RED, cause=Subject(Part.NODE, 3))
    better = msgspec.structs.replace(RED, health=Health.YELLOW)
    alarms = Alarms()

    kinds = [
        alarms.follow(change(at, one)) for at, one in enumerate((unsettled, RED, RED, explained, RED, better, better))
    ]

    assert kinds == [None, RAISED, None, CLEARED, RAISED, CLEARED, None]
    assert alarms.opened == set()


def test_an_alarm_that_was_open_before_a_restart_is_cleared_after_it() -> None:
    better = msgspec.structs.replace(RED, health=Health.YELLOW)
    assert Alarms({LINK}).follow(change(9, better)) == CLEARED


def test_the_event_has_all_that_cloudevents_ask_for() -> None:
    posted = json.loads(event(RAISED, change(7, msgspec.structs.replace(RED, doubt="link or an end of it")), "hall 1"))

    assert posted == {
        "specversion": "1.0",
        "id": "7",
        "source": "/headwater/hall%201",
        "type": "io.headwater.alarm.raised",
        "subject": "link/000001/000003",
        "time": "2023-11-14T22:13:20.123+00:00",
        "datacontenttype": "application/json",
        "data": {
            "part": "link",
            "node": "000001",
            "target": "000003",
            "health": "Red",
            "since": 1_700_000_000_123,
            "evidence": "nothing passes for 2.2 s",
            "doubt": "link or an end of it",
        },
    }
