"""Ids around the ends of buckets and blocks: answers are those of an oracle, and of SQL."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from headwater.model.ids import DataPointId, IdRun, first_ordinal
from headwater.model.shipment import Shipment
from headwater.model.stamp import Lists, Origin, OriginKind, Same, Select, bitmap
from headwater.store.cassandra.connection import Row as CassandraRow
from headwater.store.cassandra.keyspace import BLOCK_S
from headwater.store.cassandra.options import CassandraOptions
from headwater.store.cassandra.places import IN_TRANSACTION, PAGE_ARRIVALS, bucket_of
from headwater.store.cassandra.reader import CassandraReader
from headwater.store.cassandra.statements import Statement
from headwater.store.port import Arrivals, Landing, Search
from headwater.wire.codec import READINGS_MAX
from tests.store.grids import CONTEXT, Grid, Oracle, Row, keys_of, log_of, series_of, stamped
from tests.store.stores import CassandraStore, new_store

HOUR_S = 3600
HOUR = 500_000
"""A bucket that ids begin in, the next one, and one after a gap."""
DAY_MS = 86_400_000
TIMES = (-(1 << 62), -DAY_MS - 1, -DAY_MS, -1, 0, 1, DAY_MS - 1, DAY_MS, 1 << 61, (1 << 62) - 1, 1 << 62)
"""Event times at the ends of days, before 1970, and far away."""


def ends() -> list[int]:
    """The first ordinals of a block, of a bucket, and of one far behind."""
    second = HOUR * HOUR_S
    return [first_ordinal(at) for at in (second + BLOCK_S, second + HOUR_S, second + 100 * HOUR_S)]


def runs(node: int) -> list[IdRun]:
    """Batches before, over, at and behind each end; the longest there are among them."""
    found = []
    for end in ends():
        for first, count in ((-READINGS_MAX - 3, 2), (-READINGS_MAX + 1, READINGS_MAX), (1, 3), (4, 1)):
            found.append(IdRun(node, end + first, count))
        second = end + first_ordinal(BLOCK_S // 2)
        found += [IdRun(node, second - 2, 2), IdRun(node, second, 2)]
    return found


def around() -> Grid:
    """Two nodes that have made ids around all ends, the second one from the first; a third one averages."""
    grid = Grid(definitions=[series_of(1, number) for number in range(1, 4)])
    for at, run in enumerate(runs(1)):
        count = run.count
        series = sorted(1 + (at + number) % 3 for number in range(count))
        timestamps = [TIMES[(at + number) % len(TIMES)] if number < 30 else 7 for number in range(count)]
        keys = keys_of(series, timestamps)
        grid.rows.append(Row(stamped(run, sequence=at + 1, keys=keys), series, timestamps))
    for at, (run, parent) in enumerate(zip(runs(2), runs(1), strict=True)):
        inputs = Same(parent) if at % 2 else Select(parent, bitmap(list(range(parent.count)), parent.count))
        made = stamped(run, inputs, sequence=at + 1, entry=log_of(1), sent_ms=900 + at)
        grid.rows.append(Row(made, [], []))
    for at, (parent, following) in enumerate(pairwise(runs(2))):
        averaged = Lists("average", ((parent.part(parent.count - 1, 1), following.part(0, 1)),))
        made = stamped(
            IdRun(3, ends()[0] + at, 1),
            averaged,
            sequence=at + 1,
            origin=Origin(OriginKind.STEP, log_of(3), at, 1),
            keys=keys_of([1], [at]),
        )
        grid.rows.append(Row(made, [1], [at]))
    return grid


GRID = around()
ORACLE = Oracle(GRID)
IDS = [at for end in ends() for at in range(end - READINGS_MAX - 8, end + 8)]
EDGES = [at for end in ends() for near in (end - READINGS_MAX, end) for at in range(near - 5, near + 7)]


@pytest.fixture(scope="module", params=[1, 100])
def store(request: pytest.FixtureRequest, store_keyspace: CassandraOptions) -> Iterator[CassandraStore]:
    """A store that has it, batch by batch or all at once."""
    with new_store("cassandra") as store:
        assert isinstance(store, CassandraStore)
        shipments = GRID.shipments()
        if request.param == 1:
            shipments.reverse()
        for first in range(0, len(shipments), request.param):
            store.ship_all(shipments[first : first + request.param])
        store.ship(1, Shipment((), tuple(GRID.definitions), (CONTEXT,)))
        yield store


def fresh(store: CassandraStore) -> None:
    """Forget what the reader remembers, so that it asks."""
    store.reader.close()
    store.reader = store.open_reader()


@pytest.mark.parametrize("node", [1, 2])
def test_every_id_around_an_end_is_found(store: CassandraStore, node: int) -> None:
    fresh(store)
    for at in EDGES:
        one = [DataPointId(node, at)]
        assert store.reader.points(one) == ORACLE.points(one)
        fresh_edge = [DataPointId(node, at), DataPointId(node, at + 2)]
        assert store.reader.points(fresh_edge) == ORACLE.points(fresh_edge)


def test_ranges_over_ends_are_found_whole(store: CassandraStore) -> None:
    fresh(store)
    ids = [DataPointId(node, at) for node in (1, 2) for at in IDS[:: 1 if node == 2 else 5]]
    assert store.reader.points(ids) == ORACLE.points(ids)


def test_lineage_goes_over_ends_both_ways(store: CassandraStore) -> None:
    fresh(store)
    some = [DataPointId(1, at) for at in EDGES]
    forward = {at: (point, tuple(sorted(edges))) for at, (point, edges) in store.reader.forward(some).items()}
    assert forward == ORACLE.forward(some)
    fresh(store)
    last = [DataPointId(3, ends()[0] + at) for at in range(len(runs(2)) - 1)]
    assert dict(store.reader.backward(last)) == ORACLE.backward(last)


@pytest.mark.parametrize("node", [1, 2, 3])
def test_the_newest_go_back_over_ends(store: CassandraStore, node: int) -> None:
    fresh(store)
    every = sorted((at for at in ORACLE.ids if at.node == node), reverse=True)
    assert [one.id for one in store.reader.last_of(node, len(every) + 1)] == every
    for before in EDGES[::3]:
        expected = [at for at in every if at.ordinal < before][:9]
        assert [one.id for one in store.reader.last_of(node, 9, before)] == expected


@pytest.mark.parametrize("newest", [False, True])
@pytest.mark.parametrize("meter", [None, "meter1"])
@pytest.mark.parametrize("metric", [None, "metric2"])
def test_searches_find_everything_at_the_ends_of_days(
    store: CassandraStore, newest: bool, meter: str | None, metric: str | None
) -> None:
    fresh(store)
    places = sorted(TIMES)
    for first, last in [*pairwise(places), (places[0], places[-1] + 1), (-(1 << 63), (1 << 63) - 1)]:
        search = Search(first, last, meter, metric, newest=newest)
        expected = [one.id for one in ORACLE.search(search)]
        assert [one.id for one in store.reader.search(search, len(expected) + 1)] == expected


def test_who_follows_is_told_when_what_was_stored_has_expired(store_keyspace: CassandraOptions) -> None:
    with new_store("cassandra") as store:
        reader = store.reader
        assert isinstance(reader, CassandraReader)
        assert store.reader.arrivals(Landing(0, -1), 9) == Arrivals([], True)
        shipments = GRID.shipments()
        store.ship_all(shipments[:2])
        assert store.reader.arrivals(Landing(0, -1), 9).whole
        reader._connection.session.execute("DELETE FROM arrival WHERE site = %s AND page = 0", [store.site])
        assert not store.reader.arrivals(Landing(0, -1), 9).whole
        place = store.reader.landing()
        assert store.reader.arrivals(place, 9) == Arrivals([], True)
        store.ship_all(shipments[2:3])
        found = store.reader.arrivals(place, 9)
        assert (len(found.batches), found.whole) == (1, True)


def test_who_was_away_for_ever_is_told_at_once_where_what_is_kept_begins(
    store_keyspace: CassandraOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After ten million transactions of which the last ones are kept."""
    with new_store("cassandra") as store:
        reader = store.reader
        assert isinstance(reader, CassandraReader)
        store.ship_all(GRID.shipments()[:1])
        session, last = reader._connection.session, 10_000_000
        kept = session.execute("SELECT batches FROM arrival WHERE site = %s AND page = 0", [store.site]).one()[0]
        session.execute("DELETE FROM arrival WHERE site = %s AND page = 0", [store.site])
        for taken in (last - 3 * PAGE_ARRIVALS, last):
            row = [store.site, taken // PAGE_ARRIVALS, taken, kept]
            session.execute("INSERT INTO arrival (site, page, taken, batches) VALUES (%s, %s, %s, %s)", row)
        session.execute("INSERT INTO head (site, taken) VALUES (%s, %s)", [store.site, last])
        asked, rows = [], reader._connection.rows

        def counted(statement: Statement, *values: object) -> Iterator[CassandraRow]:
            asked.append(values)
            return rows(statement, *values)

        monkeypatch.setattr(reader._connection, "rows", counted)

        found = reader.arrivals(Landing(0, -1), 1_000)

        assert not found.whole
        places = [arrival.place.bid // IN_TRANSACTION for arrival in found.batches]
        assert set(places) == {last - 3 * PAGE_ARRIVALS, last}
        assert len(asked) < 50


def test_the_first_bucket_of_a_node_is_the_first(store: CassandraStore) -> None:
    reader = store.reader
    assert isinstance(reader, CassandraReader)
    begun = {row[0]: row[4] for row in reader._catalogue.node_rows()}
    assert begun[1] == bucket_of(runs(1)[0].start, reader._catalogue.layout.bucket_s)
