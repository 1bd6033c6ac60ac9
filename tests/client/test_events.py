"""Server-sent events, from whatever pieces they arrive in."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.client import events
from headwater.client.events import Event, EventReader

STREAM = (
    'id: 1\nevent: stamp\ndata: {"a":\ndata: "ä"}\n\n: a comment\n\ndata:x\r\n\r\n'
    "event: none\n\nid: 7\nretry: 3\ndata: y\n\n"
)
EVENTS = [Event("stamp", '{"a":\n"ä"}', "1"), Event("message", "x", "1"), Event("message", "y", "7")]


@given(cuts=st.lists(st.integers(0, len(STREAM.encode())), max_size=9))
def test_events_are_the_same_in_whatever_pieces_they_come(cuts: list[int]) -> None:
    body, reader = STREAM.encode(), EventReader()
    bounds = [0, *sorted(cuts), len(body)]
    found = [event for at, end in pairwise(bounds) for event in reader.feed(body[at:end])]
    assert found == EVENTS


def test_a_line_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "EVENT_CHARACTERS_MAX", 10)
    with pytest.raises(ValueError, match="more than 10 characters"):
        list(EventReader().feed(b"data: " + b"x" * 20))
