"""Ranges behave as the sets of integers that they stand for."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from headwater.log.ranges import Ranges, add, covers, holes, union

spans = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 6)).map(lambda pair: (pair[0], pair[0] + pair[1])))


def members(ranges: Ranges) -> set[int]:
    return {number for first, last in ranges for number in range(first, last + 1)}


@given(spans)
def test_a_union_has_the_same_members_and_no_two_ranges_touch(given_spans: list[tuple[int, int]]) -> None:
    ranges = union(tuple(given_spans))
    assert members(ranges) == members(tuple(given_spans))
    assert all(before[1] + 1 < after[0] for before, after in pairwise(ranges))


@given(spans, st.integers(1, 50), st.integers(0, 20))
def test_holes_are_what_is_not_in_the_set(given_spans: list[tuple[int, int]], first: int, length: int) -> None:
    ranges = union(tuple(given_spans))
    wanted = set(range(first, first + length + 1))
    assert members(holes(ranges, first, first + length)) == wanted - members(ranges)
    assert covers(ranges, first, first + length) == (wanted <= members(ranges))


def test_an_empty_range_adds_nothing() -> None:
    assert add(((1, 2),), 9, 8) == ((1, 2),)
