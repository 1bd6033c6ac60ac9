"""The grid as its page shows it, from answers of the API."""

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from headwater.client import results
from headwater.client.results import Account, ClusterHealth, HealthAlarm, HealthLink, HealthNode, Judged, Subject
from headwater.ui.grid.state import NO_NODE, GridLink, GridNode, GridState, Place, grid_state, places_of, rounded
from headwater.ui.grid.troubles import EXPLAINED_MAX, TROUBLES_MAX

A, B, E = "000001", "000002", "000003"
NAMES = {A: "gatewayA", B: "gatewayB", E: "endpoint"}
TOTALS = results.Totals(stamps=77, batches=1, bytes=1, conflicts=0, refused={})
WELL = Judged("Green", 0, "it reports")


def judged(health: results.HealthWord, evidence: str = "no report for 2.5 s", **more: Any) -> Judged:
    return Judged(health, 5, evidence, **more)


def node(id: str, node: Judged = WELL, pipeline: Judged = WELL, provenance: Judged = WELL) -> HealthNode:
    return HealthNode(id, NAMES.get(id, ""), node, pipeline, provenance)


def link(source: str, target: str | None, link: Judged = WELL, account: Account | None = None) -> HealthLink:
    return HealthLink(source, link, target, "host:1", account)


def account(sent: int, delivered: int, dropped: int = 0, rate: float = 0.0) -> Account:
    return Account(sent, delivered, sent - delivered - dropped, {"dropped": dropped}, rate, 0)


def stat(id: str, received: float, sent: float) -> results.NodeStat:
    told = {
        "id": id, "nodeHealth": "Green", "provenanceDaemonHealth": "Green", "pipelineDaemonHealth": "Green",
        "sendRate": sent, "receiveRate": received,
    }  # fmt: skip
    return msgspec.convert(told, results.NodeStat)


def health(nodes: list[HealthNode], links: list[HealthLink], alarms: list[HealthAlarm] | None = None) -> ClusterHealth:
    return ClusterHealth(at=1, late_looks=0, alarms=tuple(alarms or ()), nodes=tuple(nodes), links=tuple(links))


def state(
    given: ClusterHealth, stats: list[results.NodeStat] | None = None, places: dict[str, Place] | None = None
) -> GridState:
    return grid_state(given, stats or [], TOTALS, places or {})


LINE = health([node(B), node(A), node(E)], [link(B, E, account=account(50, 40, 3, 9.0)), link(A, E)])
"""Two gateways into an endpoint; the API's order is not that of ids."""


def test_nodes_and_links_stand_in_the_order_of_ids_with_rates_and_what_waits() -> None:
    shown = state(LINE, [stat(A, 1234.5, 1200.0), stat(B, 8.0, 9.0), stat(E, 1210.4, 0.0)])

    assert (shown.ids, shown.names) == ((A, B, E), ("gatewayA", "gatewayB", "endpoint"))
    assert shown.ends == ((0, 2), (1, 2))
    assert shown.nodes == (GridNode(0, 1230.0, 1200.0, 0), GridNode(0, 8.0, 9.0, 7), GridNode(0, 1210.0, 0.0, 0))
    assert shown.links == (GridLink(0, 0.0, 0), GridLink(0, 9.0, 7))


def test_a_node_is_as_bad_as_the_worst_of_it_and_a_link_stands_for_itself() -> None:
    bad = health([node(A, provenance=judged("Yellow")), node(B, pipeline=judged("Red"))], [link(A, B, judged("Red"))])

    assert [one.health for one in state(bad).nodes] == [1, 2]
    assert [one.health for one in state(bad).links] == [2]


def test_a_link_that_has_failed_passes_nothing_whatever_its_source_told_last() -> None:
    red = health([node(A), node(E)], [link(A, E, judged("Red"), account(50, 40, rate=9.0))])

    assert state(red).links == (GridLink(2, 0.0, 10),)


def test_the_books_of_all_links_are_one_sum() -> None:
    given = health(
        [node(A), node(B), node(E)],
        [link(A, E, account=account(100, 90, 4)), link(B, E, account=account(50, 40, 3))],
    )
    totals = state(given, [stat(A, 500, 500), stat(B, 500, 500), stat(E, 1000, 0)]).totals

    assert totals.rate == 1000.0  # What gateways pass on is counted where it arrives.
    assert (totals.stored, totals.sent, totals.delivered, totals.buffered, totals.dropped) == (77, 150, 130, 13, 7)
    assert totals.sent == totals.delivered + totals.buffered + totals.dropped


def test_a_next_hop_that_nobody_knows_and_nodes_without_rates_are_shown() -> None:
    shown = state(health([node(A), node("0000ff")], [link(A, None), link(A, "00dead"), link("00dead", A)]))

    assert shown.ends == ((0, NO_NODE), (0, NO_NODE))
    assert shown.names == ("gatewayA", "0000ff")
    assert shown.nodes[0] == GridNode(0, 0.0, 0.0, 0)


def test_an_alarm_says_what_failed_what_else_it_may_be_and_what_it_explains() -> None:
    explained = [Subject("link", A, E), Subject("provenance", E), *[Subject("node", B)] * EXPLAINED_MAX]
    alarm = HealthAlarm(
        subject=Subject("node", E), since=5, evidence="no report for 2.5 s", doubt="node or link",
        explains=tuple(explained),
    )  # fmt: skip
    (told,) = state(health([node(A), node(B), node(E)], [], [alarm])).alarms

    assert (told["part"], told["node"], told["name"], told["since"]) == ("node", E, "endpoint", 5)
    assert told["evidence"] == {"en": "no report for 2.5 s", "de": "seit 2,5 s kein Bericht"}
    assert told["doubt"] == {"en": "node or link", "de": "Knoten oder Verbindung"}
    assert told["explains"][:2] == [  # type: ignore[index]
        {"part": "link", "node": A, "name": "gatewayA", "target": "endpoint"},
        {"part": "provenance", "node": E, "name": "endpoint", "target": ""},
    ]
    assert (len(told["explains"]), told["more"]) == (EXPLAINED_MAX, 2)  # type: ignore[arg-type]


def test_the_alarm_of_the_server_has_no_node() -> None:
    alarm = HealthAlarm(subject=Subject("server"), since=5, evidence="no node has reported for 3.0 s")
    (told,) = state(health([node(A)], [], [alarm])).alarms

    assert (told["part"], told["node"], told["name"], told["doubt"]) == ("server", "", "", None)


def test_what_is_impaired_is_mentioned_and_alarms_and_what_they_explain_are_not() -> None:
    cause = Subject("node", B)
    given = health(
        [
            node(A, pipeline=judged("Yellow", "no progress for 1.5 s"), provenance=judged("Red", cause=cause)),
            node(B, judged("Red", alarm=True), pipeline=judged("Yellow")),
            node(E, judged("Yellow", "recovering: it reports"), pipeline=judged("Yellow")),
        ],
        [link(A, E, judged("Yellow", "nothing was acknowledged for 2.0 s")), link(B, E, judged("Red", "not settled"))],
    )
    told, more = state(given).troubles

    assert [(one["part"], one["name"], one["target"], one["health"]) for one in told] == [
        ("link", "gatewayB", "endpoint", 2),
        ("pipeline", "gatewayA", "", 1),
        ("node", "endpoint", "", 1),
        ("link", "gatewayA", "endpoint", 1),
    ]
    assert told[2]["evidence"] == {"en": "recovering: it reports", "de": "erholt sich: er meldet sich"}
    assert more == 0


def test_of_many_impaired_nodes_some_are_told_and_the_rest_is_a_number() -> None:
    many = health([node(f"{at:06x}", judged("Yellow")) for at in range(TROUBLES_MAX + 5)], [])
    troubles = state(many).troubles

    assert (len(troubles.told), troubles.more) == (TROUBLES_MAX, 5)


def test_nodes_are_where_they_say_when_they_say_both_coordinates() -> None:
    at = [
        results.Node(id=A, name="a", location=results.Place("roof", 52.5123456789, 13.3)),
        results.Node(id=B, name="b", location=results.Place("somewhere")),
        results.Node(id=E, name="e"),
    ]

    assert places_of(at) == {A: (52.512346, 13.3)}
    assert state(LINE, places=places_of(at)).places == ((52.512346, 13.3), None, None)


# What changes


def applied(whole: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """What static/grid.js makes of a change."""
    if change.pop("anew", False):
        return change
    after = {**whole, **change}
    for part in ("nodes", "links"):
        after[part] = list(whole[part])
        for at, *values in change.get(part, ()):
            after[part][at] = values
    return after


def as_sent(value: object) -> Any:
    return json.loads(msgspec.json.encode(value))


WORDS: list[results.HealthWord] = ["Green", "Yellow", "Red"]


@st.composite
def states(draw: st.DrawFn) -> GridState:
    """Few nodes, so that two are often of the same shape."""
    ids = draw(st.lists(st.sampled_from([A, B, E]), unique=True, min_size=1))
    word = st.builds(judged, st.sampled_from(WORDS), st.sampled_from(["it reports", "no report for 2.5 s"]))
    nodes = [node(id, draw(word), draw(word), draw(word)) for id in ids]
    links = [
        link(source, draw(st.sampled_from([*ids, None])), draw(word), account(9, draw(st.integers(0, 9)), 0, 1.0))
        for source in draw(st.lists(st.sampled_from(ids), unique=True))
    ]
    alarms = [HealthAlarm(subject=Subject("node", id), since=1, evidence="it reports") for id in ids[:1]]
    stats = [stat(id, draw(st.floats(0, 1e6)), draw(st.floats(0, 1e6))) for id in ids]
    places: dict[str, Place] = draw(st.dictionaries(st.sampled_from([A, B]), st.just((52.0, 13.0))))
    return state(health(nodes, links, draw(st.sampled_from([[], alarms]))), stats, places)


@given(states(), states())
def test_a_page_that_applies_what_changed_has_the_whole(before: GridState, after: GridState) -> None:
    assert applied(as_sent(before.whole()), as_sent(after.change(before))) == as_sent(after.whole())


@given(states())
def test_what_stands_as_it_stood_is_not_sent(shown: GridState) -> None:
    assert shown.change(shown) == {}


def test_only_what_changes_on_the_screen_is_sent() -> None:
    before = state(LINE, [stat(A, 1234.5, 0.0), stat(B, 100.0, 0.0)])
    same = state(LINE, [stat(A, 1230.1, 0.0), stat(B, 100.04, 0.0)])
    after = state(LINE, [stat(A, 1230.1, 0.0), stat(B, 101.0, 0.0)])

    assert same.change(before) == {}
    assert after.change(before) == {"nodes": [[1, 0, 101.0, 0.0, 7]]}


@given(st.floats(0, 1e9))
def test_a_rate_is_rounded_to_what_is_shown(rate: float) -> None:
    assert abs(rounded(rate) - rate) <= rate * 0.005
    assert rounded(rounded(rate)) == rounded(rate)
