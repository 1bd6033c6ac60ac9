"""What only the embedded store promises: files, periods, one writer, crashes."""

import itertools
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from headwater.model.errors import ConfigError, NotFound, Unavailable
from headwater.model.reading import SeriesKey
from headwater.model.shipment import Shipment
from headwater.model.stamp import Lists, Same
from headwater.store import tail
from headwater.store.files import APPLICATION_ID, files_of, open_to_write
from headwater.store.options import SqliteOptions
from headwater.store.period import BLOCK_BATCHES
from headwater.store.reader import SqliteReader
from headwater.store.tail import SEAL_EVERY_MS, WAITING_BLOCKS_MAX
from tests.store.grids import (
    SITE,
    Grid,
    Oracle,
    Row,
    keys_of,
    log_of,
    point,
    run,
    series_of,
    stamped,
)
from tests.store.stores import DAY_MS, SqliteStore

ALONG = Path(__file__).with_name("along.py")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path)
    yield store
    store.close()


def files(store: SqliteStore) -> list[str]:
    return sorted(path.name for path in (store.folder / SITE).glob("*.sqlite"))


def one(position: int, series: int = 1, timestamp: int = 0, sequence: int = 1) -> Shipment:
    keys = keys_of([series], [timestamp])
    return Shipment((stamped(run(1, position, 1), keys=keys, sequence=sequence),))


def random_grid(seed: int, batches: int) -> Grid:
    """First stamps of two series out of many, in no order of time, and what node 2 forwarded of them."""
    pick = random.Random(seed)
    rows = []
    for at in range(batches):
        series = sorted(pick.choices(range(1, 30), k=2))
        timestamps = [pick.randrange(5_000) for _ in series]
        keys = keys_of(series, timestamps)
        rows.append(Row(stamped(run(1, 2 * at, 2), keys=keys, sequence=at), series, timestamps))
        forwarded = stamped(run(2, 2 * at, 2), Same(run(1, 2 * at, 2)), entry=log_of(1), sent_ms=900)
        rows.append(Row(forwarded, [], []))
    return Grid(rows, [series_of(1, number) for number in range(1, 30)])


@pytest.mark.parametrize("restart", [False, True])
def test_readings_are_found_by_time_across_blocks_and_periods(store: SqliteStore, restart: bool) -> None:
    grid = random_grid(7, 400)
    oracle = Oracle(grid)
    shipments = grid.shipments()
    for first in range(0, len(shipments), 100):
        if first in (300, 700):
            store.next_day()
        if restart and first in (200, 500):
            store.reopen()
        store.ship_all(shipments[first : first + 100])
    store.ship_names(grid)
    assert len(files(store)) == 4
    assert store.reader.totals()["batches"] > 2 * BLOCK_BATCHES
    for series in (1, 15, 29):
        key = SeriesKey("meter1", f"metric{series}")
        for first_ms, last_ms, size in ((0, 5_000, 1_000), (2_000, 2_400, 5), (4_990, 9_000, 3)):
            found = store.reader.find(key, first_ms, last_ms, size)
            assert found == oracle.find(key, first_ms, last_ms, size)


def postings_of(store: SqliteStore, period: int = 1) -> list[tuple[int, int, int, int]]:
    """(series number, block, t_min, t_max) as stored."""
    with closing(sqlite3.connect(store.folder / SITE / f"period-{period:08d}.sqlite")) as database:
        return database.execute("SELECT series & 255, block, t_min, t_max FROM posting").fetchall()


def fill_blocks(store: SqliteStore, blocks: int) -> None:
    """Blocks of one series each, 1, 2 and 3 in turn, a transaction each; a reading a millisecond."""
    for block in range(blocks):
        store.ship_all([(1, one(at, 1 + block % 3, at)) for at in block_of(block)])


def test_a_full_block_is_posted_once_under_each_series_in_it(store: SqliteStore) -> None:
    store.ship(1, Shipment((), tuple(series_of(1, number) for number in (1, 2, 3))))
    for block in range(3):
        store.ship_all([(1, one(at, 1 + block, at)) for at in block_of(block)])
        store.now_ms += SEAL_EVERY_MS
    assert postings_of(store) == [(1, 0, 0, 255), (2, 1, 256, 511), (3, 2, 512, 767)]
    found = store.reader.find(SeriesKey("meter1", "metric2"), 300, 303, 9)
    assert [at.timestamp for at in found] == [300, 301, 302]


def test_blocks_that_fill_fast_are_posted_together_and_found_before(store: SqliteStore) -> None:
    store.ship(1, Shipment((), tuple(series_of(1, number) for number in (1, 2, 3))))
    fill_blocks(store, 5)
    assert [block for _, block, _, _ in postings_of(store)] == [0]
    for restart in (False, True):
        if restart:
            store.reopen()
        found = store.reader.find(SeriesKey("meter1", "metric2"), 0, 5_000, 2_000)
        assert [at.timestamp for at in found] == [*block_of(1), *block_of(4)]
    store.now_ms += SEAL_EVERY_MS
    store.ship(1, one(5 * BLOCK_BATCHES, 1, 5 * BLOCK_BATCHES))
    spans = {block: (block_of(block)[0], block_of(block)[-1]) for block in range(5)}
    assert sorted(postings_of(store)) == sorted((1 + block % 3, block, *spans[block]) for block in spans)
    assert [at.timestamp for at in store.reader.find(SeriesKey("meter1", "metric2"), 0, 5_000, 2_000)] == [
        *block_of(1),
        *block_of(4),
    ]


def test_only_so_many_blocks_wait_to_be_posted(store: SqliteStore) -> None:
    fill_blocks(store, WAITING_BLOCKS_MAX)
    assert {block for _, block, _, _ in postings_of(store)} == {0}
    store.ship_all([(1, one(at, 1, at)) for at in block_of(WAITING_BLOCKS_MAX)])
    assert {block for _, block, _, _ in postings_of(store)} == set(range(WAITING_BLOCKS_MAX + 1))


def test_only_so_many_rows_wait_to_be_posted(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "WAITING_ROWS_MAX", 2 * BLOCK_BATCHES)
    fill_blocks(store, 2)
    assert {block for _, block, _, _ in postings_of(store)} == {0}
    store.ship_all([(1, one(at, 1, at)) for at in block_of(2)])
    assert {block for _, block, _, _ in postings_of(store)} == {0, 1, 2}


def test_blocks_that_wait_are_posted_when_their_period_ends(store: SqliteStore) -> None:
    fill_blocks(store, 3)
    store.ship(1, one(3 * BLOCK_BATCHES, 1, 7_000))
    store.next_day()
    store.ship(1, one(4 * BLOCK_BATCHES, 1, 7_000))
    assert sorted(block for _, block, _, _ in postings_of(store)) == [0, 1, 2, 3]


def test_a_block_begun_before_a_restart_is_posted_whole(store: SqliteStore) -> None:
    store.ship(1, Shipment((), (series_of(1, 1), series_of(1, 2))))
    store.ship_all([(1, one(at, 1, at)) for at in range(10)])
    store.reopen()
    store.ship_all([(1, one(at, 2, at)) for at in range(10, 600)])
    found = store.reader.find(SeriesKey("meter1", "metric1"), 0, 999, 99)
    assert [at.timestamp for at in found] == list(range(10))


def test_a_long_run_of_inputs_is_found_forward_also_after_shorter_ones_and_a_restart(
    store: SqliteStore,
) -> None:
    def consume(position: int, parent: int, count: int) -> None:
        store.ship(2, Shipment((stamped(run(2, position, count), Same(run(1, parent, count))),)))

    consume(0, 0, 1_000)
    store.reopen()
    store.hello(2)
    consume(1_000, 1_000, 3)
    consume(1_003, 1_003, 1)
    for at in (0, 999, 1_002, 1_003):
        assert list(store.reader.forward([point(1, at)])) == [point(2, at)]


def block_of(block: int) -> range:
    return range(block * BLOCK_BATCHES, (block + 1) * BLOCK_BATCHES)


def test_a_new_day_begins_a_new_period(store: SqliteStore) -> None:
    store.ship(1, one(0))
    store.now_ms += DAY_MS - store.now_ms % DAY_MS - 1
    store.ship(1, one(1))
    assert len(files(store)) == 2
    store.now_ms += 1
    store.ship(1, one(2))
    assert len(files(store)) == 3
    assert [period.points for period in store.writer.periods() if period.sealed] == [2]
    log = store.folder / SITE / "period-00000001.sqlite-wal"
    assert not log.exists() or log.stat().st_size == 0


def test_an_empty_period_is_kept_for_the_next_day(store: SqliteStore) -> None:
    for _ in range(3):
        store.next_day()
        store.ship(1, Shipment())
    store.ship(1, one(0))
    assert len(files(store)) == 2


def test_a_period_that_is_full_is_followed_by_another(tmp_path: Path) -> None:
    options = SqliteOptions(period_bytes_max=200_000)
    writer = options.open_writer(tmp_path, SITE, lambda: 0)
    writer.hello(SITE, 1, log_of(1), "", "", 0)
    for at in range(60):
        keys = keys_of(list(range(8_000)), [random.getrandbits(40) for _ in range(8_000)])
        writer.add(log_of(1), [(at, Shipment((stamped(run(1, 10_000 * at, 8_000), keys=keys),)))])
    sizes = [(tmp_path / SITE / f"period-{row.number:08d}.sqlite").stat().st_size for row in writer.periods()]
    writer.close()
    assert len(sizes) > 2
    assert max(sizes) < 8_000_000
    reader = options.open_reader(tmp_path, SITE)
    assert len(reader.points([point(1, 10_000 * at) for at in range(60)])) == 60
    reader.close()


def test_the_data_points_of_a_deleted_period_are_absent(store: SqliteStore) -> None:
    store.ship(1, Shipment((), (series_of(1, 1),)))
    store.ship(1, one(0, timestamp=5))
    store.next_day()
    store.ship(2, Shipment((stamped(run(2, 0, 1), Same(run(1, 0, 1)), entry=log_of(1), sent_ms=9),)))
    store.next_day()
    store.ship(3, Shipment((stamped(run(3, 0, 1), Same(run(2, 0, 1)), entry=log_of(1)),)))
    ids = [point(3, 0), point(2, 0), point(1, 0)]
    assert list(store.reader.backward(ids[:1])) == ids
    store.writer.delete_period(2)
    assert len(files(store)) == 3
    assert list(store.reader.backward(ids[:1])) == ids[:1]
    assert list(store.reader.points(ids)) == [ids[0], ids[2]]
    assert list(store.reader.forward(ids[2:])) == ids[2:]
    assert store.reader.totals()["stamps"] == 2
    store.writer.delete_period(1)
    assert store.reader.find(SeriesKey("meter1", "metric1"), 0, 9, 9) == []
    assert store.reader.last_of(1, 5) == []


def test_only_a_sealed_period_can_be_deleted(store: SqliteStore) -> None:
    store.ship(1, one(0))
    for number in (1, 2):
        with pytest.raises(NotFound, match=f"no sealed period {number}"):
            store.writer.delete_period(number)
    assert len(store.reader.points([point(1, 0)])) == 1


def test_a_reader_that_has_not_seen_the_deletion_answers_without_the_period(store: SqliteStore) -> None:
    store.ship(1, one(0))
    store.next_day()
    store.ship(1, one(1))
    (store.folder / SITE / "period-00000001.sqlite").unlink()
    reader = store.open_reader()
    assert list(reader.points([point(1, 0), point(1, 1)])) == [point(1, 1)]
    reader.close()


def test_positions_survive_the_deletion_of_their_period(store: SqliteStore) -> None:
    store.writer.add(log_of(1), [(41, one(0))])
    store.next_day()
    store.ship(2, Shipment())
    store.writer.delete_period(1)
    store.reopen()
    assert store.hello(1) == 41


def test_a_second_writer_is_refused_and_the_first_goes_on(store: SqliteStore) -> None:
    with pytest.raises(Unavailable, match="already has a writer"):
        store.open_writer()
    store.ship(1, one(0))
    store.writer.close()
    store.writer = store.open_writer()


def test_sites_have_stores_of_their_own(store: SqliteStore) -> None:
    other = SqliteOptions().open_writer(store.folder, "other", lambda: 0)
    other.close()
    shutil.move(store.folder / "other" / "catalogue.sqlite", store.folder / "catalogue.moved")
    (store.folder / "third").mkdir()
    shutil.move(store.folder / "catalogue.moved", store.folder / "third" / "catalogue.sqlite")
    with pytest.raises(ConfigError, match="holds site 'other', not 'third'"):
        SqliteOptions().open_writer(store.folder, "third", lambda: 0)
    for site in ("", "../other", "a/b", "x" * 99):
        with pytest.raises(ConfigError, match="site"):
            SqliteOptions().open_reader(store.folder, site)


def test_another_format_is_refused_by_writer_and_reader(store: SqliteStore) -> None:
    store.close()
    path = store.folder / SITE / "catalogue.sqlite"
    for pragma, message in (
        ("user_version = 2", "store format 2"),
        ("application_id = 7", "not a Headwater store"),
    ):
        database = sqlite3.connect(path)
        database.execute(f"PRAGMA {pragma}")
        database.close()
        with pytest.raises(ConfigError, match=message):
            store.open_writer()
        with pytest.raises(ConfigError, match=message):
            store.open_reader()
    database = sqlite3.connect(path)
    database.executescript(f"PRAGMA user_version = 1; PRAGMA application_id = {APPLICATION_ID};")
    database.close()
    store.writer, store.reader = store.open_writer(), store.open_reader()


def test_a_reader_while_the_store_is_being_made_is_told_so(tmp_path: Path) -> None:
    store = files_of(tmp_path, SITE)
    store.catalogue.parent.mkdir(parents=True)
    with closing(open_to_write(store.catalogue, "catalogue")):
        reader = SqliteOptions().open_reader(tmp_path, SITE)
        with pytest.raises(Unavailable, match="not there yet"):
            reader.nodes()
        reader.close()


def test_a_reader_before_any_writer_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"not there yet|cannot be opened"):
        SqliteOptions().open_reader(tmp_path, SITE)
    assert list(tmp_path.iterdir()) == []


def test_limits_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="period_days"):
        SqliteOptions(period_days=0).open_writer(tmp_path, SITE, lambda: 0)


def test_a_failed_transaction_leaves_nothing_and_the_writer_goes_on(store: SqliteStore) -> None:
    store.ship(1, one(0))
    blocker = sqlite3.connect(store.folder / SITE / "period-00000001.sqlite", isolation_level=None)
    blocker.execute("CREATE TRIGGER full BEFORE INSERT ON edge BEGIN SELECT raise(ABORT, 'disk is full'); END")
    forwarded = Shipment((stamped(run(2, 0, 1), Same(run(1, 0, 1)), entry=log_of(1)),))
    for _ in range(2):
        with pytest.raises(Unavailable, match="disk is full"):
            store.ship_all([(1, one(1)), (2, forwarded)])
    assert store.reader.totals()["stamps"] == 1
    blocker.execute("DROP TRIGGER full")
    blocker.close()
    store.ship_all([(1, one(1)), (2, forwarded)])
    assert store.reader.totals()["stamps"] == 3
    assert len(store.reader.backward([point(2, 0)])) == 2


def test_a_crash_while_a_period_is_sealed_loses_nothing(store: SqliteStore) -> None:
    """The last block is finished, the next file made, and then the process dies before the catalogue knows."""
    store.ship(1, Shipment((), (series_of(1, 1),)))
    store.ship(1, one(0, timestamp=1))
    store.writer._period.seal()
    shutil.copy(store.folder / SITE / "period-00000001.sqlite", store.folder / SITE / "period-00000002.sqlite")
    store.reopen()
    assert len(files(store)) == 2
    store.ship(1, one(1, timestamp=2))
    key = SeriesKey("meter1", "metric1")
    assert [at.timestamp for at in store.reader.find(key, 0, 9, 9)] == [1, 2]
    store.next_day()
    store.ship(1, one(2, timestamp=3))
    assert [at.timestamp for at in store.reader.find(key, 0, 9, 9)] == [1, 2, 3]


def test_a_reader_in_another_process_answers_exactly_while_the_writer_writes(store: SqliteStore) -> None:
    reader = subprocess.Popen([sys.executable, str(ALONG), "read", str(store.folder)])
    at = 0
    while reader.poll() is None:
        if at % 50 == 49:
            store.next_day()
        store.ship(1, one(at))
        store.ship(2, Shipment((stamped(run(2, at, 1), Same(run(1, at, 1)), entry=log_of(1)),)))
        at += 1
    assert reader.returncode == 0
    assert len(files(store)) > 2


def test_a_long_answer_is_read_in_short_transactions(store: SqliteStore) -> None:
    clock = itertools.count()
    reader = SqliteReader(files_of(store.folder, SITE), lambda: next(clock) / 10)
    for at in range(20):
        inputs = Same(run(1, at - 1, 1)) if at else None
        store.ship(1, Shipment((stamped(run(1, at, 1), inputs, sequence=at + 1),)))
    assert len(reader.points([point(1, 0)])) == 1
    statements: list[str] = []
    period = reader._periods.numbered(1)
    assert period is not None
    period.connection.execute("COMMIT")
    reader._periods._begun.clear()
    period.connection.set_trace_callback(statements.append)
    assert len(reader.backward([point(1, 19)])) == 20
    lengths = [len(list(group)) for begins, group in itertools.groupby(statements, "BEGIN".__eq__) if not begins]
    assert statements.count("BEGIN") == statements.count("COMMIT") > 4
    assert max(lengths) < 10
    reader.close()


def test_what_a_killed_writer_confirmed_is_there(tmp_path: Path) -> None:
    confirmed = 0
    for _ in range(2):
        writer = subprocess.Popen(
            [sys.executable, str(ALONG), "write", str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        for _, line in zip(range(40), writer.stdout, strict=False):
            confirmed = int(line)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
    store = SqliteStore(tmp_path)
    assert store.hello(1) >= confirmed >= 80
    ids = [point(1, at) for at in range(1, confirmed + 1)]
    assert list(store.reader.points(ids)) == ids
    store.close()


def test_inputs_of_any_shape_are_found_forward(store: SqliteStore) -> None:
    """Edges are joined where runs touch and cut at the longest run, whatever batches their ids lie in."""
    store.ship_all([(1, one(at)) for at in range(30)])
    runs = [tuple(run(1, at, 1) for at in range(first, 30, 3)) for first in range(3)]
    touching = stamped(run(2, 0, 1), Lists("sum", (tuple(run(1, at * 8_192, 8_192) for at in range(3)),)))
    store.ship(2, Shipment((touching, stamped(run(2, 1, 3), Lists("sum", tuple(runs))))))
    for at in range(30):
        outputs = store.reader.forward([point(1, at)])[point(1, at)][1]
        assert {edge.point for edge in outputs} == {point(2, 0), point(2, 1 + at % 3)}
    assert list(store.reader.forward([point(1, 3 * 8_192 - 1)])) == [point(2, 0)]
    assert store.reader.forward([point(1, 3 * 8_192)]) == {}
