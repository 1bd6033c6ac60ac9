"""Transactions that break off anywhere, on a real Cassandra: what is shipped again leaves a store that saw all once."""

import random
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from headwater.model.context import Context
from headwater.model.errors import Unavailable
from headwater.model.reading import SeriesKey
from headwater.model.records import Config, Loss
from headwater.model.shipment import Shipment
from headwater.model.stamp import Lists, Same
from headwater.store.cassandra import connection as connections
from headwater.store.cassandra import statements as cql
from headwater.store.cassandra.connection import Connection, Write, connected
from headwater.store.cassandra.options import CassandraOptions
from headwater.store.cassandra.writer import CassandraWriter
from headwater.store.port import Group, Landing, Reader, Search
from tests.store.grids import CONTEXT, NODES, keys_of, log_of, point, run, series_of, stamped
from tests.store.stores import CassandraStore, SqliteStore, Store

HOUR_IDS = 3600 << 24
MINUTE_MS = 60_000


class Breaking(Connection):
    """A connection whose writes break off when it is told so: some rows are there then, and others come late."""

    def __init__(self, whole: Connection) -> None:
        super().__init__(whole.options, whole.cluster, whole.session)
        self.may_break: Callable[[int], bool] = lambda rows: False
        """Whether to break off in a request of so many rows."""
        self.then: dict[str, Callable[[], None]] = {}
        """Done once before the `rows` of a transaction are written, `behind` them, and before the `head`."""
        self.chance = random.Random(0)
        self.late: list[tuple[int, list[Write]]] = []
        """(timestamp, writes) under way when it broke off."""

    def write(self, writes: Iterable[Write]) -> None:
        rows = list(writes)
        if not self.may_break(len(rows)):
            self._do("rows")
            super().write(rows)
            self._do("behind")
            return
        self._break(super().write, [[row] for row in rows])

    def write_at_once(self, writes: list[Write]) -> None:
        if not self.may_break(1):
            if writes[0][0] == cql.SET_HEAD:
                self._do("head")
            super().write_at_once(writes)
            return
        self._break(super().write_at_once, [writes])

    def _do(self, when: str) -> None:
        self.then.pop(when, lambda: None)()

    def come_late(self) -> None:
        """What was under way arrives, with the time at which it was sent."""
        own, late, self.late = self.cluster.timestamp_generator, self.late, []
        try:
            for sent_us, writes in late:
                self.cluster.timestamp_generator = lambda sent_us=sent_us: sent_us
                super().write_at_once(writes)
        finally:
            self.cluster.timestamp_generator = own

    def _break(self, write: Callable[[list[Write]], None], requests: list[list[Write]]) -> None:
        there = self.chance.choice((0.0, 0.5, 1.0))
        for request in requests:
            if self.chance.random() < there:
                write(request)
            else:
                self.late.append((time.time_ns() // 1_000, request))
        raise Unavailable("it broke off", 0.0)


@pytest.fixture(scope="module")
def breaking(store_keyspace: CassandraOptions) -> Iterator[Breaking]:
    """Stores that are opened meanwhile write through it."""
    options = replace(store_keyspace, request_s=61)
    found = Breaking(connected(options))
    key = msgspec.msgpack.encode(options)
    found.session.set_keyspace(options.keyspace)
    connections._shared[key] = (found, 1)
    yield found
    del connections._shared[key]
    found.close()


def shipments() -> dict[int, list[Shipment]]:
    """What each node ships, in its order: readings over two hours that arrive out of their order in event time, sent
    on by a second node, averaged by a third; with names, configurations, contexts and losses."""
    found: dict[int, list[Shipment]] = {node: [] for node in NODES}
    for at in range(5):
        first = at * HOUR_IDS // 3
        times = [(9 - at) * 7 * MINUTE_MS + number for number in range(3)]
        keyed = stamped(run(1, first, 3), keys=keys_of([1, 2, 3 + at], times), sequence=at + 1)
        sent = stamped(run(2, first, 3), Same(run(1, first, 3)), entry=log_of(1), sequence=at + 1, sent_ms=900 + at)
        made = Lists("average", ((run(2, first, 2),), (run(2, first + 2, 1),)))
        averaged = stamped(run(3, first, 2), made, keys=keys_of([1, 2], [at, at]), sequence=at + 1)
        found[1].append(Shipment((keyed,), (series_of(1, 3 + at), series_of(1, 1)), (CONTEXT, Context(line=at))))
        found[2].append(Shipment((sent,), configs=((at + 1, Config(2, f"name{9 - at}")),)))
        found[3].append(Shipment((averaged,), (series_of(3, 1),)))
        for node in NODES:
            loss = Loss("gap", log_of(node), at, at, runs=(run(node, first + 10, 1),))
            found[node].append(Shipment(losses=((100 + at, loss),)))
    return found


def ship_through(store: Store, chance: random.Random, failed: Callable[[], None]) -> None:
    """Ship everything, what broke off again, in another company and order; `failed` is called in between."""
    waiting = {node: deque(enumerate(each, 1)) for node, each in shipments().items()}
    while any(waiting.values()):
        groups: list[Group] = []
        taken = {node: min(chance.randint(0, 3), len(each)) for node, each in waiting.items()}
        for node in chance.sample(NODES, len(NODES)):
            groups += [Group(log_of(node), *waiting[node][at]) for at in range(taken[node])]
        try:
            outcomes = store.writer.add_all(groups)
        except Unavailable:
            failed()
            continue
        assert outcomes == [None] * len(groups)
        for node, count in taken.items():
            for _ in range(count):
                waiting[node].popleft()


IDS = [point(node, at * HOUR_IDS // 3 + number) for node in NODES for at in range(5) for number in range(-1, 12)]
SEARCHES = [
    Search(-(1 << 62), 1 << 62),
    Search(0, 30 * MINUTE_MS, newest=True),
    Search(7 * MINUTE_MS, 50 * MINUTE_MS, "meter1", "metric1"),
    Search(0, 1 << 40, "meter1"),
    Search(0, 1 << 40, metric="metric2", node=1),
]


def answers(reader: Reader) -> dict[str, object]:
    """Everything that does not depend on the order in which it came."""
    arrived = reader.arrivals(Landing(0, -1), 1_000)
    return {
        "totals": {**reader.totals(), "bytes": 0},
        "refused": reader.refused(),
        "points": reader.points(IDS),
        "backward": dict(reader.backward(IDS)),
        "forward": {at: (one, tuple(sorted(edges))) for at, (one, edges) in reader.forward(IDS).items()},
        "searches": [list(reader.search(search, 1_000)) for search in SEARCHES],
        "found": list(reader.find(SeriesKey("meter1", "metric2"), 0, 1 << 40, 9)),
        "newest": [reader.last_of(node, 100) for node in NODES],
        "losses": sorted(map(repr, (one[:3] for one in reader.losses()))),
        "of nodes": [sorted(map(repr, (one[:3] for one in reader.losses(node)))) for node in NODES],
        "the first of nodes": [len(reader.losses(node, 2)) for node in NODES],
        "missing": reader.missing(IDS),
        "alarms": reader.alarms(),
        "configs": {node.id: node.config for node in reader.nodes()},
        "arrivals": sorted(map(repr, (one._replace(place=Landing(0, 0)) for one in arrived.batches))),
        "whole": arrived.whole,
    }


@pytest.fixture(scope="module")
def expected() -> dict[str, object]:
    """What a store answers that nothing ever happened to."""
    with tempfile.TemporaryDirectory(prefix="headwater-test-") as folder:
        store = SqliteStore(Path(folder))
        try:
            ship_through(store, random.Random(1), lambda: None)
            return answers(store.reader)
        finally:
            store.close()


@pytest.mark.parametrize("seed", range(6))
def test_what_breaks_off_anywhere_and_is_shipped_again_is_there_once(
    breaking: Breaking, expected: dict[str, object], tmp_path: Path, seed: int
) -> None:
    chance = breaking.chance = random.Random(seed)

    class BreakingStore(CassandraStore):
        keyspace = breaking.options

    store = BreakingStore(tmp_path)
    left = 10

    def may_break(rows: int) -> bool:
        nonlocal left
        if not left or chance.random() < 0.4:
            return False
        left -= 1
        return True

    def failed() -> None:
        if chance.random() < 0.3:
            breaking.come_late()
        if chance.random() < 0.5:  # Another process has taken over.
            store.writer = store.open_writer()

    try:
        breaking.may_break = may_break
        ship_through(store, chance, failed)
        breaking.may_break = lambda rows: False
        breaking.come_late()
        assert left < 10
        assert answers(store.reader) == expected
        store.reopen()
        assert answers(store.reader) == expected
        assert [store.hello(node) for node in NODES] == [10, 10, 10]
        landing = store.reader.landing()
        assert store.reader.arrivals(landing, 9).batches == []
    finally:
        breaking.may_break = lambda rows: False
        breaking.late = []
        store.close()


@pytest.mark.parametrize("during", [None, "rows", "behind", "head"])
def test_a_writer_whose_lease_lapsed_goes_on_from_what_another_has_written_meanwhile(
    breaking: Breaking, tmp_path: Path, during: str | None
) -> None:
    class BreakingStore(CassandraStore):
        keyspace = breaking.options

    def another() -> None:
        """Another process has the lease for a while, and gives it back; ours was asleep."""
        elsewhere = replace(breaking.options, request_s=62)
        others = CassandraWriter(elsewhere, tmp_path, store.site, lambda: store.now_ms)
        others.add(log_of(2), [(1, batch(2))])
        others.close()
        gone = "DELETE FROM writer USING TIMESTAMP %s WHERE site = %s"
        breaking.session.execute(gone, [time.time_ns() // 1_000, store.site])
        assert isinstance(store.writer, CassandraWriter)
        assert store.writer._lease is not None
        store.writer._lease._renewed_s -= 60

    def batch(node: int, at: int = 0) -> Shipment:
        return Shipment((stamped(run(node, at, 3), keys=keys_of([1, 1, 1], [1, 2, 3])),))

    store = BreakingStore(tmp_path)
    try:
        store.writer.add(log_of(1), [(1, batch(1))])
        if during:
            breaking.then[during] = another
            with pytest.raises(Unavailable, match=r"another process|lease is sure"):
                store.writer.add(log_of(1), [(2, batch(1, 3))])
        else:
            another()
        store.writer.add(log_of(1), [(2, batch(1, 3))])
        assert store.reader.totals()["stamps"] == 9
        assert len(store.reader.arrivals(Landing(0, -1), 9).batches) == 3
        assert store.hello(2) == 1
        store.reopen()
        assert (store.hello(1), store.hello(2), store.reader.totals()["stamps"]) == (2, 1, 9)
    finally:
        breaking.then = {}
        store.close()
