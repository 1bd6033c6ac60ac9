"""Where nodes stand: whatever the links are, each has a place of its own, in flow order, and keeps it."""

from hypothesis import given
from hypothesis import strategies as st

from headwater.ui.grid.layout import Place, layout

FORK = [(0, 2), (1, 2), (2, 3)]
"""Two gateways into a third, and that into an endpoint."""


@st.composite
def grids(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]], int]:
    """So many nodes, any links among them and to outside, circles too, and how many stand in a lane."""
    nodes = draw(st.integers(1, 60))
    end = st.tuples(st.integers(0, nodes - 1), st.integers(-1, nodes - 1))
    return nodes, draw(st.lists(end, max_size=100)), draw(st.integers(1, 30))


@st.composite
def forests(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]], int]:
    """Nodes that send to one other at most, in any order, and never in a circle."""
    order = draw(st.permutations(range(draw(st.integers(1, 60)))))
    ends = [
        (node, order[draw(st.integers(0, rank - 1))]) for rank, node in enumerate(order) if rank and draw(st.booleans())
    ]
    return len(order), ends, draw(st.integers(1, 30))


@given(grids())
def test_every_node_has_a_place_of_its_own_on_the_page(grid: tuple[int, list[tuple[int, int]], int]) -> None:
    places = layout(*grid)

    assert len(set(places)) == len(places) == grid[0]
    assert all(0 <= along <= 1 and 0 <= across <= 1 for along, across in places)


@given(forests())
def test_readings_flow_one_way(grid: tuple[int, list[tuple[int, int]], int]) -> None:
    places = layout(*grid)

    assert all(places[source][0] < places[target][0] for source, target in grid[1])


@given(grids(), st.randoms())
def test_the_order_of_links_between_other_nodes_moves_nothing(
    grid: tuple[int, list[tuple[int, int]], int], random: object
) -> None:
    nodes, ends, lane = grid
    one_each = list({source: (source, target) for source, target in ends if source < target}.values())
    shuffled = sorted(one_each, key=lambda _: random.random())  # type: ignore[attr-defined]

    assert layout(nodes, shuffled, lane) == layout(nodes, one_each, lane)


def test_what_sends_nowhere_stands_at_the_end_and_sensors_first() -> None:
    a, b, c, endpoint = layout(4, FORK, 14)

    assert (a[0], b[0], c[0], endpoint[0]) == (0.0, 0.0, 0.5, 1.0)
    assert a[1] < c[1] < b[1]
    assert endpoint[1] == c[1]


def test_a_next_hop_that_is_not_known_is_none() -> None:
    assert layout(2, [(0, -1), (1, -1)], 14) == layout(2, [], 14)


def test_nodes_that_send_in_a_circle_stand_as_without_the_last_link() -> None:
    assert layout(3, [(0, 1), (1, 2), (2, 0)], 14) == layout(3, [(0, 1), (1, 2)], 14)
    assert layout(1, [(0, 0)], 14) == [(0.0, 0.5)]


def test_a_crowded_layer_stands_in_lanes() -> None:
    crowd: list[Place] = layout(21, [(node, 20) for node in range(20)], 10)

    assert len({along for along, _ in crowd[:20]}) == 2
    assert max(along for along, _ in crowd[:20]) < crowd[20][0]


def test_no_nodes_have_no_places() -> None:
    assert layout(0, [], 14) == []
