"""What is said twice of one thing in one transaction: the later word holds, on every implementation."""

import pytest

from headwater.model.reading import SeriesKey
from headwater.model.records import Config, Definition
from headwater.model.shipment import Shipment
from headwater.store.port import Search
from tests.store.grids import CONTEXT, keys_of, log_of, point, run, series_of, stamped
from tests.store.stores import A_TO_C, FIRST, Store


@pytest.mark.parametrize("names", [("a", "z"), ("z", "a")])
def test_the_later_of_two_configurations_holds(store: Store, names: tuple[str, str]) -> None:
    earlier, later = (Config(1, name) for name in names)
    store.ship_all([(1, Shipment(configs=((3, earlier),))), (1, Shipment(configs=((9, later),)))])
    assert store.reader.nodes()[0].config == later


def test_a_damaged_definition_yields_to_a_whole_one_that_comes_with_it(store: Store) -> None:
    damaged = Definition(log_of(1), 1, "", "", damaged=True)
    store.ship_all([(1, Shipment((FIRST,), (damaged,))), (1, Shipment((), (series_of(1, 1),), (CONTEXT,)))])
    assert store.reader.points(A_TO_C)[A_TO_C[0]].key == SeriesKey("meter1", "metric1")


@pytest.mark.parametrize("times", [(90_000_000, 30_000_000), (30_000_000, 90_000_000), (-30_000_000, -5)])
@pytest.mark.parametrize("newest", [False, True])
def test_event_times_that_come_together_are_all_found(store: Store, times: tuple[int, int], newest: bool) -> None:
    day = [time // 86_400_000 * 86_400_000 for time in times]
    every = [time for at in day for time in (at + 80_000_000, at + 10_000_000, at + 40_000_000)]
    store.ship_all(
        [
            (1, Shipment((stamped(run(1, at, 1), keys=keys_of([1], [time]), sequence=at + 1),)))
            for at, time in enumerate(every)
        ]
    )
    for at, time in enumerate(every):
        found = [one.id for one in store.reader.search(Search(time, time + 1, newest=newest), 9)]
        assert point(1, at) in found
    expected = sorted(every, reverse=newest)
    assert [one.timestamp for one in store.reader.search(Search(-(1 << 62), 1 << 62, newest=newest), 99)] == expected
