"""The windows that begin first are found among many, whatever closed meanwhile."""

from hypothesis import given
from hypothesis import strategies as st

from headwater.pipeline.steps.oldest import SLACK, Begun, Oldest

windows = st.tuples(st.integers(-50, 50), st.sampled_from((b"a", b"b", b"c")))


@given(st.sets(windows, max_size=20), st.lists(st.one_of(windows, st.integers(0, 4), st.just("close")), max_size=60))
def test_they_are_those_a_sort_finds(first: set[Begun], actions: list["Begun | int | str"]) -> None:
    held, seen = set(first), set(first)
    oldest = Oldest(held.__contains__, first)
    for action in actions:
        if isinstance(action, int):
            expected = sorted(held)[:action]
            assert oldest.take(action) == expected
            held.difference_update(expected)
        elif isinstance(action, tuple) and action not in seen:
            held.add(action)
            seen.add(action)
            oldest.add(action, len(held))
        elif action == "close" and held:
            held.remove(max(held))

    assert oldest.take(len(held)) == sorted(held)


def test_those_that_closed_are_not_kept_for_ever() -> None:
    held: set[Begun] = set()
    oldest = Oldest(held.__contains__, ())
    for start_ms in range(10 * SLACK):
        held.add((start_ms, b"a"))
        oldest.add((start_ms, b"a"), len(held))
        held.discard((start_ms - 10, b"a"))

    assert len(oldest._heap) <= SLACK + 22
