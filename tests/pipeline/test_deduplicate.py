"""The bounded memory against repetitions."""

from hypothesis import given
from hypothesis import strategies as st

from headwater.pipeline.deduplicate import Window


@given(st.lists(st.integers(0, 20)), st.integers(1, 10))
def test_a_thing_is_known_as_long_as_it_is_among_the_last_new_ones(things: list[int], size: int) -> None:
    window = Window(size)
    news: list[int] = []
    for thing in things:
        expected = thing not in news[-size:]
        assert window.first_time(thing) == expected
        if expected:
            news.append(thing)


def test_a_window_of_nothing_refuses_nothing() -> None:
    window = Window(0)
    assert [window.first_time("a") for _ in range(3)] == [True, True, True]
