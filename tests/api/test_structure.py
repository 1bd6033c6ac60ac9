"""Lineage graphs as answers: cycles end, sharing and depth are bounded, nothing is shown twice or left out."""

from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.api import documents
from headwater.api.gather import Facts, Graph
from headwater.api.structure import Limits, Structure
from headwater.model.context import Context
from headwater.model.errors import Rejected
from headwater.model.ids import DataPointId
from headwater.store.port import DataPoint, Edge

SHOWN = Facts(detail=True)


def id_of(ordinal: int) -> DataPointId:
    return DataPointId(1, ordinal)


def graph_of(inputs: dict[int, list[int]], outside: frozenset[int] = frozenset()) -> Graph:
    """A graph from inputs by ordinal; what only occurs as an input is not stored."""
    graph = {}
    for ordinal, parents in inputs.items():
        edges = tuple(Edge(id_of(parent), "simple") for parent in parents)
        point = DataPoint(
            id_of(ordinal), Context(), None, None, 0, None, edges, ordinal in outside, 1, None, (1, "00", 0)
        )
        graph[point.id] = (point, edges)
    return graph


def structure_of(graph: Graph, points_max: int = 1000, depth_max: int = 200) -> Structure:
    return Structure(graph, False, SHOWN, Limits(points_max, depth_max))


def ordinals(points: list[documents.Datapoint]) -> list[int]:
    return [int(point.id[:14], 16) for point in points]


def near(point: documents.Datapoint) -> list[documents.Datapoint]:
    inputs = point.input_datapoints
    return [] if isinstance(inputs, msgspec.UnsetType) else [one.dp for one in inputs]


def test_a_cycle_ends_where_it_closes() -> None:
    graph = graph_of({1: [2], 2: [3], 3: [1]})

    nested = structure_of(graph).recursive(id_of(1))

    [second] = near(nested)
    [third] = near(second)
    [closing] = near(third)
    assert (closing.id, closing.missing, near(closing)) == (nested.id, "cycle", [])
    assert ordinals(structure_of(graph).linear(id_of(1))) == [1, 2, 3]
    assert ordinals(structure_of(graph).static(id_of(1))) == [1, 2, 3]


def test_ancestors_that_are_shared_again_and_again_are_refused_before_they_are_drawn() -> None:
    doubling = graph_of({step: [step + 1, step + 1] for step in range(60)} | {60: []})

    with pytest.raises(Rejected, match="more than 1000 data points") as refusal:
        structure_of(doubling).recursive(id_of(0))

    assert refusal.value.reason == "too-large"
    assert ordinals(structure_of(doubling).linear(id_of(0))) == list(range(61))


def test_a_lineage_deeper_than_may_be_nested_is_refused_and_the_longest_allowed_is_encoded() -> None:
    chain = graph_of({step: [step + 1] for step in range(199)} | {199: []})
    longer = graph_of({step: [step + 1] for step in range(200)} | {200: []})

    body = msgspec.json.encode(structure_of(chain).recursive(id_of(0)))
    with pytest.raises(Rejected, match="more than 200 hops deep"):
        structure_of(longer).recursive(id_of(0))

    assert body.count(b'"hostId"') == 200


def test_a_lineage_of_any_depth_is_refused_and_never_breaks_the_interpreter() -> None:
    endless = graph_of({step: [step + 1] for step in range(5_000)})

    with pytest.raises(Rejected, match="more than 200 hops deep"):
        structure_of(endless, 10**6).recursive(id_of(0))


class Counted(tuple[Edge, ...]):
    """Edges that count how often one is looked at."""

    looked = 0

    def __iter__(self) -> Iterator[Edge]:
        for edge in super().__iter__():
            Counted.looked += 1
            yield edge


def test_an_answer_that_grows_too_large_is_not_worked_out_to_its_end() -> None:
    wide = graph_of({0: list(range(1, 101))} | {step: list(range(101, 201)) for step in range(1, 101)})
    graph = {id: (point, Counted(edges)) for id, (point, edges) in wide.items()}
    Counted.looked = 0

    with pytest.raises(Rejected, match="more than 500 data points"):
        structure_of(graph, 500).recursive(id_of(0))

    assert Counted.looked < 1000


def test_a_part_drawn_before_counts_with_its_depth() -> None:
    graph = graph_of({0: [2, 1], 1: [2], 2: [3], 3: []})
    structure = structure_of(graph, depth_max=3)

    with pytest.raises(Rejected, match="more than 3 hops deep"):
        structure.recursive(id_of(0))

    assert len(near(structure.recursive(id_of(1)))) == 1


def test_an_outside_input_does_not_hide_our_point_of_the_same_id() -> None:
    graph = graph_of({0: [1, 2], 1: [2], 2: []}, outside=frozenset({1}))

    linear = structure_of(graph).linear(id_of(0))
    [first, second] = near(structure_of(graph).recursive(id_of(0)))

    assert [(one.id, one.outside is True) for one in linear] == [
        (str(id_of(0)), False),
        (str(id_of(1)), False),
        (str(id_of(2)), False),
        (str(id_of(2)), True),
    ]
    assert (near(first)[0].outside, second.outside) == (True, msgspec.UNSET)


def test_named_neighbours_are_bounded_too() -> None:
    dense = graph_of({step: list(range(step + 1, 20)) for step in range(20)})

    assert len(structure_of(dense, points_max=190).static(id_of(0))) == 20
    with pytest.raises(Rejected, match="more than 189 data points"):
        structure_of(dense, points_max=189).static(id_of(0))


@st.composite
def lineages(draw: st.DrawFn) -> dict[int, list[int]]:
    """Acyclic inputs: each point is made from later ones, some of which are not stored."""
    count = draw(st.integers(1, 12))
    return {step: draw(st.lists(st.integers(step + 1, count + 2), max_size=3, unique=True)) for step in range(count)}


@given(lineages())
def test_every_structure_shows_exactly_what_the_point_was_made_from(inputs: dict[int, list[int]]) -> None:
    graph = graph_of(inputs)
    reached = _reached(inputs)

    linear = ordinals(structure_of(graph, 10**6).linear(id_of(0)))
    static = structure_of(graph, 10**6).static(id_of(0))
    nested = structure_of(graph, 10**6).recursive(id_of(0))

    assert sorted(linear) == sorted(reached)
    assert {one: ordinals(near(point)) for one, point in zip(ordinals(static), static, strict=True)} == {
        one: inputs[one] for one in reached if one in inputs
    }
    assert _edges(nested) == {(one, parent) for one in reached for parent in inputs.get(one, [])}


def _reached(inputs: dict[int, list[int]]) -> set[int]:
    reached, waiting = set(), [0]
    while waiting:
        one = waiting.pop()
        reached.add(one)
        waiting += inputs.get(one, [])
    return reached


def _edges(point: documents.Datapoint) -> set[tuple[int, int]]:
    found = set()
    for parent in near(point):
        found.add((ordinals([point])[0], ordinals([parent])[0]))
        found |= _edges(parent)
    return found
