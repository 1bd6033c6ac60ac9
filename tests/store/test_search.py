"""Searches and parts of batches of many readings answer as the oracle does: in order, whatever the batches overlap."""

import gc
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.model.ids import DataPointId
from headwater.model.shipment import Shipment, ShippedStamp
from headwater.model.stamp import Origin, OriginKind, Same, Select, bitmap
from headwater.store import search
from headwater.store.port import Place, Search
from headwater.store.search import HITS_WAITING_MAX
from tests.store.grids import NODES, SOURCE, START, Grid, Oracle, Row, keys_of, log_of, run, series_of, stamped
from tests.store.stores import SqliteStore

SERIES = 12
COUNT = 60
TIMES_MS = 1_000


def grid_of(seed: int, batches: int) -> Grid:
    """First stamps of the series of two logs at nodes 1 and 2, with times that overlap, and of each what node
    3 got of it; the batches of node 2 have the lower ordinals."""
    pick = random.Random(seed)
    grid = Grid([], [series_of(node, number) for node in (1, 2) for number in range(1, SERIES + 1)])
    for at in range(batches):
        node = 1 + at % 2
        origin = Origin(OriginKind.SOURCE, SOURCE, 1_000 * at) if at % 3 else Origin(OriginKind.ENTRY, log_of(node), at)
        made = run(node, 1_000_000 * (2 - node) + COUNT * at, COUNT)
        series = sorted(pick.choices(range(1, SERIES + 1), k=COUNT))
        if at % 4:
            times = [pick.randrange(TIMES_MS) for _ in series]
        else:  # A tick after the other, at times that others have too.
            times = [10 * (position % 5) + 50 * (at % 16) for position in range(COUNT)]
        first = stamped(made, keys=keys_of(series, times), sequence=at, origin=origin)
        grid.rows.append(Row(first, series, times))
        grid.rows += halves(at, first) if at % 2 else [selected(pick, at, Row(first, series, times))]
    return grid


def halves(at: int, first: ShippedStamp) -> list[Row]:
    """A batch passed on to node 3 in halves, one after the other."""
    half = COUNT // 2
    return [
        Row(
            stamped(
                run(3, COUNT * at + place, half),
                Same(first.stamp.run.part(place, half)),
                sequence=COUNT * at + place,
                entry=first.entry,
                sent_ms=900 + at + place,
                origin=first.origin,
            ),
            [],
            [],
        )
        for place in (0, half)
    ]


def selected(pick: random.Random, at: int, row: Row) -> Row:
    """Half of a batch at node 3, every other time with keys of its own."""
    first = row.shipped
    kept = sorted(pick.sample(range(COUNT), COUNT // 2))
    series, times = ([column[place] for place in kept] for column in (row.series, row.timestamps))
    passed = stamped(
        run(3, COUNT * at, len(kept)),
        Select(first.stamp.run, bitmap(kept, COUNT)),
        sequence=COUNT * at,
        keys=keys_of(series, times) if at % 4 else None,
        entry=first.entry,
        sent_ms=900 + at,
        origin=first.origin,
    )
    return Row(passed, series, times)


@pytest.fixture(scope="module", params=[False, True], ids=["in one period", "in three"])
def asked(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[SqliteStore, Oracle]]:
    folder: Path = tmp_path_factory.mktemp("store")
    grid = grid_of(3, 64)
    store = SqliteStore(folder)
    shipments = grid.shipments()
    for first in range(0, len(shipments), 44):
        if request.param and first:
            store.next_day()
        store.ship_all(shipments[first : first + 44])
    store.ship_names(grid)
    yield store, Oracle(grid)
    store.close()


@pytest.mark.parametrize("newest", [False, True])
@pytest.mark.parametrize("size", [1, 7, 100, HITS_WAITING_MAX, 100_000])
@pytest.mark.parametrize(
    "wanted",
    [
        Search(0, TIMES_MS),
        Search(100, 300, "meter1", "metric3"),
        Search(99, 801, "meter2"),
        Search(0, TIMES_MS, metric="metric5"),
        Search(20, 21, node=1),
        Search(500, 900, "meter1", "metric12", 2),
        Search(0, 500, "meter9"),
    ],
)
def test_a_search_finds_what_it_should_in_order(
    asked: tuple[SqliteStore, Oracle], wanted: Search, size: int, newest: bool
) -> None:
    store, oracle = asked
    wanted = wanted._replace(newest=newest)
    expected = oracle.search(wanted)
    found = store.reader.search(wanted, size)
    assert len(found) == len(expected[:size])
    assert found == expected[:size]
    for after in expected[:: len(expected) // 3 + 1]:
        assert after.timestamp is not None
        place = Place(after.timestamp, after.id.node, after.id.ordinal)
        behind = expected[expected.index(after) + 1 :][:size]
        assert store.reader.search(wanted._replace(after=place), size) == behind


def test_batches_too_large_to_be_looked_through_together_are_all_looked_through(
    asked: tuple[SqliteStore, Oracle], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, oracle = asked
    wanted = Search(0, TIMES_MS, metric="metric5")
    for most in (1, COUNT, 3 * COUNT):
        monkeypatch.setattr(search, "PORTION_READINGS_MAX", most)
        assert store.reader.search(wanted, 100_000) == oracle.search(wanted)


@pytest.mark.parametrize("collecting", [True, False])
def test_garbage_is_collected_after_an_answer_if_it_was_before(
    asked: tuple[SqliteStore, Oracle], collecting: bool
) -> None:
    found = asked[0].reader.search(Search(0, TIMES_MS), 1_000)
    (gc.enable if collecting else gc.disable)()
    try:
        assert list(found)
        assert gc.isenabled() == collecting
    finally:
        gc.enable()


@pytest.mark.parametrize("reopened", [False, True])
def test_a_part_of_a_batch_is_answered_as_all_of_it_is(asked: tuple[SqliteStore, Oracle], reopened: bool) -> None:
    store, oracle = asked
    pick = random.Random(8)
    for _ in range(60):
        first = pick.randrange(len(oracle.ids))
        ids = oracle.ids[first : first + pick.choice((1, 1, 2, 9, 40))]
        if reopened:
            store.reader.close()
            store.reader = store.open_reader()
        assert store.reader.points(ids) == oracle.points(ids)
        assert store.reader.backward(ids) == oracle.backward(ids)
    for node in NODES:
        for size in (1, 5, 50, 200):
            assert store.reader.last_of(node, size) == oracle.last_of(node, size)


def test_a_chain_of_nodes_longer_than_is_looked_through_at_once_is_named(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    store.ship_names(Grid([], [series_of(1, 7)]))
    store.ship(1, Shipment((stamped(run(1, 0, 20), keys=keys_of([7] * 20, list(range(20)))),)))
    for at in range(1, 100):
        above = stamped(run(1, 100 * at, 20), Same(run(1, 100 * (at - 1), 20)), sequence=at)
        store.ship(1, Shipment((above,)))
    asked = DataPointId(1, START + 9_905)
    (found,) = store.reader.points([asked]).values()
    assert (found.key, found.timestamp) == (("meter1", "metric7"), 5)
    store.close()
