"""Sensors against a real gateway: every reading once, through kills, outages and other gateways."""

import asyncio
import contextlib
import logging
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headwater.emulator import journal as journal_module
from headwater.emulator import sensors as sensors_module
from headwater.emulator.generator import generate_household
from headwater.emulator.journal import Journal, journal_entries
from headwater.emulator.options import SensorOptions
from headwater.emulator.sensors import Sensors
from headwater.emulator.ticks import Replay
from headwater.log.disk import RealDisk
from headwater.model.records import Kind, Loss
from headwater.wire import codec
from headwater.wire.records import decode_body
from tests.pipeline.daemons import (
    Reading,
    Running,
    by_series,
    free_address,
    gateway_options,
    readings,
    records,
    running,
    until,
)

START_MS = 1_700_000_000_000
NOW_MS = 1_800_000_000_000


def household(ticks: int | None, meters: int = 5) -> Replay:
    return generate_household(meters, seed=1, start_ms=START_MS, step_s=60.0, ticks_max=ticks, first_meter=1)


def replayed(replay: Replay, ticks: int | None = None) -> list[Reading]:
    """Every reading of the first ticks of a replay."""
    found: list[Reading] = []
    for tick in replay.ticks():
        if ticks is not None and tick.number >= ticks:
            break
        rows = zip(tick.series.tolist(), tick.timestamps.tolist(), tick.values.tolist(), strict=True)
        keys = replay.series
        found += [Reading(keys[at].meter, keys[at].metric, timestamp, value) for at, timestamp, value in rows]
    return found


def options(folder: Path, target: str, **more: Any) -> SensorOptions:
    given = {"rate": 1e6, **more}
    return SensorOptions(journal=folder, target=target, **given)


@contextlib.asynccontextmanager
async def sending(given: SensorOptions, replay: Replay) -> AsyncIterator[tuple[Sensors, "asyncio.Task[None]"]]:
    """Sensors that run until the block is left."""
    disk = RealDisk(given.journal)
    sensors = Sensors(given, replay, Journal(disk, given.keep_journal, lambda: START_MS), lambda: NOW_MS)
    task = asyncio.create_task(sensors.run())
    try:
        yield sensors, task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        disk.close()


async def send_all(given: SensorOptions, replay: Replay) -> None:
    async with sending(given, replay) as (_, task):
        await asyncio.wait_for(asyncio.shield(task), 60)


def gateway(folder: Path, node: int = 1, **more: Any) -> "contextlib.AbstractAsyncContextManager[Running]":
    return running(gateway_options(folder / f"node{node}", node, **more))


def losses(folder: Path) -> list[Loss]:
    bodies = [decode_body(record) for record in records(folder) if record.kind == Kind.LOSS]
    return [body for body in bodies if isinstance(body, Loss)]


# ---- sending --------------------------------------------------------------------------------------------------------


def test_every_reading_arrives_once_and_the_run_ends(tmp_path: Path) -> None:
    async def run() -> None:
        async with gateway(tmp_path) as node:
            await send_all(options(tmp_path / "journal", node.address), household(200))

    asyncio.run(run())
    held = readings(tmp_path / "node1")
    assert len(held) == len(replayed(household(200)))
    assert by_series(held) == by_series(replayed(household(200)))
    assert losses(tmp_path / "node1") == []


def test_fast_ticks_go_together_sorted_by_series(tmp_path: Path) -> None:
    async def run() -> None:
        async with gateway(tmp_path) as node:
            await send_all(options(tmp_path / "journal", node.address, keep_journal=True), household(300))

    asyncio.run(run())
    entries = list(journal_entries(RealDisk(tmp_path / "journal")))
    assert len(entries) < 30
    assert [entry.first for entry in entries] == list(np.cumsum([1, *(entry.count for entry in entries[:-1])]))
    for entry in entries:
        series = codec.decode(entry.payload).series
        assert len(series) == entry.count
        assert bool(np.all(np.diff(series) >= 0))


def test_times_can_be_stamped_now(tmp_path: Path) -> None:
    async def run() -> None:
        async with gateway(tmp_path) as node:
            await send_all(options(tmp_path / "journal", node.address, timestamps="now"), household(3))

    asyncio.run(run())
    held, made = readings(tmp_path / "node1"), replayed(household(3))
    assert {reading.timestamp for reading in held} == {NOW_MS}
    assert sorted(reading.value for reading in held) == sorted(reading.value for reading in made)


def test_it_stops_after_as_many_ticks_as_are_wanted(tmp_path: Path) -> None:
    async def run() -> None:
        async with gateway(tmp_path) as node:
            for ticks in (3, 7):  # The journal knows how many there were.
                await send_all(options(tmp_path / "journal", node.address, ticks=ticks), household(None))

    asyncio.run(run())
    assert sorted(readings(tmp_path / "node1")) == sorted(replayed(household(7)))


def test_a_run_that_is_to_finish_sends_what_it_has_and_ends(tmp_path: Path) -> None:
    async def run() -> None:
        async with (
            gateway(tmp_path) as node,
            sending(options(tmp_path / "journal", node.address), household(None)) as (sensors, task),
        ):
            await until(lambda: sensors.acknowledged > 0)
            sensors.finish()
            await asyncio.wait_for(asyncio.shield(task), 60)
            assert sensors.acknowledged == sensors.sent

    asyncio.run(run())


# ---- pace -----------------------------------------------------------------------------------------------------------


def ticks_sent(sensors: Sensors, replay: Replay) -> float:
    return sensors.sent / len(replay.series)


@pytest.mark.parametrize("pace", [{"frequency_ms": 10}, {"frequency_ms": 10_000, "speed": 1000.0}, {"rate": 2000.0}])
def test_ticks_come_as_often_as_is_asked_for(tmp_path: Path, pace: dict[str, Any]) -> None:
    replay = household(None)
    assert len(replay.series) == 20
    given = {"rate": None, **pace}

    async def run() -> None:
        async with (
            gateway(tmp_path) as node,
            sending(options(tmp_path / "journal", node.address, **given), replay) as (sensors, _),
        ):
            loop = asyncio.get_running_loop()
            began = loop.time()
            await until(lambda: ticks_sent(sensors, replay) >= 50, "50 ticks")
            # A tick every 10 ms, never more; a busy machine may be later.
            assert ticks_sent(sensors, replay) <= (loop.time() - began) / 0.010 + 5

    asyncio.run(run())


@pytest.mark.parametrize("pace", [{"frequency_ms": 60_000}, {"rate": 0.1}, {"frequency_ms": 600_000, "speed": 10.0}])
def test_a_slow_tick_is_waited_for(tmp_path: Path, pace: dict[str, Any]) -> None:
    replay = household(None)

    async def run() -> None:
        async with (
            gateway(tmp_path) as node,
            sending(options(tmp_path / "journal", node.address, **{"rate": None, **pace}), replay) as (sensors, _),
        ):
            await until(lambda: sensors.acknowledged)
            await asyncio.sleep(0.3)
            assert ticks_sent(sensors, replay) == 1

    asyncio.run(run())


# ---- outages --------------------------------------------------------------------------------------------------------


def test_a_gateway_that_comes_late_and_goes_away_gets_everything_once(tmp_path: Path) -> None:
    async def run() -> None:
        address = free_address()
        given = options(tmp_path / "journal", address, rate=20_000.0)
        async with sending(given, household(1000)) as (sensors, task):
            await until(lambda: sensors.sent > 2000)
            async with gateway(tmp_path, listen=address):
                await until(lambda: sensors.acknowledged >= 1)
            async with gateway(tmp_path, listen=address):
                await until(lambda: sensors.acknowledged >= 8000)
            async with gateway(tmp_path, listen=address):
                await asyncio.wait_for(asyncio.shield(task), 60)

    asyncio.run(run())
    assert by_series(readings(tmp_path / "node1")) == by_series(replayed(household(1000)))
    assert losses(tmp_path / "node1") == []


def test_what_is_not_acknowledged_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensors_module, "UNACKNOWLEDGED_MAX", 10_000)

    async def run() -> None:
        address = free_address()
        async with sending(options(tmp_path / "journal", address), household(2000)) as (sensors, task):
            await until(lambda: sensors.sent > 10_000)
            await asyncio.sleep(0.3)
            assert sensors.sent <= 10_000 + codec.READINGS_MAX
            async with gateway(tmp_path, listen=address):
                await asyncio.wait_for(asyncio.shield(task), 60)

    asyncio.run(run())
    assert by_series(readings(tmp_path / "node1")) == by_series(replayed(household(2000)))


def test_a_gateway_that_refuses_is_told_and_asked_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        async with (
            gateway(tmp_path, site="elsewhere") as node,
            sending(options(tmp_path / "journal", node.address), household(3)),
        ):
            await until(lambda: sum("refused: site: " in record.getMessage() for record in caplog.records) >= 2)

    with caplog.at_level(logging.WARNING):
        asyncio.run(run())


def test_a_journal_that_cannot_be_written_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(journal: Journal, number: int) -> None:
        raise OSError(28, "No space left on device")

    async def run() -> None:
        async with gateway(tmp_path) as node:
            monkeypatch.setattr(Journal, "acknowledge", lambda *_: None)
            given = options(tmp_path / "journal", node.address)
            async with sending(given, household(3)) as (_, task):
                monkeypatch.setattr(Journal, "acknowledge", full)
                with pytest.raises(OSError, match="No space left"):
                    await asyncio.wait_for(asyncio.shield(task), 60)

    asyncio.run(run())


# ---- other gateways -------------------------------------------------------------------------------------------------


def test_another_gateway_gets_what_is_new_and_calls_nothing_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "FILE_BYTES", 1000)

    async def run() -> None:
        async with gateway(tmp_path, 1) as first, gateway(tmp_path, 2) as second:
            await send_all(options(tmp_path / "journal", first.address, rate=20_000.0), household(100))
            await send_all(options(tmp_path / "journal", second.address), household(150))
            await send_all(options(tmp_path / "journal", second.address), household(200))

    asyncio.run(run())
    split = 100 * 20
    assert sorted(readings(tmp_path / "node1")) == sorted(replayed(household(200))[:split])
    assert sorted(readings(tmp_path / "node2")) == sorted(replayed(household(200))[split:])
    assert losses(tmp_path / "node1") == losses(tmp_path / "node2") == []


def test_a_gateway_that_lost_its_log_names_what_is_no_longer_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "FILE_BYTES", 1000)

    async def run() -> None:
        async with gateway(tmp_path) as node:
            await send_all(options(tmp_path / "journal", node.address, rate=20_000.0), household(100))
        async with running(gateway_options(tmp_path / "fresh", 1)) as node:
            await send_all(options(tmp_path / "journal", node.address), household(150))

    asyncio.run(run())
    held = readings(tmp_path / "fresh")
    first, second = losses(tmp_path / "fresh")  # One loss, written twice.
    assert first == second
    assert (first.why, first.first, first.last, first.readings) == ("gap", 1, 3000 - len(held), 3000 - len(held))
    made = by_series(replayed(household(150)))
    assert 1000 <= len(held) < 3000
    assert all(values == made[series][-len(values) :] for series, values in by_series(held).items())


# ---- progress -------------------------------------------------------------------------------------------------------


def test_a_line_shows_rate_sent_and_acknowledged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def run() -> None:
        async with (
            gateway(tmp_path) as node,
            sending(options(tmp_path / "journal", node.address, rate=2000.0, progress=True), household(None)) as (
                sensors,
                _,
            ),
        ):
            await until(lambda: sensors.acknowledged > 500)
            await asyncio.sleep(1.2)

    asyncio.run(run())
    lines = [line for line in capsys.readouterr().err.split("\r") if "sent" in line]
    assert lines
    assert all("readings/s, sent " in line and ", acknowledged " in line for line in lines)


# ---- processes ------------------------------------------------------------------------------------------------------


def emulate(target: str, journal: Path, ticks: int) -> Sequence[str]:
    return (
        *(sys.executable, "-m", "headwater.cli.main", "emulate", "--target", target, "--journal", str(journal)),
        *("--meters", "5", "--seed", "1", "--start_ms", str(START_MS), "--rate", "40000", "--ticks", str(ticks)),
        *("--keep_journal", "--quiet"),
    )


async def more_than(node: Running, count: int) -> None:
    await until(lambda: node.daemon.log.state.count > count)


def test_a_killed_emulator_goes_on_without_gap_or_repetition(tmp_path: Path) -> None:
    ticks, rng = 3000, random.Random(1)

    async def run() -> None:
        async with gateway(tmp_path) as node:
            command = emulate(node.address, tmp_path / "journal", ticks)
            for life in range(1, 5):
                process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
                await more_than(node, node.daemon.log.state.count)
                await asyncio.sleep(rng.random() * 0.2)
                if life < 4:
                    os.kill(process.pid, signal.SIGKILL)
                assert await process.wait() == (-signal.SIGKILL if life < 4 else 0)

    asyncio.run(run())
    expected = replayed(household(None), ticks)
    assert by_series(readings(tmp_path / "node1")) == by_series(expected)
    assert losses(tmp_path / "node1") == []
    kept = list(journal_entries(RealDisk(tmp_path / "journal")))
    assert sum(entry.count for entry in kept) == len(expected)
