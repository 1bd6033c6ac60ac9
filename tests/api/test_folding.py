"""Folding a lineage: few cards, nothing lost, nothing made up."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from headwater.api.folding import Bounds, Card, fold
from headwater.api.splitting import PARTS_MAX, Place, split
from headwater.model.context import Context
from headwater.model.ids import DataPointId
from headwater.model.records import Kind
from headwater.store.port import DataPoint, Edge

NO_TIME = Context(metrics=("ctime",))
Graph = dict[DataPointId, tuple[DataPoint, Sequence[Edge]]]


def made(number: int, inputs: Sequence[int], *, context: Context | None = None, outside: bool = False) -> DataPoint:
    edges = [Edge(at(one), "average" if len(inputs) > 1 else "simple") for one in inputs]
    return DataPoint(at(number), context, None, None, 1_000 - number, None, edges, outside, Kind.DATA, None, (0, "", 0))


def at(number: int) -> DataPointId:
    return DataPointId(number % 3, number)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Each data point is made from later ones, some of which are not stored."""
    size = draw(st.integers(1, 25))
    later = [draw(st.lists(st.integers(number + 1, size + 3), max_size=12, unique=True)) for number in range(size)]
    stored = [made(number, inputs) for number, inputs in enumerate(later)]
    return {point.id: (point, point.inputs) for point in stored}


def folded(graph: Graph, bounds: Bounds, *, forward: bool = False) -> list[Card]:
    return fold(at(0), lambda ids: {id: graph[id] for id in ids if id in graph}, bounds, forward=forward)


def reached(graph: Graph) -> set[DataPointId]:
    """What the first was made from, itself included, also what is not stored."""
    found, waiting = {at(0)}, [at(0)]
    while waiting:
        _, edges = graph.get(waiting.pop(), (None, ()))
        fresh = [edge.point for edge in edges if edge.point not in found]
        found.update(fresh)
        waiting += fresh
    return found


@given(graphs(), st.integers(1, 6))
def test_the_cards_hold_exactly_the_lineage(graph: Graph, fan: int) -> None:
    cards = folded(graph, Bounds(50, fan, 100_000))

    assert {id for card in cards for id in card.ids} == reached(graph)
    assert not any(card.further for card in cards)
    singles = [id for card in cards if len(card.ids) == 1 for id in card.ids]
    assert len(singles) == len(set(singles))


@given(graphs(), st.integers(1, 6), st.integers(0, 3), st.integers(1, 30))
def test_a_card_that_ends_early_says_so(graph: Graph, fan: int, depth: int, points: int) -> None:
    cards = folded(graph, Bounds(depth, fan, points))

    held = {id for card in cards for id in card.ids}
    assert held <= reached(graph)
    assert any(card.further for card in cards) or held == reached(graph)
    assert sum(len(card.ids) for card in cards if card.looked) <= points


@given(graphs(), st.integers(1, 6))
def test_every_lead_is_an_edge_of_the_lineage_with_its_time(graph: Graph, fan: int) -> None:
    cards = folded(graph, Bounds(50, fan, 100_000))

    for card in cards[1:]:
        assert card.into
        for lead in card.into:
            nearer = cards[lead.card]
            pairs = [
                (point.id, edge)
                for point in nearer.points
                for edge in graph[point.id][1]
                if edge.point in card.ids
            ]  # fmt: skip
            assert pairs
            # What was received at 1000 - number comes later the smaller its number is.
            times = [edge.point.ordinal - id.ordinal for id, edge in pairs if edge.point in graph]
            assert lead.hop == ((min(times), max(times)) if times else None)
            assert lead.contribution in {edge.contribution for _, edge in pairs} | {None}


def test_many_inputs_are_one_card_and_go_on_by_node() -> None:
    points = [made(0, range(1, 13)), *(made(number, [number + 20]) for number in range(1, 13))]
    graph: Graph = {point.id: (point, point.inputs) for point in points}

    first, second, *rest = folded(graph, Bounds(8, 8, 100))

    assert (len(first.ids), len(second.ids)) == (1, 12)
    assert [len(card.ids) for card in rest] == [4, 4, 4]
    assert [{id.node for id in card.ids} for card in rest] == [{0}, {1}, {2}]
    assert [lead.contribution for lead in second.into] == ["average"]


def test_what_a_client_of_2018_named_is_not_looked_for() -> None:
    graph = {at(0): (point := made(0, [1], outside=True), point.inputs), at(1): (made(1, []), ())}

    _, outside = folded(graph, Bounds(8, 8, 100))

    assert (outside.outside, outside.points) == (True, [])


def test_a_time_that_a_node_does_not_record_is_not_told() -> None:
    graph = {at(0): (point := made(0, [1]), point.inputs), at(1): (made(1, [], context=NO_TIME), ())}

    assert folded(graph, Bounds(8, 8, 100))[1].into[0].hop is None


def test_a_circle_ends() -> None:
    graph = {at(0): (first := made(0, [1]), first.inputs), at(1): (second := made(1, [0]), second.inputs)}

    assert [(card.ids, [lead.card for lead in card.into]) for card in folded(graph, Bounds(200, 8, 100))] == [
        ((at(0),), []),
        ([at(1)], [0]),
    ]


places = st.builds(
    lambda meter, time: Place(False, f"meter-{meter:03d}", "power", time, DataPointId(1, time)),
    st.integers(0, 60), st.integers(0, 5),
)  # fmt: skip


@given(st.lists(places, max_size=400), st.integers(0, 400), st.integers(0, 400), st.integers(2, 50))
def test_parts_are_all_of_it_in_order_and_each_is_less(some: list[Place], a: int, b: int, most: int) -> None:
    ordered = sorted(some)
    first, last = min(a, len(some)), min(max(a, b), len(some))

    parts = split(ordered, first, last, most)

    assert [at for start, end in parts for at in range(start, end)] == list(range(first, last))
    assert len(parts) <= most
    assert all(start < end for start, end in parts)
    assert len(parts) > 1 or last - first <= 1


def test_many_go_by_meter_then_by_page_then_one_by_one() -> None:
    ordered = [Place(False, f"meter-{n // 1250}", "power", n, DataPointId(1, n)) for n in range(10_000)]

    meters = split(ordered, 0, 10_000)
    pages = split(ordered, *meters[3])
    single = split(ordered, *pages[0])

    assert meters == [(n * 1250, (n + 1) * 1250) for n in range(8)]
    assert pages[0] == (3750, 3750 + PARTS_MAX)
    assert single == [(3750 + n, 3751 + n) for n in range(PARTS_MAX)]
