"""What every provenance store promises of its answers, on every implementation."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.model.errors import Rejected
from headwater.model.ids import DataPointId
from headwater.model.reading import SeriesKey
from headwater.model.records import Loss
from headwater.model.report import NodeReport
from headwater.model.shipment import Shipment
from headwater.model.stamp import Lists, Origin, OriginKind, Same, Select, bitmap
from headwater.store.port import DataPoint, Edge, Place, Search
from tests.store.grids import (
    CONTEXT,
    SOURCE,
    START,
    Grid,
    Oracle,
    grids,
    keys_of,
    log_of,
    point,
    run,
    stamped,
)
from tests.store.stores import A_TO_C, FIRST, NAMES, SqliteStore, Store, chain, new_store

slow_but_thorough = settings(
    max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


class Arrival:
    """The order in which a grid's shipments reach the store, and where periods end."""

    def __init__(self, order: list[int], days: set[int], at_once: int) -> None:
        self.order = order
        self.days = days
        self.at_once = at_once

    def ship(self, store: Store, grid: Grid) -> None:
        shipments = grid.shipments()
        for first in range(0, len(self.order), self.at_once):
            if first in self.days:
                store.next_day()
            store.ship_all([shipments[at] for at in self.order[first : first + self.at_once]])
        store.ship_names(grid)


@st.composite
def arriving(draw: st.DrawFn) -> tuple[Grid, Arrival]:
    grid = draw(grids())
    order = draw(st.permutations(range(len(grid.rows))))
    days = draw(st.sets(st.integers(0, len(order)), max_size=4))
    return grid, Arrival(list(order), days, draw(st.sampled_from((1, 2, 20))))


@slow_but_thorough
@given(case=arriving())
def test_answers_are_those_of_an_oracle_in_whatever_order_stamps_arrive(kind: str, case: tuple[Grid, Arrival]) -> None:
    grid, arrival = case
    oracle = Oracle(grid)
    with new_store(kind) as store:
        arrival.ship(store, grid)
        reader = store.reader
        assert reader.points(oracle.ids) == oracle.points(oracle.ids)
        for at in oracle.ids[::3]:
            assert reader.backward([at]) == oracle.backward([at])
            assert ordered(reader.forward([at])) == oracle.forward([at])
        assert reader.backward(oracle.ids) == oracle.backward(oracle.ids)
        assert ordered(reader.forward(oracle.ids)) == oracle.forward(oracle.ids)
        for node in (1, 2, 3):
            assert reader.last_of(node, 5) == oracle.last_of(node, 5)
        for size in (3, 100):
            key = SeriesKey("meter1", "metric2")
            assert reader.find(key, 10, 40, size) == oracle.find(key, 10, 40, size)


@slow_but_thorough
@given(
    case=arriving(),
    meter=st.sampled_from((None, "meter1", "meter2")),
    metric=st.sampled_from((None, "metric1", "metric2")),
    node=st.sampled_from((None, 1, 2)),
    newest=st.booleans(),
    size=st.integers(1, 7),
)
def test_pages_of_a_search_give_each_value_once_in_order(
    kind: str,
    case: tuple[Grid, Arrival],
    meter: str | None,
    metric: str | None,
    node: int | None,
    newest: bool,
    size: int,
) -> None:
    grid, arrival = case
    search = Search(5, 45, meter, metric, node, newest)
    with new_store(kind) as store:
        arrival.ship(store, grid)
        assert list(pages(store, search, size)) == Oracle(grid).search(search)


def pages(store: Store, search: Search, size: int) -> Iterator[DataPoint]:
    while page := store.reader.search(search, size):
        yield from page
        last = page[-1]
        assert last.timestamp is not None
        place = Place(last.timestamp, last.id.node, last.id.ordinal)
        assert place != search.after
        search = search._replace(after=place)


def test_readings_that_come_between_two_pages_move_nothing(store: Store) -> None:
    store.ship(1, NAMES)
    store.ship(1, Shipment((stamped(run(1, 0, 6), keys=keys_of([1] * 6, [10, 20, 20, 20, 30, 40])),)))
    search = Search(0, 100, "meter1", newest=True)
    seen = []
    for at in pages(store, search, 1):
        seen.append(at.id)
        if len(seen) < 4:
            # Newer ones, and others at the times that were and are to come.
            start = 100 * len(seen)
            store.ship(1, Shipment((stamped(run(1, start, 3), keys=keys_of([1] * 3, [99, 40, 30])),)))
    were_there = [point(1, position) for position in (5, 4, 3, 2, 1, 0)]
    assert [at for at in seen if at in were_there] == were_there
    assert len(set(seen)) == len(seen)


def test_the_newest_go_on_below_an_ordinal(store: Store) -> None:
    store.ship(1, Shipment((stamped(run(1, 0, 4)),)))
    store.next_day()
    store.ship(1, Shipment((stamped(run(1, 4, 4), sequence=2),)))
    ordinals = [at.id.ordinal for at in store.reader.last_of(1, 99)]
    for before in ordinals:
        left = [ordinal for ordinal in ordinals if ordinal < before]
        assert [at.id.ordinal for at in store.reader.last_of(1, 3, before)] == left[:3]


@slow_but_thorough
@given(case=arriving(), most=st.integers(1, 4))
def test_batches_come_once_in_the_order_in_which_the_store_took_them(
    kind: str, case: tuple[Grid, Arrival], most: int
) -> None:
    grid, arrival = case
    oracle = Oracle(grid)
    shipped = [grid.rows[at].shipped.stamp.run for at in arrival.order]
    with new_store(kind) as store:
        start = store.reader.landing()
        arrival.ship(store, grid)
        place, taken = start, []
        while (found := store.reader.arrivals(place, most)).batches:
            assert found.whole
            taken += found.batches
            place = found.batches[-1].place
        assert [one.run for one in taken] == shipped
        assert place == store.reader.landing()
        for one in taken:
            points = [oracle.point(one.run.at(position)) for position in range(one.run.count)]
            times = [at.timestamp for at in points if at.timestamp is not None]
            assert set(one.series) == {at.key for at in points if at.key is not None}
            assert one.times == ((min(times), max(times)) if times else None)


Forward = dict[DataPointId, tuple[DataPoint, tuple[Edge, ...]]]


def ordered(found: Forward) -> Forward:
    """A forward answer with the outputs of each data point in order."""
    return {at: (data_point, tuple(sorted(edges))) for at, (data_point, edges) in found.items()}


def test_what_arrives_later_completes_earlier_answers(store: Store) -> None:
    forwarded = stamped(run(2, 0, 3), Same(run(1, 0, 3)), entry=log_of(1), sent_ms=4_002)
    store.ship(2, Shipment((forwarded,)))
    at = point(2, 0)
    assert list(store.reader.backward([at])) == [at]
    assert store.reader.points([at])[at].key is None
    assert store.reader.points([at])[at].context is None
    store.next_day()
    chain(store, nodes=1)
    assert list(store.reader.backward([at])) == [at, point(1, 0)]
    found = store.reader.points([at, point(1, 0)])
    assert found[at].key == SeriesKey("meter1", "metric1")
    assert found[at].timestamp == 10
    assert found[at].context == CONTEXT
    assert found[point(1, 0)].sent_ms == 4_002


def test_a_run_over_several_batches_and_gaps_resolves_what_is_there(store: Store) -> None:
    store.ship(1, NAMES)
    store.ship(1, Shipment((FIRST, stamped(run(1, 4, 2), keys=keys_of([2, 2], [70, 80]), sequence=2))))
    store.ship(2, Shipment((stamped(run(2, 0, 5), Same(run(1, 1, 5)), entry=log_of(1)),)))
    ids = [point(2, position) for position in range(5)]
    assert [at.timestamp for at in store.reader.points(ids).values()] == [20, 10, None, 70, 80]
    assert list(store.reader.backward([ids[2]])) == [ids[2]]


def test_parts_of_parts_that_were_passed_on_keep_their_names_and_numbers(store: Store) -> None:
    store.ship(1, NAMES)
    store.ship(1, Shipment((stamped(run(1, 0, 9), keys=keys_of([1] * 9, list(range(9)))),)))
    for node, (first, count) in ((2, (2, 6)), (3, (1, 4))):
        origin = Origin(OriginKind.SOURCE, SOURCE, 100 + (2 if node == 2 else 3))
        passed = stamped(run(node, 0, count), Same(run(node - 1, first, count)), entry=log_of(1), origin=origin)
        store.ship(node, Shipment((passed,)))
    ids = [point(3, position) for position in range(4)]
    for _ in range(3):
        found = store.reader.points(ids)
        assert [at.timestamp for at in found.values()] == [3, 4, 5, 6]
        assert [at.origin[2] for at in found.values()] == [103, 104, 105, 106]
        assert {at.key for at in found.values()} == {SeriesKey("meter1", "metric1")}


def test_what_was_selected_keeps_its_number_at_the_source(store: Store) -> None:
    store.ship(1, Shipment((stamped(run(1, 0, 9), keys=keys_of([1] * 9, list(range(9)))),)))
    store.ship(2, Shipment((stamped(run(2, 0, 4), Select(run(1, 0, 9), bitmap([1, 4, 5, 8], 9))),)))
    store.ship(3, Shipment((stamped(run(3, 0, 2), Select(run(2, 0, 4), bitmap([1, 3], 4))),)))
    ids = [point(3, 0), point(3, 1)]
    found = store.reader.points(ids)
    assert [at.origin[2] for at in found.values()] == [104, 108]
    assert [at.timestamp for at in found.values()] == [4, 8]
    assert [list(store.reader.backward([at])) for at in ids] == [
        [point(3, 0), point(2, 1), point(1, 4)],
        [point(3, 1), point(2, 3), point(1, 8)],
    ]


def test_cycles_end(store: Store) -> None:
    store.ship(1, Shipment((stamped(run(1, 0, 2), Same(run(2, 0, 2))),)))
    store.ship(2, Shipment((stamped(run(2, 0, 2), Same(run(1, 0, 2)), sent_ms=3),)))
    store.ship(3, Shipment((stamped(run(3, 0, 1), Same(run(3, 0, 1))),)))
    for at, others in ((point(1, 0), {point(2, 0)}), (point(3, 0), set[DataPointId]())):
        assert set(store.reader.backward([at])) == {at} | others
        assert set(store.reader.forward([at])) == {at} | others
        assert store.reader.points([at])[at].key is None


def test_a_lineage_of_more_than_asked_for_is_refused(store: Store) -> None:
    chain(store, nodes=3)
    ends = [point(3, position) for position in range(3)]
    assert len(store.reader.backward(ends, most=9)) == 9
    assert len(store.reader.forward(A_TO_C, most=9)) == 9
    with pytest.raises(Rejected, match="too-large"):
        store.reader.backward(ends, most=8)
    with pytest.raises(Rejected, match="too-large"):
        store.reader.forward(A_TO_C, most=8)


def test_inputs_that_are_named_but_not_stored_cannot_make_a_walk_long(store: Store) -> None:
    named = Lists("average", (tuple(run(7, 20_000 * at, 8_192) for at in range(20)),))
    store.ship(1, Shipment((stamped(run(1, 0, 1), named),)))
    with pytest.raises(Rejected, match="not stored"):
        store.reader.backward([point(1, 0)])
    assert len(store.reader.points([point(1, 0)])[point(1, 0)].inputs) == 20 * 8_192


def test_edges_of_a_forward_answer_are_bounded(store: Store) -> None:
    store.ship(1, Shipment((stamped(run(1, 0, 100)),)))
    store.ship(2, Shipment((stamped(run(2, 0, 50), Lists("sum", ((run(1, 0, 100),),) * 50)),)))
    ids = [point(1, position) for position in range(100)]
    assert len(store.reader.forward(ids, most=500)) == 150
    with pytest.raises(Rejected, match="edges"):
        store.reader.forward(ids, most=499)


def test_forward_goes_on_from_ids_that_are_not_stored(store: Store) -> None:
    named = Lists("simple", ((run(77, 5, 1),),))
    store.ship(1, Shipment((stamped(run(1, 0, 1), named, outside=True),)))
    found = store.reader.forward([point(77, 5)])
    assert list(found) == [point(1, 0)]
    assert found[point(1, 0)][0].outside


def test_unknown_ids_are_absent(store: Store) -> None:
    chain(store)
    nowhere = [point(1, 3), point(1, 1 << 30), point(5, 0), DataPointId(1, 0)]
    assert list(store.reader.points([nowhere[0], A_TO_C[1], *nowhere])) == [A_TO_C[1]]
    assert store.reader.backward(nowhere) == {}
    assert store.reader.forward(nowhere) == {}
    assert store.reader.points([]) == {}
    assert store.reader.last_of(9, 5) == store.reader.last_of(1, 0) == []
    assert store.reader.find(SeriesKey("meter1", "metric1"), 5, 5, 10) == []
    assert store.reader.find(SeriesKey("meter1", "metric1"), 0, 50, 0) == []
    assert store.reader.find(SeriesKey("meter9", "metric1"), 0, 50, 9) == []


def test_answers_keep_their_order(store: Store) -> None:
    chain(store)
    asked = [point(2, 1), point(1, 2), point(1, 0)]
    assert list(store.reader.points(asked)) == asked
    newest = [at.id for at in store.reader.last_of(1, 2)]
    assert newest == [point(1, 2), point(1, 1)]
    breadth_first = list(store.reader.backward([point(3, 0), point(2, 2)]))
    assert breadth_first == [point(2, 2), point(3, 0), point(1, 2), point(2, 0), point(1, 0)]


def test_the_newest_of_a_node_are_those_last_in_its_log_not_those_that_arrived_last(store: Store) -> None:
    for position in (40, 10, 30, 20):
        store.ship(1, Shipment((stamped(run(1, position, 2)),)))
        store.next_day()
    newest = [at.id for at in store.reader.last_of(1, 5)]
    assert newest == [point(1, position) for position in (41, 40, 31, 30, 21)]


def test_a_search_takes_its_first_millisecond_and_not_its_last(store: Store) -> None:
    store.ship(1, NAMES)
    for position, timestamps in ((0, [10, 20]), (2, [10]), (3, [20]), (4, [9, 30])):
        keys = keys_of([1] * len(timestamps), timestamps)
        store.ship(1, Shipment((stamped(run(1, position, len(timestamps)), keys=keys),)))
    found = store.reader.find(SeriesKey("meter1", "metric1"), 10, 20, 9)
    assert [at.id for at in found] == [point(1, 0), point(1, 2)]


def test_a_search_orders_readings_of_one_time_by_id(store: Store) -> None:
    store.ship(1, NAMES)
    for position in (20, 10, 30):
        store.ship(1, Shipment((stamped(run(1, position, 1), keys=keys_of([1], [5])),)))
        store.next_day()
    for size in (1, 2, 3):
        found = store.reader.find(SeriesKey("meter1", "metric1"), 0, 9, size)
        assert [at.id for at in found] == [point(1, 10), point(1, 20), point(1, 30)][:size]


def test_losses_are_told_newest_first(store: Store) -> None:
    losses = [Loss("dropped", log_of(1), at, at, 5, (run(1, at, 1),)) for at in range(3)]
    for sequence, loss in enumerate(losses, 10):
        store.ship(1, Shipment((), (), (), (), ((sequence, loss),)))
    store.ship(2, Shipment((), (), (), (), ((10, losses[0]),)))
    told = [(loss.node, loss.sequence, loss.loss) for loss in store.reader.losses()]
    assert told == [(2, 10, losses[0]), (1, 12, losses[2]), (1, 11, losses[1]), (1, 10, losses[0])]
    assert [loss.sequence for loss in store.reader.losses(1, 2)] == [12, 11]
    with pytest.raises(Rejected, match="conflict"):
        store.ship(1, Shipment((), (), (), (), ((10, losses[1]),)))


def test_the_version_differs_after_every_change_and_only_then(store: Store) -> None:
    losses = ((10, Loss("dropped", log_of(1), 1, 1, 5, (run(1, 1, 1),))),)
    changes: list[Callable[[], object]] = [
        lambda: store.ship(1, NAMES),
        lambda: store.ship(1, Shipment((FIRST,))),
        lambda: store.ship(1, Shipment((), (), (), (), losses)),
        lambda: store.writer.report(NodeReport(1, store.now_ms, 1, 1, 1.0, 1.0, 1, 1, 1, store.now_ms), store.now_ms),
        store.next_day,
        lambda: store.ship(2, Shipment((stamped(run(2, 0, 3), Same(run(1, 0, 3)), entry=log_of(1)),))),
        lambda: store.ship(2, Shipment((stamped(run(2, 3, 3), sequence=9),))),
    ]
    if isinstance(store, SqliteStore):
        changes.append(partial(store.writer.delete_period, 1))
    for change in changes:
        before = store.reader.version()
        assert store.reader.version() == before
        change()
        assert (store.reader.version() != before) == (change != store.next_day)


def test_totals_count_data_points_and_batches_over_periods(store: Store) -> None:
    chain(store, nodes=2)
    store.next_day()
    store.ship(1, Shipment((stamped(run(1, START, 1)),)))
    totals = store.reader.totals()
    assert totals | {"bytes": 0} == {"stamps": 7, "batches": 3, "bytes": 0, "conflicts": 0, "expired": 0}
    assert totals["bytes"] > 0


def test_edges_equal_what_they_stand_for(store: Store) -> None:
    chain(store, nodes=2)
    inputs = store.reader.points([point(2, 1)])[point(2, 1)].inputs
    assert inputs == ((point(1, 1), "simple"),)
    assert (len(inputs), inputs[0], inputs[-1:]) == (1, inputs[0], (inputs[0],))
    assert len({inputs, (inputs[0],), ()}) == 2
    assert hash(inputs) == hash((inputs[0],))
