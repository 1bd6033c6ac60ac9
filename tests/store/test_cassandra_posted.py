"""A posting is written once for a series, a day and a block, however many readings there are."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headwater.store.cassandra import statements as cql
from headwater.store.cassandra.places import DAY_MS, bucket_of
from headwater.store.cassandra.posted import MINUTE_MS, Place, Posted, Span
from headwater.store.ingest import PreparedBatch, prepared
from tests.store.grids import keys_of, run, stamped

BLOCK_S = 900


def batch(start: int, series: list[int], times: list[int]) -> PreparedBatch:
    (made,) = prepared([stamped(run(1, start, len(series)), keys=keys_of(series, times))], 1)
    return made


def posted(known: dict[Place, Span] | None = None) -> Posted:
    def spans(places: Sequence[Place]) -> list[Span | None]:
        return [(known or {}).get(place) for place in places]

    return Posted("site", BLOCK_S, spans)


def written(of: Posted, *batches: PreparedBatch) -> Counter[str]:
    return Counter(statement.table.name for statement, _ in of.writes(batches))


def test_the_same_series_in_one_block_are_posted_once() -> None:
    of = posted()
    assert written(of, batch(0, [1, 2, 3], [5, 6, 7])) == {"posting": 3, "series_day": 3, "block": 1, "event_day": 1}
    assert not written(of, batch(3, [1, 2, 3], [8, 9, 10]))
    assert not written(of, batch(6, [1, 1, 3], [8, 30, 9]))
    assert written(of, batch(9, [1, 4], [8, 9])) == {"posting": 1, "series_day": 1}


def test_another_block_is_posted_again_and_the_day_is_not() -> None:
    of = posted()
    written(of, batch(0, [1, 2], [5, 6]))
    there = written(of, batch(BLOCK_S << 24, [1, 2], [5, 6]))
    assert there == {"posting": 2, "block": 1, "event_day": 1}


def test_a_day_that_event_times_stay_on_is_told_again_each_day() -> None:
    of = posted()
    written(of, batch(0, [1, 2], [5, 6]))
    there = written(of, batch(86_400 << 24, [1, 2], [5, 6]))
    assert there == {"posting": 2, "block": 1, "event_day": 1, "series_day": 2}


def test_event_times_widen_what_was_stored_before_and_never_narrow_it() -> None:
    place = Place(0, 1, bucket_of(batch(0, [1], [0]).start, BLOCK_S))
    of = posted({place: Span(0, 10 * MINUTE_MS - 1)})
    (block,) = [
        values for statement, values in of.writes([batch(0, [1], [15 * MINUTE_MS])]) if statement is cql.ADD_BLOCK
    ]
    assert block == ("site", *place, 0, 16 * MINUTE_MS - 1)
    assert written(of, batch(1, [1], [15 * MINUTE_MS + 59_999])) == {}


@given(
    st.lists(
        st.lists(st.tuples(st.integers(1, 5), st.integers(-3 * DAY_MS, 3 * DAY_MS)), min_size=1, max_size=12),
        min_size=1,
        max_size=6,
    )
)
def test_every_reading_has_its_posting_and_lies_within_the_times_of_its_block(
    batches: list[list[tuple[int, int]]],
) -> None:
    of = posted()
    postings: Counter[tuple[int, int]] = Counter()
    spans: dict[int, Span] = {}
    for number, readings in enumerate(batches):
        series, times = zip(*sorted(readings), strict=True)
        for statement, values in of.writes([batch(100 * number, list(series), list(times))]):
            if statement is cql.ADD_POSTING:
                postings[values[2], values[3]] += 1  # type: ignore[index]
            if statement is cql.ADD_BLOCK:
                spans[values[1]] = Span(*values[4:])  # type: ignore[index, arg-type]
    wanted = {(series, time // DAY_MS) for readings in batches for series, time in readings}
    assert postings.keys() == wanted
    assert set(postings.values()) == {1}
    for readings in batches:
        for _, time in readings:
            span = spans[time // DAY_MS]
            assert span.t_min <= time <= span.t_max


def test_many_shapes_take_no_more_memory_than_few() -> None:
    of = posted()
    rng = np.random.default_rng(1)
    for at in range(500):
        times = rng.integers(0, DAY_MS, 20).tolist()
        written(of, batch(20 * at, sorted(rng.integers(1, 9, 20).tolist()), times))
    (known,) = of._blocks.values()
    assert len(known.shapes) <= 64
