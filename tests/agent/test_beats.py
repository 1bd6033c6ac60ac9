"""What beats tell of a neighbour, and which are not taken."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.agent.beats import LIVE_MS, PEERS_MAX, Beats, Peer
from headwater.model.errors import Rejected
from headwater.model.report import Neighbour, Progress
from headwater.wire import headwater_pb2 as pb
from headwater.wire.link import LINK_VERSION

SITE, NODE, OTHER = "default", 1, 2
LOG, OTHER_LOG = b"1" * 8, b"2" * 8


def beats_of(node: int = NODE, log: bytes = LOG, life: int = 100) -> Beats:
    return Beats(SITE, node, log, life)


def beat(number: int = 1, **more: Any) -> pb.Beat:
    """A beat of the other node."""
    given: dict[str, Any] = {"version": LINK_VERSION, "site": SITE, "node": OTHER.to_bytes(3, "big"), "log": OTHER_LOG}
    given["life"] = 7
    return pb.Beat(number=number, **(given | more))


def met(beats: Beats, now_ms: int = 0) -> Peer:
    return beats.meet(beat(), now_ms)


def neighbour(beats: Beats, now_ms: int) -> Neighbour:
    (only,) = beats.neighbours(now_ms)
    return only


@pytest.mark.parametrize(
    ("reason", "wrong"),
    [
        ("version", {"version": LINK_VERSION + 1}),
        ("site", {"site": "elsewhere"}),
        ("malformed", {"node": b"\0" * 4}),
        ("malformed", {"node": b""}),
        ("malformed", {"log": b"short"}),
        ("node-conflict", {"node": NODE.to_bytes(3, "big")}),
    ],
)
def test_who_cannot_be_a_neighbour_is_refused_counted_and_forgotten(reason: str, wrong: dict[str, Any]) -> None:
    beats = beats_of()
    with pytest.raises(Rejected) as refused:
        beats.meet(beat(**wrong), 0)
    assert refused.value.reason == reason
    assert beats.refused == {f"beat-{reason}": 1}
    assert beats.neighbours(0) == ()


def test_of_two_nodes_with_one_id_the_second_is_refused_while_the_first_beats() -> None:
    beats = beats_of()
    peer = met(beats)
    beats.take(peer, beat(), 1_000, 0)
    with pytest.raises(Rejected, match="give one of the two another id"):
        beats.meet(beat(log=b"3" * 8), 1_000 + LIVE_MS - 1)
    assert beats.refused == {"beat-node-conflict": 1}
    assert beats.take(peer, beat(2), 4_000, 0)


def test_a_node_that_was_silent_may_come_back_with_a_new_log() -> None:
    beats = beats_of()
    old = met(beats)
    new_log: dict[str, Any] = {"log": b"3" * 8, "life": 8}
    new = beats.meet(beat(**new_log), LIVE_MS)
    assert beats.take(new, beat(**new_log), LIVE_MS, 0)
    assert not beats.take(old, beat(2), LIVE_MS, 0)
    assert neighbour(beats, LIVE_MS + 5).heard_ms == 5
    assert beats.refused == {"beat-foreign": 1}


@given(st.lists(st.integers(1, 20), max_size=40))
def test_only_later_beats_are_taken(numbers: list[int]) -> None:
    beats = beats_of()
    peer, highest, refused = met(beats), 0, 0
    for at, number in enumerate(numbers, 1):
        is_later = number > highest
        assert beats.take(peer, beat(number), at * 100, 0) == is_later
        highest, refused = max(highest, number), refused + (not is_later)
    assert beats.refused["beat-replayed"] == refused


def test_a_refused_beat_is_no_sign_of_life() -> None:
    beats = beats_of()
    peer = met(beats)
    beats.take(peer, beat(5), 100, 0)
    beats.take(peer, beat(5), 2_000, 0)
    beats.take(peer, beat(6, log=b"3" * 8), 2_000, 0)
    assert neighbour(beats, 2_000).heard_ms == 1_900


def test_a_new_life_begins_to_count_anew_and_an_ended_one_is_over() -> None:
    beats = beats_of()
    peer = met(beats)
    assert beats.take(peer, beat(500), 100, 0)
    assert beats.take(peer, beat(1, life=8), 200, 0)
    assert not beats.take(peer, beat(501), 3_000, 0), "sent before the agent was started again"
    assert beats.take(peer, beat(2, life=8), 4_000, 0)
    assert beats.refused == {"beat-replayed": 1}


def test_neighbours_are_bounded_and_those_there_are_heard_on() -> None:
    beats = beats_of()
    for node in range(10, 10 + PEERS_MAX):
        beats.meet(beat(node=node.to_bytes(3, "big")), 0)
    with pytest.raises(Rejected, match="neighbours beat here already"):
        met(beats)
    assert len(beats.neighbours(0)) == PEERS_MAX
    known = beat(node=(10).to_bytes(3, "big"))
    assert beats.take(beats.meet(known, 0), known, 0, 0)


def test_where_there_are_too_many_neighbours_a_new_one_takes_the_place_of_who_was_silent_longest() -> None:
    beats = beats_of()
    for node in range(10, 10 + PEERS_MAX):
        beats.meet(beat(node=node.to_bytes(3, "big")), 0 if node == 500 else LIVE_MS)
    assert beats.take(met(beats, LIVE_MS), beat(), LIVE_MS, 0)
    nodes = {each.node for each in beats.neighbours(LIVE_MS)}
    assert len(nodes) == PEERS_MAX
    assert nodes >= {OTHER, 499, 501}
    assert 500 not in nodes


def test_a_beat_carries_the_progress_of_its_node() -> None:
    there, here = beats_of(OTHER, OTHER_LOG), beats_of()
    there.progress = Progress(1 << 40, 2_000, 3)
    sent = there.own(None, 0)
    peer = here.meet(sent, 0)
    assert here.take(peer, sent, 0, 0)
    assert neighbour(here, 250) == Neighbour(OTHER, 250, Progress(0xFFFF_FFFF, 2_000, 3))


def test_the_beats_of_an_agent_rise() -> None:
    beats = beats_of()
    assert [beats.own(None, 0).number for _ in range(3)] == [1, 2, 3]


def test_intervals_between_beats_are_learned() -> None:
    beats = beats_of()
    peer = met(beats)
    for number in range(1, 200):
        beats.take(peer, beat(number), 500 * number + 100 * (number % 2), 0)
    found = neighbour(beats, 0)
    assert found.interval_ms == pytest.approx(500, rel=0.1)
    assert found.jitter_ms == pytest.approx(100, rel=0.2)
