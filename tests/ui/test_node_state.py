"""How the page of a node shows answers of the API: strips, and what has changed since the frame before."""

import pytest

from headwater.client import results
from headwater.client.results import HealthEvent, Judged, Subject
from headwater.ui.node.history import CHANGES_MAX, DAY_MS, UNKNOWN, changed, strips
from headwater.ui.node.state import NodeState, Sample, found, links_of, parts_of

NOW = 1_800_000_000_000
NODE = ("node", "")
GREEN, YELLOW, RED = 0, 1, 2


def event(
    ago_ms: int, before: results.HealthWord | None, health: results.HealthWord, target: str | None = None
) -> HealthEvent:
    """A change so long ago of a node, or of its link to a target."""
    subject = Subject("node" if target is None else "link", "000001", target)
    return HealthEvent(number=1, at=NOW - ago_ms, subject=subject, before=before, health=health, evidence="it reports")


def pieces(events: list[HealthEvent], health: results.HealthWord, since_ago_ms: int = 0) -> list[tuple[int, int]]:
    """The strip of the node, each piece by how long ago it began."""
    (strip,) = strips(events, [(NODE, Judged(health, NOW - since_ago_ms, ""))], NOW)
    return [(NOW - at, health) for at, health in strip.pieces]


def test_a_strip_begins_a_day_ago_with_how_it_stood_then() -> None:
    events = [event(1_000, "Red", "Green"), event(5_000, "Green", "Red"), event(DAY_MS + 9, "Yellow", "Green")]

    assert pieces(events, "Green") == [(DAY_MS, GREEN), (5_000, RED), (1_000, GREEN)]


def test_before_the_first_look_nothing_is_known() -> None:
    assert pieces([event(5_000, None, "Green")], "Green") == [(DAY_MS, UNKNOWN), (5_000, GREEN)]
    assert pieces([], "Green", since_ago_ms=7_000) == [(DAY_MS, UNKNOWN), (7_000, GREEN)]


def test_what_has_not_changed_for_longer_than_a_day_is_one_piece() -> None:
    assert pieces([], "Red", since_ago_ms=3 * DAY_MS) == [(DAY_MS, RED)]
    assert pieces([event(2 * DAY_MS, "Green", "Red")], "Red") == [(DAY_MS, RED)]


def test_another_evidence_or_another_part_is_no_new_piece() -> None:
    events = [event(1_000, "Red", "Red"), event(2_000, "Green", "Red", "000002"), event(3_000, "Green", "Red")]

    assert pieces(events, "Red") == [(DAY_MS, GREEN), (3_000, RED)]


def test_a_verdict_newer_than_its_event_counts() -> None:
    assert pieces([event(3_000, "Green", "Red")], "Yellow", 1_000) == [(DAY_MS, GREEN), (3_000, RED), (1_000, YELLOW)]


def test_changes_are_those_of_health_and_not_without_end() -> None:
    events = [event(ago, "Green", "Red") for ago in range(CHANGES_MAX + 5)]

    assert changed([event(0, "Red", "Red"), *events])[0].at == NOW
    assert len(changed(events)) == CHANGES_MAX


def state(*samples: Sample, name: str = "a") -> NodeState:
    return NodeState(known="known", id="000001", name=name, samples=samples)


def test_a_frame_has_what_is_not_as_it_was_and_only_the_new_samples() -> None:
    before, after = state(Sample(1, 5.0, 5.0)), state(Sample(1, 5.0, 5.0), Sample(2, 6.0, 5.0), name="b")

    assert after.change(before) == {"name": "b", "fresh": [Sample(2, 6.0, 5.0)]}
    assert after.change(after) == {}
    assert after.whole()["samples"] == after.samples


def test_an_id_is_found_before_a_name() -> None:
    nodes = [results.Node(id="000001", name="000002"), results.Node(id="000002", name="b")]

    assert [node.id for text in ("000002", "b") if (node := found(nodes, text)) is not None] == ["000002", "000002"]
    assert found(nodes, "c") is None


@pytest.fixture
def health() -> results.ClusterHealth:
    """a -> b -> somewhere; the books of a's link are not told yet."""
    well = Judged("Green", NOW, "it reports")
    nodes = tuple(
        results.HealthNode(id=id, name=name, node=well, pipeline=well, provenance=well)
        for id, name in (("000001", "a"), ("000002", "b"))
    )
    account = results.Account(sent=10, delivered=7, buffered=1, dropped={"dropped": 2}, rate=1.0, oldest_ms=3)
    links = (
        results.HealthLink("000001", well, "000002", "host:1"),
        results.HealthLink("000002", Judged("Red", NOW, "nothing passes for 3.0 s"), None, "host:2", account),
    )
    return results.ClusterHealth(at=NOW, late_looks=0, alarms=(), nodes=nodes, links=links)


def test_links_lead_in_and_out_with_their_books(health: results.ClusterHealth) -> None:
    into, out = links_of(health, "000002", {"000001": "a", "000002": "b"})

    assert (into.way, into.node, into.name, into.is_counted) == ("in", "000001", "a", False)
    assert (out.way, out.node, out.name, out.health) == ("out", "", "host:2", RED)
    assert (out.sent, out.delivered, out.buffered, out.dropped) == (10, 7, 1, 2)


def test_the_parts_of_a_node_are_itself_its_daemons_and_the_links_from_it(health: results.ClusterHealth) -> None:
    assert [part for part, _ in parts_of(health, "000001")] == [
        ("node", ""), ("pipeline", ""), ("provenance", ""), ("link", "000002"),
    ]  # fmt: skip
    assert parts_of(health, "000009") == []
