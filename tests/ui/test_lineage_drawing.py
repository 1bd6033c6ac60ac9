"""Which cards of a lineage are drawn, and where they stand: pure."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.client.results import (
    Datapoint,
    FoldedCard,
    FoldedLineage,
    Group,
    Into,
    NeighbourPart,
    Neighbours,
    NodeCount,
    PointContext,
    Span,
)
from headwater.ui.lineage.ask import Drawing, placed
from headwater.ui.lineage.graph import ALL, CARDS_MAX, Answers, Question, questions
from headwater.ui.lineage.keys import parse_key
from headwater.ui.lineage.layout import LOW, Spot, arrange
from headwater.ui.lineage.view import DEPTH, DEPTH_MAX, OPENED_MAX, View, view_of


def name(number: int) -> str:
    return f"{number:020x}"


ROOT, MADE = name(1), name(2)


def point(id: str, *, node: str = "hub", received: int = 1_000, kind: str = "data") -> Datapoint:
    context = PointContext(host_id="000001", receive_time=received)
    return Datapoint(id=id, node=node, kind="out" if kind == "out" else "data", context=context)


def one(id: str, into: int | None = None, *, contribution: str = "simple", kind: str = "data", node: str = "hub",
        further: bool = False, hop: int = 5) -> FoldedCard:  # fmt: skip
    lead = () if into is None else (Into(into, contribution, Span(hop, hop)),)
    return FoldedCard(count=1, into=lead, point=point(id, kind=kind, node=node), neighbours=1, further=further)


def group(nodes: int = 1) -> Group:
    named = tuple(NodeCount(f"{number:06x}", 1, f"node{number}") for number in range(nodes))
    return Group(nodes=named, series=(), series_count=8, kind="data", received=Span(900, 950))


def many(count: int, into: int, contribution: str = "average") -> FoldedCard:
    return FoldedCard(count=count, into=(Into(into, contribution, Span(1, 9)),), group=group())


def lineage(*cards: FoldedCard, forward: bool = False) -> FoldedLineage:
    first = cards[0].point
    assert first is not None
    return FoldedLineage(id=first.id, direction="forward" if forward else "backward", cards=cards)


def parts(*bounds: tuple[int, int]) -> Neighbours:
    made = (
        NeighbourPart(first=a, last=b, point=point(name(1000 + a)), neighbours=1)
        if b - a == 1
        else NeighbourPart(first=a, last=b, group=group())
        for a, b in bounds
    )
    return Neighbours(id=MADE, direction="backward", count=bounds[-1][1], parts=tuple(made))


AVERAGED = lineage(
    one(ROOT), one(MADE, 0, kind="out"), many(10_000, 1), many(5_000, 2, "simple"), many(5_000, 2, "simple")
)
METERS = parts(*((at, at + 1_250) for at in range(0, 10_000, 1_250)))


def keys(drawing: Drawing) -> list[str]:
    return [each.card.key for each in drawing.cards]


def test_a_card_of_many_goes_apart_in_place_of_what_is_behind_it() -> None:
    answers: Answers = {Question(ROOT, False): AVERAGED, Question(MADE, False, ALL): METERS}
    all_of_them = f"{MADE}.b"

    closed = placed(View(ROOT), answers)
    opened = placed(View(ROOT, opened=(all_of_them,)), answers)

    assert keys(closed) == [ROOT, MADE, all_of_them, f"{all_of_them}~1", f"{all_of_them}~2"]
    assert keys(opened) == [ROOT, MADE, all_of_them, *(f"{all_of_them}.{a}-{a + 1250}" for a in range(0, 10_000, 1250))]
    assert [each.card.is_open for each in opened.cards[:4]] == [False, False, True, False]
    assert {(line.source, line.target) for line in opened.lines} == {
        (MADE, ROOT), (all_of_them, MADE), *((key, all_of_them) for key in keys(opened)[3:])
    }  # fmt: skip
    assert opened.lines[-1].hop == Span(50, 100)


def test_parts_open_down_to_single_readings_and_these_to_their_own_history() -> None:
    page, reading, before = f"{MADE}.b.0-1250", name(1000), name(7)
    view = View(ROOT, opened=(f"{MADE}.b", page, reading))
    answers: Answers = {
        Question(ROOT, False): AVERAGED,
        Question(MADE, False, ALL): METERS,
        Question(MADE, False, (0, 1250)): parts((0, 1), (1, 2)),
        Question(reading, False): lineage(one(reading), one(before, 0)),
    }

    drawing = placed(view, answers)

    assert set(questions(view)) == set(answers)
    assert {(line.source, line.target) for line in drawing.lines} >= {
        (reading, page),
        (name(1001), page),
        (before, reading),
    }
    states = {each.card.key: (each.card.opens, each.card.is_open, each.card.is_part) for each in drawing.cards}
    assert states[reading] == (reading, True, True)
    assert states[name(1001)] == (name(1001), False, True)
    assert states[before] == (None, False, False)


def test_where_it_went_stands_on_the_other_side() -> None:
    answers: Answers = {
        Question(ROOT, False): lineage(one(ROOT), one(MADE, 0)),
        Question(ROOT, True): lineage(one(ROOT), one(name(9), 0), forward=True),
    }

    drawing = placed(View(ROOT, forward=True), answers)

    assert {each.card.key: each.column for each in drawing.cards} == {MADE: 0, ROOT: 1, name(9): 2}
    assert {(line.source, line.target) for line in drawing.lines} == {(MADE, ROOT), (ROOT, name(9))}


def test_nodes_that_only_passed_it_on_are_one_card_until_it_is_opened() -> None:
    chain = [one(name(at), at - 2 if at > 1 else None, node=f"node{at}") for at in range(1, 6)]
    answers: Answers = {Question(ROOT, False): lineage(*chain)}
    folded = f"{name(2)}~"

    closed = placed(View(ROOT), answers)
    opened = placed(View(ROOT, opened=(folded,)), answers)

    assert keys(closed) == [ROOT, folded, name(5)]
    card = closed.cards[1].card
    assert (card.chain, card.within, card.opens) == (("node4", "node3", "node2"), Span(10, 10), folded)
    assert {(line.source, line.target) for line in closed.lines} == {(name(5), folded), (folded, ROOT)}
    assert keys(opened) == [name(at) for at in range(1, 6)]
    assert [each.card.closes for each in opened.cards] == [None, folded, None, None, None]


@pytest.mark.parametrize("changed", [{"kind": "out"}, {"further": True}, {"contribution": "average"}])
def test_a_node_that_did_something_is_never_folded_away(changed: dict[str, object]) -> None:
    cards = [one(ROOT), one(name(2), 0), one(name(3), 1, **changed), one(name(4), 2)]  # type: ignore[arg-type]

    assert keys(placed(View(ROOT), {Question(ROOT, False): lineage(*cards)})) == [name(at) for at in range(1, 5)]


def test_no_more_than_200_cards_are_drawn_and_that_is_said() -> None:
    pages = tuple(f"{MADE}.b.{a}-{a + 1250}" for a in range(0, 10_000, 1250))
    answers: dict[Question, FoldedLineage | Neighbours] = {
        Question(ROOT, False): AVERAGED,
        Question(MADE, False, ALL): METERS,
    }
    for at in range(0, 10_000, 1250):
        answers[Question(MADE, False, (at, at + 1250))] = parts(*((a, a + 40) for a in range(at, at + 1250, 40)))

    few = placed(View(ROOT, opened=(f"{MADE}.b", *pages[:3])), answers)
    much = placed(View(ROOT, opened=(f"{MADE}.b", *pages)), answers)

    assert (few.crowded, len(few.cards)) == (False, 3 + 8 + 3 * 32)
    assert much.crowded
    assert len(much.cards) <= CARDS_MAX


def test_what_could_not_be_asked_stays_closed() -> None:
    view = View(ROOT, opened=(f"{MADE}.b", name(77), f"{name(3)}~"))

    drawing = placed(view, {Question(ROOT, False): AVERAGED})

    assert keys(drawing) == keys(placed(View(ROOT), {Question(ROOT, False): AVERAGED}))


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[str], list[tuple[str, str]]]:
    """Cards and lines between them, each reached from the first, some on the other side, some in circles."""
    size = draw(st.integers(1, 30))
    names = [str(number) for number in range(size)]
    lines = []
    for at in range(1, size):
        before = draw(st.integers(0, at - 1))
        lines.append((names[at], names[before]) if draw(st.booleans()) or before else (names[before], names[at]))
    for _ in range(draw(st.integers(0, 10))):
        lines.append((draw(st.sampled_from(names)), draw(st.sampled_from(names))))
    return names, lines


def overlapping(spots: dict[str, Spot], low: Sequence[str]) -> list[tuple[str, str]]:
    high = {key: LOW if key in low else 1.0 for key in spots}
    return [
        (a, b)
        for a in spots
        for b in spots
        if a < b
        and spots[a].column == spots[b].column
        and abs(spots[a].row - spots[b].row) < (high[a] + high[b]) / 2 - 1e-9
    ]


@given(graphs(), st.data())
def test_no_card_covers_another(graph: tuple[list[str], list[tuple[str, str]]], data: st.DataObject) -> None:
    names, lines = graph
    low = data.draw(st.lists(st.sampled_from(names), unique=True))

    spots = arrange(names, lines, "0", low)

    assert overlapping(spots, low) == []
    assert all(spot.column >= 0 and spot.row > 0 for spot in spots.values())


@given(graphs())
def test_what_flows_goes_forward_unless_in_circles(graph: tuple[list[str], list[tuple[str, str]]]) -> None:
    names, lines = graph
    backward = [(source, target) for source, target in lines if int(source) > int(target)]

    spots = arrange(names, backward, "0")

    assert all(spots[source].column < spots[target].column for source, target in backward if target in spots)


@given(graphs())
def test_the_same_is_drawn_in_the_same_places(graph: tuple[list[str], list[tuple[str, str]]]) -> None:
    names, lines = graph

    assert arrange(names, lines, "0") == arrange(names, list(reversed(lines)), "0")


@st.composite
def foldings(draw: st.DrawFn) -> tuple[View, Answers]:
    """A lineage as the API may tell it, with any of it opened and answered."""
    size = draw(st.integers(1, 20))
    cards = [one(ROOT)]
    for at in range(1, size):
        leads = draw(st.lists(st.integers(0, at - 1), min_size=1, max_size=3, unique=True))
        if draw(st.booleans()):
            cards.append(FoldedCard(count=1, into=tuple(Into(to, "simple") for to in leads), point=point(name(at + 1))))
        else:
            cards.append(many(draw(st.integers(9, 500)), leads[0]))
    answer = lineage(*cards)
    opened = draw(st.lists(st.sampled_from([key for each in answer.cards for key in _openable(each)]), max_size=5))
    told: dict[Question, FoldedLineage | Neighbours] = {Question(ROOT, False): answer}
    for key in opened:
        id = key[:20]
        told[Question(id, False, ALL)] = Neighbours(
            id=id, direction="backward", count=80, parts=parts((0, 1), (1, 41), (41, 80)).parts
        )
    return View(ROOT, opened=tuple(opened)), told


def _openable(card: FoldedCard) -> list[str]:
    return [f"{card.point.id}.b", f"{card.point.id}~", card.point.id] if card.point is not None else []


@given(foldings())
def test_every_line_has_both_ends_and_every_card_its_place(folding: tuple[View, Answers]) -> None:
    view, answers = folding

    drawing = placed(view, answers)

    there = keys(drawing)
    assert len(there) == len(set(there))
    assert there[0] == ROOT
    assert all(line.source in there and line.target in there for line in drawing.lines)
    joined = {end for line in drawing.lines for end in (line.source, line.target)}
    assert joined == set(there) or len(there) == 1
    spots = {each.card.key: Spot(each.column, each.row) for each in drawing.cards}
    assert overlapping(spots, [each.card.key for each in drawing.cards if each.card.is_part]) == []


NO_KEYS = ("", "xyz", ROOT[:-1], f"{ROOT}.c", f"{ROOT}.b.1", f"{ROOT}.b.1-", f"{ROOT}~~", f"{ROOT}.b.1-99999999")


@pytest.mark.parametrize("text", [*NO_KEYS, f"{ROOT},"])
def test_what_is_no_key_opens_nothing(text: str) -> None:
    assert parse_key(text) is None


def test_an_address_says_what_is_seen_and_what_is_wrong_in_it_is_passed_over() -> None:
    opened = f"{MADE}.b,{MADE}.b.0-40,{ROOT}~,{MADE}.b~1~,{MADE}.b,<script>,"

    view = view_of(f" {ROOT.upper()} ", {"open": opened, "forward": "1", "depth": "24", "card": "any"})

    assert view == View(ROOT, True, 24, (f"{MADE}.b", f"{MADE}.b.0-40", f"{ROOT}~", f"{MADE}.b~1~"))
    assert view_of(ROOT, {"depth": "-1", "forward": "yes"}) == View(ROOT, False, DEPTH)
    assert view_of(ROOT, {"depth": "9999"}).depth == DEPTH_MAX
    assert len(view_of(ROOT, {"open": ",".join(name(at) for at in range(500))}).opened) == OPENED_MAX
