"""What need not be kept is deleted, a period at a time, and the store goes on saying that it was there."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headwater.model.errors import ConfigError
from headwater.model.ids import IdRun
from headwater.model.records import Loss
from headwater.model.shipment import Shipment
from headwater.model.stamp import Same
from headwater.store.options import SqliteOptions
from headwater.store.retention import AGE, ASKED, SIZE, Keep, Sealed, decide
from tests.store.agents import Server, one, serving, stored
from tests.store.expiring import POINTS
from tests.store.grids import SITE, keys_of, log_of, point, run, series_of, stamped
from tests.store.stores import DAY_MS, SqliteStore

EXPIRING = Path(__file__).with_name("expiring.py")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path)
    yield store
    store.close()


def keeping(store: SqliteStore, options: SqliteOptions) -> None:
    """Let the writer of a store keep only what options say."""
    store.close()
    store.writer = options.open_writer(store.folder, SITE, lambda: store.now_ms)
    store.reader = store.open_reader()
    store.hello(1)


def days(store: SqliteStore, count: int) -> None:
    """A data point of node 1 each day, the first at position 0; the last one's period is open."""
    for at in range(count):
        if at:
            store.next_day()
        keys = keys_of([1], [at])
        store.ship(1, Shipment((stamped(run(1, at, 1), keys=keys, sequence=store.sequence + 1),)))


def held(store: SqliteStore) -> list[int]:
    return [period.number for period in store.reader.held()][::-1]


def period_files(store: SqliteStore) -> set[str]:
    return {path.name[:15] for path in (store.folder / SITE).glob("period-*")}


# ---- the decision ----------------------------------------------------------------------------------------------------

PERIODS = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 50)), max_size=8)


@given(PERIODS, st.none() | st.integers(0, 1000), st.none() | st.integers(0, 300), st.integers(0, 1500))
def test_the_oldest_go_until_what_is_left_may_be_kept(
    periods: list[tuple[int, int]], keep_ms: int | None, bytes_max: int | None, now_ms: int
) -> None:
    ends = sorted(end for end, _ in periods)
    sealed = [Sealed(at, ends[at], size) for at, (_, size) in enumerate(periods)]
    used = sum(size for _, size in periods) + 20
    gone = decide(sealed, used, Keep(keep_ms, bytes_max), now_ms)
    assert [number for number, _ in gone] == list(range(len(gone)))
    left = sealed[len(gone) :]
    if left:
        assert keep_ms is None or now_ms - left[0].ended_ms < keep_ms
        assert bytes_max is None or 20 + sum(period.bytes for period in left) <= bytes_max
    for number, why in gone:
        before = 20 + sum(period.bytes for period in sealed[number:])
        old = keep_ms is not None and now_ms - sealed[number].ended_ms >= keep_ms
        assert why == (AGE if old else SIZE)
        assert old or (bytes_max is not None and before > bytes_max)


def test_nothing_goes_where_nothing_was_decided() -> None:
    assert decide([Sealed(1, 0, 1 << 40)], 1 << 41, Keep(), 1 << 50) == []


# ---- by age and size -------------------------------------------------------------------------------------------------


def test_periods_go_when_what_is_in_them_is_older_than_is_kept(store: SqliteStore) -> None:
    days(store, 5)
    keeping(store, SqliteOptions(keep_days=2))
    ended_ms = [period.ended_ms for period in store.reader.held()][::-1]
    assert [gone.number for gone in store.writer.expire(store.now_ms)] == [1]
    (gone,) = store.writer.expire(store.now_ms)
    assert (gone.number, gone.why, gone.ended_ms, gone.points) == (2, AGE, ended_ms[1], 1)
    assert store.writer.expire(store.now_ms) == []
    assert held(store) == [3, 4, 5]
    store.now_ms = (ended_ms[2] or 0) + 2 * DAY_MS - 1
    assert [gone.number for gone in store.writer.expire(store.now_ms)] == []
    assert [gone.number for gone in store.writer.expire(store.now_ms + 1)] == [3]


def test_periods_go_when_the_store_is_too_large_and_the_open_one_stays(store: SqliteStore) -> None:
    days(store, 6)
    sizes = [period.bytes for period in store.reader.held()]
    # What is left is the catalogue and three periods.
    room = store.reader.totals()["bytes"] - sum(sizes[3:])
    keeping(store, SqliteOptions(period_bytes_max=1 << 18, bytes_max=max(room, 1 << 19)))
    while gone := store.writer.expire(store.now_ms):
        assert {one.why for one in gone} == {SIZE}
    assert store.reader.totals()["bytes"] <= max(room, 1 << 19)
    assert held(store)[-1] == 6


def test_a_store_that_nobody_ships_to_expires_too(store: SqliteStore) -> None:
    keeping(store, SqliteOptions(keep_days=1))
    days(store, 1)
    for _ in range(3):
        store.next_day()
        store.writer.expire(store.now_ms)
    assert held(store) == [2]
    assert store.reader.missing([point(1, 0)]) == {point(1, 0): "expired"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (SqliteOptions(keep_days=0), "keep_days must be at least 1"),
        (SqliteOptions(bytes_max=1 << 30), "bytes_max = 1073741824 must be at least twice period_bytes_max"),
    ],
)
def test_limits_that_make_no_sense_are_refused(tmp_path: Path, options: SqliteOptions, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        options.open_writer(tmp_path, SITE, lambda: 0)


# ---- what is said afterwards -----------------------------------------------------------------------------------------


def test_what_was_deleted_has_expired_and_what_never_was_is_unknown(store: SqliteStore) -> None:
    store.ship(1, Shipment((), (series_of(1, 1),), losses=((9, Loss("gap", log_of(1), 1, 1, runs=(run(1, 500, 1),))),)))
    days(store, 3)
    store.ship(2, Shipment((stamped(run(2, 0, 3), Same(run(1, 0, 3)), sequence=7),)))
    store.writer.delete_period(1)
    store.writer.delete_period(2)
    wanted = [point(1, 0), point(1, 1), point(1, 3), point(1, 500), point(2, 3), point(3, 0)]
    assert store.reader.missing(wanted) == dict(
        zip(wanted, ("expired", "expired", "unknown", "gap", "unknown", "unknown"), strict=True)
    )
    assert store.reader.missing([]) == {}
    assert store.reader.totals()["expired"] == 2
    assert [(gone.number, gone.why, gone.points, gone.runs) for gone in store.reader.expired()] == [
        (2, ASKED, 1, (run(1, 1, 1),)),
        (1, ASKED, 1, (run(1, 0, 1),)),
    ]
    assert [gone.number for gone in store.reader.expired(5, 2)] == [1]
    losses = [(lost.node, lost.loss.why, lost.loss.runs) for lost in store.reader.losses(1)]
    assert losses == [(1, "expired", (run(1, 1, 1),)), (1, "expired", (run(1, 0, 1),)), (1, "gap", (run(1, 500, 1),))]


def test_what_was_deleted_does_not_come_back_when_it_is_shipped_again(store: SqliteStore) -> None:
    days(store, 2)
    shipment = Shipment((stamped(run(1, 0, 1), keys=keys_of([1], [0]), sequence=1),))
    store.writer.delete_period(1)
    for _ in range(2):
        store.writer.add(log_of(1), [(1, shipment)])
        assert store.reader.points([point(1, 0)]) == {}
        store.reopen()
    # A batch with lower ids that comes for the first time is none that was deleted.
    late = Shipment((stamped(run(1, -5, 1), keys=keys_of([1], [9]), sequence=99),))
    store.hello(1)
    store.writer.add(log_of(1), [(99, late)])
    assert len(store.reader.points([point(1, -5)])) == 1


def test_a_store_from_before_there_was_retention_is_read_and_goes_on(store: SqliteStore) -> None:
    days(store, 3)
    store.close()
    database = sqlite3.connect(store.folder / SITE / "catalogue.sqlite")
    database.executescript("DROP TABLE expired; DROP TABLE expired_span;")
    database.close()
    reader = store.open_reader()
    assert reader.expired() == []
    assert reader.missing([point(1, 9)]) == {point(1, 9): "unknown"}
    assert reader.totals()["expired"] == 0
    store.writer, store.reader = store.open_writer(), reader
    store.writer.delete_period(1)
    assert reader.missing([point(1, 0)]) == {point(1, 0): "expired"}


# ---- crashes, and others at work -------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", POINTS)
def test_a_kill_in_the_middle_of_a_deletion_leaves_all_of_a_period_or_none(store: SqliteStore, at: str) -> None:
    days(store, 3)
    store.close()
    killed = subprocess.run([sys.executable, str(EXPIRING), "delete", str(store.folder), at], check=False)
    assert killed.returncode == -signal.SIGKILL
    # Readers answer before any writer has put things right.
    store.reader = store.open_reader()
    there = at == "in the transaction"
    for _ in range(2):
        assert list(store.reader.points([point(1, 0), point(1, 2)])) == [point(1, at) for at in (0, 2) if there or at]
        assert store.reader.missing([point(1, 0)]) == {point(1, 0): "unknown" if there else "expired"}
        assert store.reader.totals()["stamps"] == 3 - (not there)
        assert held(store) == ([1, 2, 3] if there else [2, 3])
        store.reader.close()
        store.writer, store.reader = store.open_writer(), store.open_reader()
        assert period_files(store) == {f"period-{number:08d}" for number in held(store)}
        store.writer.close()
    store.writer = store.open_writer()
    if there:
        store.writer.delete_period(1)
    assert [gone.number for gone in store.reader.expired()] == [1]
    days(store, 1)


def test_readers_in_other_processes_answer_while_periods_go(store: SqliteStore) -> None:
    days(store, 12)
    command = [sys.executable, str(EXPIRING), "read", str(store.folder), "12"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "12\n"
        for number in range(1, 12):
            store.writer.delete_period(number)
            assert reader.stdout.readline() == f"{12 - number}\n"
        assert reader.wait() == 0


def test_a_running_store_deletes_while_it_takes_stamps(tmp_path: Path) -> None:
    now_ms = [1_700_000_000_000]

    async def test(server: Server) -> None:
        agent, reader = server.agent(1), server.reader()
        await agent.hello()
        sent = 0
        while not (gone := reader.expired()):
            await agent.send(sent + 1, one(1, sent))
            assert stored(await agent.answer()) == sent + 1
            sent += 1
            now_ms[0] += DAY_MS // 2
        assert gone[-1].why == AGE
        assert gone[-1].runs[0] == IdRun(1, point(1, 0).ordinal, gone[-1].points)
        await agent.send(sent + 1, one(1, sent))
        assert stored(await agent.answer()) == sent + 1
        assert len(reader.points([point(1, sent)])) == 1
        reader.close()

    async def run_test() -> None:
        options = SqliteOptions(keep_days=2)
        async with serving(tmp_path, options, lambda: now_ms[0]) as server:
            await test(server)

    asyncio.run(run_test())
