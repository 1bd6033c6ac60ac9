"""A configuration read again while the daemon runs: what changes, what needs a restart, and nothing lost or doubled."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from headwater.model.context import Location
from headwater.model.errors import ConfigError
from headwater.model.records import Config, Kind, Limits
from headwater.pipeline.options import GatewayOptions
from headwater.pipeline.reload import CHANGEABLE, DERIVED, TROUBLE, compare
from headwater.pipeline.step_options import AggregateOptions, FilterOptions, MaskOptions, PythonOptions, ScaleOptions
from headwater.wire.records import decode_body
from tests.pipeline.daemons import (
    Reading,
    Running,
    Source,
    by_series,
    free_address,
    gateway_options,
    logged,
    ramp,
    readings,
    records,
    running,
    until,
)


async def feed(gateway: Running, source: Source, made: list[Reading]) -> None:
    source.make(made)
    async with source.connected(gateway.address):
        await source.send(most=100)
        await source.settled()


async def all_passed(gateway: Running) -> None:
    """Wait until the next hop has everything that a gateway has, what its steps make included."""
    daemon = gateway.daemon
    await until(
        lambda: (
            daemon.outflow is not None
            and daemon.chain.caught_up
            and daemon.log.durable == daemon.log.state.sequence == daemon.outflow.passed
        ),
        "everything at the next hop",
    )


def configs(data: Path) -> list[Config]:
    """What held, each once."""
    found = [decode_body(record) for record in records(data) if record.kind == Kind.CONFIG]
    return [held for held in found[::2] if isinstance(held, Config)]


async def reloaded(gateway: Running, **changes: Any) -> GatewayOptions:
    """Have these options read, and wait until they hold."""
    new = replace(gateway.daemon.core.options, **changes)
    gateway.daemon.reload(lambda: new)
    await until(lambda: gateway.daemon.core.options == new, f"{changes} to hold")
    return new


async def more(gateway: Running, count: int) -> None:
    """Wait until so many readings more are logged."""
    before = gateway.daemon.log.state.count
    await until(lambda: gateway.daemon.log.state.count > before + count)


def trouble(gateway: Running) -> str:
    """What the status says of the configuration."""
    return gateway.daemon.core.troubles.get(TROUBLE, "")


async def refused(gateway: Running, read: Callable[[], GatewayOptions]) -> str:
    """Have options read that cannot hold; what is told."""
    before = gateway.daemon.core.options
    gateway.daemon.core.troubles.clear()
    gateway.daemon.reload(read)
    await until(lambda: trouble(gateway), "a refusal")
    assert gateway.daemon.core.options == before
    return trouble(gateway)


def test_context_and_limits_change_between_two_records_and_a_record_says_so(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(gateway_options(tmp_path)) as gateway:
            source = Source()
            await feed(gateway, source, ramp(10))
            await reloaded(
                gateway,
                location=Location("roof"),
                application="ours",
                metrics=("meterid", "loc", "app"),
                storagetime_s=5,
                log_bytes_max=1 << 28,
                when_full="drop_oldest",
                sync_interval_ms_min=1,
                deduplicate_window=9,
            )
            await feed(gateway, source, ramp(10, start=10))
            daemon = gateway.daemon
            assert daemon.retention.options[:3] == (5000, 1 << 28, True)
            assert daemon.committer.interval_s == 0.001
            assert daemon.log.segment_bytes == (1 << 28) // 8

    asyncio.run(run())
    before, after = configs(tmp_path)
    assert before.location == Location()
    assert after.location == Location("roof")
    assert (after.application, after.metrics, after.when_full) == ("ours", ("meterid", "loc", "app"), "drop_oldest")
    assert after.limits == Limits(5, 1 << 28, 1, 9)
    first, second = (
        batch for batch in {one.batch.stamp.context: one for one in logged(tmp_path) if one.batch.stamp}.values()
    )
    assert [first.reading, second.reading] == [ramp(10)[-1], ramp(10, start=10)[-1]]


def test_every_key_is_one_that_changes_or_is_named_as_needing_a_restart(tmp_path: Path) -> None:
    old = gateway_options(tmp_path, next="127.0.0.1:1")
    others: dict[str, Any] = {
        "node": 9,
        "name": "x",
        "site": "x",
        "listen": "127.0.0.1:9",
        "data": tmp_path / "x",
        "segment_bytes": 1 << 20,
        "provenance": False,
    }
    for key, value in others.items():
        change = compare(old, replace(old, **{key: value}))
        assert change.needs_restart == ("id" if key == "node" else key,)
    assert compare(old, replace(old, next=None)).needs_restart == ("next",)
    assert compare(replace(old, next=None), old).needs_restart == ("next",)
    assert compare(old, replace(old, next="127.0.0.1:2")).needs_restart == ()
    assert set(CHANGEABLE) | set(DERIVED) <= set(GatewayOptions.__struct_fields__)


def test_what_needs_a_restart_is_named_and_nothing_changes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        async with running(gateway_options(tmp_path)) as gateway:
            new = replace(gateway.daemon.core.options, segment_bytes=1 << 20, site="x", location=Location("roof"))
            told = await refused(gateway, lambda: new)
            assert told == "site, segment_bytes: needs restart; nothing is changed until then"
            assert told in caplog.messages
            await reloaded(gateway, location=Location("cellar"))
            await until(lambda: not trouble(gateway))

    asyncio.run(run())
    assert [held.location for held in configs(tmp_path)] == [Location(), Location("cellar")]


def test_a_file_that_is_wrong_changes_nothing_and_says_so(tmp_path: Path) -> None:
    def wrong() -> GatewayOptions:
        raise ConfigError("grid.toml: when_full is wrong")

    async def run() -> None:
        async with running(gateway_options(tmp_path)) as gateway:
            assert "nothing is changed: grid.toml: when_full is wrong" in await refused(gateway, wrong)
            source = Source()
            await feed(gateway, source, ramp(10))

    asyncio.run(run())
    assert len(configs(tmp_path)) == 1


# ---- steps ----------------------------------------------------------------------------------------------------------


def test_steps_change_between_two_records_and_windows_of_other_options_close(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(
            gateway_options(tmp_path, steps=(AggregateOptions(function="sum", window_s=100),))
        ) as gateway:
            source = Source()
            await feed(gateway, source, ramp(30, meters=1))
            await reloaded(gateway, steps=(AggregateOptions(function="count", window_s=100),))
            await feed(gateway, source, ramp(20, meters=1, start=30))
            await until(lambda: gateway.daemon.chain.caught_up)
            gateway.daemon.drain()
            await until(lambda: len(readings(tmp_path, Kind.OUT)) == 2)

    asyncio.run(run())
    sums, counts = readings(tmp_path, Kind.OUT)
    assert (sums.metric, sums.value) == ("power.sum", sum(range(30)))
    assert (counts.metric, counts.value) == ("power.count", 20)


def test_a_step_that_stays_as_it_is_keeps_its_windows(tmp_path: Path) -> None:
    stays = AggregateOptions(function="sum", window_s=100)

    async def run() -> None:
        async with running(gateway_options(tmp_path, steps=(stays,))) as gateway:
            source = Source()
            await feed(gateway, source, ramp(30, meters=1))
            await reloaded(gateway, steps=(stays, FilterOptions(where="value > 1")))
            await feed(gateway, source, ramp(20, meters=1, start=30))
            await until(lambda: gateway.daemon.chain.caught_up)
            gateway.daemon.drain()
            await until(lambda: [one.value for one in readings(tmp_path, Kind.OUT) if one.metric == "power.sum"])

    asyncio.run(run())
    assert [one.value for one in readings(tmp_path, Kind.OUT) if one.metric == "power.sum"] == [sum(range(50))]


def test_steps_may_come_and_go_while_readings_pass_and_each_arrives_once_in_order(tmp_path: Path) -> None:
    """Without them readings go on at once; they must not overtake what steps still treat."""
    plans = [(), (ScaleOptions(factor=1),), (), (FilterOptions(where="True"), ScaleOptions(factor=1)), ()]

    async def run() -> None:
        async with running(gateway_options(tmp_path / "2", 2)) as endpoint:
            options = gateway_options(tmp_path / "1", 1, next=endpoint.address)
            async with running(options) as gateway:
                source = Source()
                source.make(ramp(4000))
                async with source.connected(gateway.address):
                    sending = asyncio.create_task(source.send(most=20))
                    for plan in plans[1:]:
                        await more(gateway, 200)
                        await reloaded(gateway, steps=plan)
                    await sending
                    await source.settled()
                await all_passed(gateway)
            await until(lambda: endpoint.daemon.log.state.count == 4000)

    asyncio.run(run())
    assert by_series(readings(tmp_path / "2")) == by_series(ramp(4000))
    assert len(configs(tmp_path / "1")) >= len(plans)


def test_a_step_that_cannot_run_changes_nothing(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(gateway_options(tmp_path)) as gateway:
            options = gateway.daemon.core.options
            call = replace(options, steps=(PythonOptions(call="no.such.module:function"),))
            assert "cannot be imported" in await refused(gateway, lambda: call)
            mask = replace(options, steps=(MaskOptions(key_file=str(tmp_path / "none")),))
            assert "cannot be read" in await refused(gateway, lambda: mask)

    asyncio.run(run())


# ---- the next hop ---------------------------------------------------------------------------------------------------


def test_a_next_hop_changes_with_nothing_lost_or_doubled(tmp_path: Path) -> None:
    async def run() -> None:
        async with (
            running(gateway_options(tmp_path / "2", 2)) as first,
            running(gateway_options(tmp_path / "3", 3)) as second,
            running(gateway_options(tmp_path / "1", 1, next=first.address)) as gateway,
        ):
            source = Source()
            source.make(ramp(4000))
            async with source.connected(gateway.address):
                sending = asyncio.create_task(source.send(most=20))
                await until(lambda: first.daemon.log.state.count > 500)
                await reloaded(gateway, next=second.address)
                await sending
                await source.settled()
            await feed(gateway, source, ramp(2000, start=4000))
            await all_passed(gateway)
            logs = first.daemon.log, second.daemon.log
            await until(lambda: sum(log.state.count for log in logs) == 6000)
            assert not second.daemon.core.refused

    asyncio.run(run())
    one, other = readings(tmp_path / "2"), readings(tmp_path / "3")
    assert one
    assert other
    assert by_series(one + other) == by_series(ramp(4000) + ramp(2000, start=4000))
    assert not [record for record in records(tmp_path / "3") if record.kind == Kind.LOSS]
    last = configs(tmp_path / "1")[-1]
    assert last.behind > 0
    assert last.successor == 3


def test_what_went_to_an_earlier_hop_does_not_go_to_the_next_one_after_a_restart_either(tmp_path: Path) -> None:
    async def run() -> None:
        async with (
            running(gateway_options(tmp_path / "2", 2)) as first,
            running(gateway_options(tmp_path / "3", 3)) as second,
        ):
            source = Source()
            options = gateway_options(tmp_path / "1", 1, next=first.address)
            async with running(options) as gateway:
                await feed(gateway, source, ramp(100))
                await all_passed(gateway)
            async with running(replace(options, next=second.address)) as gateway:
                await feed(gateway, source, ramp(100, start=100))
                await all_passed(gateway)
            async with running(replace(options, next=second.address)) as gateway:
                await feed(gateway, source, ramp(100, start=200))
                await all_passed(gateway)

    asyncio.run(run())
    assert readings(tmp_path / "2") == ramp(100)
    assert readings(tmp_path / "3") == ramp(100, start=100) + ramp(100, start=200)
    assert not [record for record in records(tmp_path / "3") if record.kind == Kind.LOSS]


def test_a_change_of_a_hop_that_is_away_waits_and_says_so_until_it_has_answered(tmp_path: Path) -> None:
    async def run() -> None:
        async with running(gateway_options(tmp_path / "3", 3)) as second:
            kept = gateway_options(tmp_path / "2", 2, listen=free_address())
            async with running(kept) as first:
                options = gateway_options(tmp_path / "1", 1, next=first.address)
                async with running(options) as gateway:
                    await feed(gateway, Source(), ramp(10))
                    await all_passed(gateway)
            async with running(options) as gateway:  # It does not know any more what was under way.
                new = replace(gateway.daemon.core.options, next=second.address)
                gateway.daemon.reload(lambda: new)
                await until(lambda: trouble(gateway).startswith("the change of next waits"))
                await feed(gateway, Source(), ramp(10))
                assert gateway.daemon.core.options == options
                async with running(kept):
                    await until(lambda: gateway.daemon.core.options == new, "the change")
                await all_passed(gateway)
                assert not trouble(gateway)

    asyncio.run(run())
    assert readings(tmp_path / "2") == readings(tmp_path / "3") == ramp(10)
    assert not [record for record in records(tmp_path / "3") if record.kind == Kind.LOSS]


def test_a_wrong_address_that_a_reload_brought_is_corrected_by_another(tmp_path: Path) -> None:
    async def run() -> None:
        async with (
            running(gateway_options(tmp_path / "2", 2)) as endpoint,
            running(gateway_options(tmp_path / "1", 1, next=endpoint.address)) as gateway,
        ):
            await feed(gateway, Source(), ramp(100))
            await all_passed(gateway)
            await asyncio.to_thread(gateway.daemon.housekeeping.write, gateway.daemon.housekeeping.positions())
            await reloaded(gateway, next="127.0.0.1:1")
            await feed(gateway, Source(), ramp(100, start=100))
            await reloaded(gateway, next=endpoint.address)
            await all_passed(gateway)

    asyncio.run(run())
    assert readings(tmp_path / "2") == ramp(100) + ramp(100, start=100)
    assert not [record for record in records(tmp_path / "2") if record.kind == Kind.LOSS]


def test_a_wrong_address_is_corrected_without_a_restart(tmp_path: Path) -> None:
    """Nothing was ever sent there, so nothing has to be waited for."""

    async def run() -> None:
        async with (
            running(gateway_options(tmp_path / "2", 2)) as endpoint,
            running(gateway_options(tmp_path / "1", 1, next="127.0.0.1:1")) as gateway,
        ):
            await feed(gateway, Source(), ramp(100))
            await reloaded(gateway, next=endpoint.address)
            await all_passed(gateway)

    asyncio.run(run())
    assert readings(tmp_path / "2") == ramp(100)
